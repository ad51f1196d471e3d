"""Sparse worktrees: the folders a task declares and the files at the root, until its checks need all.

Set-up commands see all files, as they do on the base and on the whole: a worktree with any is narrowed after them.

git keeps the switch for this in the repository's configuration, which belongs to the user and which
``git sparse-checkout set`` would write to. Here every call of ours is told by options, an agent's git by its
environment, and only the folders are in the worktree's own git folder.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from maestro.worktrees.git import git, own_git_dir

#: What git has to be told in a sparse worktree.
SETTINGS = {"core.sparseCheckout": "true", "core.sparseCheckoutCone": "true"}

#: In the git folder of a worktree that Maestro made sparse. The user's own sparse checkout is inherited by each
#: worktree, and neither narrowed nor widened.
_OURS = "maestro-sparse"
_ROOT_ONLY = "/*\n!/*/\n"
_ALL = "/*\n"
_CHECKOUT_S = 600


def folders_of(repo: Path, commit: str, declared: Sequence[str]) -> list[str] | None:
    """The folders that hold what a task declares.

    None when that may lie anywhere or is not told, or where there are submodules, which git does not narrow,
    or the user's own checkout is sparse.
    """
    theirs = git(repo, "config", "--type=bool", "--get", "core.sparseCheckout", check=False).text == "true"
    if not declared or theirs or git(repo, "cat-file", "-e", f"{commit}:.gitmodules", check=False).code == 0:
        return None
    folders = set()
    for pattern in declared:
        plain = pattern.removeprefix("/")
        fixed = re.split(r"[*?\[\\!]", plain, maxsplit=1)[0]
        if fixed != plain or plain.endswith("/"):
            folder = fixed.rpartition("/")[0]
            if not folder:
                return None
        else:
            here = git(repo, "ls-tree", "-d", "--full-tree", commit, "--", plain).text
            folder = plain if here else plain.rpartition("/")[0]
        folders.add(folder)
    return sorted(f for f in folders if f)


def is_sparse(git_dir: Path) -> bool:
    """Whether Maestro gave the worktree with this git folder only some of its files."""
    return (git_dir / _OURS).exists()


def settings(worktree: Path) -> dict[str, str]:
    """What an agent's git has to be told in its worktree; nothing where all files are there."""
    return SETTINGS if is_sparse(own_git_dir(worktree)) else {}


def options(git_dir: Path) -> list[str]:
    """Options for a git call in a worktree, without which it would not see what was written beside its folders."""
    return (
        [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")] if is_sparse(git_dir) else []
    )


def lay_out(worktree: Path, folders: Sequence[str]) -> None:
    """Fill a worktree that was added without its files."""
    git_dir = own_git_dir(worktree)
    (git_dir / _OURS).touch()
    _write(git_dir, _ROOT_ONLY)
    git(worktree, *options(git_dir), "read-tree", "-m", "-u", "HEAD", timeout_s=_CHECKOUT_S)
    if folders:
        names = "".join(f"{folder}\n" for folder in folders).encode("utf-8", "surrogateescape")
        add = ("sparse-checkout", "add", "--skip-checks", "--stdin")
        git(worktree, *options(git_dir), *add, input=names, timeout_s=_CHECKOUT_S)


def narrow(worktree: Path, folders: Sequence[str]) -> bool:
    """Take the files beside these folders and the root away again; False where something would go with them.

    git deletes ignored files in what is narrowed, and what a set-up made there the checks may need.
    """
    beside = git(worktree, "ls-files", "-z", "--others", "--directory").fields
    changed = git(worktree, "diff-files", "-z", "--name-only", "--ignore-submodules=all").fields
    kept = tuple(f"{folder}/" for folder in folders)
    if any("/" in path.rstrip("/") and not path.startswith(kept) for path in (*beside, *changed)):
        return False
    git_dir = own_git_dir(worktree)
    (git_dir / _OURS).touch()
    _write(git_dir, _ROOT_ONLY)
    names = "".join(f"{folder}\n" for folder in folders).encode("utf-8", "surrogateescape")
    step = ("add", "--skip-checks", "--stdin") if folders else ("reapply",)
    git(worktree, *options(git_dir), "sparse-checkout", *step, input=names or None, timeout_s=_CHECKOUT_S)
    return True


def widen(worktree: Path) -> None:
    """Write the files that are missing in a sparse worktree; work in it stays as it is. Does nothing in any other."""
    git_dir = own_git_dir(worktree)
    if not is_sparse(git_dir):
        return
    _write(git_dir, _ALL)
    switch = ("-c", "core.sparseCheckout=true", "-c", "core.sparseCheckoutCone=false")
    git(worktree, *switch, "sparse-checkout", "reapply", timeout_s=_CHECKOUT_S)
    _patterns(git_dir).unlink()
    (git_dir / _OURS).unlink()


def _patterns(git_dir: Path) -> Path:
    return git_dir / "info" / "sparse-checkout"


def _write(git_dir: Path, patterns: str) -> None:
    _patterns(git_dir).parent.mkdir(exist_ok=True)
    _patterns(git_dir).write_text(patterns)
