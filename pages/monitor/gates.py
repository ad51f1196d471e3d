"""Open questions as a card above the timeline; they come and go in place, and what is typed into one stays."""

from __future__ import annotations

from maestro.core.kernel.runtime import Runtime
from maestro.core.views import ApprovalView
from pages.components.tag import box
from pages.frame.banners import HOLDS
from pages.questions.cards import GateList, Rest

#: So many are shown at once; the rest is behind a link, lest they push the work out of sight.
_SHOWN = 2


class Gates:
    """The open questions of one session."""

    def __init__(self, rt: Runtime) -> None:
        with box("mon-gates") as self._place:
            self._list = GateList(rt, "m-card m-card--flush m-card--edge s-waiting", session_named=False)
            self._rest = Rest()

    def show(self, approvals: list[ApprovalView]) -> None:
        """Show these questions: new ones are added, answered ones go."""
        # What holds the whole session comes before what holds one agent.
        approvals = sorted(approvals, key=lambda a: a.kind not in HOLDS)
        self._list.sync(approvals[:_SHOWN])
        self._rest.show(len(approvals) - _SHOWN)
        self._place.set_visibility(bool(approvals))
