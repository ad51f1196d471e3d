"""What the user wants of the next version: words, comments on tasks and on the plan, and which tasks may change.

Kept beside the version it is about until there is a next one, so that a restart asks for the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from sqlmodel import Session as DbSession
from sqlmodel import col, select

from maestro.core.kernel.lookup import plan_row
from maestro.core.planning.plan import Plan
from maestro.db import models
from maestro.db.session import Transaction


class Wish(BaseModel):
    """``tasks``: only these may change, and new ones come; None: all. ``comments``: ids of those that go with it."""

    feedback: str | None = None
    tasks: list[str] | None = None
    comments: list[str] = []


def put(tx: Transaction, session: models.Session, wish: Wish | None) -> None:
    """Keep what is wanted beside the current version; None: nothing any longer. Nothing to do without a plan."""
    if not session.plan_version:
        return
    row = plan_row(tx.db, session)
    row.about = (row.about or {}) | {"wish": wish.model_dump() if wish else None}
    tx.db.add(row)


def of(db: DbSession, session: models.Session) -> Wish:
    """What is wanted of the next version."""
    if not session.plan_version:
        return Wish()
    try:
        return Wish.model_validate((plan_row(db, session).about or {}).get("wish") or {})
    except ValidationError:
        return Wish()


def comments(
    db: DbSession, session_id: str, *, open_only: bool = True, ids: Sequence[str] | None = None
) -> list[models.PlanComment]:
    """The comments on a session's plan, oldest first."""
    query = select(models.PlanComment).where(models.PlanComment.session_id == session_id)
    if open_only:
        query = query.where(col(models.PlanComment.answered_by).is_(None))
    if ids is not None:
        query = query.where(col(models.PlanComment.id).in_(ids))
    return list(db.exec(query.order_by(col(models.PlanComment.created_at), col(models.PlanComment.id))).all())


def answer(tx: Transaction, session: models.Session, wish: Wish) -> None:
    """The next version is there: the comments that went with the wish are answered by it."""
    for row in comments(tx.db, session.id, ids=wish.comments):
        row.answered_by = session.plan_version
        tx.db.add(row)


def as_words(db: DbSession, session: models.Session, wish: Wish, before: Plan) -> list[str]:
    """The wish for the planner to read, in parts."""
    parts = []
    if wish.feedback:
        parts.append(f"What the user wants to be different from it:\n{wish.feedback}")
    said = comments(db, session.id, ids=wish.comments)
    if said:
        lines = "\n".join(f"- {f'task {c.task}' if c.task else 'the plan'}: {c.text}" for c in said)
        parts.append(f"The user's comments on it; each must be met:\n{lines}")
    if wish.tasks is not None:
        kept = [task.id for task in before.tasks if task.id not in wish.tasks]
        only = f"Change only these tasks: {', '.join(wish.tasks)}." if wish.tasks else "Change no task that is there."
        parts.append(
            f"{only} New ones may come. The others ({', '.join(kept) or 'none'}) and the rest of the plan stay as they are, "
            "whatever you hand in for them; new tasks need ids of their own."
        )
    return parts


def kept_beside(before: dict[str, Any], answer_: Any, selected: Sequence[str]) -> Any:
    """An answer completed from the plan before: all but the selected tasks and new ones are as they were."""
    if not isinstance(answer_, dict) or not isinstance(answer_.get("tasks"), list):
        return answer_
    given = {str(t["id"]): t for t in answer_["tasks"] if isinstance(t, dict) and "id" in t}
    known = {task["id"] for task in before["tasks"]}
    tasks = [
        task if task["id"] not in selected else given.get(task["id"])
        for task in before["tasks"]
        if task["id"] not in selected or task["id"] in given
    ]
    return before | {"tasks": [*tasks, *(task for key, task in given.items() if key not in known)]}
