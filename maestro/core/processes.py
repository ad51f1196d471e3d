"""A worker row's process: alive, ended, stopped, going on. Known by pid and start, and by the id it carries."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import psutil

from maestro.db.models import Worker
from maestro.worker import tree
from maestro.worker.spool import Spool


def alive(worker: Worker) -> bool:
    """Whether the worker's process lives, also when the app was killed before it could store the pid."""
    pid, started, _worker_id = known(worker)
    if pid > 0:
        return tree.is_alive(pid, started)
    return Spool(Path(str(worker.spool_path))).is_locked() or bool(tree.processes_of(worker.id))


def end(*workers: Worker) -> None:
    """End these workers and all they started, what called ``setsid`` included."""
    tree.kill_trees(_all_known(workers))


def suspend(*workers: Worker) -> None:
    """Stop these workers' whole trees where they stand."""
    tree.suspend_trees(_all_known(workers))


def go_on(*workers: Worker) -> None:
    """Let stopped trees go on."""
    tree.resume_trees(_all_known(workers))


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
