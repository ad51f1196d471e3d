"""Taking a session's worktrees and branches away without losing what they hold."""

from __future__ import annotations

import contextlib
from pathlib import Path

from maestro.core.runtime import Runtime
from maestro.db import models
from maestro.worktrees import integration, manager

#: What the git layer renames a worktree to before it deletes it; a killed deletion leaves it behind.
TRASH = ".removed"


def worktrees_folder(rt: Runtime, session_id: str) -> Path:
    """Where a session's worktrees are (contract, section 6)."""
    return rt.data_dir / "worktrees" / session_id


def remove_worktrees(rt: Runtime, session: models.Session) -> None:
    """Remove all worktrees of a session; uncommitted work goes to recovered refs first."""
    below = worktrees_folder(rt, session.id)
    for path in sorted(below.iterdir()) if below.is_dir() else []:
        if not path.name.endswith(TRASH):
            remove_worktree(rt, session, path)
    remove_if_empty(below)


def remove_worktree(rt: Runtime, session: models.Session, path: Path) -> None:
    """Remove one worktree of a session; uncommitted work goes to a recovered ref first."""
    below = worktrees_folder(rt, session.id)
    manager.remove_worktree(Path(session.repo_path), path, recover_as=recovered_label(session, path), below=below)


def recovered_label(session: models.Session, path: Path) -> str:
    """The ref that keeps what a worktree of a session held."""
    return integration.recovered_ref(session.id, f"worktree-{path.name}")


def remove_if_empty(folder: Path) -> None:
    """Remove a session's folder of worktrees when nothing is left in it."""
    with contextlib.suppress(OSError):
        folder.rmdir()


def remove_branches(session: models.Session) -> None:
    """Delete the session's own branches; each head stays under a recovered ref."""
    repo = Path(session.repo_path)
    prefix = session.session_branch.removesuffix("main")
    for ref in integration.list_refs(repo, f"refs/heads/{prefix}"):
        branch = ref.removeprefix("refs/heads/")
        kept = integration.recovered_ref(session.id, f"branch-{branch.removeprefix(prefix)}")
        manager.delete_branch(repo, branch, keep_as=kept)
