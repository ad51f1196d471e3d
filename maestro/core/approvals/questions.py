"""What a landing asks the user: raised once, answered whenever, looked up again by the next landing.

The approval row is all there is. While it is open its task waits; the answer sends the task back into
landing, which starts from the top, finds the answer, and goes on or sends the task back to its agent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlmodel import col, select

from maestro.core.approvals import asking, missing_set_up
from maestro.core.approvals.asking import LANDING_KINDS
from maestro.core.approvals.question import AS_BEFORE, NO_TESTS, SETUP, STOP_SET_UP, Question
from maestro.core.kernel import lookup, task_states, watch_mode
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.text import clip
from maestro.db import models
from maestro.db.session import Transaction
from maestro.db.types import utcnow
from maestro.errors import MaestroError, SetupFailed

#: Kinds whose "yes" holds for the whole session; of the others, for the task that asked.
_FOR_SESSION = frozenset({"tests_missing"})


def accepted(rt: Runtime, session_id: str, task_id: str | None, kind: str) -> set[str]:
    """The items the user has said yes to."""
    query = select(models.Approval).where(
        models.Approval.session_id == session_id, models.Approval.kind == kind, models.Approval.status == "allowed"
    )
    if kind not in _FOR_SESSION:
        query = query.where(models.Approval.task_id == task_id)
    with rt.db.read() as db:
        return {item for row in db.exec(query).all() for item in row.detail.get("items", [])}


def raise_question(rt: Runtime, session: models.Session, task: models.Task | None, question: Question) -> None:
    """Ask, and let the task wait. Of infrastructure only one question of a session is open at a time."""
    offered = missing_set_up.offer(session, question)
    with rt.db.write() as tx:
        row = lookup.task_row(tx.db, session.id, task.id) if task else None
        if row is not None and row.status not in {"running", "checking", "integrating"}:
            return
        if question.kind == "infrastructure" and _open_infrastructure(tx, session.id):
            return
        if row is not None:
            task_states.move(tx, row, "ask", progress_note=question.title)
        detail = {
            "items": question.items,
            "prompt": question.prompt,
            "then": question.then,
            **question.detail,
            **offered,
        }
        kind, title = question.kind, question.title
        asking.ask(tx, session, row, kind=kind, title=title, detail=detail, risk=question.risk)
        task_id = row.id if row else None
        tx.log(session.id, f"Asks: {title}", level="warn", kind="gate", source="checks", task_id=task_id)


def merge_train_blocker(rt: Runtime, session_id: str) -> models.Approval | None:
    """The open question about the surroundings that keeps this session from landing anything."""
    query = select(models.Approval).where(
        models.Approval.session_id == session_id,
        models.Approval.kind == "infrastructure",
        models.Approval.status == "pending",
    )
    with rt.db.read() as db:
        return db.exec(query).first()


def refusal(rt: Runtime, task: models.Task) -> models.Approval | None:
    """A "no" of the user that the task has not been sent back for yet."""
    query = select(models.Approval).where(
        models.Approval.task_id == task.id,
        col(models.Approval.kind).in_(LANDING_KINDS),
        models.Approval.status == "denied",
        col(models.Approval.delivered_at).is_(None),
    )
    with rt.db.read() as db:
        return db.exec(query.order_by(col(models.Approval.created_at))).first()


def mark_delivered(tx: Transaction, approval_id: str) -> None:
    """Note that the task was sent back for this refusal."""
    row = tx.db.get(models.Approval, approval_id)
    if row is not None:
        row.delivered_at = utcnow()
        tx.db.add(row)


def confirmed_failures(rt: Runtime, session_id: str) -> set[str]:
    """Failures of which the user said that they are the agent's after all (see ``infrastructure``)."""
    return {item for row in _surroundings(rt, session_id, "denied") for item in row.detail.get("items", [])}


def accepted_failures(rt: Runtime, session_id: str) -> set[str]:
    """Failures, and checks without tests, as on the untouched base with which the user goes on."""
    allowed = [r for r in _surroundings(rt, session_id, "allowed") if r.detail.get("what") in (AS_BEFORE, NO_TESTS)]
    return {item for row in allowed for item in row.detail.get("items", [])}


def _surroundings(rt: Runtime, session_id: str, status: str) -> Sequence[models.Approval]:
    query = select(models.Approval).where(
        models.Approval.session_id == session_id,
        models.Approval.kind == "infrastructure",
        models.Approval.status == status,
    )
    with rt.db.read() as db:
        return db.exec(query).all()


def infrastructure_question(reason: str, key: str, output: str) -> Question:
    """The question after a check that its surroundings, or nobody, made fail: nothing lands before the answer."""
    detail = {
        "reason": reason,
        "output": clip(output, 6000),
        "allow": "try again",
        "deny": "count it as the agent's failure",
    }
    title = f"Merging tasks is on hold until you answer: {reason}"[:400]
    return Question("infrastructure", title, [key], "", detail, risk="high")


def watches(command: str, key: str, output: str) -> Question:
    """The question after a check that watches for changes and never ends; with the command that would end, if known."""
    ends = watch_mode.suggestion(command, output)
    way = f"Use `{ends}` instead." if ends else "Correct the command so that it ends on its own."
    question = infrastructure_question(f"`{command}` proves nothing: {watch_mode.reason(output)} {way}", key, output)
    return replace(question, detail=question.detail | {"command": command} | ({"suggestion": ends} if ends else {}))


def _open_infrastructure(tx: Transaction, session_id: str) -> bool:
    query = select(models.Approval.id).where(
        models.Approval.session_id == session_id,
        models.Approval.kind == "infrastructure",
        models.Approval.status == "pending",
    )
    return tx.db.exec(query).first() is not None


def setup_failed(error: MaestroError, *, then: str = "checking") -> Question:
    """The question after a set-up command or git failed: the surroundings have to be mended first."""
    detail = {
        "what": SETUP,
        "reason": error.detail,
        "allow": "try again: I fixed it",
        "deny": "give up",
    }
    detail |= {name: error.extra[name] for name in ("network_for", "network_hosts") if name in error.extra}
    what = "Worktree setup failed." if isinstance(error, SetupFailed) else "The repository needs you."
    title = f"{what} This session is on hold until you answer."
    return Question("infrastructure", title, [error.detail], error.detail, detail, risk="high", then=then)


def setup_blocked(rt: Runtime, session_id: str) -> bool:
    """Whether no worktree of this session can be set up, or none has to, until the user has answered."""
    stopped = merge_train_blocker(rt, session_id)
    return stopped is not None and stopped.detail.get("what") in STOP_SET_UP


def setup_refusal(rt: Runtime, task: models.Task) -> str | None:
    """Why the task has failed, when the user would not try its set-up again; said once."""
    answer = refusal(rt, task)
    if answer is None or answer.detail.get("what") != SETUP:
        return None
    with rt.db.write() as tx:
        mark_delivered(tx, answer.id)
    return str(answer.detail.get("reason"))


def validation_blocked(rt: Runtime, session_id: str) -> bool:
    """Whether the checks of the whole wait for an answer."""
    query = select(models.Approval.id).where(
        models.Approval.session_id == session_id,
        col(models.Approval.kind).in_(LANDING_KINDS),
        col(models.Approval.task_id).is_(None),
        models.Approval.status == "pending",
    )
    with rt.db.read() as db:
        return db.exec(query).first() is not None or merge_train_blocker(rt, session_id) is not None


def validation_refusal(rt: Runtime, session_id: str, question: Question) -> str | None:
    """What the agent is to mend, when the user has said no to this very question about the whole."""
    query = select(models.Approval).where(
        models.Approval.session_id == session_id,
        models.Approval.kind == question.kind,
        col(models.Approval.task_id).is_(None),
        models.Approval.status == "denied",
    )
    with rt.db.read() as db:
        denied = db.exec(query).all()
    covered = {item for row in denied for item in row.detail.get("items", [])}
    words = [row.message for row in denied if row.message]
    if not denied or not covered.issuperset(question.items):
        return None
    return question.prompt + (f"\n\nNote from the user: {words[-1]}" if words else "")
