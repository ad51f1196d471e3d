"""Merges and unmerges on record: written down before the user's branch moves, and finished where a kill came between.

What is open here while nobody holds the session's branch lock was cut short, by a kill or by a disk that was full.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from sqlalchemy.exc import OperationalError
from sqlmodel import col, select

from maestro.core.kernel import lookup
from maestro.core.kernel.locks import branch_lock
from maestro.core.kernel.runtime import Runtime
from maestro.db import models
from maestro.db.session import Transaction
from maestro.db.types import utcnow
from maestro.errors import Conflict, CutShort, MaestroError
from maestro.worktrees import delivery, manager, refs
from maestro.worktrees.delivery import MergeRecord

_log = logging.getLogger(__name__)

_WORDS = {"merge": "A merge", "unmerge": "Undoing a merge"}


def intend(rt: Runtime, session_id: str, kind: str, record: MergeRecord, kept: str | None = None) -> None:
    """Write down a ``merge`` or ``unmerge`` (which keeps what it takes away under ``kept``) that is about to happen.

    Raises Conflict while a rollback or restore of the session is under way.
    """
    with rt.db.write() as tx:
        if lookup.rollback_in_progress(tx.db, session_id):
            raise Conflict("A rollback of this session is in progress. Try again in a moment.")
        tx.db.add(models.Intent(session_id=session_id, kind=kind, detail=asdict(record) | {"kept": kept}))


def refused(rt: Runtime, session_id: str) -> None:
    """It was refused and nothing has moved: nothing is half done."""
    with rt.db.write() as tx:
        _close(tx, session_id)


def cut_short(rt: Runtime, session_id: str, kind: str, error: CutShort) -> None:
    """It broke off half-way: it stays on record, and the next try finishes it."""
    with suppress(OperationalError), rt.db.write() as tx:  # the disk that was full for git may be ours
        tx.log(session_id, f"{_WORDS[kind]} was interrupted: {error.detail}", level="error", kind="git", source="git")


def merged(tx: Transaction, session: models.Session, record: MergeRecord, text: str, source: str = "you") -> None:
    """Record that the session is merged."""
    session.merge_json = asdict(record) | {"merged_at": utcnow().isoformat()}
    session.updated_at = utcnow()
    tx.db.add(session)
    _close(tx, session.id)
    tx.log(session.id, text, kind="git", source=source)
    tx.emit("merged", session.id, **asdict(record))


def unmerged(
    tx: Transaction, session: models.Session, record: MergeRecord, kept: str, text: str, source: str = "you"
) -> None:
    """Record that the session's merge is taken back."""
    session.merge_json, session.updated_at = None, utcnow()
    tx.db.add(session)
    _close(tx, session.id)
    tx.log(session.id, text, kind="git", source=source, level="warn")
    tx.emit("unmerged", session.id, target=record.target, commit=record.before, recovered_ref=kept)


def bring_branch_back(session: models.Session) -> None:
    """After a merge is undone, before that is recorded: the session branch stands where it stood. One that is there stays."""
    repo = lookup.repository(session)
    if session.session_commit and refs.ref_commit(repo, refs.branch_ref(session.session_branch)) is None:
        manager.create_branch(repo, session.session_branch, session.session_commit)


def finish_half_done(rt: Runtime, session_id: str | None = None) -> list[str]:
    """Finish each merge and unmerge that was cut short, of one session or of all; the kinds of those that are done now.

    What cannot be finished stays begun as long as the target stands where it began; asked for one session, it raises
    Conflict then: nothing else may move meanwhile.
    """
    if session_id is None:
        sessions = dict.fromkeys(intent.session_id for intent in _open(rt, None))
        return [kind for each in sessions for kind in _finish_guarded(rt, each)]
    done = []
    for intent in _open(rt, session_id):
        with branch_lock(rt, intent.session_id):
            if not _is_open(rt, intent):
                continue  # it was being done just now
            problem = _finish(rt, intent)
        if problem is None:
            done.append(intent.kind)
        elif _open(rt, session_id):
            raise Conflict(problem)
    return done


def _finish_guarded(rt: Runtime, session_id: str) -> list[str]:
    """One session's, when all are finished: what is wrong with it must not hold up the others, nor the app's start."""
    try:
        return finish_half_done(rt, session_id)
    except Conflict:
        return []  # told, and left as it is
    except OperationalError:
        raise
    except Exception:
        _log.exception("a merge of session %s that was begun could not be finished", session_id)
        return []


def _open(rt: Runtime, session_id: str | None) -> list[models.Intent]:
    query = select(models.Intent).where(
        col(models.Intent.kind).in_(["merge", "unmerge"]), col(models.Intent.done_at).is_(None)
    )
    if session_id is not None:
        query = query.where(models.Intent.session_id == session_id)
    with rt.db.read() as db:
        return list(db.exec(query.order_by(col(models.Intent.created_at))).all())


def _is_open(rt: Runtime, intent: models.Intent) -> bool:
    with rt.db.read() as db:
        now = db.get(models.Intent, intent.id)
        return now is not None and now.done_at is None


def _finish(rt: Runtime, intent: models.Intent) -> str | None:
    """What stands in the way of finishing it; None when it is done."""
    with rt.db.read() as db:
        session = lookup.session_row(db, intent.session_id)
    repo, kept = Path(session.repo_path), str(intent.detail.get("kept"))
    record = MergeRecord(**{name: str(intent.detail.get(name, "")) for name in ("target", "method", "before", "after")})
    if not lookup.is_there(repo):
        return f"The repository is no longer at {repo}."  # when it is back
    problem, begun = None, False
    try:
        if intent.kind == "merge":
            delivery.complete_merge(repo, record.target, record.before, record.after)
        else:
            delivery.unmerge(repo, record, keep_as=kept)
            bring_branch_back(session)
    except (MaestroError, OSError) as error:
        problem = f"{_WORDS[intent.kind]} was interrupted and could not be finished: {error}"
        # Half of the files may be written: it is not over before the branch has moved, here or elsewhere.
        start = record.before if intent.kind == "merge" else record.after
        begun = refs.ref_commit(repo, refs.branch_ref(record.target)) == start
    with rt.db.write() as tx:
        row = lookup.session_row(tx.db, session.id)
        if problem:
            tx.log(row.id, problem, level="error", kind="git", source="git")
            if not begun:
                _close(tx, row.id)
        elif intent.kind == "merge":
            merged(tx, row, record, f"A merge into {record.target} was interrupted; it is finished now.", "git")
        else:
            text = f"Undoing a merge into {record.target} was interrupted; it is finished now."
            unmerged(tx, row, record, kept, text, "git")
    return problem


def _close(tx: Transaction, session_id: str) -> None:
    query = select(models.Intent).where(
        models.Intent.session_id == session_id,
        col(models.Intent.kind).in_(["merge", "unmerge"]),
        col(models.Intent.done_at).is_(None),
    )
    for intent in tx.db.exec(query).all():
        intent.done_at = utcnow()
        tx.db.add(intent)
