"""Which worktrees a repository has, and which of them hold a branch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from maestro import untrusted
from maestro.worktrees.git import common_dir, git, own_git_dir
from maestro.worktrees.refs import branch_ref

#: git's state files and what the user was doing when they exist.
_OPERATIONS = {
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "sequencer": "cherry-pick",
    "BISECT_LOG": "bisect",
}


@dataclass(frozen=True)
class WorktreeEntry:
    """One registered worktree; ``branch`` is None when its HEAD is detached."""

    path: Path
    head: str
    branch: str | None
    main: bool
    bare: bool
    locked: str | None  # the reason, "" without one, None when not locked

    @property
    def missing(self) -> bool:
        """Registered, but its folder is gone (deleted, or on a disk that is not mounted)."""
        return not self.path.exists()


def list_worktrees(repo: Path) -> list[WorktreeEntry]:
    """All registered worktrees, the main one first."""
    entries = []
    blocks = git(repo, "worktree", "list", "--porcelain", "-z").stdout.split(b"\0\0")
    for number, block in enumerate(block for block in blocks if block):
        lines = block.decode("utf-8", "surrogateescape").split("\0")
        values = {key: value for key, _, value in (line.partition(" ") for line in lines if line)}
        entries.append(
            WorktreeEntry(
                path=_main_checkout(repo, Path(values["worktree"])) if number == 0 else Path(values["worktree"]),
                head=values.get("HEAD", ""),
                branch=values["branch"].removeprefix("refs/heads/") if "branch" in values else None,
                main=number == 0,
                bare="bare" in values,
                locked=values.get("locked"),
            )
        )
    return entries


def _main_checkout(repo: Path, listed: Path) -> Path:
    """Where the main checkout's files are: for a submodule, or a git folder that lies elsewhere, git lists that folder."""
    if (listed / ".git").exists():
        return listed
    shared = common_dir(repo)
    if own_git_dir(repo).resolve() == shared:
        return Path(git(repo, "rev-parse", "--show-toplevel").text)
    told = git(repo, "config", "--file", str(shared / "config"), "--get", "core.worktree", check=False).text
    return (shared / told).resolve() if told else listed


def registered(repo: Path, path: Path) -> WorktreeEntry | None:
    """The registration of the worktree at ``path``, if there is one."""
    wanted = path.resolve()
    return next((entry for entry in list_worktrees(repo) if entry.path.resolve() == wanted), None)


def moved_here(repo: Path, path: Path) -> bool:
    """Whether ``path`` points at a worktree of ``repo`` that git knows at another place, by the same name.

    A copy beside the worktree (``cp -r t1 t1.bak``) points at it as well, and is not it.
    """
    pointer = _content(path / ".git") if (path / ".git").is_file() else None
    git_dir = Path((pointer or "").removeprefix("gitdir: "))
    known = _content(git_dir / "gitdir") if git_dir.parent.resolve() == common_dir(repo) / "worktrees" else None
    return known is not None and Path(known).parent.name == path.name


def is_worktree(repo: Path, path: Path) -> bool:
    """Whether ``path`` is a linked worktree of ``repo``, moved ones included; whatever else lies there is not."""
    if path.is_symlink():
        return False
    entry = registered(repo, path)
    return not entry.main if entry is not None else moved_here(repo, path)


def checkouts_of(repo: Path, branch: str) -> list[WorktreeEntry]:
    """The worktrees that have ``branch`` checked out and whose files are there."""
    return [
        entry
        for entry in list_worktrees(repo)
        if entry.branch == branch and not entry.bare and (entry.locked is not None or not entry.missing)
    ]


def git_dir_of(repo: Path, worktree: Path) -> Path | None:
    """The git folder that belongs to a linked worktree by registration, whatever its ``.git`` says now."""
    wanted = worktree.resolve() / ".git"
    for pointer in (common_dir(repo) / "worktrees").glob("*/gitdir"):
        if Path((untrusted.note(pointer) or "").rstrip("\n")).resolve() == wanted:
            return pointer.parent
    return None


def operation(worktree: Path) -> str | None:
    """The merge, rebase, cherry-pick, revert or bisect that is half done in ``worktree``, if any."""
    git_dir = own_git_dir(worktree)
    return next((words for name, words in _OPERATIONS.items() if (git_dir / name).exists()), None)


def held_by_operation(repo: Path, branch: str, *, apart: Path | None = None) -> str | None:
    """``rebase`` or ``bisect`` when such an operation, in any worktree, will put ``branch`` back at its end.

    Worktrees below ``apart`` do not count.
    """
    shared = common_dir(repo)
    for git_dir in (shared, *(shared / "worktrees").glob("*")):
        pointer = _content(git_dir / "gitdir")
        if apart is not None and pointer and Path(pointer).resolve().is_relative_to(apart.resolve()):
            continue
        for name in ("rebase-merge/head-name", "rebase-apply/head-name"):
            if _content(git_dir / name) == branch_ref(branch):
                return "rebase"
        if _content(git_dir / "BISECT_START") == branch:
            return "bisect"
    return None


def _content(path: Path) -> str | None:
    found = untrusted.note(path)
    return None if found is None else found.strip()
