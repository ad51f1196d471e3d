"""The events of one WebSocket: history from the journal, then live ones from the bus, without a gap or a double.

The bus is listened to before the journal is read, so what happens in between waits in the queue, and the
sequence number tells what was sent already. The queue is bounded: a client too slow for it is served from
the journal again, at its own pace.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool

from maestro.core.kernel.runtime import Runtime
from maestro.db import journal
from maestro.db.journal import Event

ALL = "*"

_QUEUE = 2_000
_BATCH = 500


@dataclass
class _Subscription:
    """A session's events after ``start``. While it catches up, those up to ``cursor`` have been given."""

    session_id: str
    start: int
    cursor: int
    catching_up: bool

    def wants(self, event: Event) -> bool:
        return self.session_id in {ALL, event.session_id} and event.seq > self.start


class Feed:
    """What one client is to be told. Made and used on the event loop; the bus calls from other threads."""

    def __init__(self, rt: Runtime, queue: int = _QUEUE) -> None:
        self._rt = rt
        self._limit = queue
        self._loop = asyncio.get_running_loop()
        self._subscriptions: dict[str, _Subscription] = {}
        self._live: deque[Event] = deque()
        self._lost = False  # the queue ran over: read on from the journal
        self._position: int | None = None  # up to here all but those catching up have their events
        self._something = asyncio.Event()
        self._unsubscribe = rt.bus.subscribe(self._heard)
        #: The newest event this client has been given.
        self.seq = 0

    def close(self) -> None:
        """Stop listening."""
        self._unsubscribe()

    async def subscribe(self, session_id: str, after: int | None) -> None:
        """Begin to deliver a session's events (``"*"``: all), those after ``after`` first, or only new ones."""
        last = await run_in_threadpool(self._last_seq)
        start = last if after is None else min(after, last)
        if self._position is None:
            self._position = last  # the queue has whatever came since
            self.seq = start
        self._subscriptions[session_id] = _Subscription(session_id, start, start, start < self._position)
        self._something.set()

    def unsubscribe(self, session_id: str) -> None:
        """Deliver no more of a session's events."""
        self._subscriptions.pop(session_id, None)

    async def here(self) -> int:
        """The ``seq`` to go on from: of the newest event given; before any subscription, of the newest there is."""
        return self.seq if self._position is not None else await run_in_threadpool(self._last_seq)

    async def events(self) -> AsyncIterator[Event]:
        """The events in turn, for ever."""
        while True:
            await self._something.wait()
            self._something.clear()
            while self._position is not None:
                late = next((s for s in self._subscriptions.values() if s.catching_up), None)
                if late is not None:
                    source = self._catch_up(late)
                elif self._lost:
                    source = self._find_again()
                elif self._live:
                    source = self._next_live()
                else:
                    break
                async for event in source:
                    self.seq = max(self.seq, event.seq)
                    yield event

    async def _catch_up(self, subscription: _Subscription) -> AsyncIterator[Event]:
        """One batch of a subscription's history, up to where the others are."""
        assert self._position is not None
        batch = await run_in_threadpool(self._replay, subscription.cursor, subscription.session_id)
        others = [s for s in self._subscriptions.values() if s is not subscription]
        for event in batch:
            if event.seq > self._position or self._subscriptions.get(subscription.session_id) is not subscription:
                break  # from here on it goes with the others; or it was taken back meanwhile
            subscription.cursor = event.seq
            if not any(s.wants(event) and event.seq <= self._given(s) for s in others):
                yield event
        else:
            subscription.catching_up = len(batch) == _BATCH
            return
        subscription.catching_up = False

    async def _find_again(self) -> AsyncIterator[Event]:
        """One batch of what the queue lost."""
        assert self._position is not None
        self._lost = False
        only = next(iter(self._subscriptions)) if len(self._subscriptions) == 1 else ALL
        batch = await run_in_threadpool(self._replay, self._position, only)
        for event in batch:
            if self._is_due(event):
                yield event
        self._lost = self._lost or len(batch) == _BATCH

    async def _next_live(self) -> AsyncIterator[Event]:
        if self._is_due(event := self._live.popleft()):
            yield event

    def _is_due(self, event: Event) -> bool:
        if self._position is None or event.seq <= self._position:
            return False
        self._position = event.seq
        return any(s.wants(event) for s in self._subscriptions.values())

    def _given(self, subscription: _Subscription) -> int:
        return subscription.cursor if subscription.catching_up else self._position or 0

    def _heard(self, events: list[Event]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop ends with the app
            self._loop.call_soon_threadsafe(self._take, events)

    def _take(self, events: list[Event]) -> None:
        if len(self._live) + len(events) > self._limit:
            self._live.clear()
            self._lost = True
        elif not self._lost:
            self._live.extend(events)
        self._something.set()

    def _replay(self, after: int, session_id: str) -> list[Event]:
        with self._rt.db.read() as db:
            return journal.replay(db, after, None if session_id == ALL else session_id, _BATCH)

    def _last_seq(self) -> int:
        with self._rt.db.read() as db:
            return journal.last_seq(db)
