"""When the data folder or a repository cannot be written (full, read-only, locked), work stands still until it can again.

Known in memory only: a place that cannot be written cannot be told about it. What was acknowledged is stored;
what workers say meanwhile waits in their processes, which are stopped.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.exc import OperationalError
from sqlmodel import col, select

from maestro.core.kernel import lookup, processes
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Service
from maestro.core.kernel.session_states import State
from maestro.db import models
from maestro.db.journal import Event
from maestro.db.types import utcnow
from maestro.errors import MaestroError
from maestro.worktrees.git import common_dir

#: Below this the disk counts as full: there must be room left to store what is under way.
MIN_FREE_BYTES = 32 * 1024 * 1024

_LOOK_EVERY_S = 1.0

#: A place that is refused again so soon after was not well; the next try waits twice as long, this long at most.
_LONGEST_S = 60.0
_PROBE = ".probe"

_log = logging.getLogger(__name__)

_WHAT_TO_DO = {
    "disk_full": "The disk that holds {place} is full. Free some space; work then continues automatically.",
    "read_only": "{place} cannot be written (read-only, or no permission). Make it writable; work then continues automatically.",
    "locked": "Another program holds the database in {place}. Close it; work then continues automatically.",
    "error": "{place} cannot be written: {words}. Fix that; work then continues automatically.",
}


_NUMBERS = {errno.ENOSPC: "disk_full", errno.EDQUOT: "disk_full", errno.EROFS: "read_only"}

#: As git and set-up commands quote the system.
_OF_THE_SYSTEM = {os.strerror(number): kind for number, kind in _NUMBERS.items()}
_OF_SQLITE = {
    "database or disk is full": "disk_full",
    "attempt to write a readonly database": "read_only",
    "unable to open database file": "read_only",
    "database is locked": "locked",
    "database table is locked": "locked",
    "disk I/O error": "error",
}


@dataclass(frozen=True, slots=True)
class StorageProblem:
    """Why execution stands still. ``kind``: disk_full, read_only, locked, error; ``message`` says what to do."""

    kind: str
    message: str
    since: datetime


class StorageHealth:
    """One for an installation; ``look`` is called by the supervisor before anything else."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        self._lock = threading.Lock()
        self._next_look = self._next_try = 0.0
        self._patience_s, self._well_since = 0.0, -_LONGEST_S
        self._noted: tuple[str, str, str | None] | None = None  # by a writer that was refused
        self._place: Path | None = None  # of the problem, where that is not the data folder
        self.problem: StorageProblem | None = None
        #: Jobs by name that finish what a full disk cut short; set by whoever starts the app.
        self.on_recovered: dict[str, Callable[[Runtime], object]] = {}
        rt.db.on_trouble = self.report

    def check(self) -> bool:
        """Whether work may go on. Stops the workers when it may not, and lets them go on when it may again."""
        with self._lock:
            now = time.monotonic()
            if now >= self._next_look:
                self._next_look = now + _LOOK_EVERY_S
                noted, self._noted = self._noted, None
                if self.problem is None and noted is not None:
                    kind, words, session_id = noted
                    self._stopped(kind, words, self._place_at_fault(session_id))
                elif self.problem is None:
                    self._check_room()
                if self.problem is not None and time.monotonic() >= self._next_try and self._probe() is None:
                    self._recovered()
            return self.problem is None

    def _check_room(self) -> None:
        for folder in self._folders():
            if found := _room(folder):
                self._stopped(*found)
                return

    def _folders(self) -> list[Path]:
        """The data folder, and that of the worktrees, which may be on another disk."""
        below = self._rt.worktrees.folder
        return [self._rt.data_dir, *([below] if below.exists() else [])]

    def report(self, error: BaseException, session_id: str | None = None) -> bool:
        """Take note of an error; True when it was the storage's fault, and not that of what was being done.

        ``session_id``: whose repository may be what could not be written, where the data folder turns out well.
        Cheap and callable from anywhere: the next look, at once, stops the workers.
        """
        kind = _kind_of(error)
        if kind is None:
            return False
        self._noted = self._noted or (kind, _words_of(error), session_id)
        self._next_look = 0.0
        return True

    def _probe(self) -> tuple[str, str] | None:
        """Try what failed."""
        probe = _try if self._place == _temporary() else self._probe_repository
        return self._probe_data_folder() or (probe(self._place) if self._place else None)

    def _probe_data_folder(self) -> tuple[str, str] | None:
        """A file where worktrees are and one beside the database, and a row."""
        found = next((found for folder in self._folders() if (found := _try(folder))), None)
        if found is not None:
            return found
        try:
            with self._rt.db.write() as tx:
                row = tx.db.get(models.StoredSetting, _PROBE) or models.StoredSetting(name=_PROBE)
                tx.db.add(row)
                tx.db.flush()
                tx.db.delete(row)
        except OperationalError as error:
            return _kind_of(error) or "error", _words_of(error)
        return None

    def _probe_repository(self, repo: Path) -> tuple[str, str] | None:
        """A file beside git's own. One that is gone, or where nothing is to be done now, keeps nobody waiting."""
        begun = select(models.Intent.session_id).where(col(models.Intent.done_at).is_(None))
        at_work = col(models.Session.status).in_([State.EXECUTING, State.VALIDATING])
        query = select(models.Session.id).where(
            models.Session.repo_path == str(repo), at_work | col(models.Session.id).in_(begun)
        )
        with self._rt.db.read() as db:
            if db.exec(query).first() is None:
                return None
        try:
            return _try(common_dir(repo))
        except MaestroError:
            return None

    def _place_at_fault(self, session_id: str | None) -> Path | None:
        """Where the data folder is well: the temporary folder, else the session's repository."""
        if self._probe_data_folder() is not None:
            return None
        temporary = _temporary()
        if temporary is not None and _try(temporary) is not None:
            return temporary
        if session_id is None:
            return None
        with self._rt.db.read() as db:
            session = db.get(models.Session, session_id)
        return Path(session.repo_path) if session else None

    def _stopped(self, kind: str, words: str, place: Path | None = None) -> None:
        now = time.monotonic()
        again = now - self._well_since < _LONGEST_S
        self._patience_s = min(max(2 * self._patience_s, _LOOK_EVERY_S), _LONGEST_S) if again else 0.0
        self._next_try, self._place = now + self._patience_s, place
        at_fault = next((folder for folder in self._folders() if _try(folder)), self._rt.data_dir)
        message = _WHAT_TO_DO[kind].format(place=_named(place) or at_fault, words=words)
        self.problem = StorageProblem(kind, message[0].upper() + message[1:], utcnow())
        _log.error("work is stopped: %s", self.problem.message)
        processes.suspend(*(worker for worker, _state in self._workers()))
        self._notify({"kind": self.problem.kind, "message": self.problem.message})

    def _recovered(self) -> None:
        problem, self.problem = self.problem, None
        assert problem is not None
        self._well_since = time.monotonic()
        minutes = (utcnow() - problem.since).total_seconds() / 60
        with self._rt.db.write() as tx:
            query = select(models.Session.id).where(
                col(models.Session.status).in_([State.EXECUTING, State.VALIDATING, State.PAUSED])
            )
            for session_id in tx.db.exec(query).all():
                text = f"Work was stopped for {minutes:.1f} minutes: {problem.message}"
                tx.log(session_id, text, level="warn", source="supervisor")
        with self._rt.db.read() as db:
            standing = lookup.stuck_worker_ids(db)
        processes.resume(*(w for w, state in self._workers() if state != State.PAUSED and w.id not in standing))
        message = f"{_named(self._place) or 'the data folder'} can be written again; work continues."
        self._notify({"kind": None, "message": message[0].upper() + message[1:]})
        for name, resume in self.on_recovered.items():
            self._rt.jobs.start(name, resume, self._rt)

    def _workers(self) -> list[tuple[models.Worker, str]]:
        with self._rt.db.read() as db:
            return [
                (w, lookup.session_row(db, w.session_id).status) for w in lookup.live_workers(db) if w.ended_at is None
            ]

    def _notify(self, payload: dict[str, str | None]) -> None:
        """Windows hear of it at once. Not journalled: ``seq`` 0 says that there is nothing to catch up with."""
        self._rt.bus.publish([Event(0, "storage_problem", "", utcnow(), dict(payload))])


_HEALTH = Service(with_runtime=StorageHealth)


def health(rt: Runtime) -> StorageHealth:
    """The installation's storage health."""
    return rt.service(_HEALTH)


def _temporary() -> Path | None:
    """The folder for temporary files that this app uses; None while there is none to be had."""
    try:
        return Path(tempfile.gettempdir())
    except OSError:
        return None


def _named(place: Path | None) -> str | None:
    """As messages call it."""
    if place is None:
        return None
    return f"the temporary folder {place}" if place == _temporary() else str(place)


def _try(folder: Path) -> tuple[str, str] | None:
    """Why no file can be written there; None: it can."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:  # without a name: nothing stays behind
            file.write(b"x" * 4096)
            file.flush()
    except OSError as error:
        return _kind_of(error) or "error", _words_of(error)
    return _room(folder)


def _room(folder: Path) -> tuple[str, str] | None:
    """Whether its disk is nearly full; None: it is not."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return "error", str(error)
    return ("disk_full", f"{free // 1024} KB are free") if free < MIN_FREE_BYTES else None


def _words_of(error: BaseException) -> str:
    return str(getattr(error, "orig", None) or getattr(error, "detail", None) or error)


def _kind_of(error: BaseException) -> str | None:
    """What kind of trouble an error stands for; None when it has nothing to do with storage.

    Single words would not do: an error names paths, branches and titles, and those may hold any.
    """
    number = getattr(error, "errno", None)
    if number is not None:
        return _NUMBERS.get(number)
    if isinstance(error, OperationalError):
        phrases = _OF_SQLITE
    elif isinstance(error, (MaestroError, OSError)):
        phrases = _OF_THE_SYSTEM
    else:
        return None
    words = _words_of(error)
    return next((kind for phrase, kind in phrases.items() if phrase in words), None)
