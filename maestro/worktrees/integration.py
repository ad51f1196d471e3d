"""From an agent's worktree to the session branch: committing, trailers, rebasing, moving forward and back.

All functions that take a ``worktree`` expect one of Maestro's own, whose agent has ended.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from maestro import untrusted
from maestro.errors import Conflict, GitError
from maestro.worktrees import links, submodules
from maestro.worktrees.abort_operations import clear_stale_lock, merge_parents, on_branch, settle
from maestro.worktrees.checkout import bring, move_branch, obstacles, overlaps
from maestro.worktrees.commits import (
    RawCommit,
    commit_tree,
    linear_range,
    pick,
    rewrite,
    tree_of,
    with_trailers,
)
from maestro.worktrees.diffs import DiffSummary, changed_files, diff_summary, diff_text
from maestro.worktrees.git import git, own_git_dir, repository_lock
from maestro.worktrees.listing import checkouts_of, operation
from maestro.worktrees.refs import (
    branch_ref,
    checkpoint_ref,
    commit_of,
    delete_ref,
    is_ancestor,
    keep,
    list_refs,
    move_ref,
    recovered_ref,
    ref_commit,
)
from maestro.worktrees.snapshot import copied, nested_repositories, save_work, stage_all

__all__ = [
    "DiffSummary",
    "RebaseResult",
    "add_trailers",
    "advance",
    "changed_files",
    "check_move",
    "checkpoint_ref",
    "commit_all",
    "delete_ref",
    "diff_summary",
    "diff_text",
    "head",
    "is_clean",
    "keep",
    "list_refs",
    "move_head",
    "nested_repositories",
    "rebase_onto",
    "recovered_ref",
    "reset_branch",
    "save_work",
]


#: Says, beside a worktree's index, which move of its files is under way.
_MOVING = "maestro-moving"


@dataclass(frozen=True)
class RebaseResult:
    """How a rebase ended; when not ``ok``, ``head`` is where the worktree stood and still stands."""

    ok: bool
    head: str
    conflicts: list[str]
    detail: str


def head(worktree: Path) -> str:
    """The commit that is checked out in ``worktree``."""
    return commit_of(worktree, "HEAD")


def is_clean(worktree: Path) -> bool:
    """Whether ``commit_all`` would find nothing to do (ignored files and nested repositories do not count)."""
    if operation(worktree) is not None:
        return False
    options = ("--no-renames", "--untracked-files=all", "--ignore-submodules=dirty")
    out = git(worktree, "status", "--porcelain", "-z", *options).fields
    apart = {*copied(own_git_dir(worktree)), *(links.stand_ins(worktree) if out else [])}
    return all(line[3:] in apart or line[3:].endswith("/") for line in out)


def commit_all(worktree: Path, message: str, trailers: Mapping[str, str], *, branch: str | None = None) -> str | None:
    """Commit all tracked and untracked (not ignored) changes; None when there is nothing to commit.

    A half-done merge or rebase is ended first (``abort_operations``; what that takes away is kept as recovered).
    With ``branch``, commits made on a detached HEAD come back to it; Conflict when they do not fit.
    """
    _finish_move(worktree)
    label = f"{trailers.get('Maestro-Task', 'work')}-unfinished"
    doing = settle(worktree, recovered_ref(trailers.get("Maestro-Session", "unsorted"), label))
    if branch is not None:
        on_branch(worktree, branch)
    stage_all(worktree, git_dir=own_git_dir(worktree), env={})
    parent = head(worktree)
    tree = git(worktree, "write-tree").text
    others = merge_parents(worktree) if doing == "merge" else []
    if tree == tree_of(worktree, parent) and not others:
        return None
    commit = commit_tree(worktree, tree, [parent, *others], with_trailers(message, trailers))
    git(worktree, "update-ref", "-m", "maestro: commit", "HEAD", commit, parent)
    if others:
        git(worktree, "merge", "--quit", check=False)
    return commit


def add_trailers(worktree: Path, base: str, trailers: Mapping[str, str]) -> str:
    """Make every commit of ``base``..HEAD carry exactly these trailers; returns the new head.

    Authors and dates stay. A range with merges in it, or one that does not come from ``base``, becomes one
    commit on ``base``. Files and index are not touched; the worktree's branch moves once, at the end.
    """
    old = head(worktree)
    tip = base
    for commit in linear_range(worktree, base, old):
        message = with_trailers(commit.words, trailers).encode("utf-8", "surrogateescape")
        tip = rewrite(worktree, commit, commit.tree, tip, message)
    _move_head(worktree, tip, old, "maestro: trailers")
    return tip


def rebase_onto(worktree: Path, old_base: str, new_base: str) -> RebaseResult:
    """Apply the commits after ``old_base`` on ``new_base``, in the object store; then bring the worktree along.

    On a conflict nothing has moved: branch, index and files are as before. Commits whose changes
    ``new_base`` already holds are dropped; a range with merges becomes one commit.
    """
    _finish_move(worktree)
    old = head(worktree)
    if is_ancestor(worktree, new_base, old):
        return RebaseResult(True, old, [], "")
    tip = new_base
    for commit in linear_range(worktree, old_base, old):
        picked = pick(worktree, commit, tip)
        if picked.conflicts:
            subject = commit.words.strip().partition("\n")[0]
            return RebaseResult(False, old, picked.conflicts, f"In “{subject}”:\n{picked.detail}")
        if picked.tree != tree_of(worktree, tip) or _is_empty(worktree, commit):
            tip = rewrite(worktree, commit, picked.tree, tip, commit.message)
    in_the_way = overlaps(worktree, old, tip)
    if in_the_way:
        detail = "Uncommitted or ignored files in the worktree would be overwritten."
        return RebaseResult(False, old, in_the_way, detail)
    note = own_git_dir(worktree) / _MOVING
    untrusted.write(note, f"{old} {tip}")
    bring(worktree, old, tip)
    _move_head(worktree, tip, old, "maestro: rebase")
    submodules.fill(worktree)  # else the next commit would name what they were at before
    note.unlink()
    return RebaseResult(True, tip, [], "")


def _finish_move(worktree: Path) -> None:
    """Finish a rebase that was killed while it brought the files along."""
    clear_stale_lock(worktree)
    note = own_git_dir(worktree) / _MOVING
    if not os.path.lexists(note):
        return
    old, _, tip = (untrusted.note(note) or "").partition(" ")
    if tip and head(worktree) == old:
        with suppress(Conflict):  # somebody worked here since: then it stays for commit_all
            bring(worktree, old, tip, resume=True)
            _move_head(worktree, tip, old, "maestro: complete rebase")
            submodules.fill(worktree)
    note.unlink()


def move_head(worktree: Path, new: str, old: str, reason: str) -> None:
    """Move the branch of a worktree from ``old`` to ``new``, a commit of the same files."""
    _move_head(worktree, new, old, reason)


def _is_empty(repo: Path, commit: RawCommit) -> bool:
    return commit.tree == tree_of(repo, commit.parents[0])


def _move_head(worktree: Path, new: str, old: str, reason: str) -> None:
    if new != old:
        git(worktree, "update-ref", "-m", reason, "HEAD", new, old)


def advance(repo: Path, branch: str, expected: str, new: str) -> None:
    """Move a session branch forward from ``expected`` to ``new``, which must contain it.

    A linked worktree that holds the branch is brought along. Raises Conflict when the branch moved, or when
    the user has it checked out in their own checkout, which Maestro does not write before a merge.
    """
    if not is_ancestor(repo, expected, new):
        raise Conflict(f"{new[:12]} does not come from {expected[:12]}, where {branch} stands.")
    _move(repo, branch, expected, new, "maestro: integrate")


def reset_branch(repo: Path, branch: str, to: str, *, keep_as: str) -> str:
    """Put a session branch back (or forth) to ``to``; its old head is kept under ``keep_as`` first.

    Returns the ref that keeps it. Raises as ``advance`` does.
    """
    with repository_lock(repo):
        old = ref_commit(repo, branch_ref(branch))
        if old is None:
            raise GitError(f"The branch {branch} no longer exists.")
        target = commit_of(repo, to)
        if old == target:
            return keep_as
        kept = keep(repo, keep_as, old)
        _move(repo, branch, old, target, "maestro: roll back")
    return kept


def check_move(repo: Path, branch: str, before: str, after: str, *, apart: Path | None = None) -> None:
    """Raise the Conflict that moving a session branch would raise because of who has it checked out. Changes nothing.

    Worktrees below ``apart`` do not count: they go before the branch moves.
    """
    _not_in_main_checkout(repo, branch)
    reasons = obstacles(repo, branch, before, after, apart=apart)
    if reasons:
        raise Conflict(" ".join(reasons), reasons=reasons)


def _move(repo: Path, branch: str, before: str, after: str, reason: str) -> None:
    with repository_lock(repo):
        current = ref_commit(repo, branch_ref(branch))
        if current == after:
            return
        if current == before:
            _not_in_main_checkout(repo, branch)
            move_branch(repo, branch, before, after, reason)
        else:
            move_ref(repo, branch_ref(branch), after, before, reason)  # says how it moved


def _not_in_main_checkout(repo: Path, branch: str) -> None:
    for entry in checkouts_of(repo, branch):
        if entry.main:
            raise Conflict(
                f"{branch} is checked out in {entry.path}. Switch that checkout to another branch "
                "so that Maestro can continue."
            )
