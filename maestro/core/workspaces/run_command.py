"""Running checks: Maestro's own commands, in their own process tree, kept as evidence."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from uuid import uuid4

from maestro.confinement.refusals import Missed
from maestro.core.kernel.watch_mode import Watch
from maestro.core.workspaces.ceiling import Ceiling
from maestro.stopwatch import Stopwatch
from maestro.worker import keeper, tree
from maestro.worker.spool import WORKER_ID_VARIABLE

_HEAD_BYTES = 64_000
_TAIL_BYTES = 192_000
_POLL_S = 0.05
_END_BYTES = 4_000
#: Asked for by place first: a ``bash`` that a worktree puts on the path is none.
_BASH = ("/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash", "/opt/homebrew/bin/bash")

#: A look counts for so many seconds at most: a check that slept with the machine has not used its time up.
_STEP_S = 1.0
_HEARD_BYTES = 1_000_000
#: A command that has printed more than this floods: the middle goes, on the disk and for who listens.
_FLOOD_BYTES = 64_000_000
_PUNCH_HOLE = 0x01 | 0x02  # FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE


#: Where what a command leaves behind can be made the keeper's own.
_KEPT = sys.platform.startswith("linux")
_KEEPER = str(Path(keeper.__file__).resolve())
#: How long ending all that a command started may take.
_KEEPER_S = 15.0

#: How a command was stopped that watched for changes (see ``watch_mode``).
WATCH_MODE = "watch mode"
_STOPS = ("time limit", "stopped", WATCH_MODE)
#: As of a program that the kernel ended for its memory.
_OUT_OF_MEMORY = 137


@dataclass(frozen=True, slots=True)
class CommandOutcome:
    """How a command ended. ``exit_code`` is None when it was stopped: at the time limit, in watch mode, or by the user."""

    exit_code: int | None
    duration_s: float
    output: str
    output_cut: bool
    stopped: str | None = None  # "time limit", "stopped", or WATCH_MODE
    missed: Missed | None = None  # what of the network it failed without

    @property
    def passed(self) -> bool:
        """Exit code 0, nothing else."""
        return self.exit_code == 0


def run_command(
    command: str,
    cwd: Path,
    env: Mapping[str, str],
    timeout_s: float,
    stop: Callable[[], bool] = lambda: False,
    hear: Callable[[bytes], bool] | None = None,
    wrap: Callable[[Sequence[str]], list[str]] = list,
    memory_mb: int | None = None,
) -> CommandOutcome:
    """Run a shell command with a time limit; all it started is gone when this returns or raises.

    The shell is bash where there is one: people write ``source``, ``[[`` and ``<( )``, and agents do.

    Output of any size and encoding is kept up to a limit with the cut marked. ``stop`` is asked often
    and ends the run early. ``hear`` gets the output while the command runs: as often as ``stop`` is asked,
    what is new since, maybe nothing, until it answers False. ``wrap`` makes the argv that confines it. One that uses more than
    ``memory_mb`` MB, or starts processes without end, is ended, and fails as if the system had run out of memory.
    Never raises for what the command does.
    """
    marker = f"check-{uuid4()}"
    began = time.monotonic()
    with tempfile.TemporaryFile() as output:
        try:
            process, line = _start(wrap([shell(), "-c", command]), marker, cwd, env, output)
        except OSError as error:
            return CommandOutcome(127, 0.0, f"The command could not be started: {error}", False)
        listener = _Listener(output.fileno(), hear)
        watch, ceiling = Watch(process.pid, command), Ceiling(process.pid, memory_mb)

        def reason() -> str | None:
            listener.forward()
            _give_back(output.fileno(), listener.read_to)
            size = os.fstat(output.fileno()).st_size
            if watch.due() and watch.is_watching(size, lambda: _ends_of(output.fileno())):
                return WATCH_MODE
            return ceiling.exceeded()

        try:
            stopped = _wait(process, timeout_s, stop, reason)
        finally:
            # Also what is left of a check that ended by itself: a server in the background, say.
            line.close()
            _end(process, marker)
        while listener.forward():
            pass
        text, cut = _collect(output)
    if stopped not in (None, *_STOPS):
        seconds = round(time.monotonic() - began, 3)
        return CommandOutcome(_OUT_OF_MEMORY, seconds, f"{text.rstrip()}\n\nMaestro: {stopped}\n", cut)
    exit_code = None if stopped else process.returncode
    return CommandOutcome(exit_code, round(time.monotonic() - began, 3), text, cut, stopped)


def _start(
    argv: list[str], marker: str, cwd: Path, env: Mapping[str, str], output: IO[bytes]
) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """The process, and what ends it and all that it started when it is closed (see ``worker.keeper``)."""
    line, far_end = socket.socketpair()  # no pipe: that could be opened again through /proc, and so be held open
    with far_end:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", _KEEPER, marker, *argv] if _KEPT else argv,
            cwd=cwd,
            env=dict(env) if _KEPT else {**env, WORKER_ID_VARIABLE: marker},
            stdin=far_end.fileno() if _KEPT else subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return process, line


def _end(process: subprocess.Popen[bytes], marker: str) -> None:
    """What the keeper ends, and then, where there is none or it was ended itself, all that carries the mark."""
    if _KEPT:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_KEEPER_S)
    tree.kill_trees([tree.Known(-1, 0.0, marker)])
    if process.poll() is None:
        process.kill()
    process.wait()


@functools.cache
def shell() -> str:
    """The shell that checks and set-up commands run with."""
    return next((path for path in _BASH if os.access(path, os.X_OK)), None) or shutil.which("bash") or "/bin/sh"


def _ends_of(file: int) -> str:
    """The beginning and the end of what a command has printed so far."""
    size = os.fstat(file).st_size
    head = os.pread(file, min(_END_BYTES, max(0, size - _END_BYTES)), 0)
    return (head + b"\n" + os.pread(file, _END_BYTES, max(0, size - _END_BYTES))).decode("utf-8", "replace")


def _give_back(file: int, read_to: int | None) -> None:
    """The disk gets back what nobody will read of a flood: the middle, where the system can do so (Linux).

    The command writes on at its place, and the size of the file stays what was printed.
    """
    end = os.fstat(file).st_size - _TAIL_BYTES - _END_BYTES
    end = end if read_to is None else min(end, read_to)
    if end > _FLOOD_BYTES and sys.platform.startswith("linux"):
        libc = ctypes.CDLL(None)
        begin = _HEAD_BYTES + _END_BYTES
        libc.fallocate(file, _PUNCH_HOLE, ctypes.c_longlong(begin), ctypes.c_longlong(end - begin))


class _Listener:
    """Reads on in the file that a command writes to, without moving the position the two share."""

    def __init__(self, file: int, hear: Callable[[bytes], bool] | None) -> None:
        self._file = file
        self._hear = hear
        self._at = 0

    @property
    def read_to(self) -> int | None:
        """Up to where it has read; None when it reads no more."""
        return self._at if self._hear is not None else None

    def forward(self) -> bool:
        """Hand on what is new, up to a limit; whether that was anything."""
        if self._hear is None:
            return False
        behind = os.fstat(self._file).st_size - self._at
        self._at += behind - _HEARD_BYTES if behind > _FLOOD_BYTES else 0
        data = os.pread(self._file, _HEARD_BYTES, self._at)
        self._at += len(data)
        if not self._hear(data):
            self._hear = None
        return bool(data)


def _wait(
    process: subprocess.Popen[bytes], timeout_s: float, stop: Callable[[], bool], reason: Callable[[], str | None]
) -> str | None:
    pause, stopwatch = _POLL_S / 10, Stopwatch(_STEP_S)
    while process.poll() is None:
        if stopwatch.elapsed() > timeout_s:
            return "time limit"
        if stop():
            return "stopped"
        if (found := reason()) is not None:
            return found
        time.sleep(pause)
        pause = min(_POLL_S, pause * 2)
    return None


def _collect(output: IO[bytes]) -> tuple[str, bool]:
    size = output.seek(0, 2)
    output.seek(0)
    if size <= _HEAD_BYTES + _TAIL_BYTES:
        return _decode(output.read()), False
    head = output.read(_HEAD_BYTES)
    output.seek(size - _TAIL_BYTES)
    left_out = size - _HEAD_BYTES - _TAIL_BYTES
    return f"{_decode(head)}\n[… {left_out:,} bytes left out …]\n{_decode(output.read())}", True


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "replace").replace("\0", "�")
