"""Starting a worker process, from the app's side: at once, or in two steps through a standby.

A standby is a worker process that has loaded what an agent needs (more than half a second of work) and waits for
its orders on its standard input. It carries its worker's id from the start, so it is found like any other
worker, and it ends by itself when the app does.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import maestro
from maestro import untrusted, variables
from maestro.agents.base import AgentSpec
from maestro.worker import proctable
from maestro.worker.spool import WORKER_ID_VARIABLE, Spool

#: Where the package lies; the worker forgets it again before it starts anything.
_ROOT = Path(maestro.__file__).resolve().parent.parent

#: Would make the worker import other code than its own. PYTHONDONTWRITEBYTECODE and the like may stay.
_DROPPED = frozenset({"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP"})

#: A standby that was told to go and is still there after this time is killed.
_DISMISSAL_S = 5.0


#: How long the reaping thread may take for a process that has ended.
_REAP_S = 1.0

#: Workers that this process started and whose end nobody has asked about yet, by id.
_started: dict[str, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, slots=True)
class Launched:
    """A started worker: how it is known from now on."""

    pid: int
    pid_started: float  # see ``proctable``


@dataclass(frozen=True, slots=True)
class Standby:
    """A process that waits for its orders. Whoever has it orders it once, or dismisses it."""

    worker_id: str
    spool: Spool
    process: subprocess.Popen[bytes]

    def waits(self) -> bool:
        """Whether it can still be ordered."""
        return self.process.poll() is None

    def order(self, env: Mapping[str, str], key: bytes, digest: str) -> bool:
        """Let it begin with what the spool says, in this environment; False when it is gone."""
        assert self.process.stdin is not None
        words = json.dumps({"env": dict(env), "key": key.hex(), "spec": digest})
        try:
            with self.process.stdin as orders:
                orders.write(words.encode() + b"\n")
        except OSError:
            self.process.kill()
            self.process.wait()
            return False
        return True

    def dismiss(self) -> None:
        """Let it go; when this returns neither process nor folder is left."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(_DISMISSAL_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.spool.path, ignore_errors=True)


def stand_by(spool: Spool, worker_id: str, env: Mapping[str, str], python: str = sys.executable) -> Standby:
    """Start a standby for a worker to be. ``env`` needs no key: the orders bring the environment that counts.

    Raises ``OSError`` when the process cannot be started.
    """
    spool.path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Standby(worker_id, spool, _start(spool, worker_id, env, python, ["--standby"]))


def launch(
    spool: Spool,
    spec: AgentSpec,
    env: Mapping[str, str],
    python: str = sys.executable,
    *,
    key: bytes,
    standby: Standby | None = None,
    on_end: Callable[[], None] = lambda: None,
) -> Launched:
    """Write the spec and start the worker in its own process session, so that it outlives the app.

    ``env`` is the whole environment: nothing else is inherited. It goes through a pipe, as does ``key``, which seals
    what the two say to each other: neither shows in the process's environment block. A spool that was used
    before may be used again: events go on, the old inbox goes. ``standby`` must be of this spool; one that is
    gone by now is replaced. ``on_end`` is called, in a thread, when the process ends while this app lives.
    Raises ``OSError`` when the process cannot be started.
    """
    digest = spool.create(spec.to_json())
    spool.inbox.unlink(missing_ok=True)
    spool.pulse.unlink(missing_ok=True)
    whole = _environment(spec.worker_id, env)
    if standby is not None and standby.order(whole, key, digest):
        process = standby.process
    else:
        process = _start(spool, spec.worker_id, variables.of_the_machine(env), python, [])
        Standby(spec.worker_id, spool, process).order(whole, key, digest)

    def reap() -> None:
        process.wait()
        on_end()

    try:
        started = proctable.started(process.pid)
    finally:
        _started[spec.worker_id] = process
        # Reaped as soon as it ends: a zombie would look alive.
        threading.Thread(target=reap, name=f"reap-{process.pid}", daemon=True).start()
    return Launched(process.pid, started)


def _start(
    spool: Spool, worker_id: str, env: Mapping[str, str], python: str, flags: list[str]
) -> subprocess.Popen[bytes]:
    said = untrusted.open_file(spool.stderr, flags=os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with os.fdopen(said, "ab") as stderr:
        # -P and the spool as working folder: nothing of the repository may be imported here.
        return subprocess.Popen(
            [python, "-P", "-m", "maestro.worker", *flags, str(spool.path.resolve())],
            stdin=subprocess.PIPE,
            stdout=stderr,
            stderr=stderr,
            cwd=spool.path,
            env=_environment(worker_id, env),
            start_new_session=True,
        )


def _environment(worker_id: str, env: Mapping[str, str]) -> dict[str, str]:
    kept = {k: v for k, v in env.items() if k not in _DROPPED}
    return kept | {WORKER_ID_VARIABLE: worker_id, "PYTHONPATH": str(_ROOT)}


def reap(worker_id: str) -> None:
    """Wait a moment until an ended worker is reaped, so that ``exit_code`` knows its end. Not in a transaction."""
    process = _started.get(worker_id)
    if process is not None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_REAP_S)


def exit_code(worker_id: str) -> int | None:
    """How an ended worker ended, told once and without a wait: -9 for SIGKILL; None when this process did not start it."""
    process = _started.pop(worker_id, None)
    return process.poll() if process is not None else None
