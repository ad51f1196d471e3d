"""Comments on a session's changes."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from maestro.core.views.reading import readable
from maestro.db.after import ReviewComment


class CommentView(BaseModel):
    """One comment of a review. ``sent_at`` None: it waits for the review to be sent; then ``task_id`` handles it."""

    id: str
    session_id: str
    task_id: str | None
    commit: str
    path: str | None
    line: int | None
    side: str
    check: str | None
    code: str | None
    body: str
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None

    @classmethod
    def of(cls, row: ReviewComment) -> CommentView:
        """From its row."""
        return readable(cls, row.model_dump(warnings=False))
