"""A long pause parks the workers: their processes end, their conversations stay, resume goes on with them.

So does a long wait for the answer about a stuck worker: the question stays open, the answer goes on with it.

A stopped process holds 200 MB and more, and does not survive the night's reboot; a conversation does.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import col, select

from maestro.core.kernel import channel, processes
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import State
from maestro.db import models
from maestro.db.types import utcnow

#: How long a worker may take to end by itself before it is ended.
PATIENCE_S = 30.0

_REASON = "It was idle for a long time. The conversation continues later."


def park_due(rt: Runtime, workers: list[models.Worker]) -> None:
    """Ask those workers to end that have stood still for ``park_after_minutes``: paused, or stuck and not answered about."""
    paused = [w for w in workers if w.status == "paused"]
    if not paused:
        return
    before = utcnow() - timedelta(minutes=rt.settings.park_after_minutes)
    for session_id in {w.session_id for w in paused}:
        if _paused_since(rt, session_id, before):
            _park(rt, session_id)
        else:
            _park_stuck(rt, session_id, before)


def _paused_since(rt: Runtime, session_id: str, before: datetime) -> bool:
    query = select(models.SessionHistory).where(models.SessionHistory.session_id == session_id)
    with rt.db.read() as db:
        last = db.exec(query.order_by(col(models.SessionHistory.id).desc()).limit(1)).first()
    return last is not None and last.to_state == State.PAUSED and last.created_at <= before


def _park(rt: Runtime, session_id: str) -> None:
    with rt.db.write() as tx:
        session = tx.db.get(models.Session, session_id)
        if session is None or session.status != State.PAUSED:
            return
        query = select(models.Worker).where(models.Worker.session_id == session_id, models.Worker.status == "paused")
        workers = tx.db.exec(query).all()
        for worker in workers:
            worker.status = "parked"
            tx.db.add(worker)
            tx.emit("worker_parked", session_id, worker_id=worker.id, name=worker.name, task_id=worker.task_id)
        if workers:
            names = ", ".join(w.name for w in workers)
            tx.log(session_id, f"Paused for a long time: {names} parked. Resume continues the same conversation.")
    _send_off(rt, workers)


def _park_stuck(rt: Runtime, session_id: str, before: datetime) -> None:
    asked = select(models.Approval.worker_id).where(
        models.Approval.session_id == session_id,
        models.Approval.kind == "stuck",
        models.Approval.status == "pending",
        col(models.Approval.created_at) <= before,
    )
    query = select(models.Worker).where(col(models.Worker.id).in_(asked), models.Worker.status == "paused")
    with rt.db.write() as tx:
        session = tx.db.get(models.Session, session_id)
        workers = list(tx.db.exec(query).all()) if session is not None and session.status == State.EXECUTING else []
        for worker in workers:
            worker.status = "parked"
            tx.db.add(worker)
            tx.emit("worker_parked", session_id, worker_id=worker.id, name=worker.name, task_id=worker.task_id)
            text = f"{worker.name} is parked until you answer its question. Your answer continues its conversation."
            tx.log(session_id, text, task_id=worker.task_id, worker_id=worker.id)
    _send_off(rt, workers)


def _send_off(rt: Runtime, workers: Sequence[models.Worker]) -> None:
    for worker in workers:
        # In this order: woken first, it would go on working.
        channel.send(rt, worker, {"type": "stop", "reason": _REASON})
    processes.resume(*workers)
