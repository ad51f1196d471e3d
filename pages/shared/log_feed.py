"""Keeps a log view filled: the newest lines first, live ones as they come, older ones when asked for, all through a filter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from nicegui import run
from nicegui.events import GenericEventArguments

from maestro.core import queries
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import LogView as LogRow
from maestro.core.views import TaskView, WorkerView
from maestro.db.journal import Event
from pages import live
from pages.shared.log_view import Line, LogView, line, parts

#: How many lines one answer brings.
PAGE = 400
#: More than this in one flush is left out of the live view; it is there when one scrolls up.
BURST = 400


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which lines; an empty member lets all pass."""

    levels: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    task_id: str | None = None
    worker_id: str | None = None
    words: str = ""

    def passes(self, row: LogRow) -> bool:
        """The same choice the database makes."""
        return (
            (not self.levels or row.level in self.levels)
            and (not self.kinds or row.kind in self.kinds)
            and self.task_id in (None, row.task_id)
            and self.worker_id in (None, row.worker_id)
            and (not self.words or self.words.casefold() in row.message.casefold())
        )

    @property
    def active(self) -> bool:
        """Whether anything is left out."""
        return self != LogFilter()

    def as_query(self) -> dict[str, Any]:
        """Arguments of ``queries.list_logs``."""
        return {
            "level": ",".join(sorted(self.levels)) or None,
            "kind": ",".join(sorted(self.kinds)) or None,
            "task": self.task_id,
            "worker": self.worker_id,
            "q": self.words or None,
        }


class LogFeed:
    """Fills ``view`` with the log of a session. ``await start()`` once; ``await show(filter)`` for another choice."""

    def __init__(self, rt: Runtime, session_id: str, view: LogView, chosen: LogFilter | None = None) -> None:
        self.rt = rt
        self.session_id = session_id
        self.view = view
        self.filter = chosen or LogFilter()
        self._tasks: dict[str, str] = {}
        self._workers: dict[str, str] = {}
        self._width = 0
        self._newest = 0
        self._asked = 0
        self._reading = 0
        self._meanwhile: list[LogRow] = []  # what came while a read was under way that it may not have seen
        self._gap = False  # lines were left out since the last one shown
        view.on("older", self._older)
        view.on("newer", self._newer)
        view.on("tail", self.reload)
        view.on("unfold", self._unfold)

    def name(self, tasks: Iterable[TaskView], workers: Iterable[WorkerView]) -> None:
        """Say what tasks and workers are called."""
        self._tasks |= {t.id: t.key for t in tasks}
        self._workers |= {w.id: w.name for w in workers}
        width = min(max([2, *map(len, self._tasks.values())]), 16)
        if width != self._width:
            self._width = width
            self.view.style(f"--log-task: {width}ch")

    async def start(self) -> None:
        """Show the newest lines and go on with what comes."""
        live.subscribe(self.session_id, self._live, types=("log_entry", "worker_spawned", "task_started", live.DROPPED))
        await self.reload()

    async def show(self, chosen: LogFilter) -> None:
        """Show what another filter lets pass."""
        if chosen != self.filter:
            self.filter = chosen
            await self.reload()

    async def reload(self) -> None:
        """Show the newest lines."""
        self._asked += 1
        number, chosen = self._asked, self.filter
        self._gap = False
        with self._held():
            rows = await self._read()
            if number != self._asked:
                return  # another filter was chosen meanwhile
            self._newest = rows[-1].id if rows else 0
            self.view.reset(self._lines(rows), older=len(rows) >= PAGE, query=chosen.words)

    async def _read(self, **where: int) -> list[LogRow]:
        query = where | self.filter.as_query()
        rows = await run.io_bound(queries.list_logs, self.rt, self.session_id, limit=PAGE, **query)
        return rows or []

    def _live(self, events: list[Event]) -> None:
        self._gap |= any(e.type == live.DROPPED for e in events)
        for event in events:
            if event.type == "worker_spawned":
                self._workers[event.payload["worker_id"]] = event.payload["name"]
            elif event.type == "task_started":
                self._tasks[event.payload["task_id"]] = event.payload["key"]
        came = [_row(e.payload, e.timestamp) for e in events if e.type == "log_entry" and e.payload.get("id")]
        if self._reading:
            self._meanwhile += came
        else:
            self._append(came)

    def _append(self, came: list[LogRow]) -> None:
        """Show those of ``came`` that are new and pass; what the view got while it was read is among them once at most."""
        rows = [r for r in came if r.id > self._newest and self.filter.passes(r)]
        if rows:
            self._newest = rows[-1].id
            self.view.append(self._lines(rows[-BURST:]), gap=self._gap or len(rows) > BURST)
            self._gap = False

    @contextmanager
    def _held(self) -> Iterator[None]:
        """While the newest lines are read, live ones wait: the answer would wipe them away, or they it."""
        self._reading += 1
        try:
            yield
        finally:
            self._reading -= 1
            if not self._reading:
                came, self._meanwhile = self._meanwhile, []
                self._append(came)

    async def _older(self, event: GenericEventArguments) -> None:
        number = self._asked
        rows = await self._read(before=int(event.args))
        if number == self._asked:
            self.view.prepend(self._lines(rows), older=len(rows) >= PAGE)

    async def _newer(self, event: GenericEventArguments) -> None:
        number = self._asked
        with self._held():
            rows = await self._read(after=int(event.args))
            if number == self._asked:
                self._newest = rows[-1].id if rows else int(event.args)
                self.view.more(self._lines(rows), newer=len(rows) >= PAGE)

    async def _unfold(self, event: GenericEventArguments) -> None:
        wanted = int(event.args)
        rows = await run.io_bound(queries.list_logs, self.rt, self.session_id, after=wanted - 1, limit=1)
        if rows and rows[0].id == wanted:
            self.view.detail(wanted, parts(rows[0]))

    def _lines(self, rows: list[LogRow]) -> list[Line]:
        return [
            line(r, task=self._tasks.get(r.task_id or "", ""), who=self._workers.get(r.worker_id or "", r.source))
            for r in rows
        ]


def with_words(chosen: LogFilter, words: str | None) -> LogFilter:
    """The filter with other words to search for."""
    return replace(chosen, words=(words or "").strip()[:200])


def _row(payload: dict[str, Any], at: datetime) -> LogRow:
    return LogRow.model_validate({"timestamp": at, **payload})
