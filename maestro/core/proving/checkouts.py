"""Checkouts for a moment, on which checks run: prepared as a task's worktree is, and used again where they can be."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from maestro.core.kernel import places
from maestro.core.kernel.runtime import Runtime
from maestro.core.workspaces import pooling
from maestro.core.workspaces.provisioning import outfit
from maestro.db import models
from maestro.errors import MaestroError
from maestro.worktrees import kept_folders, scratch, submodules
from maestro.worktrees.deleting import delete_tree
from maestro.worktrees.git import git, own_git_dir


@dataclass(frozen=True, slots=True)
class _Spot:
    """A checkout that is ready: what lies in it beside git's files, and the seal of that."""

    session: models.Session
    path: Path
    commit: str
    beside: frozenset[str]
    seal: str


class _Idle(threading.local):
    """The checkouts that this thread keeps ready, by session and commit; None outside of ``kept_ready``."""

    spots: dict[tuple[str, str], _Spot] | None = None


_idle = _Idle()


@contextmanager
def kept_ready(rt: Runtime) -> Iterator[None]:
    """In this block, and this thread, the set-up of a commit's checkout is not done again for each use of it."""
    if _idle.spots is not None:
        yield
        return
    _idle.spots = {}
    try:
        yield
    finally:
        spots, _idle.spots = _idle.spots, None
        for spot in spots.values():
            pooling.put_back(rt, spot.session, spot.path, keep=False)


@contextmanager
def checkout(rt: Runtime, session: models.Session, purpose: str, commit: str) -> Iterator[Path]:
    """A worktree of a commit for a moment, in the same kind of place and prepared in the same way as a task's.

    Raises SetupFailed when it cannot be made ready.
    """
    spot, path = _take(rt, session, commit), places.of_scratch(rt, session.id, purpose)
    path = spot.path if spot else path
    try:
        if spot is None:
            _give_way(rt, path)
            spot = _prepare(rt, session, path, commit)
        yield path
    except BaseException:
        pooling.put_back(rt, session, path, keep=False)
        raise
    if _idle.spots is None or spot is None or (session.id, commit) in _idle.spots:
        pooling.put_back(rt, session, path, keep=False)
    else:
        _idle.spots[session.id, commit] = spot


def _prepare(rt: Runtime, session: models.Session, path: Path, commit: str) -> _Spot | None:
    """Lay a commit out; None when it is not for another use: it would not be the same then."""
    if pooling.is_large(rt, session):
        pooling.lay_out(rt, session, path, commit)
    else:
        scratch.lay_out(Path(session.repo_path), path, commit, below=path.parent)
    for warning in submodules.fill(path):
        with rt.db.write() as tx:
            tx.log(session.id, warning, level="warn", kind="git", source="git")
    outfit(rt, session, path)
    changed = git(path, "status", "--porcelain", "-z", "--untracked-files=no", timeout_s=600).stdout
    if _idle.spots is None or changed or (path / ".gitmodules").exists():
        return None
    beside = frozenset(kept_folders.unknown_to_git(path))
    return _Spot(session, path, commit, beside, kept_folders.seal(path, beside))


def _take(rt: Runtime, session: models.Session, commit: str) -> _Spot | None:
    spot = _idle.spots.pop((session.id, commit), None) if _idle.spots is not None else None
    if spot is None:
        return None
    with suppress(MaestroError, OSError):
        _as_new(spot)
        if kept_folders.seal(spot.path, spot.beside) == spot.seal:
            return spot
    pooling.put_back(rt, session, spot.path, keep=False)
    return None


def _as_new(spot: _Spot) -> None:
    """All tracked files anew, whatever a check did to the index or HEAD; what it left beside them goes."""
    git(spot.path, "update-ref", "--no-deref", "HEAD", spot.commit)
    (own_git_dir(spot.path) / "index").unlink(missing_ok=True)
    git(spot.path, "reset", "--hard", "--quiet", timeout_s=600)
    for name in kept_folders.unknown_to_git(spot.path) - spot.beside:
        delete_tree(spot.path / name.rstrip("/"))


def _give_way(rt: Runtime, path: Path) -> None:
    """One that is kept ready at a place goes when another is to be there."""
    for key, spot in list((_idle.spots or {}).items()):
        if spot.path == path and _idle.spots is not None:
            del _idle.spots[key]
            pooling.put_back(rt, spot.session, spot.path, keep=False)
