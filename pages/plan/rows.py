"""The list of tasks: one line each, the plan as a whole on top. j and k move in it, the one with the focus is shown beside it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from html import escape
from typing import Any

from nicegui import ui

from maestro.core.views import TaskView
from pages.components.icon import icon
from pages.components.inline import plain
from pages.components.state import Mark, task_mark
from pages.components.tag import Tag, box, swap, tag, text
from pages.components.words import duration
from pages.plan.draft import estimate

_HIDDEN = 'aria-hidden="true"'

#: The row of the plan as a whole.
WHOLE = ""

Choose = Callable[[str], Awaitable[None] | None]


class Row:
    """A task's line; ``show`` brings it up to date in place.

    One element, its markup made here from escaped words only: the browser goes through all elements of a page at each change.
    """

    def __init__(self, key: str, choose: Choose, opens: Choose, *, editable: bool) -> None:
        self._key = key
        self._editable = editable
        self._tone = ""
        self.root = ui.html("", sanitize=False, tag="button").classes("p-row")
        self.root.props.update({"type": "button", "data-nav": "", "data-row": key, "tabindex": "-1"})
        self.root.on("click", lambda: opens(key))
        self.root.on("focus", lambda: choose(key))

    def show(self, task: Mapping[str, Any], live: TaskView | None, *, wrong: bool, session: str) -> None:
        """Show a task of the plan, with its live state if it has one; ``session`` is its session's status."""
        mark = task_mark(live.status if live else "pending", session=session)
        markup = line(self._key, task, live, mark, wrong=wrong)
        if self._editable:
            markup += f'<i class="mi mi-grip-vertical p-row__grip" title="Drag to move" data-grip {_HIDDEN}></i>'
        if self.root.content != markup:
            self.root.set_content(markup)
        swap(self.root, self._tone, f"s-{mark.tone}")
        self._tone = f"s-{mark.tone}"


def line(key: str, task: Mapping[str, Any], live: TaskView | None, mark: Mark, *, wrong: bool) -> str:
    """A row's markup; whatever comes from a plan is escaped."""
    asks = task["requires_approval"] and (live is None or live.status == "pending")
    after = f"after {', '.join(task['depends_on'])}" if task["depends_on"] else ""
    told = f'role="img" title="{escape(mark.word)}" aria-label="{escape(mark.word)}"' if live else _HIDDEN
    return (
        f'<i class="mi mi-{mark.icon} p-row__state" {told}></i>'
        f'<span class="p-row__key m-cut">{escape(key)}</span>'
        f'<span class="p-row__title m-cut" dir="auto">{escape(plain(task["title"]) or "No title yet")}</span>'
        f'<span class="p-row__after m-cut">{escape(after)}</span>'
        f'<span class="p-row__time m-num">{escape(_time(task, live))}</span>{_flag(wrong=wrong, asks=asks)}'
    )


def _flag(*, wrong: bool, asks: bool) -> str:
    if not wrong and not asks:
        return ""
    look, words = ("circle-alert", "Has errors") if wrong else ("hand", "Asks you before it starts")
    return f'<i class="mi mi-{look} p-row__flag s-{"failed" if wrong else "waiting"}" title="{words}" {_HIDDEN}></i>'


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
        lines = [self._rows[key].root for key in keys]
        if self._list.default_slot.children != lines:
            self._list.default_slot.children[:] = lines
            self._list.update()

    def pick(self, keys: set[str]) -> None:
        """Mark the lines that are selected together."""
        for key in keys ^ self._picked:
            if row := self._rows.get(key):
                row.root.classes(add="p-row--picked") if key in keys else row.root.classes(remove="p-row--picked")
                row.root.props.set_optional("aria-pressed", "true" if key in keys else None)
        self._picked = set(keys)

    def select(self, key: str) -> None:
        """Mark the line that is shown in the details. Tab stops at this one alone: next come the details, not 60 lines."""
        for name, current, stop in ((self._selected, None, "-1"), (key, "true", "0")):
            row = self._whole if name == WHOLE else self._rows[name].root if name in self._rows else None
            if row is not None:
                row.props.set_optional("aria-current", current)
                row.props.set_optional("tabindex", stop)
        self._selected = key


def _time(task: Mapping[str, Any], live: TaskView | None) -> str:
    if live and live.started_at and live.completed_at:
        return duration((live.completed_at - live.started_at).total_seconds())
    minutes = task["estimate_minutes"]
    return f"about {estimate(minutes)}" if minutes else ""
