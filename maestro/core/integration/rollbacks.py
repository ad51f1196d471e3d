"""Back to a checkpoint and forth again: what it takes away is written down first, kept, and can be restored.

Branch and rows cannot move in one step, so an intent says what is under way: while it is open nothing of the
session starts or lands, and a start after a kill finishes it. Each step can be repeated.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.exc import OperationalError
from sqlmodel import Session as DbSession
from sqlmodel import col, select

from maestro.core.execution import run_end
from maestro.core.guards import storage
from maestro.core.integration import merges, rollback_rows
from maestro.core.integration.checkpoints import before_repairs, find_checkpoint, rollbacks_of, undone_by
from maestro.core.kernel import lookup
from maestro.core.kernel.locks import branch_lock, cancel_work
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Keyed, Service
from maestro.core.kernel.session_states import State, allowed_events
from maestro.core.tasks import transitions
from maestro.core.workspaces import cleanup
from maestro.db import models
from maestro.db.session import Transaction
from maestro.db.types import utcnow
from maestro.errors import Conflict, MaestroError, NotAllowed, NotFound, Unavailable
from maestro.worktrees import integration, refs

_log = logging.getLogger(__name__)

#: How long landings and starts may take to notice that they were called off.
_CALLED_OFF_S = 20.0


def stop_all_work(rt: Runtime, session_id: str) -> None:
    """Stop all that is under way in a session; when this returns nothing of it works, and all it said is stored."""
    cancel_work(rt, session_id)
    run_end.stop_workers(rt, session_id)
    rt.jobs.wait_for(work_of(rt, session_id), _CALLED_OFF_S)
    run_end.stop_workers(rt, session_id)  # one that was being started meanwhile


def end_of_failed(rt: Runtime, session_id: str) -> None:
    """After the user has failed a session: all its work stops, nothing of it waits, and repairs are taken back."""
    stop_all_work(rt, session_id)
    with rt.db.write() as tx:  # a question that an agent asked with its last breath went with it
        transitions.release_waiting(tx, lookup.session_row(tx.db, session_id))
    finish_automatic(rt, session_id)


def work_of(rt: Runtime, session_id: str) -> list[str]:
    """The background jobs that may be under way for a session at work."""
    with rt.db.read() as db:
        tasks = lookup.tasks_of(db, session_id)
    names = [f"{kind}:{task.id}" for task in tasks for kind in ("start", "land")]
    return [*names, f"baseline:{session_id}", f"validate:{session_id}", f"pool:{session_id}"]


def roll_back(rt: Runtime, session_id: str, checkpoint: str, *, automatic: bool = False) -> None:
    """Take the session branch back to a checkpoint (id, number or commit); later tasks become pending.

    What it takes away stays under a recovered ref and can be restored. A completed session that is not merged
    is paused by it. Raises NotAllowed in other states, NotFound for an unknown checkpoint, Conflict (before anything
    stops) when the user has the session branch checked out. One that something cut short is finished first.
    """
    begun = _finish_begun(rt, session_id)
    with rt.db.read() as db:
        point = find_checkpoint(db, session_id, checkpoint)
    if any(i.kind == "rollback" and i.detail["checkpoint"] == point.id for i in begun):
        return
    with branch_lock(rt, session_id):  # not while it is being merged, or half merged
        merges.finish_half_done(rt, session_id)
        with rt.db.read() as db:
            session, point = _may_go_back(db, session_id, checkpoint)
        _must_be_free(rt, session, lookup.session_tip(session), point.commit)
        with rt.db.write() as tx:
            session, point = _may_go_back(tx.db, session_id, checkpoint)
            intent = _intend(tx, session_id, "rollback", {"checkpoint": point.id, "automatic": automatic})
    _carry_out(rt, intent)
    rt.wake()


def restore(rt: Runtime, session_id: str, ref: str) -> None:
    """Bring back what a rollback took away: the session branch goes forth again, its tasks are completed again.

    Raises NotFound for an unknown ref, Conflict when the branch has moved since the rollback: then the two lines
    cannot both be the session's, and rolling back to where they parted comes first.
    """
    if any(i.kind == "restore" and i.detail["kept"] == ref for i in _finish_begun(rt, session_id)):
        return
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
        undone = next((i for i in rollbacks_of(db, session_id) if i.detail.get("kept") == ref), None)
    repo = lookup.repository(session)
    commit = refs.ref_commit(repo, ref)
    if undone is None or commit is None:
        raise NotFound(f"{ref} was not removed by a rollback of this session.")
    if session.status not in {State.EXECUTING, State.PAUSED, State.FAILED}:
        raise not_now(session, "restore")
    tip = lookup.session_tip(session)
    if tip != undone.detail["to"]:
        raise Conflict(
            f"Work was integrated since that rollback. Roll back to {undone.detail['to'][:10]} first (that work is kept, "
            "too), then restore this."
        )
    _must_be_free(rt, session, tip, commit)
    with rt.db.write() as tx:
        detail = undone.detail | {"from": tip, "to": commit, "rollback": undone.id}
        intent = _intend(tx, session_id, "restore", detail)
    _carry_out(rt, intent)
    rt.wake()


def _may_go_back(db: DbSession, session_id: str, checkpoint: str) -> tuple[models.Session, models.Checkpoint]:
    session = lookup.session_row(db, session_id)
    point = find_checkpoint(db, session_id, checkpoint)
    allowed = {State.EXECUTING, State.PAUSED, State.FAILED, State.COMPLETED}
    if session.status not in allowed:
        raise not_now(session, "rollback")
    if session.merge_json:
        words = "Already merged. Undo the merge first (unmerge), then roll back."
        possible = [event for event in allowed_events(session.status) if event != "rollback"]
        raise NotAllowed(words, state=session.status, allowed=possible)
    lookup.repository(session)
    return session, point


def _must_be_free(rt: Runtime, session: models.Session, before: str, after: str) -> None:
    """Refuse, before anything stops, a move that the user's checkouts stand in the way of."""
    if before != after:
        own = cleanup.worktrees_folder(rt, session.id)  # these go first
        integration.check_move(Path(session.repo_path), session.session_branch, before, after, apart=own)


def take_back_repairs(tx: Transaction, session: models.Session) -> None:
    """When a session is given up: intend to go back to the last checkpoint before its repairs, which did not help.

    Carried out by ``finish_automatic`` soon, or by the next start. Nothing to do without repairs.
    """
    good = before_repairs(tx.db, session)
    if good is not None and not lookup.rollback_in_progress(tx.db, session.id):
        _intend(tx, session.id, "rollback", {"checkpoint": good.id, "automatic": True})
        session.rollback_commit = good.commit


def finish_half_done(rt: Runtime) -> None:
    """After a kill, or a disk that was full or away: carry out each rollback or restore that was begun."""
    for intent in _open(rt):
        _finish(rt, intent)


def finish_automatic(rt: Runtime, session_id: str) -> None:
    """In the background, carry out what ``take_back_repairs`` intended; a user's own rollbacks are theirs to do."""
    for intent in _open(rt):
        if intent.session_id == session_id and intent.detail.get("automatic"):
            rt.jobs.start(f"rollback:{session_id}", _finish, rt, intent)


def _open(rt: Runtime) -> list[models.Intent]:
    kinds = ["rollback", "restore"]
    query = select(models.Intent).where(col(models.Intent.kind).in_(kinds), col(models.Intent.done_at).is_(None))
    with rt.db.read() as db:
        return list(db.exec(query).all())


def _finish_begun(rt: Runtime, session_id: str) -> list[models.Intent]:
    """Carry out what was begun and nobody is at work on: it is in the way of every other. Raises as that does."""
    begun = [i for i in _open(rt) if i.session_id == session_id and not _alone(rt, session_id).locked()]
    for intent in begun:
        _carry_out(rt, intent)
    if begun:
        rt.wake()
    return begun


def _finish(rt: Runtime, intent: models.Intent) -> None:
    try:
        with rt.db.read() as db:
            session = lookup.session_row(db, intent.session_id)
        if lookup.is_there(Path(session.repo_path)):  # else when it is back
            _carry_out(rt, intent)
    except Exception as error:  # one that cannot be finished must not stop the others, nor the app's start
        _log.exception("a %s that was begun could not be finished", intent.kind)
        with suppress(OperationalError), rt.db.write() as tx:
            rollback_rows.tell_unfinished(tx, intent.id, getattr(error, "detail", None) or str(error))


def not_now(session: models.Session, event: str) -> NotAllowed:
    """The refusal that names state and allowed events."""
    words = f"“{event}” is not possible while the session is {session.status.replace('_', ' ')}."
    return NotAllowed(words, state=session.status, allowed=allowed_events(session.status))


def _intend(tx: Transaction, session_id: str, kind: str, detail: dict[str, Any]) -> models.Intent:
    """Write down what is about to happen; from here on nothing of the session starts or lands."""
    if lookup.rollback_in_progress(tx.db, session_id):
        raise Conflict("A rollback of this session is in progress. Try again in a moment.")
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
    tip = lookup.session_tip(session)
    kept = integration.recovered_ref(session.id, f"rollback-{tip[:12]}-to-{point.number}")
    detail = intent.detail | {
        "number": point.number,
        "title": point.title,
        "from": tip,
        "to": point.commit,
        "kept": kept,
        "checkpoints": [_plain(c.model_dump()) for c in gone],
        "tasks": [{"id": t.id, **{name: getattr(t, name) for name in rollback_rows.KEPT_OF_TASKS}} for t in tasks],
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
    """Do what an intent says, unless it was done meanwhile.

    Raises MaestroError when it cannot be done. Where a full disk or the like is the reason, or the branch has moved
    already, it stays begun and is finished when that is mended; else nothing has moved, and work goes on.
    """
    session_id = intent.session_id
    with _alone(rt, session_id):
        with rt.db.read() as db:
            now = db.get(models.Intent, intent.id)
        if now is None or now.done_at is not None:
            return
        detail = now.detail
        try:
            stop_all_work(rt, session_id)
            if "to" not in detail:
                detail = _take_stock(rt, now)
            with branch_lock(rt, session_id):
                _move(rt, now, detail)
        except Exception as error:  # whatever it is: left begun it would hold the session for ever
            if not isinstance(error, MaestroError | OSError | OperationalError):
                _log.exception("a %s failed unexpectedly", now.kind)
            words = getattr(error, "detail", None) or str(getattr(error, "orig", None) or error)
            if storage.health(rt).report(error, session_id) or isinstance(error, OperationalError):
                raise Unavailable(f"{words} The {now.kind} is finished as soon as that is fixed.") from error
            if "to" in detail and _may_have_moved(rt, now, detail):
                more = "Fix that, then try again or restart Maestro to finish it."
                raise Unavailable(f"{words} The {now.kind} is partly done. {more}") from error
            _call_it_off(rt, now)
            raise error if isinstance(error, MaestroError) else Unavailable(words) from error


#: By session.
_LOCKS: Service[Keyed[str, threading.Lock]] = Service(lambda: Keyed(lambda _session: threading.Lock()))


def _alone(rt: Runtime, session_id: str) -> threading.Lock:
    """Held by whoever carries out a session's rollback or restore."""
    return rt.service(_LOCKS).of(session_id)


def _may_have_moved(rt: Runtime, intent: models.Intent, detail: dict[str, Any]) -> bool:
    """Whether the branch stands behind its move, or cannot be read: then its rows must follow."""
    with rt.db.read() as db:
        session = lookup.session_row(db, intent.session_id)
    repo = Path(session.repo_path)
    try:
        tip = lookup.session_tip(session)
        if intent.kind == "rollback":
            return not refs.is_ancestor(repo, detail["from"], tip)
        return refs.is_ancestor(repo, detail["to"], tip)
    except (MaestroError, OSError):
        return True


def _call_it_off(rt: Runtime, intent: models.Intent) -> None:
    """It cannot be done (the branch was checked out just now, say): what was stopped for it goes on."""
    with rt.db.write() as tx:
        _mark_done(tx, intent.id)
        transitions.release_waiting(tx, lookup.session_row(tx.db, intent.session_id))


def _move(rt: Runtime, intent: models.Intent, detail: dict[str, Any]) -> None:
    with rt.db.read() as db:
        session = lookup.session_row(db, intent.session_id)
    if session.status == State.CANCELLED and not _may_have_moved(rt, intent, detail):
        raise not_now(session, intent.kind)  # cancelled meanwhile
    repo = Path(session.repo_path)
    cleanup.remove_worktrees(rt, session)
    if intent.kind == "rollback":
        integration.reset_branch(repo, session.session_branch, detail["to"], keep_as=detail["kept"])
    else:
        for point in detail["checkpoints"]:  # before the branch: what cannot be done must fail with nothing moved
            integration.keep(repo, integration.checkpoint_ref(session.id, point["number"]), point["commit"])
        integration.advance(repo, session.session_branch, detail["from"], detail["to"])
    with rt.db.write() as tx:
        row = lookup.session_row(tx.db, session.id)
        if intent.kind == "rollback":
            rollback_rows.rewind(tx, row, detail)
        else:
            rollback_rows.bring_back(tx, row, detail)
        row.session_commit = row.checkpoint_commit = detail["to"]
        tx.db.add(row)
        _mark_done(tx, intent.id)


def _mark_done(tx: Transaction, intent_id: str) -> None:
    intent = tx.db.get(models.Intent, intent_id)
    if intent is not None:
        intent.done_at = utcnow()
        tx.db.add(intent)
