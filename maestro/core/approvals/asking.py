"""Questions to the user: raised by workers and by the plan, answered anywhere, delivered exactly where asked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Session as DbSession
from sqlmodel import col, select

from maestro import secrets
from maestro.core.kernel import channel, lookup, task_states
from maestro.core.kernel.runtime import Runtime
from maestro.db import models
from maestro.db.session import Transaction
from maestro.db.types import utcnow
from maestro.terminal_text import everywhere, plain, visible

#: What an agent hears instead of an answer while the user is away.
AWAY = (
    "The user is away and cannot allow this. Find another way without it; if there is none, leave it out, "
    "continue with the rest, and say at the end what is missing and why."
)

#: Asked when an agent has ended, about what it leaves (see ``proving.questions``).
ENDING_KINDS = ("nothing_changed", "agent_question")

#: The same, of which the next landing takes up the answer.
LANDING_KINDS = ("tests_missing", "outside_files", "check_changed", "infrastructure", "trust")

#: Questions about what would run: nothing of that is hidden by what looks like a secret.
_TO_RUN = frozenset({"tool", "trust"})

#: Of the other questions: what an answer runs, or looks for among rows.
_ACTED_ON = frozenset(
    {"command", "missing_setup", "setup_check", "items", "marks", "git_dir", "repo_path", "budget", "files"}
)


def ask(
    tx: Transaction,
    session: models.Session,
    task: models.Task | None,
    *,
    kind: str,
    title: str,
    detail: dict[str, Any],
    risk: str = "medium",
    worker_id: str | None = None,
    request_id: str | None = None,
    signature: str | None = None,
) -> models.Approval:
    """Raise a question, or answer it at once: "allow for this session" covers it, or nobody is there to allow it."""
    # A command that is asked about is shown whole; of what one has printed only the text.
    change, told = (visible, detail.keys()) if kind == "tool" else (plain, {"reason", "output"} & detail.keys())
    title, detail = change(title), detail | {name: everywhere(change, detail[name]) for name in told}
    title, detail = without_secrets(kind, title, detail)
    signature = secrets.sealed(signature) if signature else None
    approval = models.Approval(
        session_id=session.id,
        task_id=task.id if task else None,
        worker_id=worker_id,
        kind=kind,
        request_id=request_id,
        title=title,
        detail=detail,
        risk=risk,
        signature=signature,
    )
    tx.db.add(approval)
    tx.db.flush()
    if signature and signature in session.allowances:
        resolve(tx, session, approval, allow=True, message="Allowed for this session earlier.", by="allowance")
        return approval
    if kind == "tool" and session.agent_config.get("away"):
        _deny_in_absence(tx, session, approval)
        return approval
    tx.emit(
        "approval_requested",
        session.id,
        approval_id=approval.id,
        task_id=approval.task_id,
        worker_id=worker_id,
        kind=kind,
        title=title,
        detail=detail,
        risk=risk,
    )
    if task:
        tx.emit("task_waiting", session.id, task_id=task.id, key=task.key, reason=title)
    return approval


def without_secrets(kind: str, title: str, detail: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """What is asked as it is shown and kept: without secrets, but with all that would run, and what the answer acts on."""
    hide = secrets.clean_command if kind in _TO_RUN else secrets.clean
    kept = set() if kind == "tool" else _ACTED_ON
    clean = {name: value if name in kept else secrets.everywhere(value, hide) for name, value in detail.items()}
    return secrets.clean_command(title), clean


def resolve(
    tx: Transaction,
    session: models.Session,
    approval: models.Approval,
    *,
    allow: bool,
    message: str | None = None,
    by: str = "you",
) -> None:
    """Record the answer, who gave it (you, allowance, away), and what follows. A worker hears of it through ``deliver``."""
    approval.status = "allowed" if allow else "denied"
    approval.message = message
    approval.resolved_at, approval.resolved_by = utcnow(), by
    tx.db.add(approval)
    tx.emit(
        "approval_resolved",
        session.id,
        approval_id=approval.id,
        task_id=approval.task_id,
        decision=approval.status,
        by=by,
    )
    word = _said(approval, allow=allow, by=by)
    text = f"{word}: {approval.title}" + (f" ({message})" if message and by != "away" else "")
    place = {"task_id": approval.task_id, "worker_id": approval.worker_id}
    level, source = ("warn", "supervisor") if by == "away" else ("info", "you")
    tx.log(session.id, text, level=level, kind="gate", source=source, **place)
    follow_up = _FOLLOW_UP.get(approval.kind)
    if follow_up is not None:
        follow_up(tx, session, approval)


def _said(approval: models.Approval, *, allow: bool, by: str) -> str:
    if approval.kind == "agent_question":
        return "Answered" if allow else "Left to the agent" + (" while you are away" if by == "away" else "")
    return "Denied while you are away" if by == "away" else "Allowed" if allow else "Denied"


def grant_for_session(tx: Transaction, session: models.Session, signature: str) -> None:
    """Cover everything of this signature for the rest of the session, open questions included."""
    if signature not in session.allowances:
        session.allowances = [*session.allowances, signature]
        tx.db.add(session)
    query = select(models.Approval).where(
        models.Approval.session_id == session.id,
        models.Approval.status == "pending",
        models.Approval.signature == signature,
    )
    for other in tx.db.exec(query).all():
        resolve(tx, session, other, allow=True, message="Allowed for this session.", by="allowance")


def absence_changed(tx: Transaction, session: models.Session, *, away: bool) -> None:
    """The user goes or comes back: open gates of agents are answered, or it is told what was denied meanwhile.

    Only what an agent wants to do is denied. Whatever else asks is the user's to decide and waits.
    """
    pending = lookup.pending_approvals(tx.db, session.id)
    if away:
        words = "You’re away: risky actions are denied. Other questions wait for you."
        tx.log(session.id, words, kind="gate", source="you")
        for approval in pending:
            if approval.kind == "tool":
                _deny_in_absence(tx, session, approval)
        return
    denied = len(denied_in_absence(tx.db, session.id))
    said = f"You are back. Denied while you were away: {denied}. Questions waiting for you: {len(pending)}."
    tx.log(session.id, said, kind="gate", source="you")


def denied_in_absence(db: DbSession, session_id: str, since: datetime | None = None) -> list[str]:
    """What Maestro has denied because the user was away, as titles; ``since`` a moment or ever."""
    query = select(models.Approval.title).where(
        models.Approval.session_id == session_id, models.Approval.resolved_by == "away"
    )
    if since is not None:
        query = query.where(col(models.Approval.resolved_at) > since)
    return list(db.exec(query.order_by(col(models.Approval.resolved_at))).all())


def _deny_in_absence(tx: Transaction, session: models.Session, approval: models.Approval) -> None:
    if not denied_in_absence(tx.db, session.id):  # told once; the rest is in the log and on the session's page
        title, text = (
            "Denied while you are away",
            f"{approval.title}. Agents continue without it.",
        )
        tx.emit("notification", session.id, level="warn", title=title, text=text)
    resolve(tx, session, approval, allow=False, message=AWAY, by="away")


def expire(tx: Transaction, session_id: str, *, worker_id: str | None = None, task_id: str | None = None) -> None:
    """Close open questions that nobody waits for any more. An alarm stays: what was planted is there all the same."""
    query = select(models.Approval).where(models.Approval.session_id == session_id, models.Approval.status == "pending")
    query = query.where(models.Approval.kind != "escape")
    if worker_id:
        query = query.where(models.Approval.worker_id == worker_id)
    if task_id:
        query = query.where(models.Approval.task_id == task_id)
    for approval in tx.db.exec(query).all():
        _close(tx, session_id, approval)
        if approval.kind in (*LANDING_KINDS, *ENDING_KINDS):
            back_to_landing(tx, approval, "Checking again")  # which asks again where it still has to


def withdraw(tx: Transaction, session_id: str, worker_id: str, request_id: str) -> None:
    """Close a question of a run that the agent no longer waits for: it was interrupted for something else."""
    query = select(models.Approval).where(
        models.Approval.worker_id == worker_id,
        models.Approval.request_id == request_id,
        models.Approval.status == "pending",
    )
    for approval in tx.db.exec(query).all():
        _close(tx, session_id, approval)


def _close(tx: Transaction, session_id: str, approval: models.Approval) -> None:
    approval.status = "expired"
    approval.resolved_at = utcnow()
    tx.db.add(approval)
    tx.emit("approval_resolved", session_id, approval_id=approval.id, task_id=approval.task_id, decision="expired")


def deliver(rt: Runtime) -> None:
    """Write answers that no worker has got yet into the inboxes. A worker ignores an answer it already has."""
    query = select(models.Approval, models.Worker).join(
        models.Worker, col(models.Worker.id) == col(models.Approval.worker_id)
    )
    query = query.where(
        col(models.Approval.request_id).is_not(None),
        col(models.Approval.status).in_(["allowed", "denied"]),
        col(models.Approval.delivered_at).is_(None),
    )
    with rt.db.read() as db:
        found = db.exec(query).all()
    failed: list[OSError] = []
    for approval, worker in found:
        try:
            _deliver(rt, approval, worker)
        except OSError as error:  # this one again at the next look; the others need not wait for it
            failed.append(error)
    if failed:
        raise failed[0]


def _deliver(rt: Runtime, approval: models.Approval, worker: models.Worker) -> None:
    """Marked as delivered only when it is written whole: half an answer is none."""
    entry = {
        "type": "decision",
        "request_id": approval.request_id,
        "allow": approval.status == "allowed",
        "message": approval.message or "",
    }
    if worker.status != "ended":
        channel.send(rt, worker, entry)
    with rt.db.write() as tx:
        row = tx.db.get(models.Approval, approval.id)
        if row is not None:
            row.delivered_at = utcnow()
            tx.db.add(row)


def broadcast_allowance(rt: Runtime, session_id: str, signature: str) -> None:
    """Tell the session's living workers what they need not ask any more."""
    with rt.db.read() as db:
        workers = lookup.live_workers(db, session_id)
    for worker in workers:
        channel.send(rt, worker, {"type": "allowance", "signature": signature})


def _after_tool(tx: Transaction, _session: models.Session, approval: models.Approval) -> None:
    worker = tx.db.get(models.Worker, approval.worker_id) if approval.worker_id else None
    task = tx.db.get(models.Task, approval.task_id) if approval.task_id else None
    if worker and worker.status in {"waiting", "paused"} and not _other_open(tx, approval):
        if worker.status == "waiting":  # a paused one hears of it when the session goes on
            worker.status = "running"
            tx.db.add(worker)
        if task and task.status == "waiting":
            task_states.move(tx, task, "resume")


def _other_open(tx: Transaction, approval: models.Approval) -> bool:
    query = select(models.Approval.id).where(
        models.Approval.worker_id == approval.worker_id,
        models.Approval.status == "pending",
        models.Approval.id != approval.id,
    )
    return tx.db.exec(query).first() is not None


def _after_task_start(tx: Transaction, session: models.Session, approval: models.Approval) -> None:
    task = tx.db.get(models.Task, approval.task_id) if approval.task_id else None
    if task is None or task.status != "waiting":
        return
    if approval.status == "allowed":
        task_states.move(tx, task, "release")
    else:
        words = "Skipped: you chose not to start it." + (f" {approval.message}" if approval.message else "")
        task_states.move(tx, task, "skip", completed_at=utcnow(), error_message=words)
        tx.emit("task_completed", session.id, task_id=task.id, key=task.key, result={"skipped": True})


def _after_landing(tx: Transaction, _session: models.Session, approval: models.Approval) -> None:
    """Whatever the answer, the next landing takes it up (see ``proving.questions``)."""
    back_to_landing(tx, approval, "You answered")


def back_to_landing(tx: Transaction, approval: models.Approval, note: str) -> None:
    """Let the task that a question is about land once more, with a note on how far it is."""
    task = tx.db.get(models.Task, approval.task_id) if approval.task_id else None
    if task is not None and task.status == "waiting":
        event: task_states.Event = "resume" if approval.detail.get("then") == "running" else "check"
        task_states.move(tx, task, event, progress_note=note)


#: What follows an answer at once, in rows alone. What else follows is the table of ``commands.answers``.
_FOLLOW_UP = {
    "tool": _after_tool,
    "agent_question": _after_tool,  # of a worker that still lives; else see ``commands.answers``
    "task_start": _after_task_start,
    **dict.fromkeys(LANDING_KINDS, _after_landing),
}
