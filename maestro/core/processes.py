"""A worker row's process: alive, ended, stopped, going on. Known by pid and start time, and by the id it carries."""

from __future__ import annotations

from pathlib import Path

from maestro.db.models import Worker
from maestro.worker import tree
from maestro.worker.spool import Spool


def alive(worker: Worker) -> bool:
    """Whether the worker's process lives, also when the app was killed before it could store the pid."""
    if worker.pid is not None and worker.pid_started is not None:
        return tree.is_alive(worker.pid, worker.pid_started)
    return Spool(Path(worker.spool_path)).is_locked() or bool(tree.processes_of(worker.id))


def end(worker: Worker) -> None:
    """End the worker and all it started, what called ``setsid`` included."""
    tree.kill_tree(*_known(worker), worker.id)


def suspend(worker: Worker) -> None:
    """Stop the worker's whole tree where it stands."""
    tree.suspend_tree(*_known(worker), worker.id)


def go_on(worker: Worker) -> None:
    """Let a stopped tree go on."""
    tree.resume_tree(*_known(worker), worker.id)


def _known(worker: Worker) -> tuple[int, float]:
    # No process has pid -1: what carries the worker's id is found all the same.
    return (worker.pid, worker.pid_started) if worker.pid is not None and worker.pid_started is not None else (-1, 0.0)
