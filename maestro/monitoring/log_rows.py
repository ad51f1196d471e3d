"""Which log rows fit a filter, and how many."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import col, func, select

from maestro.db import models
from maestro.db.session import Database


def fitting(
    session_id: str,
    *,
    level: str | None = None,
    task: str | None = None,
    worker: str | None = None,
    kind: str | None = None,
    q: str | None = None,
) -> list[ColumnElement[bool]]:
    """Conditions on a session's log rows. ``task`` is an id or key; ``level`` and ``kind`` may be several, by commas."""
    rows = models.AgentLog
    found: list[ColumnElement[bool]] = [col(rows.session_id) == session_id]
    if level:
        found.append(col(rows.level).in_(level.split(",")))
    if kind:
        found.append(col(rows.kind).in_(kind.split(",")))
    if task:
        named = select(models.Task.id).where(
            models.Task.session_id == session_id, (col(models.Task.id) == task) | (col(models.Task.key) == task)
        )
        found.append(col(rows.task_id).in_(named))
    if worker:
        found.append(col(rows.worker_id) == worker)
    if q:
        found.append(col(rows.message).contains(q, autoescape=True))
    return found


def count(db: Database, session_id: str, **filters: Any) -> int:
    """The number of a session's log rows that fit ``filters`` (as of ``fitting``)."""
    query = select(func.count()).select_from(models.AgentLog).where(*fitting(session_id, **filters))
    with db.read() as session:
        return session.exec(query).one()
