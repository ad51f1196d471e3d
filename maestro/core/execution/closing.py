"""The end of a worker: whatever is left of its tree goes, its last words come in, its row closes."""

from __future__ import annotations

from sqlmodel import Session as DbSession

from maestro.core import gatekeeping, lookup, processes
from maestro.core.agent_config import in_force
from maestro.core.execution import ingest, outcomes
from maestro.core.runtime import Runtime
from maestro.db import models
from maestro.db.session import Transaction
from maestro.db.types import utcnow


def finish(rt: Runtime, worker: models.Worker) -> None:
    """Make sure that nothing of the worker's tree lives, and take in all that it wrote.

    What left its tree (``setsid``) would go on writing into the worktree; what it wrote last costs money.
    """
    processes.end(worker)
    while ingest.ingest(rt, worker.id):
        pass


def close(rt: Runtime, worker_id: str) -> None:
    """Record the end of a worker that is finished, and what it means for its task."""
    with rt.db.write() as tx:
        worker = tx.db.get(models.Worker, worker_id)
        task = tx.db.get(models.Task, worker.task_id) if worker else None
        session = tx.db.get(models.Session, worker.session_id) if worker else None
        if worker is None or task is None or session is None or worker.ended_at is not None:
            return
        parked = worker.status == "parked" and (worker.result_json or {}).get("outcome") == "interrupted"
        end_row(tx, worker, "parked" if parked else worker.outcome or "lost")
        if parked:
            worker.status = "parked"  # resume wakes it: then a new process goes on with its conversation
        if worker.pid is None and worker.last_event_at is None:
            # The app was killed between writing the row and starting the process: nothing was interrupted.
            return
        config = in_force(session.agent_config, rt.settings)
        outcomes.worker_ended(tx, config, session, task, worker, rt.settings)


def end_row(tx: Transaction, worker: models.Worker, outcome: str) -> None:
    """Close a worker's row and tell everybody. A row that is closed already stays as it is."""
    if worker.ended_at is not None:
        return
    worker.status, worker.ended_at, worker.outcome = "ended", utcnow(), outcome
    worker.exit_code = 0 if worker.result_json else None
    tx.db.add(worker)
    tx.emit(
        "worker_terminated",
        worker.session_id,
        worker_id=worker.id,
        name=worker.name,
        task_id=worker.task_id,
        exit_code=worker.exit_code,
        outcome=outcome,
    )
    text = f"{worker.name} ended: {outcome}"
    tx.log(worker.session_id, text, task_id=worker.task_id, worker_id=worker.id, level="debug")


def stop_workers(rt: Runtime, session_id: str, outcome: str = "cancelled") -> None:
    """End all workers of a session; when this returns no process of theirs is left and all they wrote is stored.

    Their tasks stay as they are: the caller decides about them.
    """
    with rt.db.read() as db:
        workers = lookup.live_workers(db, session_id)
    for worker in workers:
        processes.end(worker)  # all of them first: three seconds are promised for all together
    for worker in workers:
        finish(rt, worker)
    with rt.db.write() as tx:
        for worker in workers:
            row = tx.db.get(models.Worker, worker.id)
            if row is not None:
                end_row(tx, row, row.outcome or outcome)
                row.status = "ended"
                gatekeeping.expire(tx, session_id, worker_id=row.id)


def watched(db: DbSession) -> list[models.Worker]:
    """Workers that have, or may have, a process: those whose end is not recorded."""
    return [w for w in lookup.live_workers(db) if w.ended_at is None]
