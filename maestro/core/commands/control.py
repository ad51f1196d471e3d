"""Execute, pause, resume, cancel, retry, skip, fail, roll back."""

from __future__ import annotations

from pathlib import Path

from sqlmodel import Session as DbSession
from sqlmodel import col, select

from maestro.core import cleanup, gatekeeping, lookup, outcomes, processes, queries
from maestro.core.locks import branch_lock, call_off
from maestro.core.runtime import Runtime
from maestro.core.state_machine import State, allowed_events, move
from maestro.core.views import SessionView
from maestro.db import models
from maestro.db.session import Transaction
from maestro.db.types import utcnow
from maestro.errors import InvalidInput, NotAllowed, NotFound
from maestro.worktrees import history, integration, manager, repository


def execute(rt: Runtime, session_id: str) -> SessionView:
    """APPROVED to EXECUTING: record the base commit, make the session branch, store checkpoint 0."""
    with branch_lock(rt, session_id):
        with rt.db.read() as db:
            session = lookup.session_row(db, session_id)
        if session.status != State.APPROVED:
            raise _not_now(session, "start_execution")
        base = _base_commit(session)
        repo = Path(session.repo_path)
        manager.create_branch(repo, session.session_branch, base)
        integration.keep(repo, integration.checkpoint_ref(session_id, 0), base)
        with rt.db.write() as tx:
            row = lookup.session_row(tx.db, session_id)
            move(tx, row, "start_execution")
            row.base_commit = row.session_commit = row.checkpoint_commit = base
            point = models.Checkpoint(session_id=session_id, number=0, commit=base, title="Where the work began")
            tx.db.add(point)
            tx.log(
                session_id,
                f"The work begins on {row.base_branch or 'a detached commit'} at {base[:10]}",
                kind="git",
                source="git",
            )
            tx.emit("checkpoint_created", session_id, checkpoint_id=point.id, number=0, commit=base, task_id=None)
    rt.wake()
    return queries.get_session(rt, session_id)


def pause(rt: Runtime, session_id: str) -> SessionView:
    """EXECUTING to PAUSED; every worker's process tree is stopped when this returns."""
    with rt.db.write() as tx:
        move(tx, lookup.session_row(tx.db, session_id), "pause")
        for worker in lookup.live_workers(tx.db, session_id):
            processes.suspend(worker)
            worker.status = "paused"
            tx.db.add(worker)
        tx.log(session_id, "Paused. The workers stand still; nothing is lost.", source="you")
    return queries.get_session(rt, session_id)


def resume(rt: Runtime, session_id: str) -> SessionView:
    """PAUSED to EXECUTING; the workers go on where they stood."""
    with rt.db.write() as tx:
        move(tx, lookup.session_row(tx.db, session_id), "resume")
        for worker in lookup.live_workers(tx.db, session_id):
            if worker.status == "paused":
                worker.status = "waiting" if _has_open_gate(tx, worker) else "running"
                tx.db.add(worker)
            processes.go_on(worker)
        tx.log(session_id, "Going on.", source="you")
    rt.wake()
    return queries.get_session(rt, session_id)


def cancel(rt: Runtime, session_id: str, reason: str | None = None) -> SessionView:
    """End a session for good: no process is left when this returns, and all work is kept under recovered refs."""
    with branch_lock(rt, session_id):
        with rt.db.write() as tx:
            row = lookup.session_row(tx.db, session_id)
            move(tx, row, "cancel", approved=True, reason=reason)
            row.error_message = f"Cancelled: {reason}" if reason else "Cancelled."
            gatekeeping.expire(tx, session_id)
            for task in lookup.tasks_of(tx.db, session_id):
                if task.status not in {"completed", "skipped"}:
                    task.status, task.completed_at, task.progress_note = "cancelled", utcnow(), None
                    tx.db.add(task)
        call_off(rt, session_id)
        _stop_workers(rt, session_id)
        cleanup.remove_worktrees(rt, row)
    with rt.db.write() as tx:
        tx.log(
            session_id, f"{row.error_message} Unfinished work is kept under recovered refs.", level="warn", source="you"
        )
    return queries.get_session(rt, session_id)


def retry(rt: Runtime, session_id: str, *, task: str | None = None, hint: str | None = None) -> SessionView:
    """Try failed work again: one task, or all failed ones; a FAILED session goes back to EXECUTING.

    ``hint`` is told to the agent. Raises NotAllowed when nothing has failed.
    """
    with rt.db.write() as tx:
        session = lookup.session_row(tx.db, session_id)
        tasks = [lookup.task_row(tx.db, session_id, task)] if task else lookup.tasks_of(tx.db, session_id)
        failed = [t for t in tasks if t.status == "failed"]
        if session.status == State.FAILED:
            move(tx, session, "retry", reason=hint)
            session.error_message, session.completed_at, session.validation_attempt = None, None, 0
        elif session.status != State.EXECUTING or not failed:
            raise _not_now(session, "retry")
        for row in failed:
            outcomes.retry_task(tx, session, row, hint)
    rt.wake()
    return queries.get_session(rt, session_id)


def skip_task(rt: Runtime, session_id: str, task: str) -> SessionView:
    """Go on without a failed or pending task. Raises NotAllowed for a task that is under way or done."""
    with rt.db.write() as tx:
        session = lookup.session_row(tx.db, session_id)
        row = lookup.task_row(tx.db, session_id, task)
        if (
            session.status not in {State.EXECUTING, State.PAUSED}
            or row.status not in {"failed", "pending", "waiting"}
            or (row.attempt and row.status == "waiting")
        ):
            raise NotAllowed(
                f"Task {row.key} is {row.status}; only a failed or pending one can be skipped.",
                state=session.status,
                allowed=allowed_events(session.status),
            )
        outcomes.skip_task(tx, session, row)
    rt.wake()
    return queries.get_session(rt, session_id)


def fail_session(rt: Runtime, session_id: str, reason: str | None = None) -> SessionView:
    """EXECUTING to FAILED, by the person: workers end, their work is kept, ``retry`` can go on later."""
    with branch_lock(rt, session_id):
        with rt.db.write() as tx:
            session = lookup.session_row(tx.db, session_id)
            failed = [t for t in lookup.tasks_of(tx.db, session_id) if t.status == "failed"]
            words = "; ".join(f"{t.key}: {t.error_message}" for t in failed)
            outcomes.fail_session(tx, session, reason or words or "Given up.")
        call_off(rt, session_id)
        _stop_workers(rt, session_id)
    return queries.get_session(rt, session_id)


def rollback(rt: Runtime, session_id: str, checkpoint: str) -> SessionView:
    """Take the session branch back to a checkpoint (id, number or commit); later tasks become pending.

    What it takes away stays under recovered refs. A completed session that is not merged is paused by it.
    Raises NotAllowed in other states, NotFound for an unknown checkpoint.
    """
    with branch_lock(rt, session_id):
        with rt.db.read() as db:
            session = lookup.session_row(db, session_id)
            point = _checkpoint(db, session_id, checkpoint)
        if session.status not in {State.EXECUTING, State.PAUSED, State.FAILED, State.COMPLETED} or session.merge_json:
            raise _not_now(session, "rollback")
        call_off(rt, session_id)
        _stop_workers(rt, session_id)
        cleanup.remove_worktrees(rt, session)
        repo = Path(session.repo_path)
        tip = history.tip(repo, session.session_branch)
        kept = integration.recovered_ref(session_id, f"rollback-{tip[:12]}")
        integration.reset_branch(repo, session.session_branch, point.commit, keep_as=kept)
        with rt.db.write() as tx:
            _rewind(tx, session_id, point, kept)
    rt.wake()
    return queries.get_session(rt, session_id)


def _rewind(tx: Transaction, session_id: str, point: models.Checkpoint, kept: str) -> None:
    session = lookup.session_row(tx.db, session_id)
    query = select(models.Checkpoint).where(models.Checkpoint.session_id == session_id)
    gone = tx.db.exec(query.where(col(models.Checkpoint.number) > point.number)).all()
    undone = {c.task_id for c in gone}
    for task in lookup.tasks_of(tx.db, session_id):
        if task.id in undone or task.status not in {"completed", "skipped"}:
            _reset(tx, task)
    for later in gone:
        tx.db.delete(later)
    gatekeeping.expire(tx, session_id)
    session.session_commit = session.checkpoint_commit = session.rollback_commit = point.commit
    session.result_json, session.validation_attempt, session.completed_at = None, 0, None
    tx.db.add(session)
    if session.status == State.COMPLETED:
        move(tx, session, "rollback")
    tx.log(
        session_id,
        f"Rolled back to checkpoint {point.number}: {point.title}. What was taken away is kept at {kept}.",
        kind="git",
        source="you",
        level="warn",
    )
    tx.emit(
        "rolled_back", session_id, checkpoint_id=point.id, number=point.number, commit=point.commit, recovered_ref=kept
    )


def _reset(tx: Transaction, task: models.Task) -> None:
    """Back to pending, as if it had never run; what was spent on it stays counted."""
    task.status, task.attempt, task.interruptions, task.progress = "pending", 0, 0, 0.0
    task.assigned_worker_id = task.conversation_id = task.prompt = task.progress_note = task.error_message = None
    task.branch = task.worktree_path = task.start_commit = task.result_commit = None
    task.result_json = None
    task.started_at = task.completed_at = None
    tx.db.add(task)


def _base_commit(session: models.Session) -> str:
    """The base branch's commit now; the one of the brainstorm where the branch is gone or was detached."""
    if session.base_branch is None:
        return session.base_commit
    info = repository.inspect(session.repo_path)
    try:
        return repository.resolve_base(info, session.base_branch)[1]
    except InvalidInput:
        return session.base_commit


def _stop_workers(rt: Runtime, session_id: str) -> None:
    with rt.db.read() as db:
        workers = lookup.live_workers(db, session_id)
    for worker in workers:
        processes.end(worker)
    with rt.db.write() as tx:
        for worker in workers:
            row = tx.db.get(models.Worker, worker.id)
            if row is not None and row.status != "ended":
                row.status, row.ended_at, row.outcome = "ended", utcnow(), row.outcome or "cancelled"
                tx.db.add(row)
                tx.emit(
                    "worker_terminated",
                    session_id,
                    worker_id=row.id,
                    name=row.name,
                    task_id=row.task_id,
                    exit_code=None,
                    outcome=row.outcome,
                )


def _has_open_gate(tx: Transaction, worker: models.Worker) -> bool:
    query = select(models.Approval.id).where(
        models.Approval.worker_id == worker.id, models.Approval.status == "pending"
    )
    return tx.db.exec(query).first() is not None


def _checkpoint(db: DbSession, session_id: str, name: str) -> models.Checkpoint:
    query = select(models.Checkpoint).where(models.Checkpoint.session_id == session_id)
    for point in db.exec(query).all():
        if name in {point.id, str(point.number)} or (len(name) >= 7 and point.commit.startswith(name)):
            return point
    raise NotFound(f"There is no checkpoint {name} in this session.")


def _not_now(session: models.Session, event: str) -> NotAllowed:
    words = f"“{event}” is not possible while the session is {session.status.replace('_', ' ')}."
    return NotAllowed(words, state=session.status, allowed=allowed_events(session.status))
