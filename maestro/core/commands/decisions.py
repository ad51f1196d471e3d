"""What the user says of how a decision turned out."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime
from maestro.core.tasks import outcomes
from maestro.core.tasks.outcomes import Outcome
from maestro.core.views import DecisionView
from maestro.db import models
from maestro.db.types import utcnow
from maestro.errors import NotFound


class OutcomeChange(BaseModel):
    """What ``PATCH /decisions/{id}`` takes. ``outcome`` null: measured from evidence again."""

    model_config = ConfigDict(extra="forbid")

    outcome: Outcome | None
    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000, pattern=r"^[^\x00]*$")] = ""


def set_outcome(rt: Runtime, decision_id: str, change: OutcomeChange) -> DecisionView:
    """Say how a decision turned out; evidence does not change it any more. Raises NotFound."""
    with rt.db.write() as tx:
        row = tx.db.get(models.Decision, decision_id)
        if row is None:
            raise NotFound(f"There is no decision {decision_id}.")
        session = lookup.session_row(tx.db, row.session_id)
        row.outcome, row.outcome_reason = change.outcome, change.reason or None
        row.outcome_by = outcomes.YOU if change.outcome else None
        row.outcome_measured_at = utcnow() if change.outcome else None
        tx.db.add(row)
        tx.db.flush()
        if change.outcome is None:
            outcomes.measure(tx, session)
        tx.emit("decision_changed", row.session_id, decision_id=row.id, outcome=row.outcome)
        more = {"session_title": session.title, "repo_path": session.repo_path}
        return DecisionView.model_validate(row.model_dump(warnings=False) | more)
