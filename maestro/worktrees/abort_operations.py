"""Ending what an agent left half done (a merge, a rebase…), so that its work can be committed.

What ending it takes away is saved to a ref first. Nothing is ever continued: the rest of a rebase may hold
``exec`` lines, which would run an agent's commands in our call.
"""

from __future__ import annotations

import time
from pathlib import Path

from maestro import untrusted
from maestro.errors import Conflict
from maestro.worktrees.git import git, own_git_dir
from maestro.worktrees.listing import operation
from maestro.worktrees.refs import branch_ref, is_ancestor, move_ref, ref_commit
from maestro.worktrees.snapshot import save_work

#: A file with conflicts is text that somebody has to read.
_CONFLICT_BYTES = 64_000_000
_LOCK_WAIT_S = 2.0


def clear_stale_lock(worktree: Path) -> None:
    """Remove an ``index.lock`` that a killed git left in one of Maestro's own worktrees."""
    lock = own_git_dir(worktree) / "index.lock"
    deadline = time.monotonic() + _LOCK_WAIT_S
    while lock.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    # The agent has ended and nobody else works here: what still lies there, nobody holds.
    lock.unlink(missing_ok=True)


def settle(worktree: Path, keep_as: str) -> str | None:
    """End a half-done operation of git; returns which one there was.

    A merge, cherry-pick or revert whose conflicts are resolved in the files is kept, to be committed. Any
    other is saved under ``keep_as`` and aborted.
    """
    doing = operation(worktree)
    if doing is None:
        return None
    if doing in ("cherry-pick", "revert") and not _unresolved(worktree):
        git(worktree, doing, "--quit", check=False)
        return doing
    if doing == "merge" and not _unresolved(worktree):
        return doing
    save_work(worktree, worktree, keep_as, f"An unfinished {doing}, as it was left")
    git_dir = own_git_dir(worktree)
    if doing == "bisect":
        git(worktree, "bisect", "reset", check=False)
    elif doing == "rebase":
        _abort_rebase(worktree, git_dir)
    elif git(worktree, doing, "--abort", check=False).code != 0:
        git(worktree, "reset", "--hard", "--quiet", "HEAD")
        git(worktree, doing, "--quit", check=False)
    return doing


def _abort_rebase(worktree: Path, git_dir: Path) -> None:
    name = ""
    for folder in ("rebase-merge", "rebase-apply"):
        name = name or (untrusted.note(git_dir / folder / "head-name") or "").strip()
    command = "am" if (git_dir / "rebase-apply" / "applying").exists() else "rebase"
    if git(worktree, command, "--abort", check=False).code == 0:
        return
    git(worktree, command, "--quit", check=False)
    if name.startswith("refs/heads/"):
        git(worktree, "symbolic-ref", "-m", "maestro: end a rebase", "HEAD", name)
    git(worktree, "reset", "--hard", "--quiet", "HEAD")


def merge_parents(worktree: Path) -> list[str]:
    """The commits being merged by a merge that was not committed yet."""
    return (untrusted.note(own_git_dir(worktree) / "MERGE_HEAD") or "").split()


def on_branch(worktree: Path, branch: str) -> None:
    """Make sure that ``worktree`` is on ``branch``; commits made on a detached HEAD or a new branch come along.

    Raises Conflict when what is checked out does not come from the branch: then work lies elsewhere.
    """
    current = git(worktree, "symbolic-ref", "--quiet", "HEAD", check=False).text
    if current == branch_ref(branch):
        return
    head = git(worktree, "rev-parse", "HEAD").text
    tip = ref_commit(worktree, branch_ref(branch))
    if tip is not None and not is_ancestor(worktree, tip, head):
        where = current.removeprefix("refs/heads/") or f"a detached HEAD at {head[:12]}"
        raise Conflict(f"The worktree {worktree} was left on {where}, which does not come from {branch}.")
    move_ref(worktree, branch_ref(branch), head, tip, "maestro: bring commits back to the task's branch")
    git(worktree, "symbolic-ref", "-m", f"maestro: back to {branch}", "HEAD", branch_ref(branch))


def _unresolved(worktree: Path) -> bool:
    unmerged = git(worktree, "diff", "--name-only", "--diff-filter=U", "-z", "--no-ext-diff").fields
    return any(_has_markers(worktree / path) for path in unmerged)


def _has_markers(path: Path) -> bool:
    try:
        data = b"\n" + untrusted.head(path, _CONFLICT_BYTES)
    except OSError:
        return False
    return b"\n<<<<<<< " in data and b"\n>>>>>>> " in data
