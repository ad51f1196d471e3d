"""Running checks: Maestro's own commands, in their own process tree, kept as evidence."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from uuid import uuid4

from maestro.awake import Stopwatch
from maestro.worker import tree
from maestro.worker.spool import WORKER_ID_VARIABLE

_HEAD_BYTES = 64_000
_TAIL_BYTES = 192_000
_POLL_S = 0.05

#: A look counts for so many seconds at most: a check that slept with the machine has not used its time up.
_STEP_S = 1.0
_HEARD_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class CommandOutcome:
    """How a command ended. ``exit_code`` is None when it was stopped: at the time limit, or by the person."""

    exit_code: int | None
    duration_s: float
    output: str
    output_cut: bool
    stopped: str | None = None  # "time limit", "stopped"

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
) -> CommandOutcome:
    """Run a shell command with a time limit; all it started is gone when this returns or raises.

    Output of any size and encoding is kept up to a limit with the cut marked. ``stop`` is asked often
    and ends the run early. ``hear`` gets the output while the command runs: as often as ``stop`` is asked,
    what is new since, maybe nothing, until it answers False. Never raises for what the command does.
    """
    marker = f"check-{uuid4()}"
    began = time.monotonic()
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                ["/bin/sh", "-c", command],
                cwd=cwd,
                env={**env, WORKER_ID_VARIABLE: marker},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            return CommandOutcome(127, 0.0, f"The command could not be started: {error}", False)
        listener = _Listener(output.fileno(), hear)
        try:
            stopped = _wait(process, timeout_s, stop, listener.look)
        finally:
            # Also what is left of a check that ended by itself: a server in the background, say.
            tree.kill_trees([tree.Known(-1, 0.0, marker)])
            process.wait()
        while listener.look():
            pass
        text, cut = _collect(output)
    exit_code = None if stopped else process.returncode
    return CommandOutcome(exit_code, round(time.monotonic() - began, 3), text, cut, stopped)


class _Listener:
    """Reads on in the file that a command writes to, without moving the position the two share."""

    def __init__(self, file: int, hear: Callable[[bytes], bool] | None) -> None:
        self._file = file
        self._hear = hear
        self._at = 0

    def look(self) -> bool:
        """Hand on what is new, up to a limit; whether that was anything."""
        if self._hear is None:
            return False
        data = os.pread(self._file, _HEARD_BYTES, self._at)
        self._at += len(data)
        if not self._hear(data):
            self._hear = None
        return bool(data)


def _wait(
    process: subprocess.Popen[bytes], timeout_s: float, stop: Callable[[], bool], look: Callable[[], object]
) -> str | None:
    pause, stopwatch = _POLL_S / 10, Stopwatch(_STEP_S)
    while process.poll() is None:
        if stopwatch.look() > timeout_s:
            return "time limit"
        if stop():
            return "stopped"
        look()
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
