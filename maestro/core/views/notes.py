"""What the user said to agents at work."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from maestro.core.views.reading import readable
from maestro.db import models

#: On its way; in the worker's hands; read by the agent; never read, because the task ended first.
NoteStatus = Literal["waiting", "sent", "taken", "missed"]


class NoteView(BaseModel):
    """A message to the agent of a task. ``taken_at``: when the agent took it up."""

    id: str
    session_id: str
    task_id: str
    task_key: str
    text: str
    interrupt: bool
    status: NoteStatus
    worker_id: str | None
    created_at: datetime
    sent_at: datetime | None
    taken_at: datetime | None

    @classmethod
    def of(cls, row: models.Note, task_key: str, status: NoteStatus) -> NoteView:
        """From its row."""
        return readable(cls, row.model_dump(warnings=False) | {"task_key": task_key, "status": status})
