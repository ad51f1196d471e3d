"""How many log rows fit a filter."""

from __future__ import annotations

from sqlmodel import col, func, select

from maestro.db import models
from maestro.db.session import Database


def count(
    db: Database,
    session_id: str,
    *,
    level: str | None = None,
    task: str | None = None,
    worker: str | None = None,
    kind: str | None = None,
    q: str | None = None,
) -> int:
    """The number of a session's log rows. ``task`` is an id or key; ``level`` and ``kind`` may be several, by commas."""
    rows = models.AgentLog
    query = select(func.count()).select_from(rows).where(rows.session_id == session_id)
    if level:
        query = query.where(col(rows.level).in_(level.split(",")))
    if kind:
        query = query.where(col(rows.kind).in_(kind.split(",")))
    if task:
        named = select(models.Task.id).where(
            models.Task.session_id == session_id, (col(models.Task.id) == task) | (col(models.Task.key) == task)
        )
        query = query.where(col(rows.task_id).in_(named))
    if worker:
        query = query.where(rows.worker_id == worker)
    if q:
        query = query.where(col(rows.message).contains(q, autoescape=True))
    with db.read() as session:
        return session.exec(query).one()
