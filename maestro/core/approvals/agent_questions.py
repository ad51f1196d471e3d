"""Questions of agents at work (``ask_user``): they wait for words, and outlive the worker that asked.

While the worker lives its answer goes into its inbox, as a gate's does. Where the worker ended first, the question stays
open without it, and the answer starts the next run of the conversation (``commands.answers``). An answer that the worker
got and the agent has not read is told again.
"""

from __future__ import annotations

from typing import Any

from sqlmodel import col, select

from maestro.core.approvals import asking
from maestro.db import models
from maestro.db.session import Transaction

KIND = "agent_question"

#: What an agent hears instead of an answer while the user is away and does not want to be waited for.
ASSUME = (
    "The user is away. Go on with the assumption that fits the task best: state it in your last words, and record it with "
    "`record_decision`."
)


def ask(
    tx: Transaction,
    session: models.Session,
    task: models.Task,
    worker: models.Worker,
    *,
    request_id: str,
    question: str,
    options: list[str],
    why: str,
    assume: bool,
) -> models.Approval:
    """Put an agent's question to the user. ``assume``: one who is away need not be waited for."""
    detail: dict[str, Any] = {
        "words": question,
        "options": options,
        "why": why,
        "allow": "your message is the answer; the agent continues with it",
        "deny": "let the agent decide",
    }
    first = question.strip().partition("\n")[0]
    title = f"{task.key} asks: {first if len(first) <= 200 else first[:200] + '…'}"
    place = {"worker_id": worker.id, "request_id": request_id}
    asked = asking.ask(tx, session, task, kind=KIND, title=title, detail=detail, **place)
    if assume and session.agent_config.get("away"):
        asking.resolve(tx, session, asked, allow=False, message=ASSUME, by="away")
    return asked


def assume(tx: Transaction, session: models.Session) -> None:
    """The user goes away and does not want to be waited for: agents at work go on with assumptions of their own."""
    query = select(models.Approval).where(
        models.Approval.session_id == session.id,
        models.Approval.kind == KIND,
        models.Approval.status == "pending",
        col(models.Approval.request_id).is_not(None),
        col(models.Approval.worker_id).is_not(None),
    )
    for asked in tx.db.exec(query).all():
        asking.resolve(tx, session, asked, allow=False, message=ASSUME, by="away")


def outlive(tx: Transaction, worker: models.Worker) -> bool:
    """A worker has ended: what it asked and nobody has answered waits on without it. Whether there is such a question."""
    waits = False
    for asked in _of(tx, worker):
        if asked.status == "pending":
            asked.worker_id, waits = None, True
            tx.db.add(asked)
    return waits


def unread(tx: Transaction, worker: models.Worker) -> list[models.Approval]:
    """What the user has answered to a worker that has ended, and its agent has not read."""
    return [a for a in _of(tx, worker) if a.status in {"allowed", "denied"} and not a.detail.get("taken")]


def taken(tx: Transaction, asked: models.Approval) -> None:
    """The agent has read the answer."""
    asked.detail = asked.detail | {"taken": True}
    tx.db.add(asked)


def find(tx: Transaction, worker: models.Worker, request_id: str) -> models.Approval | None:
    """A worker's question by its own id."""
    return next((a for a in _of(tx, worker) if a.request_id == request_id), None)


def _of(tx: Transaction, worker: models.Worker) -> list[models.Approval]:
    query = select(models.Approval).where(models.Approval.worker_id == worker.id, models.Approval.kind == KIND)
    return list(tx.db.exec(query.order_by(col(models.Approval.created_at))).all())
