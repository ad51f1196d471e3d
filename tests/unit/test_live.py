"""The bridge from the core's events to the pages: batched, bounded, contained."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from nicegui import core

from maestro.db.journal import Event
from maestro.db.types import utcnow
from maestro.monitoring.events import EventBus
from pages import live


class _Slot:
    """Stands for a place in a page: a context, with a parent that may be gone."""

    def __init__(self) -> None:
        self.parent = SimpleNamespace(is_deleted=False)

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


class _Page:
    """Stands for NiceGUI's client of one browser window."""

    def __init__(self) -> None:
        self.id = "window"
        self.has_socket_connection = True
        self.is_deleted = False
        self.slot = _Slot()


@pytest.fixture
async def hub(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(core, "loop", asyncio.get_running_loop())  # as in a running app
    bus = EventBus()
    made = live.Hub(SimpleNamespace(bus=bus), asyncio.get_running_loop())  # type: ignore[arg-type]
    yield made
    made.close()


def _listen(hub: live.Hub, page: _Page, callback: Any, session: str | None = None, *types: str) -> live.Subscription:
    sub = live.Subscription(session, callback, types, live.FLUSH_S, page, page.slot)  # type: ignore[arg-type]
    hub.subscriptions.append(sub)
    return sub


def _event(seq: int, type_: str = "log_entry", session: str = "a") -> Event:
    return Event(seq, type_, session, utcnow(), {})


async def _flushed(hub: live.Hub) -> None:
    await asyncio.sleep(0)
    hub._flush()


async def test_events_of_many_commits_come_as_one_list(hub: live.Hub) -> None:
    heard: list[list[Event]] = []
    _listen(hub, _Page(), heard.append)
    for seq in range(5):
        await asyncio.to_thread(hub.rt.bus.publish, [_event(seq)])
    await _flushed(hub)
    assert [[e.seq for e in batch] for batch in heard] == [[0, 1, 2, 3, 4]]


async def test_a_page_hears_its_session_and_the_types_it_asked_for(hub: live.Hub) -> None:
    heard: list[list[Event]] = []
    _listen(hub, _Page(), heard.append, "a", "task_*", "state_changed")
    hub.rt.bus.publish(
        [_event(1), _event(2, "task_started"), _event(3, "task_started", "b"), _event(4, "state_changed")]
    )
    await _flushed(hub)
    assert [e.seq for e in heard[0]] == [2, 4]


async def test_a_window_that_is_away_gets_the_newest_and_a_word_about_the_rest(hub: live.Hub) -> None:
    heard: list[list[Event]] = []
    page = _Page()
    page.has_socket_connection = False
    _listen(hub, page, heard.append)
    hub.rt.bus.publish([_event(seq) for seq in range(live.MAX_WAITING + 500)])
    await _flushed(hub)
    assert not heard
    page.has_socket_connection = True
    await _flushed(hub)
    assert heard[0][0].type == live.DROPPED
    assert [e.seq for e in heard[0][1:]] == list(range(500, live.MAX_WAITING + 500))


async def test_a_slow_page_is_not_called_again_before_it_is_done(hub: live.Hub) -> None:
    heard: list[int] = []
    go_on = asyncio.Event()

    async def slow(events: list[Event]) -> None:
        heard.append(len(events))
        await go_on.wait()

    sub = _listen(hub, _Page(), slow)
    hub.rt.bus.publish([_event(1)])
    await _flushed(hub)
    await asyncio.sleep(0)
    hub.rt.bus.publish([_event(2), _event(3)])
    await _flushed(hub)
    assert heard == [1]
    go_on.set()
    await asyncio.sleep(0.01)
    sub.served_at = 0
    await _flushed(hub)
    await asyncio.sleep(0)
    assert heard == [1, 2]


async def test_a_failing_page_harms_no_other(hub: live.Hub, caplog: pytest.LogCaptureFixture) -> None:
    def fails(_events: list[Event]) -> None:
        raise ValueError("broken page")

    heard: list[list[Event]] = []
    _listen(hub, _Page(), fails)
    _listen(hub, _Page(), heard.append)
    hub.rt.bus.publish([_event(1)])
    await _flushed(hub)
    assert len(heard) == 1
    assert "broken page" in caplog.text


async def test_a_listener_goes_with_the_part_of_the_page_it_was_made_in(hub: live.Hub) -> None:
    page = _Page()
    _listen(hub, page, lambda _events: pytest.fail("called after its element was gone"))
    page.slot.parent.is_deleted = True
    hub.rt.bus.publish([_event(1)])
    await _flushed(hub)
    assert not hub.subscriptions


async def test_a_page_hears_what_came_between_its_first_read_and_its_subscription(
    hub: live.Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[list[int]] = []
    page = _Page()
    monkeypatch.setattr(live, "_hub", hub)
    monkeypatch.setattr(live, "context", SimpleNamespace(client=page, slot=page.slot))
    page.has_socket_connection = False  # it is being built
    page.on_delete = lambda _end: None  # type: ignore[attr-defined]
    hub.rt.bus.publish([_event(1)])
    await _flushed(hub)
    live.building()
    hub.rt.bus.publish([_event(2), _event(3, session="b"), _event(4, "metric")])
    await _flushed(hub)
    hub.rt.bus.publish([_event(5)])  # on its way to the loop
    live.subscribe("a", lambda events: heard.append([e.seq for e in events]), types=("log_entry",))
    await _flushed(hub)
    assert not heard
    page.has_socket_connection = True
    await _flushed(hub)
    assert heard == [[2, 5]]


async def test_a_listener_made_in_an_open_page_hears_only_what_comes(
    hub: live.Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[list[int]] = []
    page = _Page()
    page.on_delete = lambda _end: None  # type: ignore[attr-defined]
    monkeypatch.setattr(live, "_hub", hub)
    monkeypatch.setattr(live, "context", SimpleNamespace(client=page, slot=page.slot))
    live.building()
    hub.rt.bus.publish([_event(1)])
    await _flushed(hub)
    live.subscribe("a", lambda events: heard.append([e.seq for e in events]))
    hub.rt.bus.publish([_event(2)])
    await _flushed(hub)
    assert heard == [[2]]
