"""The line between graph and list: search, select several, undo and redo, add a task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pages.components.buttons import button, icon_button
from pages.components.icon import icon
from pages.components.tag import box, tag, text
from pages.plan.table import Table

if TYPE_CHECKING:
    from nicegui import ui


class Tools:
    """Search works in the browser alone (``plan.js``); the rest asks the bench."""

    def __init__(self, bench: Table) -> None:
        self.bench = bench
        with box("p-tools"):
            with box("p-search m-search"):
                icon("search")
                tag(
                    "input", "", "p-search__field", type="search", placeholder="Search tasks", aria_label="Search tasks",
                    data_find="", autocomplete="off", spellcheck="false",
                )  # fmt: skip
                text("", "p-search__count m-num", role="status", data_found="")
            if not bench.editable:
                return
            pick = button("Select", small=True, kind="ghost")
            pick.props.update({"data-picking": "", "aria-pressed": "false"})
            self._undo = icon_button("undo-2", "Undo", lambda: bench.step(back=True), small=True)
            self._redo = icon_button("undo-2", "Redo", lambda: bench.step(back=False), small=True).classes("p-redo")
            button("Add a task", lambda: bench.act("add"), icon="plus", kind="ghost", small=True)
            self._says = text("", "p-tools__says m-cut", role="status")

    def say(self, words: str) -> None:
        """What undo or redo has just changed."""
        self._says.set_text(words)

    def show(self) -> None:
        """Offer to undo and redo what there is."""
        if self.bench.editable:
            if not self.bench.draft.journal.just_moved:
                self._says.set_text("")
            journal = self.bench.draft.journal
            _offer(self._undo, "Undo", journal.next_undo)
            _offer(self._redo, "Redo", journal.next_redo)


def _offer(made: ui.button, act: str, words: str | None) -> None:
    label = f"{act}: {words}" if words else act
    if made.props.get("title") != label or made.enabled == (words is None):
        made.props.set_optional("title", label)
        made.props.set_optional("aria-label", label)
        made.set_enabled(words is not None)
