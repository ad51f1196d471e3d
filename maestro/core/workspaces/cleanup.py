"""Taking a session's worktrees and branches away without losing what they hold."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path

from maestro.core.kernel import lookup, places
from maestro.core.kernel.runtime import Runtime
from maestro.core.workspaces import bytecode
from maestro.db import models
from maestro.errors import GitError
from maestro.worktrees import deleting, integration, listing, manager

_log = logging.getLogger(__name__)

#: How the git layer renames a worktree before it deletes it; a killed deletion leaves it behind.
TRASH = manager.TRASH


def worktrees_folder(rt: Runtime, session_id: str) -> Path:
    """Where a session's worktrees are (contract, section 6)."""
    return places.of_session(rt, session_id)


def remove_worktrees(rt: Runtime, session: models.Session) -> None:
    """Remove all worktrees of a session; uncommitted work goes to recovered refs first.

    What else lies beside them (an agent wrote to ``..``, or Finder did) stays, and is told.
    """
    below, repo = worktrees_folder(rt, session.id), Path(session.repo_path)
    for path in _inside(below):
        if path.name.endswith(TRASH):
            continue
        if listing.is_worktree(repo, path):
            remove_worktree(rt, session, path)
        elif os.path.lexists(path):  # else another removal was quicker
            _report(rt, session, f"{path} is not a worktree of this session. It is left alone.")
    for path in _inside(below):
        if path.name.endswith(TRASH):
            _delete_rest(rt, session, path)
    remove_if_empty(below)


def _inside(folder: Path) -> list[Path]:
    """What is in a folder; nothing where it is gone, or goes just now."""
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []


def _delete_rest(rt: Runtime, session: models.Session, path: Path) -> None:
    """Files of a removed worktree that could not be deleted then. They stop nothing: what they held is kept."""
    try:
        deleting.delete_tree(path)
    except GitError as error:
        _report(rt, session, f"{error.detail} Its work is kept; nothing needs the worktree anymore.")


def _report(rt: Runtime, session: models.Session, words: str) -> None:
    _log.warning("%s", words)  # the session's own log goes with a session that is deleted
    with rt.db.write() as tx:
        tx.log(session.id, words, level="warn", kind="git", source="git")


def remove_worktree(rt: Runtime, session: models.Session, path: Path) -> None:
    """Remove one worktree of a session; uncommitted work goes to a recovered ref first."""
    below = worktrees_folder(rt, session.id)
    manager.remove_worktree(Path(session.repo_path), path, recover_as=recovered_label(rt, session, path), below=below)
    bytecode.forget(rt, session.id, path)


def recovered_label(rt: Runtime, session: models.Session, path: Path) -> str:
    """The ref that keeps what a worktree of a session held."""
    with rt.db.read() as db:
        keys = [task.key for task in lookup.tasks_of(db, session.id)]
    return integration.recovered_ref(session.id, f"worktree-{places.key_of(path, keys) or path.name}")


def remove_if_empty(folder: Path) -> None:
    """Remove a session's folder of worktrees when nothing is left in it."""
    with contextlib.suppress(OSError):
        folder.rmdir()


def remove_branches(rt: Runtime, session: models.Session) -> None:
    """Delete the branches of the session and of its tasks; each head stays under a recovered ref.

    Those that the user made beside them (of recovered work, say) are theirs.
    """
    if not manager.is_session_branch(session.session_branch):
        return  # a damaged row: nobody can say which branches these were, so they stay
    repo = Path(session.repo_path)
    with rt.db.read() as db:
        keys = [task.key for task in lookup.tasks_of(db, session.id)]
    prefix = session.session_branch.removesuffix("main")
    for branch in [session.session_branch, *(manager.task_branch(session.session_branch, key) for key in keys)]:
        kept = integration.recovered_ref(session.id, f"branch-{branch.removeprefix(prefix)}")
        manager.delete_branch(repo, branch, keep_as=kept)
