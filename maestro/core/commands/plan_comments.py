"""Comments on tasks and on the plan, which go into the next version that is asked for."""

from __future__ import annotations

from maestro.core.kernel.lookup import plan_row, session_row
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import State, allowed_events
from maestro.core.planning import wishes
from maestro.core.planning.plan import parse_plan
from maestro.core.views import PlanCommentView
from maestro.db import models
from maestro.errors import InvalidInput, NotAllowed, NotFound

MAX_CHARS, MAX_OPEN = 4_000, 200


def add_comment(rt: Runtime, session_id: str, text: str, task: str | None = None) -> PlanCommentView:
    """Comment on a task of the current plan, or on the plan. Raises InvalidInput, NotFound, NotAllowed outside of review."""
    words = text.strip()
    if not words or len(words) > MAX_CHARS or "\0" in words:
        reason = "is empty" if not words else "is too long" if len(words) > MAX_CHARS else "contains a NUL character"
        raise InvalidInput(f"The comment {reason}.", {"text": reason})
    with rt.db.write() as tx:
        session = session_row(tx.db, session_id)
        if session.status not in {State.PLAN_REVIEW, State.APPROVED}:
            raise NotAllowed(
                "Comments on the plan belong to its review.",
                state=session.status,
                allowed=allowed_events(session.status),
            )
        plan = parse_plan(plan_row(tx.db, session).plan_json)
        if task and task not in {t.id for t in plan.tasks}:
            raise InvalidInput(f"The plan has no task {task}.", {"task": "is not in the plan"})
        if len(wishes.comments(tx.db, session_id)) >= MAX_OPEN:
            raise InvalidInput(f"There are {MAX_OPEN} open comments already.", {"text": "too many comments"})
        row = models.PlanComment(session_id=session_id, task=task or "", version=session.plan_version, text=words)
        tx.db.add(row)
        tx.db.flush()
        tx.emit("plan_commented", session_id, comment_id=row.id, task=row.task)
        return PlanCommentView.of(row)


def remove_comment(rt: Runtime, session_id: str, comment_id: str) -> None:
    """Remove a comment. Raises NotFound."""
    with rt.db.write() as tx:
        row = tx.db.get(models.PlanComment, comment_id)
        if row is None or row.session_id != session_id:
            raise NotFound("There is no such comment.")
        tx.db.delete(row)
        tx.emit("plan_commented", session_id, comment_id=comment_id, task=row.task)
