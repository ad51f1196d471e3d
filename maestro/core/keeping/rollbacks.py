"""Back to a checkpoint and forth again: what it takes away is written down first, kept, and can be restored.

Branch and rows cannot move in one step, so an intent says what is under way: while it is open nothing of the
session starts or lands, and a start after a kill finishes it. Each step can be repeated.
"""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from sqlmodel import Session as DbSession
from sqlmodel import col, select

from maestro.core import gatekeeping, lookup
from maestro.core.execution import closing
from maestro.core.keeping import cleanup
from maestro.core.locks import branch_lock, call_off
from maestro.core.runtime import Runtime
from maestro.core.state_machine import State, allowed_events, move
from maestro.db import models
from maestro.db.session import Transaction
from maestro.db.types import utcnow
from maestro.errors import Conflict, MaestroError, NotAllowed, NotFound
from maestro.worktrees import history, integration, refs

_log = logging.getLogger(__name__)

#: How long landings and starts may take to notice that they were called off.
_CALLED_OFF_S = 20.0

_UNDER_WAY = frozenset({"running", "waiting", "checking", "integrating"})

#: What a rolled-back task gets back at a restore.
_KEPT_OF_TASKS = ("status", "attempt", "branch", "start_commit", "result_commit", "result_json", "conversation_id")


def still(rt: Runtime, session_id: str) -> None:
    """Stop all that is under way in a session; when this returns nothing of it works, and all it said is stored."""
    call_off(rt, session_id)
    closing.stop_workers(rt, session_id)
    with rt.db.read() as db:
        tasks = lookup.tasks_of(db, session_id)
    names = [f"{kind}:{task.id}" for task in tasks for kind in ("start", "land")]
    rt.jobs.wait_for([*names, f"baseline:{session_id}", f"validate:{session_id}", f"pool:{session_id}"], _CALLED_OFF_S)
    closing.stop_workers(rt, session_id)  # one that was being started meanwhile


def roll_back(rt: Runtime, session_id: str, checkpoint: str, *, automatic: bool = False) -> None:
    """Take the session branch back to a checkpoint (id, number or commit); later tasks become pending.

    What it takes away stays under a recovered ref and can be restored. A completed session that is not merged
    is paused by it. Raises NotAllowed in other states, NotFound for an unknown checkpoint.
    """
    with rt.db.write() as tx:
        session = lookup.session_row(tx.db, session_id)
        point = find_checkpoint(tx.db, session_id, checkpoint)
        allowed = {State.EXECUTING, State.PAUSED, State.FAILED, State.COMPLETED}
        if session.status not in allowed:
            raise not_now(session, "rollback")
        if session.merge_json:
            words = "It is merged. Take the merge back first (unmerge), then roll back."
            possible = [event for event in allowed_events(session.status) if event != "rollback"]
            raise NotAllowed(words, state=session.status, allowed=possible)
        lookup.repository(session)
        intent = _intend(tx, session_id, "rollback", {"checkpoint": point.id, "automatic": automatic})
    _carry_out(rt, intent)
    rt.wake()


def restore(rt: Runtime, session_id: str, ref: str) -> None:
    """Bring back what a rollback took away: the session branch goes forth again, its tasks are completed again.

    Raises NotFound for an unknown ref, Conflict when the branch has moved since the rollback: then the two lines
    cannot both be the session's, and rolling back to where they parted comes first.
    """
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
        undone = next((i for i in rollbacks_of(db, session_id) if i.detail.get("kept") == ref), None)
    repo = lookup.repository(session)
    commit = refs.ref_commit(repo, ref)
    if undone is None or commit is None:
        raise NotFound(f"{ref} is nothing that a rollback of this session took away.")
    if session.status not in {State.EXECUTING, State.PAUSED, State.FAILED}:
        raise not_now(session, "restore")
    tip = history.tip(repo, session.session_branch)
    if tip != undone.detail["to"]:
        raise Conflict(
            f"Work came in since that rollback. Roll back to {undone.detail['to'][:10]} first (what came is kept too), "
            "then restore this."
        )
    with rt.db.write() as tx:
        detail = undone.detail | {"from": tip, "to": commit, "rollback": undone.id}
        intent = _intend(tx, session_id, "restore", detail)
    _carry_out(rt, intent)
    rt.wake()


def take_back_repairs(tx: Transaction, session: models.Session) -> None:
    """When a session is given up: intend to go back to the last checkpoint before its repairs, which did not help.

    Carried out by ``finish_automatic`` soon, or by the next start. Nothing to do without repairs.
    """
    points = undone_by(tx.db, session.id, models.Checkpoint(number=-1, session_id=session.id, commit="", title=""))
    planned = {task["id"] for task in lookup.plan_row(tx.db, session).plan_json["tasks"]}
    added = {t.id for t in lookup.tasks_of(tx.db, session.id) if t.key not in planned}
    repairs = [p.number for p in points if p.task_id in added]
    good = [p for p in points if repairs and p.number < min(repairs)]
    if good and not lookup.is_held(tx.db, session.id):
        _intend(tx, session.id, "rollback", {"checkpoint": good[-1].id, "automatic": True})
        session.rollback_commit = good[-1].commit


def finish_half_done(rt: Runtime) -> None:
    """After a kill: carry out each rollback or restore that was begun."""
    for intent in _open(rt):
        _finish(rt, intent)


def finish_automatic(rt: Runtime) -> None:
    """Carry out what ``take_back_repairs`` intended; a person's own rollbacks are theirs to carry out."""
    for intent in _open(rt):
        if intent.detail.get("automatic"):
            _finish(rt, intent)


def _open(rt: Runtime) -> list[models.Intent]:
    kinds = ["rollback", "restore"]
    query = select(models.Intent).where(col(models.Intent.kind).in_(kinds), col(models.Intent.done_at).is_(None))
    with rt.db.read() as db:
        return list(db.exec(query).all())


def _finish(rt: Runtime, intent: models.Intent) -> None:
    try:
        _carry_out(rt, intent)
    except MaestroError:
        _log.exception("a %s that was begun could not be finished", intent.kind)


def find_checkpoint(db: DbSession, session_id: str, name: str) -> models.Checkpoint:
    """A checkpoint by id, number or commit. Raises NotFound."""
    query = select(models.Checkpoint).where(models.Checkpoint.session_id == session_id)
    for point in db.exec(query).all():
        if name in {point.id, str(point.number)} or (len(name) >= 7 and point.commit.startswith(name)):
            return point
    raise NotFound(f"There is no checkpoint {name} in this session.")


def undone_by(db: DbSession, session_id: str, point: models.Checkpoint) -> list[models.Checkpoint]:
    """The checkpoints that going back to ``point`` takes away, oldest first."""
    query = select(models.Checkpoint).where(
        models.Checkpoint.session_id == session_id, col(models.Checkpoint.number) > point.number
    )
    return list(db.exec(query.order_by(col(models.Checkpoint.number))).all())


def not_now(session: models.Session, event: str) -> NotAllowed:
    """The refusal that names state and allowed events."""
    words = f"“{event}” is not possible while the session is {session.status.replace('_', ' ')}."
    return NotAllowed(words, state=session.status, allowed=allowed_events(session.status))


class RollbackPreview(BaseModel):
    """What going back to a checkpoint would take away; all of it can be restored."""

    number: int
    title: str
    commit: str
    tasks: list[str]  # keys of tasks that would be pending again
    unfinished: list[str]  # keys of tasks at work now, whose work so far is kept under recovered refs
    commits: list[str]  # subjects, the latest first
    files: list[str]


def preview(rt: Runtime, session_id: str, checkpoint: str) -> RollbackPreview:
    """What a rollback to a checkpoint (id, number or commit) would take away. Changes nothing; raises NotFound."""
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
        point = find_checkpoint(db, session_id, checkpoint)
        gone = {c.task_id for c in undone_by(db, session_id, point)}
        tasks = lookup.tasks_of(db, session_id)
    repo = lookup.repository(session)
    tip = history.tip(repo, session.session_branch)
    return RollbackPreview(
        number=point.number,
        title=point.title,
        commit=point.commit,
        tasks=[t.key for t in tasks if t.id in gone],
        unfinished=[t.key for t in tasks if t.id not in gone and t.status in _UNDER_WAY],
        commits=history.subjects(repo, point.commit, tip),
        files=integration.changed_files(repo, point.commit, tip),
    )


def rollbacks_of(db: DbSession, session_id: str) -> list[models.Intent]:
    """The rollbacks of a session, newest first, with what each took away."""
    query = select(models.Intent).where(models.Intent.session_id == session_id, models.Intent.kind == "rollback")
    return list(db.exec(query.order_by(col(models.Intent.created_at).desc())).all())


def _intend(tx: Transaction, session_id: str, kind: str, detail: dict[str, Any]) -> models.Intent:
    """Write down what is about to happen; from here on nothing of the session starts or lands."""
    if lookup.is_held(tx.db, session_id):
        raise Conflict("A rollback of this session is under way. Try again in a moment.")
    intent = models.Intent(session_id=session_id, kind=kind, detail=detail)
    tx.db.add(intent)
    return intent


def _take_stock(rt: Runtime, intent: models.Intent) -> dict[str, Any]:
    """What a rollback takes away, looked up once nothing of the session moves, and kept before anything goes."""
    with rt.db.read() as db:
        session = lookup.session_row(db, intent.session_id)
        point = find_checkpoint(db, session.id, intent.detail["checkpoint"])
        gone = undone_by(db, session.id, point)
        tasks = [t for t in lookup.tasks_of(db, session.id) if t.id in {c.task_id for c in gone}]
    tip = history.tip(Path(session.repo_path), session.session_branch)
    kept = integration.recovered_ref(session.id, f"rollback-{tip[:12]}-to-{point.number}")
    detail = intent.detail | {
        "number": point.number,
        "title": point.title,
        "from": tip,
        "to": point.commit,
        "kept": kept,
        "checkpoints": [_plain(c.model_dump()) for c in gone],
        "tasks": [{"id": t.id, **{name: getattr(t, name) for name in _KEPT_OF_TASKS}} for t in tasks],
    }
    with rt.db.write() as tx:
        row = tx.db.get(models.Intent, intent.id)
        if row is not None:
            row.detail = detail
            tx.db.add(row)
    return detail


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {k: v.isoformat() if isinstance(v, datetime) else v for k, v in row.items()}


def _carry_out(rt: Runtime, intent: models.Intent) -> None:
    session_id = intent.session_id
    try:
        still(rt, session_id)
        detail = intent.detail if "to" in intent.detail else _take_stock(rt, intent)
        with branch_lock(rt, session_id):
            _move(rt, intent, detail)
    except MaestroError:
        # It cannot be done (the branch is checked out somewhere, say): then nothing has moved, and work goes on.
        with rt.db.write() as tx:
            _mark_done(tx, intent.id)
        raise


def _move(rt: Runtime, intent: models.Intent, detail: dict[str, Any]) -> None:
    with rt.db.read() as db:
        session = lookup.session_row(db, intent.session_id)
    repo = Path(session.repo_path)
    cleanup.remove_worktrees(rt, session)
    if intent.kind == "rollback":
        integration.reset_branch(repo, session.session_branch, detail["to"], keep_as=detail["kept"])
    else:
        integration.advance(repo, session.session_branch, detail["from"], detail["to"])
        for point in detail["checkpoints"]:
            integration.keep(repo, integration.checkpoint_ref(session.id, point["number"]), point["commit"])
    with rt.db.write() as tx:
        row = lookup.session_row(tx.db, session.id)
        if intent.kind == "rollback":
            _rewind(tx, row, detail)
        else:
            _bring_back(tx, row, detail)
        row.session_commit = row.checkpoint_commit = detail["to"]
        tx.db.add(row)
        _mark_done(tx, intent.id)


def _rewind(tx: Transaction, session: models.Session, detail: dict[str, Any]) -> None:
    undone = {c["id"] for c in detail["checkpoints"]}
    tasks = {t["id"] for t in detail["tasks"]}
    for task in lookup.tasks_of(tx.db, session.id):
        if task.id in tasks or task.status not in {"completed", "skipped"}:
            reset(tx, task)
    for later in undone:
        if point := tx.db.get(models.Checkpoint, later):
            tx.db.delete(point)
    gatekeeping.expire(tx, session.id)
    session.rollback_commit = detail["to"]
    session.result_json, session.validation_attempt, session.completed_at = None, 0, None
    if session.status == State.COMPLETED:
        move(tx, session, "rollback")
    tx.log(
        session.id,
        f"Rolled back to checkpoint {detail['number']}: {detail['title']}. What was taken away is kept at {detail['kept']}.",
        kind="git",
        source="supervisor" if detail.get("automatic") else "you",
        level="warn",
    )
    told = {"checkpoint_id": detail["checkpoint"], "number": detail["number"], "commit": detail["to"]}
    tx.emit("rolled_back", session.id, **told, recovered_ref=detail["kept"], automatic=bool(detail.get("automatic")))


def _bring_back(tx: Transaction, session: models.Session, detail: dict[str, Any]) -> None:
    for kept in detail["tasks"]:
        task = tx.db.get(models.Task, kept["id"])
        if task is not None:
            for name in _KEPT_OF_TASKS:
                setattr(task, name, kept[name])
            task.progress, task.completed_at, task.prompt, task.error_message = 1.0, utcnow(), None, None
            task.progress_note = None
            tx.db.add(task)
    for task in lookup.tasks_of(tx.db, session.id):
        if task.status not in {"completed", "skipped"}:
            reset(tx, task)  # it may have begun from the earlier commit meanwhile
    for point in detail["checkpoints"]:
        if tx.db.get(models.Checkpoint, point["id"]) is None:
            tx.db.add(models.Checkpoint(**point | {"created_at": datetime.fromisoformat(point["created_at"])}))
    gatekeeping.expire(tx, session.id)
    keys = ", ".join(sorted(str(p["title"]) for p in detail["checkpoints"]))
    tx.log(session.id, f"Restored what a rollback had taken away: {keys}.", kind="git", source="you")
    tx.emit("restored", session.id, commit=detail["to"], recovered_ref=detail["kept"])


def reset(tx: Transaction, task: models.Task) -> None:
    """Back to pending, as if it had never run; what was spent on it stays counted."""
    task.status, task.attempt, task.interruptions, task.progress = "pending", 0, 0, 0.0
    task.assigned_worker_id = task.conversation_id = task.prompt = task.progress_note = task.error_message = None
    task.branch = task.worktree_path = task.start_commit = task.result_commit = None
    task.result_json = None
    task.started_at = task.completed_at = None
    task.retry_at, task.endpoint_failures, task.failing_since, task.care = None, 0, None, {}
    tx.db.add(task)


def _mark_done(tx: Transaction, intent_id: str) -> None:
    intent = tx.db.get(models.Intent, intent_id)
    if intent is not None:
        intent.done_at = utcnow()
        tx.db.add(intent)
