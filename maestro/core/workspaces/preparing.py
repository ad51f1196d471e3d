"""A task's worktree made ready: created or found again, its files and its set-up."""

from __future__ import annotations

from pathlib import Path

from maestro.core.kernel import lookup, places
from maestro.core.kernel.locks import WorkCancelled
from maestro.core.kernel.runtime import Runtime
from maestro.core.workspaces import agents_place, pooling
from maestro.core.workspaces.cleanup import remove_worktree
from maestro.core.workspaces.provisioning import outfit
from maestro.db import models
from maestro.errors import SetupFailed
from maestro.worktrees import integration, manager, scratch
from maestro.worktrees.git import own_git_dir

#: Beside a worktree's index: its ignored files are copied and its set-up commands have run.
READY = "maestro-ready"


def prepare_worktree(rt: Runtime, session: models.Session, task: models.Task) -> Path:
    """The task's worktree, made ready if it is not yet: branch, ignored files, set-up commands.

    Raises MaestroError with the plain reason when it cannot be made.
    """
    repo = Path(session.repo_path)
    path = places.of_task(rt, session.id, task.key)
    if task.start_commit is None:
        task.branch = manager.task_branch(session.session_branch, task.key)
        # One that is there was rolled back: begun on it, the task would bring back what was taken away.
        kept = integration.recovered_ref(session.id, f"branch-{task.key}")
        manager.delete_branch(repo, task.branch, keep_as=kept)
        task.start_commit = lookup.session_tip(session)
        task.worktree_path = str(path)
        with rt.db.write() as tx:
            row = lookup.task_row(tx.db, session.id, task.id)
            row.start_commit, row.branch, row.worktree_path = task.start_commit, task.branch, task.worktree_path
            tx.db.add(row)
    elif task.worktree_path != str(path):  # made again at another place
        with rt.db.write() as tx:
            row = lookup.task_row(tx.db, session.id, task.id)
            row.worktree_path = str(path)
            tx.db.add(row)
    assert task.branch is not None
    agents_place.take_in(rt, session, task)  # nothing is there, unless an alarm stood in the way when its run ended
    gone = is_gone(rt, session, task)
    report = pooling.add_worktree(rt, session, task, path, task.branch, task.start_commit)
    scratch.discard_of_killed(repo, path, keep_as=integration.recovered_ref(session.id, f"check-{task.key}"))
    ready = own_git_dir(path) / READY
    if not ready.exists():  # new, or a kill came before its set-up was done
        try:
            outfit(rt, session, path, task)
            pooling.narrow(rt, session, task, path)
        except (SetupFailed, WorkCancelled):
            # The next try must begin with the set-up again, not with what half of it made.
            remove_worktree(rt, session, path)
            raise
        ready.touch()
    lost = f"The worktree of {task.key} was missing. It was recreated from its branch, without uncommitted changes."
    for warning in [lost, *report.warnings] if gone else report.warnings:
        with rt.db.write() as tx:
            tx.log(session.id, warning, level="warn", kind="git", source="git", task_id=task.id)
    return path


def is_gone(rt: Runtime, session: models.Session, task: models.Task) -> bool:
    """Whether an agent has worked in the task's worktree and its folder is not there any more."""
    begun = task.start_commit is not None and (task.conversation_id or task.assigned_worker_id)
    return bool(begun) and not places.of_task(rt, session.id, task.key).exists()
