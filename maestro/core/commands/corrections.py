"""Putting a check right that was written wrong, in the answer to the question that it raised."""

from __future__ import annotations

from typing import Any

from maestro.core.kernel import lookup
from maestro.core.kernel.agent_config import parse_check
from maestro.core.planning.generation import add_version
from maestro.core.planning.plan import parse_plan
from maestro.db import models
from maestro.db.session import Transaction
from maestro.db.types import utcnow
from maestro.errors import InvalidInput


def correct_check(tx: Transaction, session: models.Session, approval: models.Approval, wanted: str) -> None:
    """From here on the session runs ``wanted`` in place of the check that the question is about.

    It holds for the plan (as a further version of it), every task and what the session was begun with. Raises
    InvalidInput naming ``command``.
    """
    old = approval.detail.get("command")
    if approval.kind != "infrastructure" or not isinstance(old, str):
        words = "Only a question about a check that could not run can be answered with another command."
        raise InvalidInput(words, {"command": "this question is not about a check"})
    new = parse_check(wanted)
    if new == old:
        return
    row = lookup.plan_row(tx.db, session)
    plan = _corrected_plan(row.plan_json, old, new)
    if plan != row.plan_json:
        version = add_version(tx, session, parse_plan(plan), "corrected", f"Check `{old}` corrected to `{new}`")
        if row.approved_at is not None:
            version.approved_at = row.approved_at
        tx.db.flush()
        tx.emit("plan_updated", session.id, version=version.version, plan=version.plan_json)
    for task in lookup.tasks_of(tx.db, session.id):
        if old in task.checks:
            task.checks = _replaced(task.checks, old, new)
            tx.db.add(task)
    if old in session.agent_config.get("checks", []):
        session.agent_config = session.agent_config | {"checks": _replaced(session.agent_config["checks"], old, new)}
    session.updated_at = utcnow()
    tx.db.add(session)
    text = f"The check `{old}` is `{new}` from now on."
    tx.log(session.id, text, kind="check", source="you", task_id=approval.task_id)


def _corrected_plan(plan: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    tasks = [task | {"checks": _replaced(task.get("checks") or [], old, new)} for task in plan["tasks"]]
    return plan | {"checks": _replaced(plan.get("checks") or [], old, new), "tasks": tasks}


def _replaced(checks: list[str], old: str, new: str) -> list[str]:
    """In the same order, each once."""
    return list(dict.fromkeys(new if check == old else check for check in checks))
