"""A landing that waits while somebody has the session branch checked out where Maestro must not write."""

from __future__ import annotations

from pathlib import Path

from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Service
from maestro.core.kernel.task_states import LANDING
from maestro.db import models
from maestro.errors import Conflict
from maestro.worktrees import history, integration


def is_there(rt: Runtime, session: models.Session, task: models.Task) -> bool:
    """Whether what stopped the last landing of this task still does; quick, so that no check runs for nothing.

    Raises GitError when the session branch is gone.
    """
    move = _stopped(rt).get(task.id)
    return move is not None and blocked(rt, session, task, *move)


def blocked(rt: Runtime, session: models.Session, task: models.Task, before: str, after: str) -> bool:
    """Whether the session branch, at ``before``, cannot go to ``after`` now; told once, in the log and on the task."""
    repo, branch = Path(session.repo_path), session.session_branch
    try:
        if history.tip(repo, branch) == before:
            integration.check_move(repo, branch, before, after)
    except Conflict as error:
        _stopped(rt)[task.id] = (before, after)
        _report(rt, task, error.detail)
        return True
    _stopped(rt).pop(task.id, None)
    return False


def _report(rt: Runtime, task: models.Task, reason: str) -> None:
    with rt.db.write() as tx:
        row = lookup.task_row(tx.db, task.session_id, task.id)
        if row.status not in LANDING or row.progress_note == reason:
            return
        row.progress_note = reason
        tx.db.add(row)
        tx.log(row.session_id, f"{row.key} cannot be integrated: {reason}", level="warn", kind="git", task_id=row.id)
        tx.emit("task_progress", row.session_id, task_id=row.id, key=row.key, progress=row.progress, note=reason)
        tx.emit("notification", row.session_id, level="warn", title=f"{row.key} cannot be integrated", text=reason)


_STOPPED = Service(dict[str, tuple[str, str]])


def _stopped(rt: Runtime) -> dict[str, tuple[str, str]]:
    """Of each landing that was stopped, the move of the session branch that could not be made."""
    return rt.service(_STOPPED)
