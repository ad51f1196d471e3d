"""Elements of many rows that are drawn in the browser and told only what changed."""

from __future__ import annotations

from typing import Any

from nicegui.element import Element

Row = dict[str, Any]


class PatchedElement(Element):
    """Rows with an ``id`` each. The first ``show`` travels with the page, later ones as what is different."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: dict[str, Row] = {}
        self._more: dict[str, Any] = {}
        self._drawn = False
        self._fill([], {})

    def show(self, rows: list[Row], **more: Any) -> None:
        """Show these rows in this order, with ``more`` beside them; nothing is sent when nothing changed."""
        changed = [r for r in rows if self._rows.get(r["id"]) != r]
        order = [r["id"] for r in rows]
        moved = order != list(self._rows)
        different = {k: v for k, v in more.items() if self._more.get(k) != v}
        if not (changed or moved or different):
            return
        self._rows, self._more = {r["id"]: r for r in rows}, more
        self._fill(rows, more)
        if self._drawn:
            self.run_method("patch", changed, order if moved else None, different)
        self._drawn = True

    def _fill(self, rows: list[Row], more: dict[str, Any]) -> None:
        """What a browser gets that draws it for the first time."""
        with self._props.suspend_updates():
            self._props["rows"], self._props["more"] = rows, more
