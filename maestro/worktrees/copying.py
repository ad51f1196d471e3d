"""Copying what git does not bring along (``.env``…) from the user's checkout into a worktree."""

from __future__ import annotations

import os
import posixpath
import stat
from pathlib import Path

from maestro import untrusted
from maestro.worktrees import links
from maestro.worktrees.git import git, own_git_dir
from maestro.worktrees.snapshot import copied, remember_copied


def copy_ignored(repo_root: Path, worktree: Path, patterns: list[str]) -> list[str]:
    """Copy ignored and untracked files that match gitignore-style ``patterns``; returns their paths.

    Nothing that exists in the worktree is replaced and no link is followed out of either folder. All are
    noted, so that Maestro never commits them, even if ``.gitignore`` names them no more.
    """
    from pathspec import GitIgnoreSpec

    wanted = GitIgnoreSpec.from_lines(line for line in patterns if line.strip())
    if not wanted.patterns:
        return []
    found = git(repo_root, "ls-files", "-z", "--others", timeout_s=600).fields
    tracked = set(git(worktree, "ls-files", "-z").fields)
    done = []
    for path in found:
        # A path that ends in a slash is a repository of its own.
        if path.endswith("/") or path in tracked or not wanted.match_file(path):
            continue
        if _copy(repo_root.resolve(), worktree.resolve(), path):
            done.append(path)
    if done:
        remember_copied(worktree, done)
    return done


def copied_into(worktree: Path) -> set[str]:
    """The files that ``copy_ignored`` has put into a worktree."""
    return set(copied(own_git_dir(worktree)))


def left_behind(worktree: Path) -> list[str]:
    """What a worktree nobody has worked in yet shows as changed: git would take it for work.

    Folders that are new as a whole end in a slash.
    """
    apart = copied_into(worktree) | set(links.stand_ins(worktree))
    entries = git(worktree, "status", "--porcelain", "-z", "--no-renames", timeout_s=600).fields
    return [path for path in (entry[3:] for entry in entries) if path not in apart]


def _copy(root: Path, worktree: Path, path: str) -> bool:
    source, target = root / path, worktree / path
    try:
        mode = source.lstat().st_mode
        if os.path.lexists(target) or not target.parent.resolve().is_relative_to(worktree):
            return False
        if stat.S_ISLNK(mode):
            if not _stays_inside(root, path):
                return False
        elif not stat.S_ISREG(mode):
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        if stat.S_ISLNK(mode):
            target.symlink_to(source.readlink())
        else:
            untrusted.copy(source, target)
    except OSError:
        return False  # gone meanwhile or not readable: the worktree can do without it
    return True


def _stays_inside(root: Path, path: str) -> bool:
    """Whether a link, copied as it is, leads to something inside the copy: relative, and not upwards out."""
    leads_to = str((root / path).readlink())
    plain = posixpath.normpath(posixpath.join(posixpath.dirname(path), leads_to))
    inside = (root / path).resolve().is_relative_to(root)
    return inside and not leads_to.startswith("/") and plain != ".." and not plain.startswith("../")
