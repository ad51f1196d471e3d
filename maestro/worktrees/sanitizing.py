"""Making a used worktree like a new one, so that nothing of one task reaches the next."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from maestro.errors import GitError
from maestro.worktrees.deleting import delete_tree
from maestro.worktrees.git import git, own_git_dir
from maestro.worktrees.listing import git_dir_of

_LONG_S = 600

#: What a worktree's git folder must have. All else tells of its last use: logs, half-done merges, settings,
#: sparse patterns, refs of its own, our notes.
_KEPT = frozenset({"HEAD", "commondir", "gitdir", "index"})

#: So that the index is believed about no file that somebody may have touched, whatever the configuration says.
_STRICT = ("-c", "core.trustctime=true", "-c", "core.checkStat=default", "-c", "core.untrackedCache=false")


def scrub(repo: Path, worktree: Path) -> None:
    """Put a worktree back to its commit, on no branch, with no file that git does not know, ignored ones included.

    Raises GitError when it cannot be made like new. What an agent's set-up made goes too: it belongs to the
    commit it was made for, and holds paths of the place it was made at.
    """
    git_dir = git_dir_of(repo, worktree)
    if git_dir is None or own_git_dir(worktree).resolve() != git_dir:
        raise GitError(f"{worktree} is no longer a worktree of {repo}.")
    _bare_bones(git_dir)
    git(worktree, *_STRICT, "reset", "--hard", "--quiet", "--no-recurse-submodules", timeout_s=_LONG_S)
    # Entries that git was told not to look at would stay as they were: H is a plain one.
    flags = git(worktree, "ls-files", "-v", "-z").stdout
    if any(not line.startswith(b"H ") for line in flags.split(b"\0") if line):
        raise GitError(f"Files of {worktree} are hidden from git.")
    git(worktree, *_STRICT, "clean", "-ffdx", "--quiet", timeout_s=_LONG_S)
    look = ("status", "--porcelain", "-z", "--ignored", "--untracked-files=all")
    if git(worktree, *_STRICT, *look, timeout_s=_LONG_S).stdout:
        raise GitError(f"{worktree} could not be made clean.")
    _plain_files(worktree)
    git(worktree, "checkout", "--detach", "--quiet", "--no-recurse-submodules")
    _bare_bones(git_dir)


def _bare_bones(git_dir: Path) -> None:
    for path in git_dir.iterdir():
        if path.name in _KEPT:
            continue
        delete_tree(path)


def _plain_files(worktree: Path) -> None:
    """Permissions as git gives them, which it neither stores nor puts back, and no file that is elsewhere too.

    Raises GitError at the first that is not so. git's own file in the worktree shows what is usual here.
    """
    usual = stat.S_IMODE((worktree / ".git").lstat().st_mode)
    runnable = usual | (usual & 0o444) >> 2
    if not usual & stat.S_IWUSR:
        raise GitError(f"{worktree} is read-only.")
    folders = [str(worktree)]
    while folders:
        folder = folders.pop()
        if os.lstat(folder).st_mode & 0o777 != runnable:
            raise GitError(f"{folder} has other permissions than git gives.")
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    found = entry.stat(follow_symlinks=False)
                    if found.st_mode & 0o777 not in (usual, runnable) or found.st_nlink != 1:
                        raise GitError(f"{entry.path} is not as git makes files.")
