"""The in-process event bus. Events come from ``Database.write`` after their commit, in order."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from maestro.db.journal import Event

Listener = Callable[[list[Event]], None]

_log = logging.getLogger(__name__)


class EventBus:
    """Hands committed events to listeners, in journal order.

    Listeners are called in the committing thread, under the writer lock: they must only pass the events
    on (``loop.call_soon_threadsafe``, a queue) and never block, write or raise.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Add a listener; the returned function takes it away again."""
        with self._lock:
            self._listeners = [*self._listeners, listener]

        def unsubscribe() -> None:
            with self._lock:
                self._listeners = [x for x in self._listeners if x is not listener]

        return unsubscribe

    def publish(self, events: list[Event]) -> None:
        """Hand events to every listener; a failing listener never harms another."""
        for listener in self._listeners:
            try:
                listener(events)
            except Exception:
                _log.exception("an event listener failed")
