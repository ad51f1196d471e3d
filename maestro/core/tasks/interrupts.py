"""Stopping a running agent on Maestro's own account, with the reason kept until its end is known.

The reason is written to the task before the worker hears of it, so that a crash in between loses neither.
"""

from __future__ import annotations

from dataclasses import replace

from maestro.core.kernel import channel
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Service
from maestro.db import models
from maestro.db.guard_state import StopRequest, Then
from maestro.db.session import Transaction

#: Workers that this app has told to stop, by id.
_SENT = Service(set[str])


def request(
    tx: Transaction,
    task: models.Task,
    worker: models.Worker,
    *,
    then: Then,
    reason: str,
    prompt: str = "",
    measure: str = "",
) -> None:
    """Have this run interrupted; ``deliver`` tells the worker. The first request of a run counts."""
    if wanted(task, worker) is None:
        stop = StopRequest(worker.id, then, reason, prompt, measure)
        task.guard_state = replace(task.guard_state, stop=stop)
        tx.db.add(task)


def wanted(task: models.Task, worker: models.Worker) -> StopRequest | None:
    """The stop that was requested for this run, if any."""
    stop = task.guard_state.stop
    return stop if stop is not None and stop.worker == worker.id else None


def taken(tx: Transaction, task: models.Task, worker: models.Worker) -> StopRequest | None:
    """The stop of a run that has ended, taken off the task."""
    stop = wanted(task, worker)
    if task.guard_state.stop is not None:
        task.guard_state = replace(task.guard_state, stop=None)
        tx.db.add(task)
    return stop


def deliver(rt: Runtime, task: models.Task, worker: models.Worker) -> None:
    """Write the stop into the worker's inbox, once in this app's life; a worker that hears it twice does not mind."""
    stop = wanted(task, worker)
    sent = rt.service(_SENT)
    if stop and worker.id not in sent:
        channel.send(rt, worker, {"type": "stop", "reason": stop.reason})
        sent.add(worker.id)
