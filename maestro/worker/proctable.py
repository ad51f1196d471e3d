"""Processes of this machine as the kernel tells them: one pass over all of them, and one of them alone.

A process is known by its pid **and** its start. On Linux the start is counted from boot, so that setting the clock
changes nothing; whoever stores it must forget it after a reboot (``boot_id``). Elsewhere it is seconds since 1970.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from maestro.worker.spool import WORKER_ID_VARIABLE

_LINUX = sys.platform.startswith("linux")
_MARK = WORKER_ID_VARIABLE.encode() + b"="

#: Two readings of one start differ by rounding at most; elsewhere than on Linux the clock is in it.
_SAME_START_S = 0.005 if _LINUX else 1.0

#: Pauses while waiting for processes to end, in seconds: from the first, doubled up to the second.
_WAIT_S = (0.002, 0.02)


@dataclass(frozen=True, slots=True)
class Seen:
    """A living process at one moment. ``state`` is the kernel's letter: R, S, D, T (stopped), …"""

    pid: int
    parent: int
    started: float
    state: str
    mark: str | None = None  # the worker's id that it carries in its environment


def one(pid: int) -> Seen | None:
    """The process of this pid; None when there is none or it has ended (a zombie has)."""
    if not _LINUX:
        return _by_psutil(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The name in parentheses may hold anything, parentheses too.
    fields = stat[stat.rfind(b")") + 2 :].split()
    state, threads = fields[0].decode(), int(fields[17])
    if state in "ZXx" and threads <= 1:  # the first thread may be gone while others still work
        return None
    return Seen(pid, int(fields[1]), int(fields[19]) / os.sysconf("SC_CLK_TCK"), state)


def known(pid: int, started: float) -> Seen | None:
    """The process of this pid and start; None when it has ended, whoever has the pid now."""
    seen = one(pid) if pid > 0 else None
    return seen if seen is not None and abs(seen.started - started) <= _SAME_START_S else None


def everything(*, marks: bool = True) -> dict[int, Seen]:
    """All living processes by pid; with ``marks`` their environments are read, where that is allowed."""
    found = {}
    for pid in psutil.pids():
        seen = one(pid)
        if seen is not None:
            worker_id = mark(pid) if marks else None
            found[pid] = Seen(seen.pid, seen.parent, seen.started, seen.state, worker_id) if worker_id else seen
    return found


def started(pid: int) -> float:
    """The start of a process. Raises ProcessLookupError when there is none."""
    seen = one(pid)
    if seen is None:
        raise ProcessLookupError(pid)
    return seen.started


def boot_id() -> str:
    """Changes with every boot of the machine; empty where starts do not count from boot."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def send(process: Seen, number: int) -> bool:
    """Signal a process, unless its pid is somebody else's by now; whether it was signalled."""
    if known(process.pid, process.started) is None:
        return False
    with contextlib.suppress(OSError):
        os.kill(process.pid, number)
        return True
    return False


def wait_gone(processes: Iterable[Seen], timeout_s: float) -> bool:
    """Wait until these processes have ended. A zombie has: nobody may be there to reap it."""
    left, deadline, pause = list(processes), time.monotonic() + timeout_s, _WAIT_S[0]
    while left := [p for p in left if known(p.pid, p.started)]:
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
        pause = min(2 * pause, _WAIT_S[1])
    return True


def mark(pid: int) -> str | None:
    """The worker's id that a process carries in its environment; None where there is none, or nobody may look."""
    try:
        if not _LINUX:
            return psutil.Process(pid).environ().get(WORKER_ID_VARIABLE)
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except PermissionError:
        return _worker_by_its_command(pid)  # workers let nobody read their environment
    except (OSError, OverflowError, ValueError, psutil.Error):
        return None
    at = 0 if environment.startswith(_MARK) else environment.find(b"\0" + _MARK) + 1
    if not at and not environment.startswith(_MARK):
        return None
    return environment[at + len(_MARK) :].split(b"\0", 1)[0].decode("utf-8", "replace")


def _worker_by_its_command(pid: int) -> str | None:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return None
    if words[1:4] != [b"-P", b"-m", b"maestro.worker"] or len(words) < 6:
        return None
    return Path(os.fsdecode(words[-2])).name


def _by_psutil(pid: int) -> Seen | None:
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            status = process.status()
            if status == psutil.STATUS_ZOMBIE:
                return None
            state = "T" if status == psutil.STATUS_STOPPED else "S"
            return Seen(pid, process.ppid() or 0, process.create_time(), state)
    except (psutil.Error, ValueError):
        return None
