"""Several tasks selected at once, and what can be done with them together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from nicegui import ui

from maestro.errors import InvalidInput
from pages.components.buttons import button, icon_button
from pages.components.tag import Tag, box, text
from pages.plan import groups
from pages.plan.table import Table
from pages.plan.taken_away import take_task

_PRIORITIES = {0: "Priority 0, first", 1: "Priority 1, early", 2: "Priority 2, usual", 3: "Priority 3, later"}


class Picked:
    """The selected tasks and their bar, which is there while any are selected. ``more`` is for other panels' buttons."""

    def __init__(self, bench: Table) -> None:
        self.bench = bench
        self._keys: set[str] = set()
        with box("p-picked m-hidden", role="toolbar", aria_label="Selected tasks") as self._root:
            self._says = text("", "p-picked__says m-strong", role="status")
            with box("p-picked__acts"):
                self._merge = button("Merge", self._do_merge, small=True)
                button("Duplicate", self._do_duplicate, icon="copy", small=True)
                self._menu()
                icon_button("arrow-up", "Move up", lambda: self._move(-1), small=True)
                icon_button("arrow-down", "Move down", lambda: self._move(1), small=True)
                icon_button("trash-2", "Remove the selected tasks", lambda: self.remove(self.keys), small=True)
                self.more: Tag = box("m-row m-gap-4")
                icon_button("x", "Clear the selection", self.clear, small=True)

    @property
    def keys(self) -> list[str]:
        """The selected tasks, in plan order."""
        return groups.in_order(self.bench.draft.tasks, self._keys)

    def toggle(self, key: str) -> None:
        """Select a task, or no longer."""
        self._keys ^= {key}
        self.show()

    def extend(self, key: str, to: str) -> None:
        """Select all tasks between two of them."""
        tasks = [t["id"] for t in self.bench.draft.tasks]
        if to in tasks:
            a, b = sorted((tasks.index(key), tasks.index(to)))
            self._keys |= set(tasks[a : b + 1])
        self.show()

    def clear(self) -> None:
        """Select none."""
        self._keys = set()
        self.show()

    def show(self) -> None:
        """Bring the bar and the marks in the list up to date."""
        keys = self.keys
        self._keys = set(keys)
        self.bench.rows.pick(self._keys)
        self._root.classes(remove="m-hidden") if keys else self._root.classes("m-hidden")
        self._says.set_text(f"{len(keys)} selected" if keys else "")
        self._merge.set_enabled(len(keys) > 1)

    def remove(self, keys: list[str]) -> None:
        """Take tasks away; who waited for them waits for what they waited for."""
        tasks = self.bench.draft.tasks
        if len(keys) == 1 and self.bench.selected == keys[0]:
            self.bench.act("remove")
            return

        def take() -> None:
            if len(keys) >= len(tasks):
                raise InvalidInput("A plan needs at least one task. Leave one unselected.")
            for key in keys:
                take_task(tasks, key)

        self.bench.change(f"Remove {_named(keys)}", take)

    def _menu(self) -> None:
        with button("Change…", small=True) as made, ui.menu().props('aria-label="Change the selected tasks"'):
            for priority, words in _PRIORITIES.items():
                ui.menu_item(words, lambda p=priority: self._set("Priority", "priority", p))
            ui.separator()
            ui.menu_item("Ask me before they start", lambda: self._set("Ask first", "requires_approval", True))
            ui.menu_item("Don't ask before they start", lambda: self._set("Ask first", "requires_approval", False))
            ui.separator()
            ui.menu_item("Run one after another", lambda: self._do("Run one after another", groups.chain))
            ui.menu_item("Don't wait for one another", lambda: self._do("Don't wait", groups.unchain))
        made.props.set_optional("aria-haspopup", "menu")

    def _do(self, words: str, what: Callable[[list[dict[str, Any]], Iterable[str]], None]) -> None:
        self.bench.change(f"{words}: {_named(self.keys)}", lambda: what(self.bench.draft.tasks, self.keys))

    def _set(self, words: str, name: str, value: object) -> None:
        def put() -> None:
            for task in self.bench.draft.tasks:
                if task["id"] in self._keys:
                    task[name] = value

        self.bench.change(f"{words} of {_named(self.keys)}", put)

    def _move(self, step: int) -> None:
        self.bench.change(f"Move {_named(self.keys)}", lambda: groups.move(self.bench.draft.tasks, self.keys, step))

    def _do_merge(self) -> None:
        keys = self.keys
        self.bench.change(f"Merge {_named(keys)}", lambda: groups.merge(self.bench.draft.tasks, keys))

    def _do_duplicate(self) -> None:
        keys, made = self.keys, list[str]()

        def copy() -> str:
            made.extend(groups.duplicate(self.bench.draft.tasks, keys))
            return made[0]

        if self.bench.change(f"Duplicate {_named(keys)}", copy):
            self._keys = set(made)
            self.show()


def _named(keys: list[str]) -> str:
    return ", ".join(keys) if len(keys) <= 3 else f"{len(keys)} tasks"
