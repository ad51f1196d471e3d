"""Why a session that Maestro itself has paused stands still, and when: derived from rows alone."""

from __future__ import annotations

from sqlmodel import Session as DbSession
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from maestro.core.kernel.session_states import State
from maestro.core.tasks.pausing import BY_MAESTRO
from maestro.core.views import PauseView
from maestro.db import models


def spans(db: DbSession, session_id: str) -> list[PauseView]:
    """When a session was paused, oldest first."""
    query = select(models.SessionHistory).where(models.SessionHistory.session_id == session_id)
    found: list[PauseView] = []
    for turn in db.exec(query.order_by(col(models.SessionHistory.id))).all():
        if found and found[-1].until is None:
            found[-1].until = turn.created_at
        if turn.to_state == State.PAUSED:
            found.append(PauseView(since=turn.created_at, until=None, by_user=turn.reason != BY_MAESTRO))
    return found


def _causes(session_id: str) -> SelectOfScalar[models.Approval]:
    return select(models.Approval).where(
        models.Approval.session_id == session_id, col(models.Approval.kind).in_(["budget", "escape"])
    )


def is_held(db: DbSession, session_id: str) -> bool:
    """Whether a question still holds a session."""
    waiting = _causes(session_id).where(models.Approval.status == "pending")
    return any(is_cause(approval) for approval in db.exec(waiting).all())


def is_due(db: DbSession, session_id: str) -> bool:
    """Whether all for which Maestro paused a session is answered with a yes. After a no the user resumes it."""
    turns = select(models.SessionHistory).where(models.SessionHistory.session_id == session_id)
    last = db.exec(turns.order_by(col(models.SessionHistory.id).desc()).limit(2)).all()
    if not last or last[0].to_state != State.PAUSED or last[0].event != "pause" or last[0].reason != BY_MAESTRO:
        return False
    began = last[-1].created_at  # when it last went on: a cause may be answered before its pause is stored
    resolved = col(models.Approval.resolved_at)
    recent = _causes(session_id).where(resolved.is_(None) | (resolved >= began))
    states = {approval.status for approval in db.exec(recent).all() if is_cause(approval)}
    return "allowed" in states and not states & {"pending", "denied"}


def is_cause(approval: models.Approval) -> bool:
    """Whether a question holds its session while it is open: an alarm, or a budget that paused it."""
    return approval.kind == "escape" or (approval.kind == "budget" and bool(approval.detail.get("paused")))
