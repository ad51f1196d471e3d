"""A paused session continues: by the user's word, or when everything is answered for which Maestro had paused it.

The second is derived from rows alone, so that nothing between the answer's commit and what follows can lose it: asked
after each answer, and at each tick for what a crash or an error left.
"""

from __future__ import annotations

import contextlib

from sqlmodel import select

from maestro.core.execution import run_end
from maestro.core.guards import integrity, pauses
from maestro.core.kernel import lookup, processes
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import State, allowed_events, move
from maestro.db import models
from maestro.db.session import Transaction
from maestro.errors import NotAllowed


def resume(rt: Runtime, session_id: str) -> None:
    """PAUSED to EXECUTING; the workers go on where they stood, parked ones in a new process.

    A stuck one that the user is asked about stands still until that answer. Raises NotAllowed when one that was
    being parked turns out to have planted something: the user is asked about that first.
    """
    with rt.db.read() as db:
        parking = [w for w in lookup.live_workers(db, session_id) if w.status == "parked" and w.ended_at is None]
    known = integrity.alarms(rt, session_id)
    for worker in parking:  # asked to end, and not there yet
        run_end.finish(rt, worker)
        integrity.verify(rt, worker.id)
        run_end.close(rt, worker.id)
    if integrity.alarms(rt, session_id) - known:
        raise _alarm(rt, session_id)
    with rt.db.write() as tx:
        move(tx, lookup.session_row(tx.db, session_id), "resume")
        workers, standing = lookup.live_workers(tx.db, session_id), lookup.stuck_worker_ids(tx.db)
        for worker in workers:
            if worker.status == "paused" and worker.id not in standing:
                worker.status = "waiting" if _has_open_gate(tx, worker) else "running"
            elif worker.status == "parked":
                worker.status = "ended"  # its task is running and has no worker: the next look starts one
            tx.db.add(worker)
        tx.log(session_id, "Continuing.", source="you")
    processes.resume(*(worker for worker in workers if worker.id not in standing))
    rt.wake()


def resume_due(rt: Runtime) -> bool:
    """Let the sessions go on whose causes are all answered; whether one is left that could not."""
    query = select(models.Session.id).where(models.Session.status == State.PAUSED)
    with rt.db.read() as db:
        due = [i for i in db.exec(query).all() if pauses.is_due(db, i)]
    for session_id in due:
        _resume(rt, session_id)
    return bool(due)


def after_answer(rt: Runtime, approval: models.Approval) -> None:
    """After a yes that says "go on" is committed: the session goes on, whoever paused it, unless another cause holds it."""
    if approval.status != "allowed" or not pauses.is_cause(approval):
        return
    with rt.db.read() as db:
        due = not pauses.is_held(db, approval.session_id)
    if due:
        _resume(rt, approval.session_id)


def _resume(rt: Runtime, session_id: str) -> None:
    with contextlib.suppress(NotAllowed):  # resumed, cancelled or rolled back meanwhile; or an alarm came first
        resume(rt, session_id)


def _alarm(rt: Runtime, session_id: str) -> NotAllowed:
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
    words = "A worker changed something in your repository. Answer the alarm first, then resume."
    return NotAllowed(words, state=session.status, allowed=allowed_events(session.status))


def _has_open_gate(tx: Transaction, worker: models.Worker) -> bool:
    query = select(models.Approval.id).where(
        models.Approval.worker_id == worker.id, models.Approval.status == "pending"
    )
    return tx.db.exec(query).first() is not None
