"""Questions: the open ones and those answered, and pauses that need the user."""

from __future__ import annotations

from sqlalchemy import ColumnElement
from sqlmodel import Session as DbSession
from sqlmodel import col, func, select

from maestro.core.guards import pauses
from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import (
    ApprovalView,
    PauseView,
    readable,
)
from maestro.db import models

_READ_APPROVALS = 500


def list_approvals(rt: Runtime, *, status: str | None = "pending", session_id: str | None = None) -> list[ApprovalView]:
    """Questions to the user, oldest first; the newest ones, where there are more than anybody reads."""
    with rt.db.read() as db:
        total = _count_approvals(db, status, session_id)
        return _approvals(db, status, session_id, _READ_APPROVALS, max(total - _READ_APPROVALS, 0))


def list_pauses(rt: Runtime, session_id: str) -> list[PauseView]:
    """When a session was paused, oldest first."""
    with rt.db.read() as db:
        return pauses.spans(db, session_id)


def page_of_approvals(
    rt: Runtime, *, status: str | None, session_id: str | None, limit: int, offset: int
) -> tuple[list[ApprovalView], int]:
    """A part of all questions, oldest first, with the total."""
    with rt.db.read() as db:
        return _approvals(db, status, session_id, limit, offset), _count_approvals(db, status, session_id)


def _approvals(
    db: DbSession, status: str | None, session_id: str | None, limit: int, offset: int
) -> list[ApprovalView]:
    query = (
        select(models.Approval, models.Session.title, models.Task.key)
        .join(models.Session, col(models.Session.id) == col(models.Approval.session_id))
        .outerjoin(models.Task, col(models.Task.id) == col(models.Approval.task_id))
        .where(*_these_approvals(status, session_id))
    )
    order = (col(models.Approval.created_at), col(models.Approval.id))
    return [
        readable(ApprovalView, a.model_dump(warnings=False) | {"session_title": title, "task_key": key})
        for a, title, key in db.exec(query.order_by(*order).limit(limit).offset(offset)).all()
    ]


def _count_approvals(db: DbSession, status: str | None, session_id: str | None) -> int:
    counted = select(func.count()).select_from(models.Approval).where(*_these_approvals(status, session_id))
    return db.exec(counted).one()


def _these_approvals(status: str | None, session_id: str | None) -> list[ColumnElement[bool]]:
    wanted = ((models.Approval.status, status), (models.Approval.session_id, session_id))
    return [col(column) == value for column, value in wanted if value]


def get_approval(rt: Runtime, approval_id: str) -> ApprovalView:
    """One question. Raises NotFound."""
    with rt.db.read() as db:
        row = lookup.approval_row(db, approval_id)
        session = lookup.session_row(db, row.session_id)
        task = db.get(models.Task, row.task_id) if row.task_id else None
        names = {"session_title": session.title, "task_key": task.key if task else None}
        return readable(ApprovalView, row.model_dump(warnings=False) | names)
