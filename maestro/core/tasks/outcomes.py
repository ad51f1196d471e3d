"""How decisions turned out: measured from evidence when a session ends, unless the user has said it."""

from __future__ import annotations

from typing import Literal

from sqlmodel import col, select

from maestro.core.kernel import lookup
from maestro.core.kernel.session_states import State
from maestro.core.kernel.text import clip
from maestro.db import models
from maestro.db.session import Transaction
from maestro.db.types import utcnow

Outcome = Literal["success", "partial", "failure", "unknown"]
OUTCOMES: tuple[Outcome, ...] = ("success", "partial", "failure", "unknown")

#: By whom an outcome was set.
EVIDENCE, YOU = "evidence", "you"
_REASON_CHARS = 500


def measure(tx: Transaction, session: models.Session) -> None:
    """Set the outcome of a session's decisions as it ends (session: a row of ``tx``); those that the user set stay.

    A worker's decision turns out as its task did, all others as the session.
    """
    whole = _of_session(tx, session)
    if whole is None:
        return
    tasks = {task.id: task for task in lookup.tasks_of(tx.db, session.id)}
    query = select(models.Decision).where(
        models.Decision.session_id == session.id,
        col(models.Decision.outcome_by).is_(None) | (col(models.Decision.outcome_by) != YOU),
    )
    rows = tx.db.exec(query).all()
    for row in rows:
        task = tasks.get(row.task_id) if row.task_id else None
        row.outcome, reason = _of_task(task, whole) if task else whole
        row.outcome_reason, row.outcome_by, row.outcome_measured_at = clip(reason, _REASON_CHARS), EVIDENCE, utcnow()
        tx.db.add(row)
    if rows:
        tx.emit("decision_outcomes", session.id, count=len(rows))


def _of_session(tx: Transaction, session: models.Session) -> tuple[Outcome, str] | None:
    if session.status == State.FAILED:
        return "failure", f"The session failed: {session.error_message or 'no reason is known'}"
    if session.status == State.CANCELLED:
        return "unknown", "The session was cancelled."
    if session.status != State.COMPLETED:
        return None
    result = session.result_json or {}
    skipped = [task.key for task in lookup.tasks_of(tx.db, session.id) if task.status == "skipped"]
    if skipped:
        return "partial", f"Completed without {', '.join(skipped)}."
    if not result.get("checks"):
        return "unknown", "Completed, but the plan has no final checks."
    if not result.get("proven"):
        return "partial", " ".join(["Completed with reservations.", *result.get("proven_but", [])])
    return "success", f"Completed: {result['checks']} final check{'s' if result['checks'] != 1 else ''} passed."


def _of_task(task: models.Task, whole: tuple[Outcome, str]) -> tuple[Outcome, str]:
    if task.status == "completed":
        return whole if whole[0] != "success" else ("success", f"{task.key} passed its checks. {whole[1]}")
    if task.status == "failed":
        return "failure", f"{task.key} failed: {task.error_message or 'no reason is known'}"
    return "unknown", f"{task.key} is {task.status}."
