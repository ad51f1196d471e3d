"""``/session/{id}/logs``: everything that was said, done and checked, line by line. The filters are in the address."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from nicegui import run, ui

from maestro.core import queries
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import SessionView, TaskView, WorkerView
from maestro.db.journal import Event
from pages import live
from pages.components.icon import icon
from pages.components.inline import plain
from pages.components.placeholders import empty
from pages.components.tag import Tag, box, tag, text
from pages.frame.view import Frame
from pages.routing import session_page
from pages.shared.log_feed import LogFeed, LogFilter, with_words
from pages.shared.log_view import LogView
from pages.shared.messages import MessageField

_LEVELS = {"error": "Errors", "warn": "Warnings"}
_KINDS = {
    "Messages": ("text",),
    "Tools": ("tool", "tool_result"),
    "Progress": ("progress",),
    "Approvals": ("gate",),
    "Checks": ("check",),
    "Git": ("git",),
    "System": ("system", "error"),
}


def install(rt: Runtime) -> None:
    """Register the page."""

    @session_page(rt, "/session/{session_id}/logs", tab="logs", width="bare")
    async def logs(view: Frame, session: SessionView) -> None:
        tasks = await run.io_bound(queries.list_tasks, rt, session.id) or []
        workers = await run.io_bound(queries.list_workers, rt, session.id) or []
        with box("logs"):
            bar = box("logs__bar", role="toolbar", aria_label="Filters")
            shown = LogView("Log of this session")
            foot = box("logs__foot")
        feed = LogFeed(rt, session.id, shown, _from_address(view.query, tasks, workers))
        feed.name(tasks, workers)
        with shown:
            nothing = _Nothing()
        with bar:
            filters = Filters(feed, tasks, workers, nothing)
        nothing.clear.on("click", filters.clear)
        with foot:
            filters.chosen = _Say(rt, session, feed, tasks).show
        await feed.start()


class _Say:
    """Below the lines: words to the agent whose lines are shown, or to all at work."""

    def __init__(self, rt: Runtime, session: SessionView, feed: LogFeed, tasks: list[TaskView]) -> None:
        self._feed, self._tasks, self._status = feed, tasks, session.status
        self._place = box()
        with self._place:
            self._field = MessageField(rt, session.id, self._target, draft=f"say-log-{session.id}")
        live.subscribe(session.id, self._moved, types=("state_changed",))
        self.show()

    def _moved(self, events: list[Event]) -> None:
        self._status = str(events[-1].payload.get("to"))
        self.show()

    def show(self) -> None:
        """Only where agents are at work; the field says whom it speaks to."""
        self._place.set_visibility(self._status in {"executing", "paused"})
        self._field.name(self._name())

    def _target(self) -> str | None:
        return self._feed.filter.task_id

    def _name(self) -> str:
        key = next((t.key for t in self._tasks if t.id == self._target()), None)
        return f"Message to the agent of {key}" if key else "Message to all agents at work"


class _Nothing:
    """What stands where lines would be: nothing yet, or nothing that passes."""

    def __init__(self) -> None:
        with box() as self._yet:
            empty(
                "No log yet",
                "What the assistant, the workers, git, and the checks do in this session appears here, line by line.",
                symbol="list",
            )
        with box() as self._passes, empty("No matching lines", "No log entry matches the filters.", symbol="filter"):
            self.clear = tag("button", "Show all lines", "q-btn m-btn", type="button")

    def show(self, chosen: LogFilter) -> None:
        """Say the one that is true of this filter."""
        self._yet.set_visibility(not chosen.active)
        self._passes.set_visibility(chosen.active)


class Filters:
    """The chips above the lines."""

    def __init__(self, feed: LogFeed, tasks: list[TaskView], workers: list[WorkerView], nothing: _Nothing) -> None:
        self._feed = feed
        self._nothing = nothing
        self.chosen: Callable[[], None] = lambda: None  # called after another choice
        self._tasks = {t.id: f"{t.key}  {plain(t.title)}" for t in tasks}
        self._keys = {t.id: t.key for t in tasks}
        self._workers = {w.id: w.name for w in reversed(workers)}
        self._chips: list[tuple[Tag, str, frozenset[str]]] = []
        with box("m-search logs__search"):
            self._words = ui.input(placeholder="Search the log", value=feed.filter.words)
            self._words.props('clearable debounce=250 aria-label="Search in the log"')
            self._words.on_value_change(lambda e: self._choose(with_words(feed.filter, e.value)))
        for name, word in _LEVELS.items():
            self._chip("levels", word, frozenset({name}), f"logs__chip--{name}")
        box("logs__gap")
        for word, kinds in _KINDS.items():
            self._chip("kinds", word, frozenset(kinds))
        box("logs__gap")
        self._task = self._menu("Task", "All tasks", self._tasks, "task_id")
        self._worker = self._menu("Worker", "All workers", self._workers, "worker_id")
        self._clear = tag("button", "Show all", "logs__clear", type="button").on("click", self.clear)
        self._show()

    async def clear(self) -> None:
        """Let everything pass again."""
        self._words.set_value("")
        await self._choose(LogFilter())

    def _chip(self, member: str, word: str, names: frozenset[str], classes: str = "") -> None:
        async def toggle() -> None:
            now: frozenset[str] = getattr(self._feed.filter, member)
            chosen = now - names if names <= now else now | names
            change: dict[str, Any] = {member: chosen}
            await self._choose(replace(self._feed.filter, **change))

        made = tag("button", word, f"m-filter {classes}", type="button").on("click", toggle)
        self._chips.append((made, member, names))

    def _menu(self, word: str, everything: str, names: dict[str, str], member: str) -> tuple[Tag, Tag]:
        async def pick(value: str | None) -> None:
            change: dict[str, Any] = {member: value}
            await self._choose(replace(self._feed.filter, **change))

        with tag("button", "", "m-filter", type="button", aria_haspopup="menu") as made:
            label = text(word, "m-cut")
            icon("chevron-down")
            with ui.menu().classes("logs__menu"):
                ui.menu_item(everything, lambda: pick(None))
                for value, name in names.items():
                    ui.menu_item(name, lambda v=value: pick(v))
        if not names:
            made.classes("m-hidden")
        return made, label

    async def _choose(self, chosen: LogFilter) -> None:
        if chosen == self._feed.filter:
            return
        await self._feed.show(chosen)
        self._show()
        self.chosen()
        _to_address(chosen, self._keys, self._workers)

    def _show(self) -> None:
        now = self._feed.filter
        for chip, member, names in self._chips:
            chip.attr(aria_pressed="true" if names <= getattr(now, member) else "false")
        for (made, label), word, called, value in (
            (self._task, "Task", self._keys, now.task_id),
            (self._worker, "Worker", self._workers, now.worker_id),
        ):
            label.set_text(f"{word} {called[value]}" if value in called else word)
            made.attr(aria_pressed="true" if value else "false")
        self._clear.set_visibility(now.active)
        self._nothing.show(now)


def _from_address(query: dict[str, str], tasks: list[TaskView], workers: list[WorkerView]) -> LogFilter:
    levels = frozenset(query.get("level", "").split(",")) & _LEVELS.keys()
    words = set(query.get("kind", "").lower().split(","))
    kinds = frozenset(k for word, names in _KINDS.items() if word.lower() in words for k in names)
    task = next((t.id for t in tasks if query.get("task") in (t.key, t.id)), None)
    worker = next((w.id for w in workers if query.get("worker") in (w.name, w.id)), None)
    return LogFilter(frozenset(levels), kinds, task, worker, query.get("q", "")[:200])


def _to_address(chosen: LogFilter, keys: dict[str, str], workers: dict[str, str]) -> None:
    """Keep the filters in the address, so that a reload and a link show the same."""
    kinds = [w.lower() for w, names in _KINDS.items() if frozenset(names) <= chosen.kinds]
    values = {
        "level": ",".join(sorted(chosen.levels)),
        "kind": ",".join(kinds),
        "task": keys.get(chosen.task_id or "", ""),
        "worker": workers.get(chosen.worker_id or "", ""),
        "q": chosen.words,
    }
    address = "?" + urlencode({k: v for k, v in values.items() if v})
    ui.run_javascript(f"history.replaceState(history.state, '', location.pathname + {json.dumps(address)})")
