"""A task's worktree whose folder was deleted underneath: what was not committed is lost, and that is nobody's attempt."""

from __future__ import annotations

from pathlib import Path

from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.task_states import LANDING
from maestro.core.tasks import prompts, transitions
from maestro.core.workspaces.preparing import is_gone
from maestro.db import models
from maestro.worktrees import refs


def send_back(rt: Runtime, session: models.Session, task: models.Task) -> bool:
    """Whether the task goes back to its agent because its worktree is gone: whether all was committed nobody knows.

    Not where its commits are on the session branch already. Raises GitError when that one is gone.
    """
    if not is_gone(rt, session, task) or _is_in(session, task):
        return False
    reason = "Its worktree folder was deleted before the work was integrated."
    with rt.db.write() as tx:
        row = lookup.task_row(tx.db, session.id, task.id)
        if row.status in LANDING:
            transitions.interrupted(tx, lookup.session_row(tx.db, session.id), row, reason, prompts.WORKTREE_GONE)
    return True


def _is_in(session: models.Session, task: models.Task) -> bool:
    repo = Path(session.repo_path)
    head = refs.ref_commit(repo, refs.branch_ref(task.branch)) if task.branch else None
    return head not in {None, task.start_commit} and refs.is_ancestor(repo, str(head), lookup.session_tip(session))
