"""Messages of the user's to agents at work: stored first, then written to the worker, until the agent has read them.

A message that no run has read yet is put before the next one (``AgentSpec.notes``), so that neither the end of the app
nor that of a worker loses it. Worker and conversation know it by its id: however often it is said, it counts once.
"""

from __future__ import annotations

from sqlmodel import Session as DbSession
from sqlmodel import col, select

from maestro.core.kernel import channel
from maestro.core.kernel.runtime import Runtime
from maestro.db import models
from maestro.db.session import Transaction
from maestro.db.types import utcnow

#: States in which a worker reads its inbox, now or when it goes on.
_READS = frozenset({"running", "waiting", "paused"})


def add(
    tx: Transaction, session: models.Session, task: models.Task, text: str, *, interrupt: bool = False
) -> models.Note:
    """Store a message to the agent of a task. ``deliver`` brings it there."""
    note = models.Note(session_id=session.id, task_id=task.id, text=text, interrupt=interrupt)
    tx.db.add(note)
    tx.db.flush()
    details = {"note": note.id, "interrupt": interrupt}
    tx.log(session.id, text, kind="text", source="you", task_id=task.id, details=details)
    tx.emit("note_added", session.id, note_id=note.id, task_id=task.id, key=task.key, interrupt=interrupt)
    return note


def unread(db: DbSession, task_id: str) -> list[models.Note]:
    """What the user has said to the agent of a task and it has not read, oldest first."""
    query = select(models.Note).where(models.Note.task_id == task_id, col(models.Note.taken_at).is_(None))
    return list(db.exec(query.order_by(col(models.Note.created_at), col(models.Note.id))).all())


def written_to(tx: Transaction, note_ids: list[str], worker_id: str) -> None:
    """A worker has been given these messages."""
    for note_id in note_ids:
        note = tx.db.get(models.Note, note_id)
        if note is not None and note.worker_id != worker_id:
            note.worker_id, note.sent_at = worker_id, utcnow()
            tx.db.add(note)


def deliver(rt: Runtime) -> None:
    """Write messages to the workers that have not got them yet. A worker ignores one that it has. Raises OSError."""
    query = (
        select(models.Note, models.Worker)
        .join(models.Task, col(models.Task.id) == col(models.Note.task_id))
        .join(models.Worker, col(models.Worker.id) == col(models.Task.assigned_worker_id))
        .where(
            col(models.Note.taken_at).is_(None),
            col(models.Worker.ended_at).is_(None),
            col(models.Worker.pid).is_not(None),  # before its launch it would lose what is in its inbox
            col(models.Worker.status).in_(_READS | {"starting"}),
        )
        .order_by(col(models.Note.created_at), col(models.Note.id))
    )
    with rt.db.read() as db:
        found = [(note, worker) for note, worker in db.exec(query).all() if note.worker_id != worker.id]
    for note, worker in found:
        entry = {"type": "say", "note": note.id, "text": note.text, "interrupt": note.interrupt}
        channel.send(rt, worker, entry)
        with rt.db.write() as tx:
            written_to(tx, [note.id], worker.id)
