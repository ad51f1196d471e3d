"""What the user gets and can get back: checkpoints, diffs, recovered and deleted work."""

from __future__ import annotations

from pathlib import Path

from sqlmodel import col, select

from maestro.core.integration import checkpoints, retention
from maestro.core.integration.retention import DeletedView, RecoveredView
from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime
from maestro.core.queries import going_back
from maestro.core.queries.going_back import RollbackPreview
from maestro.core.views import (
    CheckpointView,
    DiffView,
    FileChange,
)
from maestro.db import models
from maestro.errors import GitError, NotFound
from maestro.worktrees import diffs, history, integration, refs

_DIFF_LIMIT_BYTES = 2_000_000


def list_checkpoints(rt: Runtime, session_id: str) -> list[CheckpointView]:
    """Where the session branch can go back to, by number."""
    with rt.db.read() as db:
        lookup.session_row(db, session_id)
        query = select(models.Checkpoint).where(models.Checkpoint.session_id == session_id)
        return [CheckpointView.of(r) for r in db.exec(query.order_by(col(models.Checkpoint.number))).all()]


def get_diff(rt: Runtime, session_id: str, *, task: str | None = None) -> DiffView:
    """What the session branch (or one task's commits) changes. Raises NotFound before anything ran."""
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
        base, head = session.base_commit, session.session_commit
        if task is not None:
            row = lookup.task_row(db, session_id, task)
            done = (row.result_json or {}).get("integrated_from")
            base, head = done or row.start_commit or base, row.result_commit
    if head is None:
        raise NotFound("No changes yet.")
    repo = lookup.repository(session)
    if task is None:
        base = diff_base(session)
    files = [FileChange(path=p, insertions=i, deletions=d) for p, i, d in diffs.changed_lines(repo, base, head)]
    text, cut = integration.diff_text(repo, base, head, _DIFF_LIMIT_BYTES)
    return DiffView(
        base=base,
        head=head,
        files=files,
        insertions=sum(f.insertions for f in files),
        deletions=sum(f.deletions for f in files),
        text=text,
        text_cut=cut,
    )


def diff_base(session: models.Session) -> str:
    """What the session's changes are compared with: its base, or where both parted while an update is under way."""
    repo, head = Path(session.repo_path), session.session_commit
    if head is None or refs.is_ancestor(repo, session.base_commit, head):
        return session.base_commit
    try:
        return history.merge_base(repo, session.base_commit, head)
    except GitError:
        return session.base_commit


def list_recovered(rt: Runtime, session_id: str) -> list[RecoveredView]:
    """What rollbacks, cancels and clean-ups of a session took away and is kept; ``restorable`` with one click."""
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
        done = [i for i in checkpoints.rollbacks_of(db, session_id) if i.done_at and "kept" in i.detail]
        undone = {str(i.detail["kept"]): i.detail["to"] for i in done}
    at = session.session_commit
    restorable = frozenset(ref for ref, to in undone.items() if to == at)
    return retention.recovered(Path(session.repo_path), session_id, restorable)


def list_deleted(rt: Runtime) -> list[DeletedView]:
    """Recently deleted sessions, the last first, with what is kept of each and until when."""
    return retention.list_deleted(rt)


def rollback_preview(rt: Runtime, session_id: str, checkpoint: str) -> RollbackPreview:
    """What going back to a checkpoint would take away. Raises NotFound."""
    return going_back.preview(rt, session_id, checkpoint)
