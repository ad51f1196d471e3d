"""The words and the inputs of the settings page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui
from nicegui.elements.mixins.value_element import ValueElement

from maestro.core.views import SettingView
from pages.agent_fields import MODES
from pages.components.state import Mark

NAMES = {
    "anthropic_api_key": "API key",
    "anthropic_auth_token": "Auth token",
    "anthropic_base_url": "Base URL",
    "assistant": "Assistant",
    "assistant_model": "Assistant’s model",
    "budget_usd": "Budget of one run",
    "check_timeout_minutes": "Time of one check, minutes",
    "claude_path": "Claude Code executable",
    "data_dir": "Data folder",
    "database_url": "Database",
    "max_attempts": "Attempts a task",
    "max_turns": "Turns of one run",
    "max_workers": "Workers at the same time",
    "notify_on": "Notify about",
    "notify_urls": "Where notices go",
    "open_browser": "Open the browser",
    "permission_mode": "Permission mode",
    "task_timeout_minutes": "Time of one run, minutes",
    "token": "Access token",
    "worker_model": "Workers’ model",
}
_WORDS: dict[str, dict[str, str]] = {
    "assistant": {
        "auto": "Automatic: the API if there is a key, else the login",
        "anthropic": "Anthropic API",
        "claude_code": "Claude Code login",
        "demo": "Demo: scripted answers",
    },
    "permission_mode": MODES,
    "notify_on": {"approval": "A question waits", "failed": "A session failed", "completed": "A session is done"},
}
_EMPTY = {
    "anthropic_base_url": "Anthropic’s own",
    "assistant_model": "the default model",
    "budget_usd": "no limit",
    "claude_path": "the bundled one",
    "database_url": "maestro.db in the data folder",
    "worker_model": "Claude Code’s own default",
}
_NUMBERS = {
    "port",
    "max_workers",
    "max_attempts",
    "max_turns",
    "budget_usd",
    "task_timeout_minutes",
    "check_timeout_minutes",
}


def shown(setting: SettingView, value: Any) -> str:
    """A value as the page says it."""
    if value in (None, "", []):
        return _EMPTY.get(setting.name, "none")
    if isinstance(value, bool):
        return "on" if value else "off"
    words = _WORDS.get(setting.name, {})
    if isinstance(value, list):
        return ", ".join(words.get(str(v), str(v)) for v in value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return words.get(str(value), str(value))


def secret_mark(setting: SettingView) -> Mark:
    """Whether a secret is set; its value is never shown."""
    if setting.value:
        return Mark("done", "lock", "Set")
    if setting.name == "token":
        return Mark("done", "lock", "Generated")
    return Mark("pending", "circle-dashed", "Not set")


def make(setting: SettingView) -> ValueElement[Any]:
    """The input for a setting, with its value in it."""
    return _MAKE.get(setting.name, _make_by_kind(setting))(setting)


Maker = Callable[[SettingView], ValueElement[Any]]


def _make_by_kind(setting: SettingView) -> Maker:
    if setting.choices:
        return _choice
    if isinstance(setting.default, bool):
        return _switch
    if setting.name in _NUMBERS:
        return _number
    return _lines if isinstance(setting.default, list) else _line


def _choice(setting: SettingView) -> ValueElement[Any]:
    words = _WORDS.get(setting.name, {})
    return ui.select({c: words.get(c, c) for c in setting.choices or []}, value=setting.value)


def _switch(setting: SettingView) -> ValueElement[Any]:
    return ui.switch(value=bool(setting.value)).props("dense")


def _number(setting: SettingView) -> ValueElement[Any]:
    return ui.number(value=setting.value, placeholder=shown(setting, setting.default))


def _line(setting: SettingView) -> ValueElement[Any]:
    return ui.input(value=setting.value or "", placeholder=shown(setting, setting.default)).props("spellcheck=false")


def _lines(setting: SettingView) -> ValueElement[Any]:
    return ui.textarea(value="\n".join(setting.value), placeholder="One a line").props(
        "autogrow rows=2 spellcheck=false"
    )


def _several(setting: SettingView) -> ValueElement[Any]:
    known = dict.fromkeys([*_WORDS[setting.name], *setting.value])
    options = {name: _WORDS[setting.name].get(name, name) for name in known}
    return ui.select(options, value=list(setting.value), multiple=True).props("use-chips")


_MAKE: dict[str, Maker] = {"notify_on": _several}
