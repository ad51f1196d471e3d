"""Stopping a running agent on Maestro's own account, with the reason kept until its end is known.

The reason is written to the task before the worker hears of it, so that a crash in between loses neither.
"""

from __future__ import annotations

from typing import Any, Literal

from maestro.core.kernel import channel
from maestro.core.kernel.runtime import Runtime
from maestro.db import models
from maestro.db.session import Transaction

#: What follows when the run has ended: on in the conversation, the user, or the question about the budget.
Then = Literal["resume", "person", "budget"]


def request(
    tx: Transaction, task: models.Task, worker: models.Worker, *, then: Then, reason: str, prompt: str = "", **more: Any
) -> None:
    """Have this run interrupted; ``deliver`` tells the worker. The first request of a run counts."""
    if wanted(task, worker) is None:
        task.care = task.care | {
            "stop": {"worker": worker.id, "then": then, "reason": reason, "prompt": prompt, **more}
        }
        tx.db.add(task)


def wanted(task: models.Task, worker: models.Worker) -> dict[str, Any] | None:
    """The stop that was requested for this run, if any."""
    stop = task.care.get("stop")
    return stop if isinstance(stop, dict) and stop.get("worker") == worker.id else None


def taken(tx: Transaction, task: models.Task, worker: models.Worker) -> dict[str, Any] | None:
    """The stop of a run that has ended, taken off the task."""
    stop = wanted(task, worker)
    if "stop" in task.care:
        task.care = {k: v for k, v in task.care.items() if k != "stop"}
        tx.db.add(task)
    return stop


def deliver(rt: Runtime, task: models.Task, worker: models.Worker) -> None:
    """Write the stop into the worker's inbox, once in this app's life; a worker that hears it twice does not mind."""
    stop = wanted(task, worker)
    sent: set[str] = rt.helper("stops_sent", set)
    if stop and worker.id not in sent:
        channel.send(rt, worker, {"type": "stop", "reason": stop["reason"]})
        sent.add(worker.id)
