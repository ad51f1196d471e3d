"""Python's compiled modules of checks and set-up: kept outside of the worktree, for as long as the worktree lives.

In the worktree they would look like work where git does not ignore them. Python takes a compiled module for
current by the second and the size of its source, and two commits checked out within one second may agree in
both: so those of the sources go before each command, and only those of installed packages stay.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from maestro.core.kernel.runtime import Runtime
from maestro.errors import MaestroError
from maestro.worktrees.deleting import delete_tree

_ROOT = "bytecode"
VARIABLE = "PYTHONPYCACHEPREFIX"

#: Folders of a worktree with what is installed: nobody edits it between two commands.
_INSTALLED = frozenset({".venv", "venv", ".tox", ".nox", "node_modules", "__pypackages__"})


def ready(rt: Runtime, session_id: str, worktree: Path) -> Path:
    """The folder for a command that runs in ``worktree`` now."""
    prefix = _folder(rt, session_id, worktree)
    for place in {worktree, worktree.resolve()}:
        mirrored = prefix / place.relative_to(place.anchor)
        if _leads_away(prefix, mirrored):
            _drop(prefix)
        for entry in mirrored.iterdir() if mirrored.is_dir() else []:
            if entry.name not in _INSTALLED:
                _drop(entry)
    return prefix


def ready_home(rt: Runtime, session_id: str, worktree: Path) -> Path:
    """What confined commands in ``worktree`` have for a home; it lives as long as what is compiled for it."""
    folder = _home(rt, session_id, worktree)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def forget(rt: Runtime, session_id: str, worktree: Path) -> None:
    """The worktree is gone, or new: nothing that was compiled for it holds."""
    prefix = _folder(rt, session_id, worktree)
    _drop(prefix)
    _drop(_home(rt, session_id, worktree))
    for parent in (prefix.parent, prefix.parent.parent):
        with suppress(OSError):
            parent.rmdir()


def tidy(rt: Runtime, sessions: Collection[str]) -> None:
    """At start: clear what a kill left of all but these sessions."""
    root = rt.data_dir / _ROOT
    for folder in root.iterdir() if root.is_dir() else []:
        if folder.name not in sessions:
            _drop(folder)


def _folder(rt: Runtime, session_id: str, worktree: Path) -> Path:
    return rt.data_dir / _ROOT / session_id / worktree.name


def _home(rt: Runtime, session_id: str, worktree: Path) -> Path:
    """Beside what commands write, never in it: they could put a link there, to be mounted for the next one."""
    folder = _folder(rt, session_id, worktree)
    return folder.with_name(f"{folder.name}.home")


def _leads_away(prefix: Path, path: Path) -> bool:
    """Whether a link lies on the way: commands write there, and what we delete must not be chosen by them."""
    return any(
        place.is_symlink() for place in (path, *path.parents) if place != prefix and place.is_relative_to(prefix)
    )


def _drop(path: Path) -> None:
    with suppress(OSError, MaestroError):
        delete_tree(path)
