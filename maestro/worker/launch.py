"""Starting a worker process, from the app's side."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

import maestro
from maestro.agents.base import AgentSpec
from maestro.worker.spool import WORKER_ID_VARIABLE, Spool

#: Where the package lies; the worker forgets it again before it starts anything.
_ROOT = Path(maestro.__file__).resolve().parent.parent

#: Would make the worker import other code than its own. PYTHONDONTWRITEBYTECODE and the like may stay.
_DROPPED = frozenset({"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP"})


@dataclass(frozen=True, slots=True)
class Launched:
    """A started worker: how it is known from now on."""

    pid: int
    pid_started: float  # seconds since 1970, as psutil tells it


def launch(spool: Spool, spec: AgentSpec, env: Mapping[str, str], python: str = sys.executable) -> Launched:
    """Write the spec and start the worker in its own process session, so that it outlives the app.

    ``env`` is the whole environment: nothing else is inherited. A spool that was used before may be used
    again: events go on, the old inbox goes. Raises ``OSError`` when the process cannot be started.
    """
    spool.create(spec.to_json())
    spool.inbox.unlink(missing_ok=True)
    spool.pulse.unlink(missing_ok=True)
    environment = {k: v for k, v in env.items() if k not in ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP")}
    environment |= {WORKER_ID_VARIABLE: spec.worker_id, "PYTHONPATH": str(_ROOT)}
    with spool.stderr.open("ab") as stderr:
        # -P and the spool as working folder: nothing of the repository may be imported here.
        process = subprocess.Popen(
            [python, "-P", "-m", "maestro.worker", str(spool.path.resolve())],
            stdin=subprocess.DEVNULL,
            stdout=stderr,
            stderr=stderr,
            cwd=spool.path,
            env=environment,
            start_new_session=True,
        )
    try:
        started = psutil.Process(process.pid).create_time()
    finally:
        # Reaped as soon as it ends: a zombie would look alive.
        threading.Thread(target=process.wait, name=f"reap-{process.pid}", daemon=True).start()
    return Launched(process.pid, started)
