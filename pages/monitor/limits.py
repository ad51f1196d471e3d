"""What limits the session: its budgets with what is used of them, what else holds, and a way to change the session's own."""

from __future__ import annotations

from nicegui import run

from maestro.core import queries
from maestro.core.kernel.runtime import Runtime
from maestro.core.queries.limits import BudgetView, LimitsView, RuleView
from pages.components.bar import share_bar
from pages.components.buttons import button
from pages.components.tag import box, tag, text
from pages.components.words import amount, money, number, tokens
from pages.shared.session_limits import change_limits
from pages.shared.setting_fields import NAMES

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
        await self.refresh()

    async def refresh(self) -> None:
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
        if await change_limits(self._rt, self._id):
            await self.refresh()


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
