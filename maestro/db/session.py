"""The database: engines, transactions, and the rule "persist first, then emit".

One writer at a time, in this process: ``Database.write`` holds a lock, begins IMMEDIATE (a deferred
transaction that upgrades fails at once in spite of a busy timeout), commits, and only then hands the
transaction's events to the listener, still under the lock, so that events are heard in journal order.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Executable, create_engine, event, inspect, text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session as DbSession
from sqlmodel import SQLModel

from maestro import secrets
from maestro.db import after, journal, keeping, models  # noqa: F401  (they register the tables)
from maestro.db.journal import Event
from maestro.db.sound import make_sound
from maestro.db.types import read_json
from maestro.errors import Unavailable
from maestro.terminal_text import everywhere, plain, styled, visible

_MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_TIMEOUT_S = 10

make_sound(SQLModel.metadata)


@dataclass
class Transaction:
    """One write transaction: the ORM session and the events it will have caused."""

    db: DbSession
    events: list[Event] = field(default_factory=list)

    def emit(self, type_: str, session_id: str, **payload: Any) -> None:
        """Journal an event now; listeners hear it after the commit."""
        self.events.append(journal.append(self.db, type_, session_id, payload))

    def log(self, session_id: str, message: str, **columns: Any) -> None:
        """Add one log row (columns of ``AgentLog``) with its event."""
        self.logs([{"session_id": session_id, "message": message, **columns}])

    def logs(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add many log rows at once."""
        base = {
            "task_id": None,
            "worker_id": None,
            "level": "info",
            "source": "supervisor",
            "kind": "system",
            "details": None,
        }
        self.events.extend(journal.append_logs(self.db, [_readable({**base, **row}) for row in rows]))

    def metrics(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add many metric rows at once."""
        self.events.extend(journal.append_metrics(self.db, rows))


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    """A log row without secrets and escape codes: where its message was colored is told beside it."""
    if row["kind"] == "tool":
        message = secrets.clean_command(visible(str(row["message"])))
        details = secrets.everywhere(everywhere(visible, row["details"]), secrets.clean_command)
        return row | {"message": message, "details": details}
    change = secrets.clean_command if row["kind"] == "gate" else secrets.clean
    printed, styles = styled(str(row["message"]))
    message = change(printed)
    details = secrets.everywhere(everywhere(plain, row["details"]), change)
    if styles and message == printed:  # else they would stand at other places
        details = {**(details or {}), "styles": styles}
    return row | {"message": message, "details": details}


class NestedWrite(RuntimeError):
    """A write inside a write of the same thread: a mistake in the program, not trouble of the storage.

    SQLite has one writer; the inner one would wait for the outer one until it gives up.
    """


class Database:
    """Opens the database, brings its schema up to date, and gives out transactions."""

    def __init__(self, url: str, on_commit: Callable[[list[Event]], None] = lambda _events: None) -> None:
        self.url = url
        self.on_commit = on_commit
        #: Hears of every write that the database itself refused (full, read-only, locked), before it is raised.
        self.on_trouble: Callable[[OperationalError], object] = lambda _error: None
        self._writer_lock = threading.RLock()
        self._writing: int | None = None  # the thread whose write transaction is open
        self._readers = _engine(url, begin="BEGIN", synchronous="FULL")
        self._durable = _engine(url, begin="BEGIN IMMEDIATE", synchronous="FULL")
        self._fast = _engine(url, begin="BEGIN IMMEDIATE", synchronous="NORMAL")

    def migrate(self) -> None:
        """Bring the schema to the newest version.

        Raises Unavailable when the database cannot be written, or comes from a newer Maestro.
        """
        try:
            with self._durable.connect() as connection:
                version = _version(connection)
                if version is None:
                    _create(connection)
                elif version != newest_version():
                    _upgrade(connection)
                connection.commit()
        except OperationalError as error:
            raise Unavailable(
                f"The database cannot be opened for writing: {error.orig}. Check the data folder."
            ) from error

    @contextmanager
    def read(self) -> Iterator[DbSession]:
        """A read-only session; objects stay usable after it closes."""
        with DbSession(self._readers, expire_on_commit=False) as db:
            yield db

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Transaction]:
        """One write transaction; commits at the end, rolls back on an exception.

        ``durable=False`` skips the fsync and is for logs and metrics: a process crash loses nothing, a
        power cut may lose the last moments. Raises NestedWrite, at once, inside another one of this thread.
        """
        if self._writing == threading.get_ident():
            raise NestedWrite("a write transaction was begun inside another one: use the one that is open")
        with self._writer_lock:
            with self._open(durable=durable) as tx:
                yield tx
            if tx.events:
                self.on_commit(tx.events)  # who hears of it may write again

    @contextmanager
    def _open(self, *, durable: bool) -> Iterator[Transaction]:
        self._writing = threading.get_ident()
        try:
            with DbSession(self._durable if durable else self._fast, expire_on_commit=False) as db:
                tx = Transaction(db)
                try:
                    yield tx
                    db.commit()
                except OperationalError as error:
                    self.on_trouble(error)
                    raise
        finally:
            self._writing = None

    def erase(self, *changes: Executable) -> None:
        """Delete or replace so that nothing of it stays in the file: free pages are overwritten, the log of writes emptied."""
        with self._writer_lock, self._durable.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA secure_delete=ON")
            for change in changes:
                connection.execute(change)
            connection.commit()
        if self._durable.dialect.name == "sqlite":
            raw = self._durable.raw_connection()
            try:
                raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                raw.close()

    def compact(self) -> None:
        """Write the file anew: pages hold what is in the rows, and nothing of what was in them before. Writers wait."""
        if self._durable.dialect.name != "sqlite":
            return
        with self._writer_lock:
            raw = self._durable.raw_connection()
            try:
                for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                    raw.cursor().execute(statement)
            finally:
                raw.close()

    def close(self) -> None:
        """Release all connections."""
        for engine in (self._readers, self._durable, self._fast):
            engine.dispose()


def newest_version() -> str:
    """The revision the code expects: migrations are numbered, and the last file is the newest."""
    return max(path.name for path in (_MIGRATIONS / "versions").glob("[0-9]*.py")).partition("_")[0]


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _create(connection: Connection) -> None:
    """A new database gets today's tables at once; a test holds them equal to what the migrations lead to."""
    SQLModel.metadata.create_all(connection)
    connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    connection.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": newest_version()})


def _upgrade(connection: Connection) -> None:
    # Loaded only when there is something to migrate: Alembic is a tenth of the start-up time.
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise Unavailable(f"The database is not one that this version of Maestro knows: {error}") from error


def _engine(url: str, *, begin: str, synchronous: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True, json_deserializer=read_json)
    connect_args = {"timeout": _BUSY_TIMEOUT_S, "check_same_thread": False}
    engine = create_engine(url, connect_args=connect_args, json_deserializer=read_json)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
        connection.text_factory = _read_text
        # SQLite itself knows only the case of ASCII letters.
        connection.create_function("folded", 1, lambda text: str(text or "").casefold(), deterministic=True)
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={synchronous}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _read_text(stored: bytes) -> str:
    """Bytes that are no UTF-8 must not fail the query that meets them."""
    return stored.decode("utf-8", "replace")
