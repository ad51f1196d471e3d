"""Comments on a session's changes."""

from __future__ import annotations

from sqlmodel import col, select

from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime
from maestro.core.views.after import CommentView
from maestro.db.after import ReviewComment


def list_comments(rt: Runtime, session_id: str, *, waiting: bool = False) -> list[CommentView]:
    """A session's comments, oldest first; ``waiting``: only those that were not sent. Raises NotFound."""
    query = select(ReviewComment).where(ReviewComment.session_id == session_id)
    if waiting:
        query = query.where(col(ReviewComment.sent_at).is_(None))
    with rt.db.read() as db:
        lookup.session_row(db, session_id)
        rows = db.exec(query.order_by(col(ReviewComment.created_at), col(ReviewComment.id))).all()
        return [CommentView.of(row) for row in rows]
