"""What the user said to agents at work, and what became of it."""

from __future__ import annotations

from sqlmodel import col, select

from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime
from maestro.core.views.notes import NoteStatus, NoteView
from maestro.db import models

_OVER = frozenset({"completed", "skipped", "cancelled"})


def list_notes(rt: Runtime, session_id: str, *, task: str | None = None) -> list[NoteView]:
    """A session's messages to agents, oldest first; of one task (id or key) if named."""
    with rt.db.read() as db:
        lookup.session_row(db, session_id)
        query = select(models.Note, models.Task).join(models.Task).where(models.Note.session_id == session_id)
        if task is not None:
            query = query.where(models.Note.task_id == lookup.task_row(db, session_id, task).id)
        rows = db.exec(query.order_by(col(models.Note.created_at), col(models.Note.id))).all()
        return [NoteView.of(note, of.key, _status(note, of)) for note, of in rows]


def _status(note: models.Note, task: models.Task) -> NoteStatus:
    if note.taken_at is not None:
        return "taken"
    if task.status in _OVER:
        return "missed"
    return "sent" if note.sent_at is not None and note.worker_id == task.assigned_worker_id else "waiting"
