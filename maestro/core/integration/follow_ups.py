"""A further task for finished work: the session goes on from COMPLETED, and comes back to it with new proof."""

from __future__ import annotations

from itertools import count

from maestro.core.kernel import lookup
from maestro.core.kernel.session_states import move
from maestro.core.kernel.text import clip
from maestro.core.planning.generation import add_version
from maestro.core.planning.plan import MAX_TASKS, Plan, PlanTask, parse_plan
from maestro.db import models
from maestro.db.session import Transaction
from maestro.db.types import utcnow
from maestro.errors import InvalidInput

#: What a plan may hold of a description; the task's own is whole.
_PLAN_CHARS = 19_000


def add_task(tx: Transaction, session: models.Session, kind: str, title: str, description: str) -> models.Task:
    """Add a task to a completed session (a row of ``tx``) and let it go on.

    The task is part of a further version of the plan, approved by whoever asks for it, and so are the repairs of earlier
    final checks: they are proven by now, and no later failure may take them back. Raises NotAllowed outside COMPLETED,
    InvalidInput where the plan is full.
    """
    move(tx, session, "follow_up", reason=title)
    tasks = lookup.tasks_of(tx.db, session.id)
    taken = {t.key.lower() for t in tasks}
    key = next(f"{kind}-{n}" for n in count(1) if f"{kind}-{n}" not in taken)
    waited_for = {key for t in tasks for key in t.depends_on}
    task = models.Task(
        session_id=session.id,
        key=key,
        position=max((t.position for t in tasks), default=-1) + 1,
        title=clip(title, 250),
        description=description,
        depends_on=[t.key for t in tasks if t.key not in waited_for],
    )
    row = lookup.plan_row(tx.db, session)
    version = add_version(tx, session, _with(row, [*lookup.repairs_of(tx.db, session), task]), kind.replace("-", "_"))
    version.approved_at = session.plan_approved_at = utcnow()
    session.result_json, session.validation_attempt, session.completed_at = None, 0, None
    session.error_message = session.rollback_commit = None
    tx.db.add_all([task, version, session])
    tx.db.flush()
    tx.emit("plan_updated", session.id, version=version.version, plan=version.plan_json)
    tx.emit("follow_up_started", session.id, task_id=task.id, key=task.key, title=task.title)
    return task


def _with(row: models.PlanVersion, added: list[models.Task]) -> Plan:
    plan = parse_plan(row.plan_json)
    if len(plan.tasks) + len(added) > MAX_TASKS:
        words = (
            f"The plan already has {len(plan.tasks)} tasks, and {MAX_TASKS} is the limit. Start a follow-up session."
        )
        raise InvalidInput(words, {"tasks": f"at most {MAX_TASKS}"})
    tasks = [
        PlanTask(
            id=t.key,
            title=t.title,
            description=clip(t.description, _PLAN_CHARS),
            depends_on=list(t.depends_on),
            checks=list(t.checks),
        )
        for t in added
    ]
    return plan.model_copy(update={"tasks": [*plan.tasks, *tasks]})
