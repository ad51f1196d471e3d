"""Finding work that lies beside a task's branch: in the stash, which all worktrees share, or on other branches.

What an agent in the sandbox left there is kept below refs of Maestro's own, and noted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from maestro import untrusted
from maestro.worktrees.git import git, own_git_dir

_STASHED_ON = re.compile(r"(?:WIP on|On) (.+?): ")
_MOVED = re.compile(r"checkout: moving from (\S+) to (\S+)$")
#: How a move names a place that is no branch: a commit, or one told from another.
_DETACHED = re.compile(r"[0-9a-f]{40,64}|HEAD|.*[~^@].*")
_NO_BRANCH = "(no branch)"
_LOOKED_AT = 200
#: In the git folder of a worktree: what the last run of an agent in the sandbox left beside its branch.
_BESIDE = "maestro-beside"


def stashed_files(worktree: Path, branch: str, head: str) -> list[str]:
    """Files of stash entries made in this worktree whose stashed content ``head`` does not hold.

    All worktrees share the stash. An entry is this one's when it was made on ``branch``; or on another branch or
    none, at a commit where this worktree has been, and it has been on that branch, too.
    """
    out = git(
        worktree, "log", "-g", "-n", str(_LOOKED_AT), "--format=%H %P%x00%gs%x00", "refs/stash", "--", check=False
    )
    if out.code != 0:
        return []
    parts = [part.strip("\n") for part in out.stdout.decode("utf-8", "replace").split("\0")]
    names, commits = _been_on(worktree)
    found: list[str] = []
    for ids, said in zip(parts[::2], parts[1::2], strict=False):
        stash, parent, *_more = ids.split()
        made_on = _STASHED_ON.match(said)
        if made_on and (made_on[1] == branch or (made_on[1] in names and parent in commits)):
            found += _not_in(worktree, stash, head)
    return sorted(set(found))


def note_beside(worktree: Path, kept: Sequence[tuple[str, str]]) -> None:
    """Note what the last run left beside the branch: names, and the refs that keep it."""
    untrusted.write(own_git_dir(worktree) / _BESIDE, json.dumps(kept))


def kept_beside(worktree: Path, head: str) -> dict[str, tuple[str, list[str]]]:
    """What the last run left beside the branch and ``head`` does not hold: by name, the ref that keeps it, and files."""
    try:
        noted = json.loads(untrusted.text(own_git_dir(worktree) / _BESIDE))
    except (OSError, ValueError):
        return {}
    found = {}
    for name, ref in noted:
        stashed = name.startswith("refs/stash")
        asked = ("rev-parse", "--verify", "--quiet", f"{ref}^1") if stashed else ("merge-base", head, ref)
        base = git(worktree, *asked, check=False).text
        if not base or name.startswith("refs/tags/"):
            continue
        files = _not_in(worktree, ref, head) if stashed else _changed_and_not_in(worktree, base, ref, head)
        if files:
            found[name.removeprefix("refs/heads/")] = ref, files
    return found


def _changed_and_not_in(worktree: Path, base: str, commit: str, head: str) -> list[str]:
    return sorted(set(_names(worktree, base, commit)) & set(_names(worktree, head, commit)))


def _been_on(worktree: Path) -> tuple[set[str], set[str]]:
    """The branches, or none, and the commits that a worktree's HEAD has been on since it was given to a task."""
    out = git(worktree, "log", "-g", "-n", str(_LOOKED_AT), "--format=%H %gs", "HEAD", "--", check=False).text
    entries = [line.partition(" ") for line in out.splitlines()]
    # The first of all is how the worktree came to its task's branch.
    moves = [moved for _, _, said in entries[:-1] if (moved := _MOVED.match(said))]
    places = {place for moved in moves for place in moved.groups()}
    names = {_NO_BRANCH if _DETACHED.fullmatch(place) else place for place in places}
    return names, {commit for commit, _, _ in entries}


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
