"""The list of tasks: one line each, the plan as a whole on top. j and k move in it, the one with the focus is shown beside it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from maestro.core.views import TaskView
from pages.components.icon import icon
from pages.components.inline import plain
from pages.components.state import task_mark
from pages.components.tag import Tag, box, swap, tag, text
from pages.components.words import duration
from pages.plan.draft import estimate

#: The row of the plan as a whole.
WHOLE = ""

Choose = Callable[[str], Awaitable[None] | None]


class Row:
    """A task's line; ``show`` brings it up to date in place."""

    def __init__(self, key: str, choose: Choose, opens: Choose, *, editable: bool) -> None:
        self._shown: tuple[object, ...] = ()
        self._tone = ""
        self._icon = ""
        with tag("button", "", "p-row", type="button", data_nav="", data_row=key, tabindex="-1") as self.root:
            self._state = icon("circle-dashed", "p-row__state")
            self._key = text(key, "p-row__key m-cut")
            self._title = text("", "p-row__title m-cut", dir="auto")
            self._after = text("", "p-row__after m-cut")
            self._time = text("", "p-row__time m-num")
            self._flag = icon("hand", "p-row__flag m-hidden")
            if editable:
                icon("grip-vertical", "p-row__grip").attr(title="Drag to move", data_grip="")
        self.root.on("click", lambda: opens(key))
        self.root.on("focus", lambda: choose(key))

    def show(self, task: Mapping[str, Any], live: TaskView | None, *, wrong: bool, session: str) -> None:
        """Show a task of the plan, with its live state if it has one; ``session`` is its session's status."""
        mark = task_mark(live.status if live else "pending", session=session)
        asks = task["requires_approval"] and (live is None or live.status == "pending")
        now = (mark, live is None, task["title"], tuple(task["depends_on"]), _time(task, live), asks, wrong)
        if now == self._shown:
            return
        self._shown = now
        swap(self.root, self._tone, f"s-{mark.tone}")
        swap(self._state, f"mi-{self._icon or 'circle-dashed'}", f"mi-{mark.icon}")
        self._tone, self._icon = f"s-{mark.tone}", mark.icon
        self._state.attr(title=mark.word if live else None, aria_label=mark.word if live else None)
        _set(self._title, plain(task["title"]) or "No title yet")
        _set(self._after, f"after {', '.join(task['depends_on'])}" if task["depends_on"] else "")
        _set(self._time, _time(task, live))
        symbol, tone = ("circle-alert", "s-failed") if wrong else ("hand", "s-waiting")
        self._flag.classes(replace=f"mi mi-{symbol} p-row__flag {tone}")
        if not wrong and not asks:
            self._flag.classes("m-hidden")
        self._flag.attr(title="Has errors" if wrong else "Asks you before it starts")


def whole_row(choose: Choose, opens: Choose) -> Tag:
    """The line of the plan as a whole."""
    with tag("button", "", "p-row p-row--whole", type="button", data_nav="", data_row=WHOLE) as made:
        icon("file-text", "p-row__state")
        text("Plan overview", "p-row__title m-cut")
        text("Summary, assumptions, risks, decisions, checks", "p-row__after m-cut")
    made.on("click", lambda: opens(WHOLE))
    made.on("focus", lambda: choose(WHOLE))
    return made


class Rows:
    """All lines, in plan order. The focus chooses; a click (or Enter) opens, which a narrow window shows differently."""

    def __init__(self, choose: Choose, opens: Choose, *, editable: bool) -> None:
        self._editable = editable
        self._picked: set[str] = set()
        self._choose = choose
        self._opens = opens
        self._rows: dict[str, Row] = {}
        self._selected = WHOLE
        with box("p-rows", role="group", aria_label="Tasks"):
            self._whole = whole_row(choose, opens)
            self._list = box("p-rows__list")
        self.select(WHOLE)

    def show(self, tasks: list[dict[str, Any]], live: Mapping[str, TaskView], wrong: set[str], *, session: str) -> None:
        """Show the tasks, each line in place; ``session`` is their session's status."""
        self._arrange([t["id"] for t in tasks])
        for task in tasks:
            self._rows[task["id"]].show(task, live.get(task["id"]), wrong=task["id"] in wrong, session=session)
        self.select(self._selected)

    def _arrange(self, keys: list[str]) -> None:
        """Lines go, come and move with their tasks; those that stay keep the focus."""
        for key in self._rows.keys() - set(keys):
            self._rows.pop(key).root.delete()
        with self._list:
            for key in keys:
                if key not in self._rows:
                    self._rows[key] = Row(key, self._choose, self._opens, editable=self._editable)
        for place, key in enumerate(keys):
            if self._list.default_slot.children[place] is not self._rows[key].root:
                self._rows[key].root.move(target_index=place)

    def pick(self, keys: set[str]) -> None:
        """Mark the lines that are selected together."""
        for key in keys ^ self._picked:
            if row := self._rows.get(key):
                row.root.classes(add="p-row--picked") if key in keys else row.root.classes(remove="p-row--picked")
                row.root.attr(aria_pressed="true" if key in keys else None)
        self._picked = set(keys)

    def select(self, key: str) -> None:
        """Mark the line that is shown in the details. Tab stops at this one alone: next come the details, not 60 lines."""
        for name, current, stop in ((self._selected, None, "-1"), (key, "true", "0")):
            row = self._whole if name == WHOLE else self._rows[name].root if name in self._rows else None
            if row is not None:
                row.attr(aria_current=current, tabindex=stop)
        self._selected = key


def _set(element: Tag, words: str) -> None:
    if element.text != words:
        element.set_text(words)


def _time(task: Mapping[str, Any], live: TaskView | None) -> str:
    if live and live.started_at and live.completed_at:
        return duration((live.completed_at - live.started_at).total_seconds())
    minutes = task["estimate_minutes"]
    return f"about {estimate(minutes)}" if minutes else ""
