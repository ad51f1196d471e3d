"""Work inside submodules: in a commit of the submodule that outlives the worktree, or it is no work."""

from __future__ import annotations

from pathlib import Path

from maestro.core.integration.hooks import HookContext
from maestro.core.proving.findings import Finding
from maestro.errors import GitError
from maestro.worktrees import submodules
from maestro.worktrees.refs import name_part


def nothing_left_in_submodules(landing: HookContext) -> Finding | None:
    """Changed files of submodules are in commits of theirs, and these are kept where the user has that submodule."""
    left = submodules.uncommitted(landing.worktree)
    if left:
        return _uncommitted(left)
    moved = submodules.moved(landing.worktree, landing.start, landing.head)
    try:
        # Not below the session's own refs, which go with it some day: what was merged still names the commits.
        label = f"refs/maestro/submodules/{name_part(landing.session.id)}/{name_part(landing.task.key)}"
        submodules.keep(landing.repo, landing.worktree, moved, label)
    except GitError as error:
        prompt = (
            f"# A commit that is nowhere\n\n{error.detail}\n\nCommit inside the submodule first, then commit the "
            "submodule itself here. Leave it as it was if your task does not need it changed."
        )
        return Finding(error.detail, prompt)
    return None


def words(repo: Path, start: str, head: str) -> str | None:
    """What the user has to know of submodules that a task has moved; None: it moved none."""
    moved = submodules.moved(repo, start, head)
    if not moved:
        return None
    named = ", ".join(f"{path} to {commit[:10]}" for path, commit in list(moved.items())[:5])
    return (
        f"The task moved {named}. Commits made in a submodule here are kept in your repository of it under refs/maestro/. "
        "After the merge run `git submodule update`, and push them before you push this repository."
    )


def _uncommitted(left: list[str]) -> Finding:
    shown = ", ".join(left[:5]) + (f" and {len(left) - 5} more" if len(left) > 5 else "")
    listed = "\n".join(f"- {path}" for path in left[:100])
    prompt = (
        "# Changes inside a submodule\n\nA submodule is a repository of its own: what is only in its files is in no "
        f"commit, and gets lost. You changed these:\n{listed}\n\nIf they belong to your task, commit them inside the "
        "submodule (`git -C <submodule> add -A && git -C <submodule> commit`); do not push. If not, put them back as "
        "they were."
    )
    return Finding(f"Files inside a submodule were changed and not committed there: {shown}.", prompt)
