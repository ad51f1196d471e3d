"""A failed task tried again by another agent, model or effort: a new version of the plan, which says so."""

from __future__ import annotations

from dataclasses import dataclass

from maestro.core.kernel import lookup
from maestro.core.planning import own_agent
from maestro.core.planning.generation import add_version
from maestro.core.planning.plan_answer import checked_plan
from maestro.db import models
from maestro.db.session import Transaction
from maestro.db.types import utcnow
from maestro.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class AnotherAgent:
    """What is to be different of a task's agent; None stays as it is."""

    model: str | None = None
    effort: str | None = None
    agent: str | None = None

    def wanted(self) -> dict[str, str]:
        """What was named."""
        named = {"model": self.model, "effort": self.effort, "agent": self.agent}
        return {name: value.strip() for name, value in named.items() if value and value.strip()}


def choose(tx: Transaction, session: models.Session, task: models.Task, another: AnotherAgent) -> bool:
    """Give a task another agent from its next run on; whether its conversation cannot go on with that one.

    Raises InvalidInput naming ``model``, ``effort`` or ``agent``, and ``task`` for one that no plan names.
    """
    wanted, row = another.wanted(), lookup.plan_row(tx.db, session)
    if not wanted:
        return False
    tasks = row.plan_json["tasks"]
    number = next((n for n, each in enumerate(tasks) if each["id"] == task.key), None)
    if number is None:
        words = f"{task.key} was added by Maestro and works as the session does. Change the session's model instead"
        raise InvalidInput(f"{words}.", {"task": words})
    before = lookup.agent_type(tx.db, session, task.key)
    changed = [each | wanted if n == number else each for n, each in enumerate(tasks)]
    try:
        plan = checked_plan(row.plan_json | {"tasks": changed})
        own_agent.refuse_unfit(plan, session)
    except InvalidInput as error:
        place = f"tasks.{number}."
        fields = {name.removeprefix(place): why for name, why in error.fields.items()}
        raise InvalidInput("; ".join(f"{name}: {why}" for name, why in fields.items()), fields) from error
    listed = ", ".join(f"{name} {value}" for name, value in wanted.items())
    version = add_version(tx, session, plan, "changed", f"Retry {task.key} with {listed}")
    version.approved_at = utcnow()
    tx.db.flush()
    tx.emit("plan_updated", session.id, version=version.version, plan=version.plan_json)
    tx.log(session.id, f"Task {task.key} works with {listed} from now on.", source="you", task_id=task.id)
    return lookup.agent_type(tx.db, session, task.key) != before
