"""Sessions that Maestro itself has paused go on when everything is answered for which it paused them.

Derived from rows alone, so that nothing between the answer's commit and what follows can lose it: asked after each
answer, and at each look for what a crash or an error left.
"""

from __future__ import annotations

import contextlib

from sqlmodel import Session as DbSession
from sqlmodel import col, select

from maestro.core.runtime import Runtime
from maestro.core.state_machine import State
from maestro.db import models
from maestro.errors import NotAllowed

#: The reason of a pause that Maestro made, in the session's history.
BY_MAESTRO = "Maestro has a question first."


def look(rt: Runtime) -> bool:
    """Let the sessions go on whose causes are all answered; whether one is left that could not."""
    query = select(models.Session.id).where(models.Session.status == State.PAUSED)
    with rt.db.read() as db:
        due = [i for i in db.exec(query).all() if _is_due(db, i, whoever=False)]
    for session_id in due:
        _resume(rt, session_id)
    return bool(due)


def answered(rt: Runtime, approval: models.Approval) -> None:
    """After a yes that says "go on" is committed: the session goes on, whoever paused it, unless another cause holds it."""
    if approval.status != "allowed" or not _is_cause(approval):
        return
    with rt.db.read() as db:
        due = _is_due(db, approval.session_id, whoever=True)
    if due:
        _resume(rt, approval.session_id)


def _resume(rt: Runtime, session_id: str) -> None:
    from maestro.core.commands import control

    with contextlib.suppress(NotAllowed):  # resumed, cancelled or rolled back meanwhile; or an alarm came first
        control.resume(rt, session_id)


def _is_due(db: DbSession, session_id: str, *, whoever: bool) -> bool:
    """Whether a paused session's causes are all answered with a yes. A no leaves it as it is: for the person to resume."""
    turns = select(models.SessionHistory).where(models.SessionHistory.session_id == session_id)
    last = db.exec(turns.order_by(col(models.SessionHistory.id).desc()).limit(2)).all()
    if not last or last[0].to_state != State.PAUSED or last[0].event != "pause":
        return False
    if not whoever and last[0].reason != BY_MAESTRO:
        return False
    began = last[-1].created_at  # when it last went on: a cause may be answered before its pause is stored
    asked = select(models.Approval).where(
        models.Approval.session_id == session_id,
        col(models.Approval.kind).in_(["budget", "escape"]),
        models.Approval.status == "pending"
        if whoever
        else col(models.Approval.resolved_at).is_(None) | (col(models.Approval.resolved_at) >= began),
    )
    states = {approval.status for approval in db.exec(asked).all() if _is_cause(approval)}
    return not states if whoever else "allowed" in states and not states & {"pending", "denied"}


def _is_cause(approval: models.Approval) -> bool:
    return approval.kind == "escape" or (approval.kind == "budget" and bool(approval.detail.get("paused")))
