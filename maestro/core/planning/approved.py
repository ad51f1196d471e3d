"""What the approved plan says of the work: its summary and its checks."""

from __future__ import annotations

from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime
from maestro.core.planning.plan import parse_plan
from maestro.db import models


def checks_of(session: models.Session, task: models.Task, plan_checks: list[str]) -> list[str]:
    """The commands that prove a task: its own, else the plan's, else the session's."""
    return task.checks or plan_checks or list(session.agent_config.get("checks", []))


def approved_plan(rt: Runtime, session: models.Session) -> tuple[str, list[str]]:
    """Summary and checks of the session's plan."""
    with rt.db.read() as db:
        plan = parse_plan(lookup.plan_row(db, session).plan_json)
    return plan.summary, plan.checks or list(session.agent_config.get("checks", []))
