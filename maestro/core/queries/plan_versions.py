"""Versions of a plan: listed, compared, brought back; as a Markdown file."""

from __future__ import annotations

from sqlmodel import Session as DbSession
from sqlmodel import col, select

from maestro.core.kernel.lookup import session_row
from maestro.core.kernel.runtime import Runtime
from maestro.core.planning import drafting, plan_diff, plan_markdown
from maestro.core.planning.plan import parse_plan
from maestro.core.views import PlanDiff, PlanProgress, PlanVersionView
from maestro.db import models
from maestro.errors import NotFound


def list_plan_versions(rt: Runtime, session_id: str) -> list[PlanVersionView]:
    """All versions of a session's plan, the newest first."""
    with rt.db.read() as db:
        session_row(db, session_id)
        query = select(models.PlanVersion).where(models.PlanVersion.session_id == session_id)
        rows = db.exec(query.order_by(col(models.PlanVersion.version).desc())).all()
    return [PlanVersionView.of(row) for row in rows]


def get_plan_version(rt: Runtime, session_id: str, version: int) -> PlanVersionView:
    """One version with its plan. Raises NotFound."""
    with rt.db.read() as db:
        row = version_row(db, session_id, version)
    return PlanVersionView.of(row, whole=True)


def compare_plans(rt: Runtime, session_id: str, old: int, new: int) -> PlanDiff:
    """What version ``new`` changes of version ``old``. Raises NotFound."""
    with rt.db.read() as db:
        rows = [version_row(db, session_id, version) for version in (old, new)]
    before, after = (parse_plan(row.plan_json) for row in rows)
    return plan_diff.compare(before, after).model_copy(update={"old": old, "new": new})


def plan_as_markdown(rt: Runtime, session_id: str) -> str:
    """The current plan as a Markdown file. Raises NotFound when there is none."""
    with rt.db.read() as db:
        session = session_row(db, session_id)
        row = version_row(db, session_id, session.plan_version)
    return plan_markdown.to_markdown(parse_plan(row.plan_json))


def plan_progress(rt: Runtime, session_id: str) -> PlanProgress:
    """How far the plan is that is being made now. Raises NotFound while none is."""
    with rt.db.read() as db:
        session_row(db, session_id)
    found = drafting.of(rt, session_id)
    if found is None:
        raise NotFound("No plan is being made.")
    return found.model_copy(deep=True)


def version_row(db: DbSession, session_id: str, version: int) -> models.PlanVersion:
    """The row of a version. Raises NotFound."""
    session_row(db, session_id)
    query = select(models.PlanVersion).where(
        models.PlanVersion.session_id == session_id, models.PlanVersion.version == version
    )
    row = db.exec(query).first()
    if row is None:
        raise NotFound(f"The plan has no version {version}." if version else "There is no plan yet.")
    return row
