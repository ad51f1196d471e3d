"""The advanced part of a new session: how its workers run. What is left empty follows the settings."""

from __future__ import annotations

from typing import Any

from nicegui import ui
from nicegui.elements.mixins.validation_element import ValidationElement

from maestro.core.kernel.runtime import Runtime
from maestro.policy import Policy
from pages.components.drafts import kept, kept_tick
from pages.components.fields import field, show_error
from pages.components.tag import box, tag
from pages.policy_fields import PolicyFields
from pages.session_policy import follows

MODES = {
    "auto": "Automatic: sandboxed if this machine supports it, otherwise edit freely",
    "ask": "Ask before every change",
    "edits": "Edit freely, ask before risky actions",
    "sandboxed": "Work freely in a sandbox",
    "bypass": "Never ask",
}
_PREFIX = "agent_config."


class AgentFields:
    """The fields, folded away until wanted."""

    def __init__(self, rt: Runtime) -> None:
        settings = rt.settings
        self._numbers: dict[str, ui.number] = {}
        with (
            ui.expansion("Workers and limits").props("dense").classes("m-fold") as self._fold,
            box("m-stack m-gap-16").on("restored", lambda: self._fold.open()),
        ):
            with field("Permission mode", help="What a worker may do without asking you."):
                follow = f"From settings ({MODES[settings.permission_mode].lower()})"
                self.mode = ui.select({"": follow} | MODES, value="")
            with box("m-form__pair"):
                self._number("max_workers", "Max parallel workers", settings.max_workers)
                self._number("max_attempts", "Attempts per task", settings.max_attempts)
                self._number("budget_usd", "Budget per run, in dollars", settings.budget_usd or "no limit")
                self._number("task_budget_usd", "Budget per task, in dollars", settings.task_budget_usd or "no limit")
                self._number(
                    "session_budget_usd", "Budget per session, in dollars", settings.session_budget_usd or "no limit"
                )
                self._number("task_timeout_minutes", "Time per run, in minutes", settings.task_timeout_minutes)
            meant = "Risky actions are denied while you're away. Other questions wait for you."
            with field("While it runs", help=meant):
                self._away = ui.checkbox("I’m away: continue without me where it’s safe").props("dense")
                kept_tick(self._away, "new/agent/away")
            with field("Model", optional=True, draft="new/agent/model"):
                self.model = ui.input(placeholder=settings.worker_model or "Claude Code’s own default").props(
                    "maxlength=200"
                )

        with ui.expansion("What agents may do").props("dense").classes("m-fold") as self._policy_fold:
            tag("p", "On top of the permission mode. Denials in the settings still apply.", "m-meta")
            self.policy = PolicyFields(Policy(), follows(rt), draft="new/agent/policy/")

    def values(self) -> dict[str, Any]:
        """The ``agent_config``: only what was given."""
        given: dict[str, Any] = {
            "away": self._away.value or None,
            "permission_mode": self.mode.value,
            "model": (self.model.value or "").strip(),
        }
        table = self.policy.value()
        given["policy"] = table.plain() if table and not table.says_nothing() else None
        given |= {name: _whole(element.value) for name, element in self._numbers.items()}
        return {name: value for name, value in given.items() if value not in (None, "")}

    def wrong(self) -> bool:
        """Whether something is wrong that was said beside its field: then nothing is to be sent."""
        wrong = self.policy.value() is None
        if wrong:
            self._policy_fold.open()
        return wrong

    def show_errors(self, fields: dict[str, str]) -> list[str]:
        """Say beside each field what is wrong with it; answers the names that are shown."""
        places: dict[str, ValidationElement[Any]] = {
            **self._numbers,
            "permission_mode": self.mode,
            "model": self.model,
        }
        shown = []
        for name, element in places.items():
            mine = {k: v for k, v in fields.items() if (k.removeprefix(_PREFIX) + ".").startswith(name + ".")}
            show_error(element, next(iter(mine.values()), None))
            shown += list(mine)
        if shown:
            self._fold.open()
        return shown

    def _number(self, name: str, label: str, default: object) -> None:
        shown = int(default) if isinstance(default, float) and default.is_integer() else default
        with field(label):
            self._numbers[name] = kept(ui.number(placeholder=str(shown)), f"new/agent/{name}")


def _whole(number: float | None) -> float | int | None:
    return int(number) if number is not None and float(number).is_integer() else number
