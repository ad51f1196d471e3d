"""What a rollback would take away, told before anybody asks for it."""

from __future__ import annotations

from pydantic import BaseModel

from maestro.core.integration import checkpoints
from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime
from maestro.worktrees import history, integration

_UNDER_WAY = frozenset({"running", "waiting", "checking", "integrating"})


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
        point = checkpoints.find_checkpoint(db, session_id, checkpoint)
        gone = {c.task_id for c in checkpoints.undone_by(db, session_id, point)}
        tasks = lookup.tasks_of(db, session_id)
    repo = lookup.repository(session)
    tip = lookup.session_tip(session)
    return RollbackPreview(
        number=point.number,
        title=point.title,
        commit=point.commit,
        tasks=[t.key for t in tasks if t.id in gone],
        unfinished=[t.key for t in tasks if t.id not in gone and t.status in _UNDER_WAY],
        commits=history.subjects(repo, point.commit, tip),
        files=integration.changed_files(repo, point.commit, tip),
    )
