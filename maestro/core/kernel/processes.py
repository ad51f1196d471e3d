"""A worker row's process: alive, ended, stopped, going on. Known by pid and start, and by the id it carries."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from maestro.core.kernel.runtime import Runtime
from maestro.db.models import Worker
from maestro.worker import tree
from maestro.worker.spool import Spool

#: What this app did to workers: who stands still by its will, and when it let others go on.
_stopped: set[str] = set()
_woken: dict[str, float] = {}


def alive(worker: Worker) -> bool:
    """Whether the worker's process lives, also when the app was killed before it could store the pid."""
    pid, started, _worker_id = known(worker)
    if pid > 0:
        return tree.is_alive(pid, started)
    return Spool(Path(str(worker.spool_path))).is_locked() or bool(tree.processes_of(worker.id))


def end(*workers: Worker) -> None:
    """End these workers and all they started, what called ``setsid`` included."""
    tree.kill_trees(_all_known(workers))
    for worker in workers:
        _stopped.discard(worker.id)
        _woken.pop(worker.id, None)


def suspend(*workers: Worker) -> None:
    """Stop these workers' whole trees where they stand."""
    _stopped.update(worker.id for worker in workers)
    tree.suspend_trees(_all_known(workers))


def resume(*workers: Worker) -> None:
    """Let stopped trees go on."""
    tree.resume_trees(_all_known(workers))
    now = time.monotonic()
    for worker in workers:
        _woken[worker.id] = now
        _stopped.discard(worker.id)


def stopped_here(worker: Worker) -> bool:
    """Whether this app stopped the worker and has not let it go on yet: its row may say already that it runs."""
    return worker.id in _stopped


def woken_at(worker: Worker) -> float:
    """When this app let the worker go on last, by the monotonic clock; what was seen before is no news of it."""
    return _woken.get(worker.id, 0.0)


def known(worker: Worker) -> tree.Known:
    """How the worker's tree is known; without a stored pid what carries the worker's id is found all the same."""
    if not isinstance(worker.pid, int) or not isinstance(worker.pid_started, int | float):  # none, or a damaged row
        return tree.Known(-1, 0.0, worker.id)
    return tree.Known(worker.pid, worker.pid_started, worker.id)


def is_stopped(worker: Worker) -> bool:
    """Whether the worker's own process stands still."""
    process = main(worker)
    try:
        return process is not None and process.status() == psutil.STATUS_STOPPED
    except psutil.Error:
        return False


def main(worker: Worker) -> psutil.Process | None:
    """The worker's own process, for measuring; None when it is gone or its pid was never stored."""
    pid, started, _worker_id = known(worker)
    return tree.find(pid, started)


def _all_known(workers: Iterable[Worker]) -> list[tree.Known]:
    return [known(worker) for worker in workers]


def lower_priority(rt: Runtime, pid: int) -> None:
    """Workers yield to the user's own programs; what a worker starts inherits it."""
    with contextlib.suppress(psutil.Error, OSError):
        psutil.Process(pid).nice(max(rt.settings.worker_nice, os.nice(0)))


def confine(cap_percent: int | None, pid: int, number: int) -> None:
    """Give a worker that has just started no more cores than its cap, rounded up (Linux only); its programs inherit it.

    ``number`` spreads the workers over the cores. What a fraction of a core needs beyond this is a matter of priority.
    """
    if cap_percent is None or not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(psutil.Error, OSError):
        process = psutil.Process(pid)
        cores = process.cpu_affinity()
        count = math.ceil(cap_percent / 100)
        if count < len(cores):
            process.cpu_affinity([cores[(number * count + n) % len(cores)] for n in range(count)])
