"""Work that the agent left where nobody would find it: in a stash, or on a branch of its own."""

from __future__ import annotations

from maestro.core.integration.hooks import HookContext
from maestro.core.proving.findings import Finding
from maestro.worktrees import stray_work


def nothing_left_in_a_stash(landing: HookContext) -> Finding | None:
    """Stash entries made in the task's worktree hold nothing that its head does not hold."""
    assert landing.task.branch is not None
    names = stray_work.stashed_files(landing.worktree, landing.task.branch, landing.head)
    if not names:
        return None
    listed = ", ".join(names[:10])
    prompt = (
        f"# Work in a stash\n\nYou left work in a git stash, where it is not part of the task: {listed}.\n\n"
        "Run `git stash list`, bring the entries that you made back with `git stash pop`, resolve what conflicts, "
        "and stop with everything in the worktree. Drop an entry that is not wanted."
    )
    return Finding(f"Work was left in a stash: {listed}.", prompt)


def nothing_left_on_another_branch(landing: HookContext) -> Finding | None:
    """Commits made in the task's worktree are on the task's branch, not only on another."""
    assert landing.task.branch is not None
    names = stray_work.branches_with_work(landing.worktree, landing.task.branch)
    if not names:
        return None
    listed = ", ".join(f"`{name}`" for name in names[:10])
    prompt = (
        f"# Work on another branch\n\nYou committed to {listed}, which nobody integrates. Bring what belongs to the "
        f"task to `{landing.task.branch}` (cherry-pick or merge) and delete the other branch. Then stop."
    )
    return Finding(f"Work was left on another branch: {listed}.", prompt)
