"""Worktrees for a moment: a commit laid out so that checks can run on it."""

from __future__ import annotations

import re
from pathlib import Path

from maestro import untrusted
from maestro.worktrees import links, manager, submodules
from maestro.worktrees.git import git, own_git_dir, repository_lock
from maestro.worktrees.refs import commit_of
from maestro.worktrees.snapshot import not_work, save_work

_ADD_S = 600

#: Beside a worktree's index while a check runs in it: the commit that is checked.
_CHECKED = "maestro-checked"


def lay_out(repo: Path, path: Path, commit: str, *, below: Path) -> None:
    """Check ``commit`` out at ``path``, on no branch; what an earlier, killed run left there is cleared."""
    clear(repo, path, below=below)
    with repository_lock(repo):
        git(repo, "worktree", "add", "--detach", "--quiet", "--", str(path), commit, timeout_s=_ADD_S)


def clear(repo: Path, path: Path, *, below: Path) -> None:
    """Remove a worktree that ``lay_out`` made. Nothing in it is anybody's work, so nothing is kept."""
    manager.remove_worktree(repo, path, recover_as=None, below=below)


def begin_check(worktree: Path) -> None:
    """Note that what changes here from now on is a check's doing, until ``discard_changes``."""
    untrusted.write(own_git_dir(worktree) / _CHECKED, commit_of(worktree, "HEAD"))


def discard_changes(worktree: Path) -> None:
    """Put the files of a worktree back to its commit; ignored files and copied ones stay.

    Only for what a check left behind, never while an agent's work is uncommitted.
    """
    if git(worktree, "status", "--porcelain", "-z", "--untracked-files=normal", "--ignore-submodules=dirty").stdout:
        git(worktree, "reset", "--hard", "--quiet")
        spared = [f"--exclude=/{_literal(path)}" for path in not_work(worktree, own_git_dir(worktree))]
        git(worktree, "clean", "-fd", "--quiet", *spared)
    submodules.discard(worktree)
    (own_git_dir(worktree) / _CHECKED).unlink(missing_ok=True)


def discard_of_killed(repo: Path, worktree: Path, *, keep_as: str) -> None:
    """Discard what a check left that a kill of Maestro cut short: it would be committed as work.

    It is kept under ``keep_as`` all the same. Nothing happens where no check was under way.
    """
    links.put_back(worktree)
    note = own_git_dir(worktree) / _CHECKED
    if not note.exists():
        return
    if untrusted.note(note) == commit_of(worktree, "HEAD"):
        save_work(repo, worktree, keep_as, "Left by an interrupted check")
        discard_changes(worktree)
    note.unlink(missing_ok=True)


def restore(worktree: Path, commit: str, paths: list[str]) -> None:
    """Give some paths of a ``lay_out`` worktree the content they have in ``commit``; none there: remove them."""
    held = set(git(worktree, "ls-tree", "-r", "-z", "--name-only", "--full-tree", commit).fields)
    back = [path for path in paths if path in held]
    for path in paths:
        if path not in held:
            (worktree / path).unlink(missing_ok=True)
    if back:
        names = "\0".join(f":(top,literal){path}" for path in back).encode("utf-8", "surrogateescape")
        git(worktree, "checkout", commit, "--pathspec-from-file=-", "--pathspec-file-nul", input=names)


def _literal(path: str) -> str:
    """A path as an ignore pattern that means just this path."""
    return re.sub(r"([\\*?\[ ])", r"\\\1", path)
