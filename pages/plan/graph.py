"""The task graph, drawn left to right by dependency. One element: its markup is made here, from escaped words only."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from html import escape
from typing import Any

from nicegui import ui
from nicegui.events import GenericEventArguments

from pages.components.buttons import icon_button
from pages.components.inline import plain
from pages.components.state import TASK, Mark
from pages.components.tag import box
from pages.plan.draft import Shape, estimate
from pages.plan.layout import BOX_HEIGHT, BOX_WIDTH, Point, lay_out

_ZOOMS = (("minus", "Zoom out", "-1"), ("plus", "Zoom in", "1"))
_CLICK = "(e) => { const box = e.target.closest('[data-task]'); if (box) emit(box.dataset.task); }"


class Graph:
    """The drawing in its box; it scrolls and is dragged inside (``plan.js``)."""

    def __init__(self, choose: Callable[[str], Awaitable[None] | None], *, editable: bool) -> None:
        self._markup = ""
        self._editable = editable
        with box("p-graph m-hidden") as self._root:
            with box("p-graph__view", data_pan="", tabindex="0", role="region", aria_label="Task graph") as view:
                self._drawing = ui.html("", sanitize=False)
            with box("p-graph__zoom"):
                for name, label, by in _ZOOMS:
                    icon_button(name, label, small=True).props.update({"data-zoom": by})
                fit = icon_button("maximize-2", "Fit the graph to the view, or show full size", small=True)
                fit.props.update({"data-fit": ""})

        def chosen(event: GenericEventArguments) -> Any:
            return choose(str(event.args))

        view.on("click", chosen, js_handler=_CLICK)

    def show(self, tasks: Sequence[Mapping[str, Any]], shape: Shape | None, marks: Mapping[str, Mark]) -> bool:
        """Draw it anew when anything changed; whether it did."""
        markup = draw(tasks, shape, marks, editable=self._editable) if shape else ""
        if markup == self._markup:
            return False
        self._markup = markup
        self._drawing.set_content(markup)
        self._root.classes(remove="m-hidden") if len(tasks) > 1 else self._root.classes("m-hidden")
        return True


def draw(tasks: Sequence[Mapping[str, Any]], shape: Shape, marks: Mapping[str, Mark], *, editable: bool = False) -> str:
    """The drawing's markup; where it is editable, lines can be drawn from a box's right end and taken away."""
    by_key = {t["id"]: t for t in tasks if t["id"] in shape.levels}
    plan = lay_out(
        list(by_key), {k: [d for d in t["depends_on"] if d in by_key] for k, t in by_key.items()}, shape.levels
    )
    # Where nothing depends on anything there is no path to speak of.
    critical = shape.critical if len(shape.critical) > 1 else []
    heavy = set(itertools.pairwise(critical))
    lines = "".join(
        _line(edge, points, heavy=edge in heavy, editable=editable)
        for edge, points in sorted(plan.lines.items(), key=lambda i: i[0] in heavy)
    )
    boxes = "".join(
        _box(by_key[key], at, marks.get(key, TASK["pending"]), critical=key in critical, editable=editable)
        for key, at in plan.boxes.items()
    )
    return (
        f'<div class="p-drawing" style="width:{plan.width:.0f}px;height:{plan.height:.0f}px">'
        f'<svg width="{plan.width:.0f}" height="{plan.height:.0f}" aria-hidden="true">{lines}</svg>{boxes}</div>'
    )


def _line(edge: tuple[str, str], points: Sequence[Point], *, heavy: bool, editable: bool) -> str:
    path = f"M{points[0][0]:.0f} {points[0][1]:.1f}"
    for (x1, y1), (x2, y2) in itertools.pairwise(points):
        bend = (x2 - x1) / 2
        path += f"C{x1 + bend:.0f} {y1:.1f} {x2 - bend:.0f} {y2:.1f} {x2:.0f} {y2:.1f}"
    name = "p-line p-line--critical" if heavy else "p-line"
    ends = f'data-from="{escape(edge[0])}" data-to="{escape(edge[1])}" d="{path}"'
    return f'<path class="{name}" {ends}/>' + (f'<path class="p-line__hit" {ends}/>' if editable else "")


def _box(task: Mapping[str, Any], at: Point, mark: Mark, *, critical: bool, editable: bool) -> str:
    key, title = escape(task["id"]), escape(plain(task["title"]) or "No title yet")
    minutes = task["estimate_minutes"]
    time = f'<span class="p-box__time">{escape(estimate(minutes))}</span>' if minutes else ""
    waits = task["requires_approval"] and mark == TASK["pending"]
    asks = '<i class="mi mi-hand p-box__asks" title="Asks you before it starts"></i>' if waits else ""
    handle = '<span class="p-box__link" data-link title="Drag to a task that should wait for this one"></span>'
    return (
        f'<button type="button" tabindex="-1" class="p-box s-{mark.tone}{" p-box--critical" if critical else ""}" '
        f'data-task="{key}" style="left:{at[0]:.0f}px;top:{at[1]:.0f}px;width:{BOX_WIDTH}px;height:{BOX_HEIGHT}px" '
        f'title="{title}" aria-label="{key}: {title}, {mark.word}">'
        f'<span class="p-box__head"><i class="mi mi-{mark.icon}"></i><span class="p-box__key">{key}</span>{asks}{time}</span>'
        f'<span class="p-box__title" dir="auto">{title}</span>{handle if editable else ""}</button>'
    )
