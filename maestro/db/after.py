"""Tables about finished work: comments on it, and the target branch brought into it."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from maestro.db.types import SoundJson, UtcDateTime, Words, new_id, utcnow


class ReviewComment(SQLModel, table=True):
    """A user's comment on a session's changes; it waits (``sent_at`` None) until the review is sent as a task.

    About a line (``path``, ``line``, ``side``), a file (``path``), a check (``check``), or the whole.
    """

    __tablename__ = "review_comments"

    id: str = Field(default_factory=new_id, primary_key=True)
    session_id: str = Field(foreign_key="sessions.id", ondelete="CASCADE", index=True)
    task_id: str | None = None  # the follow-up task that it was sent with
    commit: str  # the session branch's head that it is about
    path: str | None = None
    line: int | None = None
    side: str = "new"  # new: the line's number after the change; old: before it
    check: str | None = Field(default=None, sa_type=Words)  # the command
    code: str | None = Field(default=None, sa_type=Words)  # the lines around, or the check's output
    body: str = Field(default="", sa_type=Words, nullable=False)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime, nullable=False)
    updated_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime, nullable=False)
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class BranchUpdate(SQLModel, table=True):
    """A task that brings the target branch into the session branch, as a merge commit of the two."""

    __tablename__ = "branch_updates"

    task_id: str = Field(primary_key=True, foreign_key="tasks.id", ondelete="CASCADE")
    session_id: str = Field(foreign_key="sessions.id", ondelete="CASCADE", index=True)
    target: str  # the branch
    commit: str  # where it stood
    base_before: str  # the session's base commit before, for a way back
    merged: str | None = None  # the merge as git made it, conflict markers included: where the agent begins
    conflicts: list[str] = Field(default_factory=list, sa_type=SoundJson(list, of=str), nullable=False)
    created_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime, nullable=False)
