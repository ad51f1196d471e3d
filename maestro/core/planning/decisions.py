"""The decisions that a plan brings, in the session's list."""

from __future__ import annotations

from maestro.core.brainstorm.decisions import _mirror
from maestro.core.planning.plan import Plan
from maestro.db.session import Transaction


def mirror_plan(tx: Transaction, session_id: str, plan: Plan) -> None:
    """Make the session's plan decisions those of the plan."""
    wanted = [d.model_dump() | {"context": ""} for d in plan.decisions]
    _mirror(tx, session_id, "plan", wanted)
