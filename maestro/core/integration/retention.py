"""Deleted sessions: what is kept of them, for how long, and getting it back."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import BaseModel
from sqlmodel import col, select

from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime
from maestro.core.workspaces import sheltered
from maestro.db import models
from maestro.db.keeping import DeletedSession, Fact
from maestro.db.session import Transaction
from maestro.db.types import is_id, utcnow
from maestro.errors import MaestroError, NotFound
from maestro.worktrees import integration, manager, refs

#: The fact that says since when what is to be let go has been due, by session id.
_DUE = "due"
_GRACE = timedelta(hours=23)  # looked at once a day


class RecoveredView(BaseModel):
    """Work that something took away and that is still there. ``kind``: rollback, worktree, branch, unmerge, other."""

    ref: str
    kind: str
    label: str
    commit: str
    restorable: bool = False  # ``control.restore`` brings it back into the session; else it can become a branch


class DeletedView(BaseModel):
    """A deleted session, shown under "Recently deleted" until ``expires_at``."""

    id: str
    title: str
    repo_path: str
    status: str
    cost_usd: float
    deleted_at: datetime
    expires_at: datetime
    recovered: list[RecoveredView] = []


def record(tx: Transaction, session: models.Session, cost_usd: float, keep_days: float) -> None:
    """Note a session that is being deleted in the same transaction."""
    tx.db.add(
        DeletedSession(
            id=session.id,
            title=session.title,
            repo_path=session.repo_path,
            session_branch=session.session_branch,
            status=session.status,
            cost_usd=cost_usd,
            expires_at=utcnow() + timedelta(days=keep_days),
        )
    )


def list_deleted(rt: Runtime) -> list[DeletedView]:
    """Recently deleted sessions, the last first, with what is kept of each."""
    with rt.db.read() as db:
        rows = db.exec(select(DeletedSession).order_by(col(DeletedSession.deleted_at).desc())).all()
    return [
        DeletedView.model_validate(r.model_dump() | {"recovered": recovered(Path(r.repo_path), r.id)}) for r in rows
    ]


def recovered(repo: Path, session_id: str, restorable: frozenset[str] = frozenset()) -> list[RecoveredView]:
    """What is kept under a session's recovered refs; empty when the repository is not there."""
    if not lookup.is_there(repo):
        return []
    prefix = integration.recovered_ref(session_id, "x").removesuffix("x")
    found = []
    for ref, commit in integration.list_refs(repo, prefix).items():
        label = ref.removeprefix(prefix)
        kind = next((k for k in ("rollback", "worktree", "branch", "unmerge") if label.startswith(f"{k}-")), "other")
        found.append(RecoveredView(ref=ref, kind=kind, label=label, commit=commit, restorable=ref in restorable))
    return found


def make_branch(rt: Runtime, session_id: str, ref: str) -> str:
    """Make a branch of something recovered, of a living or a deleted session; returns its name.

    Raises NotFound when there is no such session or ref.
    """
    with rt.db.read() as db:
        row = db.get(models.Session, session_id) or db.get(DeletedSession, session_id)
    commit = refs.ref_commit(Path(row.repo_path), ref) if row is not None else None
    prefix = integration.recovered_ref(session_id, "x").removesuffix("x")
    if row is None or commit is None or not ref.startswith(prefix):
        raise NotFound(f"There is nothing kept at {ref}.")
    folder = row.session_branch.removesuffix("/main")
    branch = f"{folder}/recovered-{refs.name_part(ref.removeprefix(prefix))}"
    manager.create_branch(Path(row.repo_path), branch, commit)
    return branch


def expire(rt: Runtime) -> int:
    """Let go what was kept long enough; how many sessions that were. Branches made of it stay.

    What is due goes with the first look a day after one that found it due: a clock that jumped forward, and was
    put right within the day, takes nothing away.
    """
    due = _due_for_a_day(rt)
    for row in due:
        repo = Path(row.repo_path)
        try:
            for ref in (
                integration.list_refs(repo, f"refs/maestro/{refs.name_part(row.id)}") if lookup.is_there(repo) else ()
            ):
                integration.delete_ref(repo, ref)
        except MaestroError:
            continue  # the repository cannot be reached now; tomorrow again
        if is_id(row.id):
            shutil.rmtree(sheltered.put_back_folder(rt) / row.id, ignore_errors=True)
        with rt.db.write() as tx:
            kept = tx.db.get(DeletedSession, row.id)
            if kept is not None:
                tx.db.delete(kept)
    return len(due)


def _time(stored: object) -> str | None:
    """A stored time as it is stored; None for what is none."""
    try:
        return stored if isinstance(stored, str) and datetime.fromisoformat(stored).tzinfo else None
    except ValueError:
        return None


def _due_for_a_day(rt: Runtime) -> list[DeletedSession]:
    now = utcnow()
    with rt.db.write() as tx:
        due = list(tx.db.exec(select(DeletedSession).where(DeletedSession.expires_at <= now)).all())
        found = tx.db.get(Fact, _DUE)
        before = found.value if found is not None and isinstance(found.value, dict) else {}
        since = {row.id: _time(before.get(row.id)) or now.isoformat() for row in due}
        if since != before:
            tx.db.merge(Fact(name=_DUE, value=since))
    return [r for r in due if now - datetime.fromisoformat(since[r.id]) >= min(_GRACE, r.expires_at - r.deleted_at)]


def remove_spools(rt: Runtime, worker_ids: list[str]) -> None:
    """Delete what the workers of a deleted session wrote; all of it was stored, and went with the session."""
    for worker_id in filter(is_id, worker_ids):
        shutil.rmtree(rt.data_dir / "workers" / worker_id, ignore_errors=True)
