"""Which sessions come first: those that need the user, then those whose work moved last; and how sessions are found by words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, cast, true
from sqlmodel import Session as DbSession
from sqlmodel import case, col, func, or_, select

from maestro.db import models

#: What has a time when a session's work moves; log rows do not count: they would shuffle the list every second.
_MOVES: tuple[tuple[Any, tuple[Any, ...]], ...] = (
    (models.Task, (models.Task.started_at, models.Task.completed_at)),
    (models.Worker, (models.Worker.started_at, models.Worker.ended_at)),
    (models.Approval, (models.Approval.created_at, models.Approval.resolved_at)),
)


def active_at() -> ColumnElement[datetime]:
    """When a session or its work last moved: a task or worker began or ended, a question was asked or answered."""
    newest = [
        select(func.max(func.coalesce(column, 0)))
        .where(model.session_id == models.Session.id)
        .correlate(models.Session)
        .scalar_subquery()
        for model, columns in _MOVES
        for column in columns
    ]
    return func.max(col(models.Session.updated_at), *(func.coalesce(n, 0) for n in newest))


def needs_user() -> ColumnElement[bool]:
    """As ``SessionView.needs_you``: an open question, a failure, a plan to read, a result to merge."""
    status = col(models.Session.status)
    asked = (
        select(models.Approval.id)
        .where(col(models.Approval.session_id) == models.Session.id, models.Approval.status == "pending")
        .correlate(models.Session)
        .exists()
    )
    merged = func.coalesce(cast(col(models.Session.merge_json), Text), "").startswith("{")
    return or_(status.in_(("plan_review", "failed")), (status == "completed") & ~merged, asked)


def by_attention() -> tuple[Any, ...]:
    """The order in which a user looks at sessions."""
    return case((needs_user(), 0), else_=1), active_at().desc(), col(models.Session.id)


def times(db: DbSession, ids: Sequence[str]) -> dict[str, datetime]:
    """When each of these sessions last moved."""
    query = select(models.Session.id, active_at()).where(col(models.Session.id).in_(ids))
    return {found: at for found, at in db.exec(query).all() if isinstance(at, datetime)}


def worded(words: str) -> ColumnElement[bool]:
    """Sessions in whose title, idea or repository each of the words occurs, whatever their case."""
    columns = (col(models.Session.title), col(models.Session.description), col(models.Session.repo_path))
    return and_(
        true(), *(or_(*(func.instr(func.folded(c), word) > 0 for c in columns)) for word in words.casefold().split())
    )
