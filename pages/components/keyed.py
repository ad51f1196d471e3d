"""A list kept in step in place: what is new is built, what stays is updated, what is gone goes. Typing in a row survives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from nicegui.element import Element

Item = TypeVar("Item")
Row = TypeVar("Row")


class KeyedList(Generic[Item, Row]):
    """Rows of a container by key.

    ``build(item)`` makes a row inside the container and gives whatever ``update(row, item)`` needs later::

        rows = KeyedList(box("m-list"), key=lambda s: s.id, build=SessionRow, update=SessionRow.show)
        rows.sync(sessions)
    """

    def __init__(
        self,
        container: Element,
        *,
        key: Callable[[Item], str],
        build: Callable[[Item], Row],
        update: Callable[[Row, Item], object] | None = None,
    ) -> None:
        self.container = container
        self._key = key
        self._build = build
        self._update = update
        self._rows: dict[str, tuple[Row, Element]] = {}

    def sync(self, items: Sequence[Item]) -> None:
        """Show these items in this order."""
        keys = [self._key(item) for item in items]
        wanted = set(keys)
        for gone in [k for k in self._rows if k not in wanted]:
            self._rows.pop(gone)[1].delete()
        for index, (key, item) in enumerate(zip(keys, items, strict=True)):
            if key not in self._rows:
                self._rows[key] = self._make(item)
            elif self._update:
                self._update(self._rows[key][0], item)
            element = self._rows[key][1]
            children = self.container.default_slot.children
            if index >= len(children) or children[index] is not element:
                element.move(self.container, target_index=index)

    def _make(self, item: Item) -> tuple[Row, Element]:
        children = self.container.default_slot.children
        before = len(children)
        with self.container:
            row = self._build(item)
        if len(children) != before + 1:
            raise ValueError("a row must be exactly one element")
        return row, children[-1]
