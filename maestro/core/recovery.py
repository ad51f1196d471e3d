"""Taking up what a kill left half done outside the database."""

from __future__ import annotations

from pathlib import Path

from sqlmodel import col, select

from maestro.core.runtime import Runtime
from maestro.db import models
from maestro.db.types import utcnow
from maestro.errors import MaestroError
from maestro.worktrees import delivery


def finish_half_done_merges(rt: Runtime) -> None:
    """Finish each merge whose intent was written and whose end was not; the person had asked for it."""
    query = select(models.Intent).where(models.Intent.kind == "merge", col(models.Intent.done_at).is_(None))
    with rt.db.read() as db:
        intents = db.exec(query).all()
    for intent in intents:
        _finish(rt, intent)


def _finish(rt: Runtime, intent: models.Intent) -> None:
    with rt.db.read() as db:
        session = db.get(models.Session, intent.session_id)
    if session is None:
        return
    names = ("target", "method", "before", "after")
    done = {name: str(intent.detail.get(name, "")) for name in names}
    try:
        delivery.complete_merge(Path(session.repo_path), done["target"], done["before"], done["after"])
        problem = None
    except MaestroError as error:
        problem = error.detail
    with rt.db.write() as tx:
        row = tx.db.get(models.Session, session.id)
        kept = tx.db.get(models.Intent, intent.id)
        if row is None or kept is None:
            return
        kept.done_at = utcnow()
        tx.db.add(kept)
        if problem:
            tx.log(
                row.id,
                f"A merge was cut short and could not be finished: {problem}",
                level="error",
                kind="git",
                source="git",
            )
        elif row.merge_json is None:
            row.merge_json = done | {"merged_at": utcnow().isoformat()}
            tx.db.add(row)
            tx.log(
                row.id, f"A merge into {done['target']} that was cut short is finished now.", kind="git", source="git"
            )
            tx.emit("merged", row.id, **done)
