"""Where each worktree is: the same kind of folder for tasks and checkouts for a moment, and found again after a change."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Service
from maestro.core.kernel.worktree_place import FOLDER, KNOWN, for_this_user, hidden_in, is_mine
from maestro.db.keeping import Fact
from maestro.errors import Unavailable
from maestro.settings import variable

_DIGITS = 11
_TASK, _SCRATCH = "t", "s"
_SCRATCH_NAME = re.compile(rf"{_SCRATCH}\d{{{_DIGITS}}}")


def name_of_task(key: str) -> str:
    """The folder name of a task's worktree: neutral and as long as all others.

    A tool that matches whole paths must not find ``test`` or ``build`` in one worktree and not in the next, one that
    cuts its lines must cut them alike, and hidden folders are passed over by many.
    """
    return _TASK + _digits(key)


def name_of_scratch(purpose: str) -> str:
    """The folder name of a checkout for a moment; of the same kind as a task's."""
    return _SCRATCH + _digits(purpose)


def is_scratch(name: str) -> bool:
    """Whether a folder beside a session's worktrees is a checkout for a moment, in which nobody works."""
    return _SCRATCH_NAME.fullmatch(name) is not None or name.startswith(".")


def roots(rt: Runtime) -> list[Path]:
    """All folders that hold, or may still hold, worktrees of this installation; the one for new ones first."""
    return rt.service(_ROOTS)


def of_session(rt: Runtime, session_id: str) -> Path:
    """The folder of a session's worktrees (contract, section 6): where it has some already, else where new ones go."""
    folders = [root / session_id for root in roots(rt)]
    return next((folder for folder in folders if any(folder.glob("*/.git"))), folders[0])


def of_task(rt: Runtime, session_id: str, key: str) -> Path:
    """Where a task's worktree is, or will be. One that an earlier version made has the task's own name."""
    below = of_session(rt, session_id)
    named = below / key
    return named if (named / ".git").exists() else below / name_of_task(key)


def of_scratch(rt: Runtime, session_id: str, purpose: str) -> Path:
    """Where a session's checkout for a moment is laid out."""
    return of_session(rt, session_id) / name_of_scratch(purpose)


def key_of(folder: Path, keys: Iterable[str]) -> str | None:
    """The task whose worktree a folder is, by name; None for any other."""
    return next((key for key in keys if folder.name in {key, name_of_task(key)}), None)


def ours(rt: Runtime) -> list[Path]:
    """Folders in which Maestro itself writes: what changes there is not the user's."""
    return [rt.data_dir, *roots(rt)]


def about_hidden(folder: Path, repo: Path) -> str | None:
    """What to say of tests that fail in a worktree below a hidden folder, with the way out.

    Tools and libraries that pass over hidden files judge by the whole path, so the same tests may pass in the user's
    checkout. None where the worktree is no more hidden than that.
    """
    hidden = hidden_in(folder, but=frozenset(repo.resolve().parts))
    if hidden is None:
        return None
    return (
        f"Worktrees are below the hidden folder {hidden}, and some tools skip hidden folders. If these tests pass in "
        f"your checkout, set {variable('worktrees_dir')} to a folder without a leading dot, and start a new session."
    )


def make(rt: Runtime) -> None:
    """Make the folder of all worktrees, for this user's eyes only. Raises Unavailable when it cannot be made."""
    folder = rt.worktrees.folder
    try:
        for missing in reversed([p for p in (folder, *folder.parents) if not p.exists()]):
            missing.mkdir(mode=0o700, exist_ok=True)
        if folder.is_relative_to(for_this_user()):
            if not is_mine(for_this_user()):
                raise PermissionError(None, "it belongs to another user")
            for_this_user().chmod(0o700)  # an earlier version let others read the names in it
    except OSError as error:
        words = f"The worktrees folder {folder} cannot be created: {error.strerror}."
        raise Unavailable(f"{words} Fix that, or choose another with {variable('worktrees_dir')}.") from error


def _known_roots(rt: Runtime) -> list[Path]:
    with rt.db.read() as db:
        row = db.get(Fact, KNOWN)
    before = [rt.data_dir / str(p) for p in row.value] if row is not None and isinstance(row.value, list) else []
    return list(dict.fromkeys([rt.worktrees.folder, rt.data_dir / FOLDER, *reversed(before)]))


_ROOTS = Service(with_runtime=_known_roots)


def _digits(label: str) -> str:
    """Digits spell no word that a pattern of a tool's could be after."""
    number = int.from_bytes(hashlib.sha256(label.encode("utf-8", "surrogateescape")).digest()[:8])
    return f"{number % 10**_DIGITS:0{_DIGITS}}"
