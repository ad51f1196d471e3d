"""How many checks run at once on this machine, and turns where a repository takes turns."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from maestro.core.kernel.locks import WorkCancelled
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Keyed, Service

#: How often somebody who waits for a check slot looks whether they were called off, in seconds.
_SLOT_POLL_S = 0.2


@contextlib.contextmanager
def check_slot(rt: Runtime, stop: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Held while a check runs, so that heavy checks do not all run at once (setting ``check_slots``).

    Raises WorkCancelled when ``stop`` says so while waiting.
    """
    slots = rt.service(_SLOTS)
    slots.take(lambda: rt.settings.check_slots or max(1, (os.cpu_count() or 2) // 2), stop)
    try:
        yield
    finally:
        slots.give_back()


@contextlib.contextmanager
def turn(rt: Runtime, shared: Path, stop: Callable[[], bool]) -> Iterator[None]:
    """Held while a command runs of which a repository takes only one at a time; ``shared`` is its git folder.

    Raises WorkCancelled when ``stop`` says so while waiting.
    """
    slots = rt.service(_TURNS).of(shared.resolve())
    slots.take(lambda: 1, stop)
    try:
        yield
    finally:
        slots.give_back()


class _Slots:
    """A semaphore whose size may change while it is in use."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._taken = 0

    def take(self, size: Callable[[], int], stop: Callable[[], bool]) -> None:
        with self._changed:
            while self._taken >= size():
                if stop():
                    raise WorkCancelled
                self._changed.wait(_SLOT_POLL_S)
            self._taken += 1

    def give_back(self) -> None:
        with self._changed:
            self._taken -= 1
            self._changed.notify()


_SLOTS = Service(_Slots)
#: By git folder.
_TURNS: Service[Keyed[Path, _Slots]] = Service(lambda: Keyed(lambda _shared: _Slots()))
