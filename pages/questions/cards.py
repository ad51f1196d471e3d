"""Open questions in a list. After one has gone nothing can be answered for a moment: a second click meets no other question."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import context, ui

from maestro.core.kernel.runtime import Runtime
from maestro.core.views import ApprovalView
from pages.components.keyed import KeyedList
from pages.components.tag import Tag, box
from pages.questions.card import gate

#: How long the answers hold still: longer than a double click, shorter than reading a question.
_HOLD_S = 0.6


class GateList:
    """Questions that come and go in place; what is typed into one stays."""

    def __init__(self, rt: Runtime, classes: str = "m-list", *, session_named: bool = True) -> None:
        self._around = context.slot  # timers are elements: the list itself holds questions only
        self.box = box(classes)
        self._shown: list[str] = []
        self._held = 0
        self._rows: KeyedList[ApprovalView, Tag] = KeyedList(
            self.box, key=lambda a: a.id, build=lambda a: gate(rt, a, session_named=session_named)
        )

    def sync(self, approvals: Sequence[ApprovalView]) -> None:
        """Show these questions in this order."""
        before, self._shown = self._shown, [a.id for a in approvals]
        if any(old != new for old, new in zip(before, self._shown, strict=False)):
            self._hold()
        self._rows.sync(approvals)

    def _hold(self) -> None:
        self._held += 1
        self.box.classes("m-gates--moving")
        with self._around:
            ui.timer(_HOLD_S, self._release, once=True)

    def _release(self) -> None:
        self._held -= 1
        if not self._held:
            self.box.classes(remove="m-gates--moving")
