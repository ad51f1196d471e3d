"""The rows of a rollback and of a restore: tasks, checkpoints and questions, as the branch stands after it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from maestro.core.approvals import asking
from maestro.core.integration import updates
from maestro.core.kernel import lookup
from maestro.core.kernel.session_states import State, move
from maestro.core.tasks import transitions
from maestro.db import models
from maestro.db.session import Transaction

#: What a rolled-back task gets back at a restore.
KEPT_OF_TASKS = ("attempt", "branch", "start_commit", "result_commit", "result_json", "conversation_id")


def rewind(tx: Transaction, session: models.Session, detail: dict[str, Any]) -> None:
    """After a rollback: what it took away is pending again, the other unfinished tasks begin anew."""
    undone = {c["id"] for c in detail["checkpoints"]}
    tasks = {t["id"] for t in detail["tasks"]}
    again = [t for t in lookup.tasks_of(tx.db, session.id) if t.id in tasks or t.status not in {"completed", "skipped"}]
    updates.give_back_base(tx, session, again)
    for task in again:
        transitions.reset(tx, task)
        if session.status == State.CANCELLED:
            transitions.cancel(tx, task)
    for later in undone:
        if point := tx.db.get(models.Checkpoint, later):
            tx.db.delete(point)
    asking.expire(tx, session.id)
    session.rollback_commit = detail["to"]
    session.result_json, session.validation_attempt, session.completed_at = None, 0, None
    if session.status == State.COMPLETED:
        move(tx, session, "rollback")
    tx.log(
        session.id,
        f"Rolled back to checkpoint {detail['number']}: {detail['title']}. Removed work is kept at {detail['kept']}.",
        kind="git",
        source="supervisor" if detail.get("automatic") else "you",
        level="warn",
    )
    told = {"checkpoint_id": detail["checkpoint"], "number": detail["number"], "commit": detail["to"]}
    tx.emit("rolled_back", session.id, **told, recovered_ref=detail["kept"], automatic=bool(detail.get("automatic")))


def bring_back(tx: Transaction, session: models.Session, detail: dict[str, Any]) -> None:
    """After a restore: the tasks of the rollback are completed again, with their checkpoints."""
    for kept in detail["tasks"]:
        task = tx.db.get(models.Task, kept["id"])
        if task is not None:
            transitions.restore(tx, task, **{name: kept[name] for name in KEPT_OF_TASKS})
    rest = [t for t in lookup.tasks_of(tx.db, session.id) if t.status not in {"completed", "skipped"}]
    updates.give_back_base(tx, session, rest)
    for task in rest:
        transitions.reset(tx, task)  # it may have begun from the earlier commit meanwhile
    back = {kept["id"] for kept in detail["tasks"]}
    updates.take_base(tx, session, [t for t in lookup.tasks_of(tx.db, session.id) if t.id in back])
    for point in detail["checkpoints"]:
        if tx.db.get(models.Checkpoint, point["id"]) is None:
            tx.db.add(models.Checkpoint(**point | {"created_at": datetime.fromisoformat(point["created_at"])}))
    asking.expire(tx, session.id)
    keys = ", ".join(sorted(str(p["title"]) for p in detail["checkpoints"]))
    tx.log(session.id, f"Restored work removed by a rollback: {keys}.", kind="git", source="you")
    tx.emit("restored", session.id, commit=detail["to"], recovered_ref=detail["kept"])


def tell_unfinished(tx: Transaction, intent_id: str, why: str) -> None:
    """A rollback or restore that nobody waits for could not be done: say so in its session."""
    intent = tx.db.get(models.Intent, intent_id)
    session = tx.db.get(models.Session, intent.session_id) if intent else None
    if intent is None or session is None:
        return
    text = f"A {intent.kind} could not be finished: {why}"
    if intent.done_at is not None and intent.detail.get("automatic"):  # called off
        text = f"The fixes, which did not help, are still on the session branch: {why} Roll back to remove them."
        session.rollback_commit = None
        tx.db.add(session)
    tx.log(session.id, text, level="error", kind="git", source="git")
    tx.emit("notification", session.id, level="warn", title=f"{session.title}: not rolled back", text=text)
