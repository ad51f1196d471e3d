"""The words and the inputs of the settings page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from nicegui import ui
from nicegui.elements.mixins.value_element import ValueElement

from maestro.core.views import SettingView
from maestro.settings import Settings
from pages.agent_fields import MODES
from pages.components.state import Mark

NAMES = {
    "anthropic_api_key": "API key",
    "anthropic_auth_token": "Auth token",
    "anthropic_base_url": "Base URL",
    "assistant": "Assistant",
    "assistant_model": "Assistant’s model",
    "auto_unstick": "Interrupt a stuck worker by itself",
    "budget_usd": "Budget of one run, dollars",
    "check_slots": "Checks at the same time",
    "check_timeout_minutes": "Time of one check, minutes",
    "claude_path": "Claude Code executable",
    "data_dir": "Data folder",
    "database_url": "Database",
    "day_budget_usd": "Budget of a day, dollars",
    "day_model_calls": "Model calls of a day",
    "day_token_limit": "Tokens of a day",
    "endpoint_patience_hours": "Patience with the endpoint, hours",
    "keep_recovered_days": "Keep what was deleted, days",
    "host": "Address",
    "large_repository_files": "Files of a large repository",
    "max_attempts": "Attempts a task",
    "max_turns": "Turns of one run",
    "max_workers": "Workers at the same time",
    "min_free_memory_mb": "Memory to leave free, MB",
    "notify_on": "Notify about",
    "notify_urls": "Where notices go",
    "open_browser": "Open the browser",
    "park_after_minutes": "Park paused workers after, minutes",
    "pass_env": "Variables passed on",
    "permission_mode": "Permission mode",
    "retry_ceiling_s": "Longest wait for the endpoint, seconds",
    "retry_first_s": "First wait for the endpoint, seconds",
    "run_model_calls": "Model calls of one run",
    "session_budget_usd": "Budget of a session, dollars",
    "session_model_calls": "Model calls of a session",
    "session_token_limit": "Tokens of a session",
    "reuse_dependencies": "Copy what is installed",
    "sparse_checkout": "Sparse worktrees",
    "stuck_calls_without_change": "Tool calls without a change",
    "stuck_repeats": "The same call again, times",
    "stuck_silence_minutes": "Silence of a worker, minutes",
    "task_budget_usd": "Budget of a task, dollars",
    "task_token_limit": "Tokens of a task",
    "task_model_calls": "Model calls of a task",
    "task_timeout_minutes": "Time of one run, minutes",
    "token": "Access token",
    "user_hooks": "Your own Claude hooks in workers",
    "worker_cpu_percent": "Processor use of a worker, percent",
    "worker_memory_mb": "Memory of a worker, MB",
    "worker_model": "Workers’ model",
    "worker_nice": "Priority of workers",
    "worktrees_dir": "Folder of worktrees",
    "worktrees_inside_project": "Worktrees below a project",
}
_WORDS: dict[str, dict[str, str]] = {
    "assistant": {
        "auto": "Automatic: the API if there is a key, else the login",
        "anthropic": "Anthropic API",
        "claude_code": "Claude Code login",
        "demo": "Demo: scripted answers",
    },
    "permission_mode": MODES,
    "notify_on": {
        "approval": "A question waits",
        "failed": "A session failed",
        "completed": "A session is done",
        "notice": "A limit or budget is near",
    },
}
_EMPTY = {
    "pass_env": "none besides those of tool chains",
    "anthropic_base_url": "Anthropic’s own",
    "assistant_model": "the default model",
    **dict.fromkeys(
        (
            "budget_usd",
            "task_budget_usd",
            "task_token_limit",
            "session_budget_usd",
            "session_token_limit",
            "day_budget_usd",
            "day_token_limit",
            "run_model_calls",
            "task_model_calls",
            "session_model_calls",
            "day_model_calls",
            "worker_memory_mb",
            "worker_cpu_percent",
        ),
        "no limit",
    ),
    "check_slots": "half the processor cores",
    "claude_path": "the bundled one",
    "database_url": "maestro.db in the data folder",
    "worker_model": "Claude Code’s own default",
    "worktrees_dir": "chosen automatically",
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
    if _is_number(setting.name):
        return _number
    return _lines if isinstance(setting.default, list) else _line


def _is_number(name: str) -> bool:
    """Whether a setting takes a number: as its type says, so that a new one needs no entry here."""
    kind = Settings.model_fields[name].annotation
    return bool({int, float} & {kind, *get_args(kind)})


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
