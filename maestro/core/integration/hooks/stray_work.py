"""Work that the agent left where nobody would find it: in a stash, or on a branch of its own."""

from __future__ import annotations

from maestro.core.integration.hooks import HookContext
from maestro.core.proving.findings import Finding
from maestro.worktrees import stray_work
from maestro.worktrees.refs import commit_of


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


def nothing_left_in_the_sandbox(landing: HookContext) -> Finding | None:
    """Of what the agent stashed or committed elsewhere in its sandbox, everything is on the task's branch, too."""
    found = stray_work.kept_beside(landing.worktree, landing.head)
    if not found:
        return None
    listed = "; ".join(f"{name}: {', '.join(files[:10])}" for name, (_ref, files) in list(found.items())[:10])
    ways = "\n".join(
        f"- {name}: `git {'stash apply' if name.startswith('refs/stash') else 'cherry-pick'} "
        f"{commit_of(landing.worktree, ref)}`"
        for name, (ref, _files) in list(found.items())[:10]
    )
    prompt = (
        f"# Work that is not on your branch\n\nYou left work where it is not part of the task: {listed}.\n\n"
        "The stash or branch is not in your sandbox any longer, but its commit is there. Bring back what belongs to "
        f"the task, then stop:\n{ways}\n\nLeave out what is not wanted."
    )
    return Finding(f"Work was left in a stash or on another branch: {listed}.", prompt)
