"""A conflict as a user can look at it: each file as it was, as it is on the session branch, as the task wants it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from maestro.worktrees.commits import linear_range, pick, rewrite
from maestro.worktrees.git import git, git_head
from maestro.worktrees.refs import is_ancestor

_MAX_FILES = 100


@dataclass(frozen=True)
class Side:
    """One version of a file; ``text`` is None where the file does not exist there, or is binary."""

    text: str | None
    exists: bool
    binary: bool = False
    cut: bool = False


@dataclass(frozen=True)
class FileConflict:
    """A conflicting file: before both changes, on the session branch, in the task, and with git's markers."""

    path: str
    base: Side
    ours: Side
    theirs: Side
    merged: Side


@dataclass(frozen=True)
class Conflicting:
    """The first commit of a task that does not apply, and its files."""

    subject: str
    detail: str
    files: list[FileConflict]


def rebase_conflict(repo: Path, old_base: str, head: str, new_base: str, limit_bytes: int) -> Conflicting | None:
    """What ``rebase_onto`` would stop at, without moving anything; None where all commits apply."""
    if is_ancestor(repo, new_base, head):
        return None
    tip = new_base
    for commit in linear_range(repo, old_base, head):
        picked = pick(repo, commit, tip)
        if picked.conflicts:
            sides = (commit.parents[0], tip, commit.oid, picked.tree)
            paths = picked.conflicts[:_MAX_FILES]
            files = [FileConflict(p, *(_side(repo, side, p, limit_bytes) for side in sides)) for p in paths]
            return Conflicting(commit.words.strip().partition("\n")[0], picked.detail, files)
        tip = rewrite(repo, commit, picked.tree, tip, commit.message)
    return None


def _side(repo: Path, tree: str, path: str, limit_bytes: int) -> Side:
    listed = git(repo, "ls-tree", "-z", "--full-tree", tree, "--", f":(top,literal){path}", check=False).fields
    entry = next((line.partition("\t")[0].split(" ") for line in listed), None)
    if entry is None or entry[1] != "blob":
        return Side(None, entry is not None)
    data, cut = git_head(repo, "cat-file", "blob", entry[2], limit_bytes=limit_bytes)
    if b"\0" in data[:8000]:
        return Side(None, True, binary=True)
    return Side(data.decode("utf-8", "replace"), True, cut=cut)
