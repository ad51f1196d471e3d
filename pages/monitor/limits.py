"""What limits the session: its budgets with what is used of them, what else holds, and a way to change the session's own."""

from __future__ import annotations

from nicegui import run, ui

from maestro.core import queries
from maestro.core.commands import sessions
from maestro.core.guards.limit_views import BudgetView, LimitsView, RuleView
from maestro.core.runtime import Runtime
from pages.components.action import FAILED, perform
from pages.components.bar import share_bar
from pages.components.buttons import button
from pages.components.dialogs import answer, dialog
from pages.components.fields import field
from pages.components.tag import box, tag, text
from pages.components.words import amount, money, number, tokens
from pages.setting_fields import NAMES

#: What can be changed for one session while it goes on.
_CHANGES = (
    "session_budget_usd", "session_token_limit", "session_model_calls", "task_budget_usd", "task_token_limit",
    "task_model_calls", "budget_usd", "run_model_calls", "max_workers", "max_attempts",
)  # fmt: skip
_OVER = 1.0


class Limits:
    """The pane; read when it comes to the front, and again with every change while it was opened once."""

    def __init__(self, rt: Runtime, session_id: str) -> None:
        self._rt = rt
        self._id = session_id
        self._opened = False
        self._said: LimitsView | None = None
        self._place = box("mon-points m-stack m-gap-12")

    async def open(self) -> None:
        """It came to the front."""
        self._opened = True
        await self.look()

    async def look(self) -> None:
        """Read again and show what is different."""
        if not self._opened:
            return
        found = await run.io_bound(queries.limits_in_force, self._rt, self._id)
        if found is None or found == self._said:
            return
        self._said = found
        self._place.clear()
        with self._place:
            for budget in found.budgets:
                _budget(budget)
            if not found.budgets:
                tag("div", "No budget is set, neither here nor in the settings.", "m-soft")
            with box("m-stack m-gap-2"):
                for rule in found.rules:
                    _rule(rule)
            button("Change…", self._change, small=True).classes("m-start")

    async def _change(self) -> None:
        session = await run.io_bound(queries.get_session, self._rt, self._id)
        if session is None:
            return
        config = session.agent_config
        with dialog("Limits of this session") as (panel, body):
            with body:
                tag("p", "What is empty follows the settings. A worker that runs keeps what it was given.", "m-soft")
                with box("m-form__pair"):
                    numbers = {name: self._number(name, config.get(name)) for name in _CHANGES}
            with box("m-dialog__foot"):
                button("Leave it", lambda: panel.submit(None))
                button("Save", lambda: panel.submit(True), kind="primary")
        if not await answer(panel):
            return
        given = {name: _whole(number.value) for name, number in numbers.items()}
        changes = sessions.SessionChanges(agent_config=given)  # the rest of it stays as it is
        if await perform(sessions.update_session, self._rt, self._id, changes, done="Saved.") is not FAILED:
            await self.look()

    def _number(self, name: str, value: object) -> ui.number:
        follows = getattr(self._rt.settings, name)
        with field(NAMES[name]):
            made = ui.number(value=value if isinstance(value, (int, float)) else None)
            made.props.set_optional("placeholder", "no limit" if follows is None else number(follows))
        return made


def _budget(budget: BudgetView) -> None:
    used = money(budget.used) if budget.measure == "usd" else tokens(int(budget.used))
    words = f"{used} of {amount(budget.measure, budget.limit)}"
    measure = "money" if budget.measure == "usd" else budget.measure.replace("_", " ")
    whose = f"{budget.whose[:1].upper()}{budget.whose[1:]}, {measure}"
    with box("m-stack m-gap-4", data_budget=budget.name):
        with box("m-row"):
            text(whose, "m-grow")
            if budget.held > 0 and budget.share < _OVER:
                text(f"{money(budget.held)} held by running workers", "m-meta m-num")
            text(words, "m-num")
        share_bar(budget.share, f"{whose}: {words} used")


def _rule(rule: RuleView) -> None:
    with box("m-row m-meta"):
        text(NAMES.get(rule.name, rule.name), "m-grow")
        if rule.own:
            text("set here")
        text(number(rule.value), "m-num")


def _whole(number: float | None) -> float | int | None:
    return int(number) if number is not None and float(number).is_integer() else number
