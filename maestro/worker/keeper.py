"""Runs one command, and ends all that it started when it has ended, whatever that did to get away.

Started as a program of its own (it needs nothing but Python's standard library)::

    python -I -S keeper.py MARK COMMAND...

Standard input is the line to the app: when that is closed, or the app is gone, the command is ended. Programs that the
command left running, also with ``setsid``, a double fork or an emptied environment, become children of this process
(Linux), and of nobody else. It ends as the command did: with its exit code, or by its signal. MARK goes into the
environment of the command, and not into this process's own: nobody shall end it first, who looks for the mark.

Exit code 127 where the command could not be started.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import signal
import sys
import time
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_MARK_VARIABLE = "MAESTRO_WORKER_ID"  # as in ``spool``, which cannot be imported here

#: How long the killing goes on; programs that start others faster than that outlive it.
_PATIENCE_S = 10.0
_PAUSE_S = 0.002


def main(mark: str, command: list[str]) -> int:
    """Run the command to its end; returns what to exit with, negative for a signal."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the line says when it is time
    child = os.fork()
    if child == 0:
        _become(mark, command)
    ended = _wait(child, woken)
    _end_all()
    return os.waitstatus_to_exitcode(ended) if ended is not None else -signal.SIGKILL


def _become(mark: str, command: list[str]) -> None:
    """In the child: the command, in a process session of its own, as if it had been started without a keeper."""
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.environ[_MARK_VARIABLE] = mark
        os.execvp(command[0], command)  # noqa: S606 - it is given as words
    except OSError as error:
        os.write(2, f"The command could not be started: {error}\n".encode())
    finally:
        os._exit(127)


def _wait(child: int, woken: int) -> int | None:
    """The wait status of the command; None when the line to the app was closed before its end."""
    while True:
        while True:
            pid, status = _reaped()
            if pid == child:
                return status
            if pid == 0:
                break
        ready, _, _ = select.select([0, woken], [], [])
        if woken in ready:
            os.read(woken, 512)
        if 0 in ready and not os.read(0, 512):
            return None


def _reaped() -> tuple[int, int]:
    """A child that has ended, with its wait status; zeros when none has."""
    try:
        return os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return 0, 0


def _end_all() -> None:
    """SIGKILL for all children, and for those that become ours by it, until there are none."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        for pid in _children():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        while _reaped()[0]:
            pass
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        time.sleep(_PAUSE_S)


def _children() -> list[int]:
    own = os.getpid()
    try:
        return [int(pid) for pid in Path(f"/proc/{own}/task/{own}/children").read_text().split()]
    except OSError:  # a kernel without it
        return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and _parent(path) == own]


def _parent(process: Path) -> int:
    try:
        stat = (process / "stat").read_bytes()
    except OSError:
        return 0
    return int(stat[stat.rfind(b")") + 2 :].split()[1])


def _leave(code: int) -> None:
    """End as the command did, also where a signal ended it, without a core dump of our own."""
    if code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        with contextlib.suppress(OSError):  # SIGKILL needs none
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    _leave(main(sys.argv[1], sys.argv[2:]))
