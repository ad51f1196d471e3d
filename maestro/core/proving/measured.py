"""Which checks are still to be run on the base. Asked often: commands and times only, no outputs and no tests."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, or_
from sqlmodel import col, func, select

from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Service
from maestro.db import models


def missing(rt: Runtime, session: models.Session, checks: Sequence[str] | None = None) -> list[str]:
    """Checks of the session's plan (or these) without a baseline; none where it was given up.

    What could not be run counts as measured until the user has looked at the surroundings. Raises NotFound without
    a plan.
    """
    if session.id in given_up(rt):
        return []
    mended_at = select(func.max(col(models.Approval.resolved_at))).where(
        models.Approval.session_id == session.id,
        models.Approval.kind == "infrastructure",
        models.Approval.status == "allowed",
    )
    runs = select(models.CheckRun.command, models.CheckRun.could_not_run, models.CheckRun.created_at).where(
        *on_base(session.id)
    )
    with rt.db.read() as db:
        if checks is None:
            planned = lookup.plan_row(db, session).plan_json.get("checks")
            checks = planned or session.agent_config.get("checks") or []
        if not checks:
            return []
        mended = db.exec(mended_at).one()
        last = {row[0]: row for row in db.exec(runs.order_by(col(models.CheckRun.created_at))).all()}
    known = {c for c, failed, at in last.values() if not failed or mended is None or at > mended}
    return [command for command in checks if command not in known]


def on_base(session_id: str) -> tuple[ColumnElement[bool], ...]:
    """Check runs on the base as it is now; an update from the target moves it. Those of no commit are of any."""
    base = select(models.Session.base_commit).where(models.Session.id == session_id).scalar_subquery()
    at = col(models.CheckRun.commit)
    return (
        col(models.CheckRun.session_id) == session_id,
        col(models.CheckRun.phase) == "baseline",
        or_(at.is_(None), at == base),
    )


_GIVEN_UP = Service(set[str])


def given_up(rt: Runtime) -> set[str]:
    """Sessions whose baseline git could not lay out; it is tried again after a restart, not at every look."""
    return rt.service(_GIVEN_UP)
