"""Calling git in a repository inside of a worktree: a submodule, or one that an agent made there.

Its git folder and configuration were written by an agent. They may say that its files are the user's home, that its
branches are those of another repository, or which program git runs on each file. So such a call is told where everything
is, filters are switched off, and a repository that is not plain is refused.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from maestro import untrusted
from maestro.errors import GitError
from maestro.worktrees.git import git

_FILTERS = r"^filter\..*\.(clean|smudge|process)$"
#: In a git folder, what leads git to another one.
_ELSEWHERE = ("commondir", "config.worktree", "gitdir")


def environment(place: Path, root: Path) -> dict[str, str]:
    """Variables for git calls in the repository at ``place``, which lies in the worktree at ``root``.

    Raises GitError where its git folder is not its own, or holds links.
    """
    folder = git_folder(place, root)
    fixed = {"GIT_DIR": str(folder), "GIT_WORK_TREE": str(place.resolve())}
    asked = ("config", "-z", "--show-scope", "--name-only", "--get-regexp", _FILTERS)
    found = git(place, *asked, check=False, env=fixed).fields
    scopes, names = found[::2], found[1::2]
    local = sorted({name for scope, name in zip(scopes, names, strict=True) if scope in ("local", "worktree")})
    for number, name in enumerate(local):
        fixed |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": ""}
    return fixed | ({"GIT_CONFIG_COUNT": str(len(local))} if local else {})


def git_folder(place: Path, root: Path) -> Path:
    """The git folder of a repository inside of a worktree. Raises GitError where it is not plain to see, or elsewhere."""
    found = _pointed_to(place / ".git")
    homes = [root.resolve(), *_own(root)]
    if found is None or place.is_symlink() or not any(found.is_relative_to(home) for home in homes):
        raise GitError(f"The repository in {place} has no git folder of its own. Remove its .git to continue.")
    odd = _odd(found)
    if odd is not None:
        raise GitError(f"The repository in {place} is not read, because {odd} points elsewhere. Remove it to continue.")
    return found


def _pointed_to(link: Path) -> Path | None:
    try:
        mode = link.lstat().st_mode
        if stat.S_ISDIR(mode):
            return link.resolve(strict=True)
        words = untrusted.text(link, errors="surrogateescape")
        if not words.startswith("gitdir: "):
            return None
        return (link.parent / words.removeprefix("gitdir: ").rstrip("\n")).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        return None


def _own(root: Path) -> list[Path]:
    """Where git puts the submodules of a checkout; of a linked worktree these are its own."""
    found = _pointed_to(root / ".git")
    return [found / "modules"] if found is not None else []


def _odd(folder: Path) -> Path | None:
    """What in a git folder leads out of it: a link, or a file that names another folder."""
    for name in _ELSEWHERE:
        if os.path.lexists(folder / name):
            return folder / name
    for here, folders, files in os.walk(folder):
        for name in (*folders, *files):
            mode = Path(here, name).lstat().st_mode
            if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
                return Path(here, name)
    return None
