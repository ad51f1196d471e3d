"""Sessions that Maestro itself has paused go on when everything is answered for which it paused them.

Derived from rows alone, so that nothing between the answer's commit and what follows can lose it: asked after each
answer, and at each look for what a crash or an error left.
"""

from __future__ import annotations

import contextlib

from sqlmodel import Session as DbSession
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import State
from maestro.core.tasks.pausing import BY_MAESTRO
from maestro.core.views import PauseView
from maestro.db import models
from maestro.errors import NotAllowed


def resume_due(rt: Runtime) -> bool:
    """Let the sessions go on whose causes are all answered; whether one is left that could not."""
    query = select(models.Session.id).where(models.Session.status == State.PAUSED)
    with rt.db.read() as db:
        due = [i for i in db.exec(query).all() if _is_due(db, i)]
    for session_id in due:
        _resume(rt, session_id)
    return bool(due)


def after_answer(rt: Runtime, approval: models.Approval) -> None:
    """After a yes that says "go on" is committed: the session goes on, whoever paused it, unless another cause holds it."""
    if approval.status != "allowed" or not _is_cause(approval):
        return
    with rt.db.read() as db:
        due = not _asks(db, approval.session_id)
    if due:
        _resume(rt, approval.session_id)


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


def _resume(rt: Runtime, session_id: str) -> None:
    from maestro.core.commands import control

    with contextlib.suppress(NotAllowed):  # resumed, cancelled or rolled back meanwhile; or an alarm came first
        control.resume(rt, session_id)


def _causes(session_id: str) -> SelectOfScalar[models.Approval]:
    return select(models.Approval).where(
        models.Approval.session_id == session_id, col(models.Approval.kind).in_(["budget", "escape"])
    )


def _asks(db: DbSession, session_id: str) -> bool:
    """Whether a question still holds a session."""
    waiting = _causes(session_id).where(models.Approval.status == "pending")
    return any(_is_cause(approval) for approval in db.exec(waiting).all())


def _is_due(db: DbSession, session_id: str) -> bool:
    """Whether all for which Maestro paused a session is answered with a yes. After a no the user resumes it."""
    turns = select(models.SessionHistory).where(models.SessionHistory.session_id == session_id)
    last = db.exec(turns.order_by(col(models.SessionHistory.id).desc()).limit(2)).all()
    if not last or last[0].to_state != State.PAUSED or last[0].event != "pause" or last[0].reason != BY_MAESTRO:
        return False
    began = last[-1].created_at  # when it last went on: a cause may be answered before its pause is stored
    resolved = col(models.Approval.resolved_at)
    recent = _causes(session_id).where(resolved.is_(None) | (resolved >= began))
    states = {approval.status for approval in db.exec(recent).all() if _is_cause(approval)}
    return "allowed" in states and not states & {"pending", "denied"}


def _is_cause(approval: models.Approval) -> bool:
    return approval.kind == "escape" or (approval.kind == "budget" and bool(approval.detail.get("paused")))
