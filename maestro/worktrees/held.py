"""A repository's configuration, hooks and what lies beside them in ``info``, and which branch the user's checkout is on:
held in memory and on disk, and put back.

Only files are read and written here: git would run what was just planted there.
"""

from __future__ import annotations

import base64
import json
import os
import stat
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from maestro import untrusted
from maestro.errors import GitError

_FOLDERS = ("hooks", "info")
_SINGLE = ("config", "config.worktree", "HEAD")
#: Git notes here each move of ``HEAD``; only its length is held, which tells whether git was used.
MOVES = "logs/HEAD"
#: Written by git's own housekeeping.
_NOT_HELD = frozenset({"info/refs"})
_MAX_BYTES = 2_000_000
_LOCK_WAIT_S = 2.0


@dataclass(frozen=True, slots=True)
class File:
    """What one path holds: the bytes of a file, or where a link leads."""

    data: bytes
    mode: int  # permission bits
    link: bool = False


Held = dict[str, File]


def read(shared: Path, included: list[str]) -> Held:
    """Everything that makes git do things here, by path in its ``shared`` folder; ``included`` are whole paths."""
    names = [*_SINGLE, *included]
    for folder in _FOLDERS:
        top = shared / folder
        names += [str(path.relative_to(shared)) for path in sorted(top.rglob("*"))] if top.is_dir() else []
    found = ((name, _inspect(shared / name)) for name in names if name not in _NOT_HELD)
    return {name: file for name, file in found if file is not None} | _moves(shared / MOVES)


def _moves(log: Path) -> Held:
    try:
        return {MOVES: File(str(log.lstat().st_size).encode(), 0)}
    except OSError:
        return {}


def _inspect(path: Path) -> File | None:
    try:
        about = path.lstat()
        if stat.S_ISLNK(about.st_mode) and path.name != "config":
            return File(os.fsencode(path.readlink()), 0, link=True)
        about = path.stat()
        if not stat.S_ISREG(about.st_mode) or about.st_size > _MAX_BYTES:
            return None
        return File(untrusted.read(path, _MAX_BYTES, follow=True), stat.S_IMODE(about.st_mode))
    except OSError:
        return None


def put_back(shared: Path, name: str, was: File | None, aside: Path) -> Path | None:
    """Make ``name`` hold what it held; what is there now is kept below ``aside``. Returns where, if anything was.

    Raises GitError when somebody else holds the file's lock, or it cannot be written.
    """
    place = shared / name
    if was is None or not was.link:
        place = place.resolve() if place.is_symlink() and place.name == "config" else place
    kept = _keep(place, aside / name.removeprefix("/"))
    try:
        with _Lock(place):
            _write(place, was)
    except OSError as error:
        raise GitError(f"{place} could not be put back: {error}") from error
    if was is None:
        _drop_empty(place.parent, shared)
    return kept


def _keep(place: Path, to: Path) -> Path | None:
    now = _inspect(place)
    if now is None:
        return None
    to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    to.touch(mode=0o600)
    to.write_bytes(now.data)
    return to


def _write(place: Path, was: File | None) -> None:
    if was is None:
        place.unlink(missing_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = place.with_name(f".{place.name}.maestro")
    fresh.unlink(missing_ok=True)
    if was.link:
        fresh.symlink_to(os.fsdecode(was.data))
    else:
        fresh.touch(mode=0o600)
        fresh.write_bytes(was.data)
        fresh.chmod(was.mode)
    fresh.replace(place)


def _drop_empty(folder: Path, shared: Path) -> None:
    """A folder below ``hooks`` or ``info`` that was made for what has gone."""
    while folder != shared and folder.is_relative_to(shared) and folder.parent != shared:
        with suppress(OSError):
            folder.rmdir()
        folder = folder.parent


class _Lock:
    """git's own lock of a configuration or of ``HEAD``; other files have none."""

    def __init__(self, place: Path) -> None:
        self._path = place.with_name(f"{place.name}.lock") if place.name.startswith(("config", "HEAD")) else None

    def __enter__(self) -> None:
        deadline = time.monotonic() + _LOCK_WAIT_S
        while self._path is not None:
            try:
                os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
                return
            except FileExistsError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def __exit__(self, *_: object) -> None:
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def to_text(held: Held) -> str:
    """``held`` for a file."""
    return json.dumps({n: [base64.b64encode(f.data).decode(), f.mode, f.link] for n, f in held.items()})


def from_text(text: str) -> Held:
    """What ``to_text`` made. Raises ValueError for anything else."""
    try:
        return {
            n: File(base64.b64decode(data), int(mode), bool(link)) for n, (data, mode, link) in json.loads(text).items()
        }
    except (TypeError, AttributeError) as error:
        raise ValueError("not what was held") from error
