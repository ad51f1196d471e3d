"""The words and the inputs of the settings page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from nicegui import ui
from nicegui.elements.mixins.value_element import ValueElement

from maestro.core.views import SettingView
from maestro.settings import Settings
from pages.components.state import Mark
from pages.shared.agent_fields import MODES

NAMES = {
    "anthropic_api_key": "API key",
    "anthropic_auth_token": "Auth token",
    "anthropic_base_url": "Base URL",
    "assistant": "Assistant",
    "assistant_effort": "Assistant’s effort",
    "assistant_model": "Assistant’s model",
    "review_model": "Review by another model",
    "plan_second_pass": "Second pass over plans",
    "assume_when_away": "Agents assume answers while you’re away",
    "auto_unstick": "Interrupt stuck workers automatically",
    "budget_usd": "Budget per run, dollars",
    "confined_read": "Readable in the sandbox",
    "check_slots": "Max parallel checks",
    "check_timeout_minutes": "Time per check, minutes",
    "claude_path": "Claude Code executable",
    "data_dir": "Data folder",
    "database_url": "Database",
    "day_budget_usd": "Budget per day, dollars",
    "day_model_calls": "Model calls per day",
    "day_token_limit": "Tokens per day",
    "delete_merged_branches": "Delete branches after a merge",
    "endpoint_patience_hours": "Give up on the endpoint after, hours",
    "keep_recovered_days": "Keep deleted sessions, days",
    "host": "Address",
    "large_repository_files": "Large repository threshold, files",
    "max_attempts": "Attempts per task",
    "max_turns": "Max turns per run",
    "max_workers": "Max parallel workers",
    "min_free_memory_mb": "Memory to leave free, MB",
    "notify_on": "Notify about",
    "notify_urls": "Notification targets",
    "open_browser": "Open the browser",
    "park_after_minutes": "Park paused workers after, minutes",
    "pass_env": "Passed environment variables",
    "permission_mode": "Permission mode",
    "retry_ceiling_s": "Longest wait for the endpoint, seconds",
    "retry_first_s": "First wait for the endpoint, seconds",
    "run_model_calls": "Model calls per run",
    "session_budget_usd": "Budget per session, dollars",
    "session_model_calls": "Model calls per session",
    "session_token_limit": "Tokens per session",
    "reuse_dependencies": "Copy installed dependencies",
    "sparse_checkout": "Sparse worktrees",
    "stuck_calls_without_change": "Tool calls without any change",
    "stuck_repeats": "Repeats of the same call",
    "stuck_silence_minutes": "Worker silence, minutes",
    "task_budget_usd": "Budget per task, dollars",
    "task_token_limit": "Tokens per task",
    "task_model_calls": "Model calls per task",
    "task_timeout_minutes": "Time per run, minutes",
    "token": "Access token",
    "user_hooks": "Your own Claude hooks in workers",
    "worker_cpu_percent": "CPU per worker, percent",
    "worker_memory_mb": "Memory per worker, MB",
    "worker_model": "Workers’ model",
    "worker_nice": "Worker priority",
    "worktrees_dir": "Worktree folder",
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
        "approval": "A question needs an answer",
        "failed": "A session failed",
        "completed": "A session is completed",
        "notice": "A limit or budget is near",
    },
}
_EMPTY = {
    "confined_read": "none beyond toolchains and caches",
    "pass_env": "none beyond those of toolchains",
    "anthropic_base_url": "Anthropic’s own",
    "assistant_model": "the default model",
    "assistant_effort": "the model’s default",
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
    if setting.secret:
        return _key
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


def _key(_setting: SettingView) -> ValueElement[Any]:
    """What is typed goes to the server and never comes back."""
    return ui.input(password=True, placeholder="Paste a new value").props('autocomplete="off" spellcheck="false"')


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
    return ui.textarea(value="\n".join(setting.value), placeholder="One per line").props(
        "autogrow rows=2 spellcheck=false"
    )


def _several(setting: SettingView) -> ValueElement[Any]:
    known = dict.fromkeys([*_WORDS[setting.name], *setting.value])
    options = {name: _WORDS[setting.name].get(name, name) for name in known}
    return ui.select(options, value=list(setting.value), multiple=True).props("use-chips")


_MAKE: dict[str, Maker] = {"notify_on": _several}
