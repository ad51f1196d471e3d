"""Open questions in a list. After one has gone nothing can be answered for a moment: a second click meets no other question."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import context, ui

from maestro.core.kernel.runtime import Runtime
from maestro.core.views import ApprovalView
from pages.components.keyed import KeyedList
from pages.components.tag import Tag, box, tag, text
from pages.components.words import plural
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


class Rest:
    """How many questions come after those that are shown, with the way to them."""

    def __init__(self) -> None:
        with box("m-row mon-gates__more") as self._place:
            self._words = text("", "m-soft")
            tag("a", "See all approvals", href="/approvals")

    def show(self, left: int) -> None:
        """Say so many; nothing where none is left."""
        self._words.set_text(f"{plural(left, 'more question')} after these.")
        self._place.set_visibility(left > 0)
