"""A worker row's process: alive, ended, stopped, going on. Known by pid and start time, and by the id it carries."""

from __future__ import annotations

import contextlib
from pathlib import Path

import psutil

from maestro.db.models import Worker
from maestro.worker import tree
from maestro.worker.spool import Spool

#: A worker says every half second that its loop turns; on a busy machine that may take a while to happen.
_SILENT_S = 20.0


def alive(worker: Worker) -> bool:
    """Whether the worker's process lives, also when the app was killed before it could store the pid."""
    if worker.pid is not None and worker.pid_started is not None:
        return tree.is_alive(worker.pid, worker.pid_started)
    return Spool(Path(worker.spool_path)).is_locked() or bool(tree.processes_of(worker.id))


def stands_still(worker: Worker) -> bool:
    """Whether the process lives and does not run: stopped by a signal, or its loop gives no sign of life."""
    if worker.pid is None or worker.pid_started is None:
        return False
    process = tree.find(worker.pid, worker.pid_started)
    if process is None:
        return False
    with contextlib.suppress(psutil.Error):
        if process.status() == psutil.STATUS_STOPPED:
            return True
    return Spool(Path(worker.spool_path)).silent_s() > _SILENT_S


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
