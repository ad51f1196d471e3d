"""Running checks: Maestro's own commands, in their own process tree, kept as evidence."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from uuid import uuid4

from maestro.worker import tree
from maestro.worker.spool import WORKER_ID_VARIABLE

_HEAD_BYTES = 64_000
_TAIL_BYTES = 192_000
_POLL_S = 0.05


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
    command: str, cwd: Path, env: Mapping[str, str], timeout_s: float, stop: Callable[[], bool] = lambda: False
) -> CommandOutcome:
    """Run a shell command with a time limit; all it started is gone when this returns.

    Output of any size and encoding is kept up to a limit with the cut marked. ``stop`` is asked often
    and ends the run early. Never raises for what the command does.
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
        stopped = _wait(process, began + timeout_s, stop)
        # Also what is left of a check that ended by itself: a server in the background, say.
        tree.kill_tree(-1, 0.0, marker)
        process.wait()
        text, cut = _collect(output)
    exit_code = None if stopped else process.returncode
    return CommandOutcome(exit_code, round(time.monotonic() - began, 3), text, cut, stopped)


def _wait(process: subprocess.Popen[bytes], deadline: float, stop: Callable[[], bool]) -> str | None:
    pause = _POLL_S / 10
    while process.poll() is None:
        if time.monotonic() > deadline:
            return "time limit"
        if stop():
            return "stopped"
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
