"""The live log on a real database: what is committed while it is read is shown, once and in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from nicegui import core

from maestro.core import queries
from maestro.core.kernel.runtime import Runtime, open_runtime
from maestro.db import models
from maestro.db.journal import Event
from maestro.db.types import utcnow
from maestro.settings import LoadedSettings
from pages import live
from pages.shared import log_feed
from pages.shared.log_feed import LogFeed, LogFilter
from pages.shared.log_view import Line


class _View:
    """Stands for the browser's half (``log_view.js``): the lines it would show."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.newer = False
        self.asked: dict[str, Callable[..., Any]] = {}

    def on(self, name: str, callback: Callable[..., Any]) -> None:
        self.asked[name] = callback

    def reset(self, lines: list[Line], *, older: bool, query: str = "") -> None:
        self.shown, self.newer = [x["m"] for x in lines], False

    def append(self, lines: list[Line], *, gap: bool) -> None:
        if not self.newer:
            self.shown += ["…"] * gap + [x["m"] for x in lines]

    def more(self, lines: list[Line], *, newer: bool) -> None:
        self.shown += [x["m"] for x in lines]
        self.newer = newer


@dataclass
class Log:
    """A session's log, a feed of it, and what happens in the very middle of its next reads."""

    rt: Runtime
    session_id: str
    view: _View
    feed: LogFeed
    meanwhile: list[Callable[[], None]] = field(default_factory=list)
    heard: list[Event] = field(default_factory=list)

    def write(self, *words: str, tell: bool = True) -> None:
        """Commit lines; ``tell`` the feed at once, as the live bridge does."""
        with self.rt.db.write() as tx:
            for each in words:
                tx.log(self.session_id, each)
        if tell:
            self.tell()

    def tell(self) -> None:
        events, self.heard = self.heard, []
        self.feed._live(events)


@pytest.fixture
async def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Log]:
    monkeypatch.setattr(core, "loop", asyncio.get_running_loop())  # as in a running app
    rt = open_runtime(LoadedSettings({"data_dir": tmp_path / "data"}, environment={}, dotenv=None))
    session = models.Session(
        title="One", repo_path=str(tmp_path), base_branch="main", base_commit="", session_branch=""
    )
    session_id = session.id
    with rt.db.write() as tx:
        tx.db.add(session)
    view = _View()
    made = Log(rt, session_id, view, LogFeed(rt, session_id, view))  # type: ignore[arg-type]
    rt.bus.subscribe(lambda events: made.heard.extend(e for e in events if e.type == "log_entry"))
    loop, list_logs = asyncio.get_running_loop(), queries.list_logs

    def read(*args: Any, **more: Any) -> Any:
        rows = list_logs(*args, **more)
        if made.meanwhile:
            happens, done = made.meanwhile.pop(0), asyncio.Event()

            async def on_the_loop() -> None:
                happens()
                done.set()

            asyncio.run_coroutine_threadsafe(on_the_loop(), loop).result()
        return rows

    monkeypatch.setattr(log_feed.queries, "list_logs", read)
    yield made
    rt.db.close()


async def test_a_line_committed_while_the_newest_are_read_is_shown(log: Log) -> None:
    log.write("one", "two", tell=False)
    log.meanwhile = [lambda: log.write("three")]
    await log.feed.reload()
    log.write("four")
    assert log.view.shown == ["one", "two", "three", "four"]


async def test_lines_that_the_read_has_seen_are_not_shown_twice(log: Log) -> None:
    log.write("one", "two", tell=False)
    log.meanwhile = [log.tell]
    await log.feed.reload()
    log.tell()
    assert log.view.shown == ["one", "two"]


async def test_a_line_that_comes_while_another_filter_is_read_obeys_that_filter(log: Log) -> None:
    log.write("red one", "blue one")
    log.meanwhile = [lambda: log.write("blue two", "red two")]
    await log.feed.show(LogFilter(words="red"))
    assert log.view.shown == ["red one", "red two"]


async def test_of_two_filters_chosen_at_once_the_last_one_gets_the_lines_between(log: Log) -> None:
    log.write("red one", "blue one")
    log.meanwhile = [lambda: log.write("red two", "blue two"), lambda: log.write("red three", "blue three")]
    await asyncio.gather(log.feed.show(LogFilter(words="red")), log.feed.show(LogFilter(words="blue")))
    assert log.view.shown == ["blue one", "blue two", "blue three"]


async def test_a_line_committed_while_one_scrolls_to_the_end_is_shown(log: Log) -> None:
    log.write("one", "two", "three")
    await log.feed.reload()
    log.view.shown, log.view.newer = ["one"], True  # trimmed while older lines were read
    log.meanwhile = [lambda: log.write("four")]
    await log.view.asked["newer"](SimpleNamespace(args=1))
    assert log.view.shown == ["one", "two", "three", "four"]


async def test_a_read_that_fails_loses_no_line(log: Log) -> None:
    await log.feed.reload()

    def fail() -> None:
        log.write("one")
        raise OSError("the disk is away")

    log.meanwhile = [fail]
    with pytest.raises(OSError, match="away"):
        await log.feed.reload()
    log.write("two")
    assert log.view.shown == ["one", "two"]


async def test_dropped_events_leave_a_mark_even_when_no_line_came_with_them(log: Log) -> None:
    log.write("one")
    log.feed._live([Event(9, live.DROPPED, log.session_id, utcnow(), {})])
    log.write("nine")
    assert log.view.shown == ["one", "…", "nine"]
