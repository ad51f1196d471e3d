"""A command that takes the machine from everybody else: more memory than a worker may use, or processes without end."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress

import psutil

from maestro.worker import proctable

#: No build or test has as many; a program that starts itself without end has them within a second or two.
MOST_PROCESSES = 4_000
#: Seconds to the first look and between two; a command that ends sooner costs none.
_EVERY_S = 0.5
#: Of more processes than that, memory that they share is not told apart: it takes too long.
_FEW = 300


class Ceiling:
    """Watches one command and all that it started."""

    def __init__(self, pid: int, memory_mb: int | None) -> None:
        self._pid = pid
        self._memory_mb = memory_mb
        self._next = time.monotonic() + _EVERY_S

    def exceeded(self) -> str | None:
        """Why the command has to be ended, in a sentence; None while there is no reason."""
        now = time.monotonic()
        if now < self._next:
            return None
        pids = _descendants(self._pid)
        spent = time.monotonic() - now
        self._next = now + max(_EVERY_S, 20 * spent)  # looking costs a twentieth of a core at most
        if len(pids) > MOST_PROCESSES:
            return f"It was ended: more than {MOST_PROCESSES:,} processes ran at the same time."
        if self._memory_mb is None or _memory_mb(pids, shared=False) <= self._memory_mb:
            return None
        used = _memory_mb(pids, shared=len(pids) <= _FEW)
        if used <= self._memory_mb:
            return None
        return (
            f"It was ended: it and what it started used {used:,.0f} MB of memory, more than {self._memory_mb:,} MB "
            "(setting worker_memory_mb)."
        )


def _descendants(pid: int) -> list[int]:
    below: dict[int, list[int]] = {}
    for seen in proctable.everything(marks=False).values():
        below.setdefault(seen.parent, []).append(seen.pid)
    found, todo = [], [pid]
    while todo:
        here = todo.pop()
        found.append(here)
        todo += below.pop(here, [])
    return found


def _memory_mb(pids: Iterable[int], *, shared: bool) -> float:
    """What processes have for themselves; with ``shared``, what some of them share (after a fork) counts once."""
    return sum(map(_shared_fairly if shared else _own, pids)) / 2**20


def _own(pid: int) -> int:
    with suppress(psutil.Error):
        info = psutil.Process(pid).memory_info()
        return int(info.rss) - int(getattr(info, "shared", 0))  # shared: with others by a file; not told on macOS
    return 0


def _shared_fairly(pid: int) -> int:
    with suppress(psutil.Error, AttributeError):
        return int(psutil.Process(pid).memory_full_info().pss)
    return _own(pid)
