"""Finding work that lies beside a task's branch: in the stash, which all worktrees share, or on other branches."""

from __future__ import annotations

import re
from pathlib import Path

from maestro.worktrees.git import git

_STASHED_ON = re.compile(r"(?:WIP on|On) (.+?): ")
_LOOKED_AT = 200


def stashed_files(repo: Path, branch: str, head: str) -> list[str]:
    """Files of stash entries made on ``branch`` whose stashed content ``head`` does not hold."""
    out = git(repo, "log", "-g", "-n", str(_LOOKED_AT), "--format=%H%x00%gs%x00", "refs/stash", "--", check=False)
    if out.code != 0:
        return []
    parts = [part.strip("\n") for part in out.stdout.decode("utf-8", "replace").split("\0")]
    found: list[str] = []
    for commit, said in zip(parts[::2], parts[1::2], strict=False):
        made_on = _STASHED_ON.match(said)
        if made_on and made_on[1] == branch:
            found += _not_in(repo, commit, head)
    return sorted(set(found))


def _not_in(repo: Path, stash: str, head: str) -> list[str]:
    changed = _names(repo, f"{stash}^1", stash)
    # The third parent, where there is one, holds what was untracked.
    third = git(repo, "rev-parse", "--verify", "--quiet", f"{stash}^3", check=False).text
    differs = set(_names(repo, head, stash)) & set(changed)
    if third:
        listed = git(repo, "ls-tree", "-r", "-z", "--name-only", third).fields
        differs |= set(listed) & set(_names(repo, head, third))
    return sorted(differs)


def _names(repo: Path, a: str, b: str) -> list[str]:
    plain = ("--no-ext-diff", "--no-textconv", "--no-renames")
    return git(repo, "diff-tree", "-r", "-z", "--name-only", *plain, a, b, "--").fields


def branches_with_work(worktree: Path, branch: str) -> list[str]:
    """Branches that hold commits made in this worktree which have never been on ``branch``."""
    once = set(reflog(worktree, branch))
    found: set[str] = set()
    for commit, said in reflog(worktree, "HEAD").items():
        made_here = said.startswith(("commit", "cherry-pick", "merge", "revert"))
        # On the branch at any time, by its reflog: rewriting it later must not make its commits look lost.
        new = git(worktree, "rev-list", "-n", "1", commit, "--not", *once, "--", check=False).text
        if not made_here or not new:
            continue
        held = git(worktree, "for-each-ref", f"--contains={commit}", "--format=%(refname)", "refs/heads").text.split()
        found |= {ref.removeprefix("refs/heads/") for ref in held}
    ours = branch.rpartition("/")[0] + "/"
    return sorted(name for name in found if not name.startswith(ours))


def reflog(worktree: Path, name: str) -> dict[str, str]:
    """Where a branch or HEAD has been, latest first, and what moved it there."""
    out = git(worktree, "log", "-g", "-n", str(_LOOKED_AT), "--format=%H %gs", name, "--", check=False).text
    pairs = (line.partition(" ") for line in out.splitlines())
    return {commit: said for commit, _, said in pairs if commit}
