"""Events for pages: the core's bus, on the loop, batched, bound to the page that listens.

In a page builder::

    live.subscribe(session.id, lambda events: …, types={"task_*", "state_changed"})

The callback (plain or async) runs in the page's context, at most five times a second (``every_s`` makes it rarer), with
all events since its last call, oldest first. While it still runs, or its browser window is away, events wait; of more than
``MAX_WAITING`` the oldest go, and the list then begins with one event of type ``events_dropped``: read afresh. A hidden
window is served every two seconds. The subscription ends with the page, or with the element it was made in.

A page is built in steps: it reads, then shows and subscribes. ``building()`` at its very start makes each subscription of
the build begin there, so that what is committed between a read and its subscription is heard, too.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from weakref import WeakKeyDictionary

from nicegui import Client, app, background_tasks, context
from nicegui.slot import Slot

from maestro.core.kernel.runtime import Runtime
from maestro.db.journal import Event

FLUSH_S = 0.2
HIDDEN_S = 2.0
MAX_WAITING = 2_000
DROPPED = "events_dropped"
#: What workers use is measured all the time: pages that show sums of it read them again this often.
USAGE_S = 5.0

Callback = Callable[[list[Event]], Awaitable[None] | None]

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Subscription:
    """One listener of one page."""

    session_id: str | None
    callback: Callback
    types: tuple[str, ...]
    every_s: float
    client: Client
    slot: Slot
    waiting: deque[Event] = field(default_factory=deque)
    dropped: bool = False
    busy: bool = False
    served_at: float = 0.0

    def wants(self, event: Event) -> bool:
        """Whether the event is for this listener."""
        if self.session_id is not None and event.session_id not in {self.session_id, ""}:
            return False
        return not self.types or any(fnmatchcase(event.type, t) for t in self.types)

    def due(self, now: float, hidden: bool) -> bool:
        """Whether it may be called now."""
        pause = max(self.every_s, HIDDEN_S) if hidden else self.every_s
        return not self.busy and self.client.has_socket_connection and now - self.served_at >= pause - 0.01


class Hub:
    """Takes events from the bus' threads to the pages' listeners. One a running app."""

    def __init__(self, rt: Runtime, loop: asyncio.AbstractEventLoop) -> None:
        self.rt = rt
        self.loop = loop
        self.subscriptions: list[Subscription] = []
        self.watchers: list[Callable[[list[Event]], None]] = []
        self.hidden: set[str] = set()
        self.begun: WeakKeyDictionary[Client, int] = WeakKeyDictionary()  # pages: ``_passed`` when their build began
        self._recent: deque[Event] = deque(maxlen=MAX_WAITING)
        self._passed = 0  # how many events were handed out
        self._arrived: list[Event] = []
        self._timer: asyncio.TimerHandle | None = None
        self._unsubscribe = rt.bus.subscribe(self._heard)

    def close(self) -> None:
        """Stop listening."""
        self._unsubscribe()
        if self._timer:
            self._timer.cancel()

    def _heard(self, events: list[Event]) -> None:
        """In the committing thread: pass on, nothing more."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._collect, events)

    def _collect(self, events: list[Event]) -> None:
        self._arrived.extend(events)
        self._plan_flush()

    def _plan_flush(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(FLUSH_S, self._flush)

    def _flush(self) -> None:
        self._timer = None
        arrived, self._arrived = self._arrived, []
        self._recent.extend(arrived)
        self._passed += len(arrived)
        if arrived:
            for watcher in self.watchers:
                _contained(watcher, arrived)
        now = self.loop.time()
        for sub in list(self.subscriptions):
            self._queue(sub, arrived)
            if sub.waiting and sub.due(now, sub.client.id in self.hidden):
                self._serve(sub, now)
        if any(sub.waiting for sub in self.subscriptions):
            self._plan_flush()

    def begin(self, client: Client) -> None:
        """Note that a page's build begins."""
        self.begun[client] = self._passed

    def add(self, sub: Subscription) -> None:
        """Take a listener in; one made while its page is built hears what has come since the build began."""
        self.subscriptions.append(sub)
        if sub.client.has_socket_connection:
            return
        missed = self._passed - self.begun.get(sub.client, self._passed)
        recent = list(self._recent)[-missed:] if missed else []
        sub.dropped = missed > len(recent)
        self._queue(sub, recent)
        if sub.waiting:
            self._plan_flush()

    def _queue(self, sub: Subscription, arrived: list[Event]) -> None:
        sub.waiting.extend(e for e in arrived if sub.wants(e))
        while len(sub.waiting) > MAX_WAITING:
            sub.waiting.popleft()
            sub.dropped = True

    def _serve(self, sub: Subscription, now: float) -> None:
        events = list(sub.waiting)
        if sub.dropped:
            events.insert(0, Event(events[0].seq, DROPPED, sub.session_id or "", events[0].timestamp, {}))
        sub.waiting.clear()
        sub.dropped, sub.served_at = False, now
        if sub.client.is_deleted or _is_gone(sub.slot):
            self.drop(sub)
            return
        with sub.slot:
            result = _contained(sub.callback, events)
        if result is not None:
            sub.busy = True
            background_tasks.create(self._finish(sub, result), name="live callback")

    async def _finish(self, sub: Subscription, result: Awaitable[None]) -> None:
        try:
            with sub.slot:
                await result
        except Exception:
            if not sub.client.is_deleted:
                _log.exception("a page's event callback failed")
        finally:
            sub.busy = False

    def drop(self, sub: Subscription) -> None:
        """Forget a listener."""
        if sub in self.subscriptions:
            self.subscriptions.remove(sub)


_hub: Hub | None = None


def install(rt: Runtime) -> None:
    """Have ``start`` called when the app starts."""
    app.on_startup(lambda: start(rt))
    app.on_shutdown(stop)


def start(rt: Runtime) -> Hub:
    """Begin to listen to ``rt.bus``; on the loop. Calling it again changes nothing."""
    global _hub
    loop = asyncio.get_running_loop()
    if _hub is None or _hub.rt is not rt or _hub.loop is not loop:
        stop()
        _hub = Hub(rt, loop)
    return _hub


def stop() -> None:
    """Stop listening."""
    global _hub
    if _hub is not None:
        _hub.close()
        _hub = None


def subscribe(
    session_id: str | None, callback: Callback, *, types: Iterable[str] = (), every_s: float = FLUSH_S
) -> Callable[[], None]:
    """Call ``callback(events)`` for what happens to a session (None: to any), from within a page's context.

    ``types`` are event types or patterns (``task_*``); none means all, log rows and metrics included. The returned function
    ends the subscription early.
    """
    hub = _hub
    if hub is None:
        _log.warning("live.subscribe before live.start: the page will not update itself")
        return lambda: None
    client = context.client
    sub = Subscription(session_id, callback, tuple(types), every_s, client, context.slot)
    hub.add(sub)

    def end() -> None:
        hub.drop(sub)

    client.on_delete(end)
    return end


def building() -> None:
    """A page begins to be built here: what is read from now on is older than what its subscriptions hear."""
    if _hub is not None:
        _hub.begin(context.client)


def watch(watcher: Callable[[list[Event]], None]) -> None:
    """Have ``watcher`` called with every batch, for the app's whole life and outside any page. On the loop; must be quick."""
    if _hub is not None:
        _hub.watchers.append(watcher)


def seen(client: Client, visible: bool) -> None:
    """Note that a page's window was hidden or shown."""
    if _hub is not None:
        (_hub.hidden.discard if visible else _hub.hidden.add)(client.id)
        if visible:
            _hub._plan_flush()
        else:
            client.on_delete(lambda: _hub.hidden.discard(client.id) if _hub else None)


def _contained(function: Callable[..., Any], events: list[Event]) -> Any:
    try:
        return function(events)
    except Exception:
        _log.exception("an event callback failed")
        return None


def _is_gone(slot: Slot) -> bool:
    try:
        return slot.parent.is_deleted
    except RuntimeError:
        return True
