"""The journal and the schema: what was heard can be replayed, and migrations lead to what the code expects."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlmodel import SQLModel, select

from maestro.db import journal, keeping, models
from maestro.db import session as database_module
from maestro.db.journal import Event
from maestro.db.session import Database, NestedWrite, newest_version


@pytest.fixture
def heard() -> list[Event]:
    return []


@pytest.fixture
def db(tmp_path: Path, heard: list[Event]) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'm.db'}", on_commit=heard.extend)
    database.migrate()
    yield database
    database.close()


@pytest.fixture
def session_id(db: Database) -> str:
    with db.write() as tx:
        row = models.Session(repo_path="/r", base_commit="c", session_branch="b")
        tx.db.add(row)
        return row.id


def test_replay_gives_exactly_what_was_heard_logs_and_metrics_included(
    db: Database, heard: list[Event], session_id: str
) -> None:
    with db.write() as tx:
        tx.emit("state_changed", session_id, to="executing")
        tx.logs([{"session_id": session_id, "message": f"line {n}", "details": {"n": n}} for n in range(50)])
        tx.metrics([{"session_id": session_id, "worker_id": "w", "metric_name": "m", "metric_value": 1.5, "unit": "x"}])
        tx.log(session_id, "last")
    with db.read() as session:
        assert journal.replay(session, 0) == heard
        assert journal.replay(session, heard[10].seq) == heard[11:]
    assert [e.seq for e in heard] == sorted(e.seq for e in heard)


def test_a_write_inside_a_write_is_refused_at_once_and_is_no_trouble_of_the_storage(
    db: Database, heard: list[Event], session_id: str
) -> None:
    troubles: list[object] = []
    db.on_trouble = troubles.append
    with db.write() as tx:
        with pytest.raises(NestedWrite, match="inside another"), db.write():
            raise AssertionError("it began")
        tx.log(session_id, "the outer one goes on")
    assert heard[-1].payload["message"] == "the outer one goes on"
    with pytest.raises(NestedWrite), db.write(), db.write(durable=False):
        pass
    with db.write() as tx:  # the lock is free again, also after one that failed
        tx.log(session_id, "on")
    assert troubles == []


def test_who_hears_of_a_write_may_write(db: Database, session_id: str) -> None:
    def answer(events: list[Event]) -> None:
        db.on_commit = lambda _events: None
        with db.write() as tx:
            tx.log(session_id, f"heard {len(events)}")

    db.on_commit = answer
    with db.write() as tx:
        tx.log(session_id, "one")
    with db.read() as session:
        assert [row.message for row in session.exec(select(models.AgentLog)).all()] == ["one", "heard 1"]


def test_a_rolled_back_transaction_is_never_heard(db: Database, heard: list[Event], session_id: str) -> None:
    def fail_half_way() -> None:
        with db.write() as tx:
            tx.emit("state_changed", session_id, to="executing")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert heard == []


def test_writers_in_many_threads_neither_fail_nor_mix_their_order(
    db: Database, heard: list[Event], session_id: str
) -> None:
    def write(name: int) -> None:
        for number in range(20):
            with db.write() as tx:
                tx.emit("note", session_id, who=name, number=number)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [e.seq for e in heard] == sorted(e.seq for e in heard)
    assert len(heard) == 120
    for name in range(6):
        assert [e.payload["number"] for e in heard if e.payload["who"] == name] == list(range(20))


def migrated(path: Path, revision: str) -> str:
    """A database that Alembic brought from nothing to ``revision``; returns its URL."""
    url = f"sqlite:///{path}"
    config = Config()
    config.set_main_option("script_location", str(Path(models.__file__).parent / "migrations"))
    with create_engine(url).connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()
    return url


def shape(url: str) -> dict[str, Any]:
    """Every table with its columns, keys and indexes, and whether its ids are ever used again."""
    found: dict[str, Any] = {}
    with create_engine(url).connect() as connection:
        for name, sql in connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'table'")).all():
            columns, keys, indexes = (
                connection.execute(text(f"PRAGMA {look}('{name}')")).mappings().all()
                for look in ("table_info", "foreign_key_list", "index_list")
            )
            # The order in which these were added differs; what they are must not.
            found[name] = (
                sorted((c["name"], c["type"], c["notnull"], c["pk"]) for c in columns),
                sorted((k["table"], k["from"], k["to"], k["on_delete"]) for k in keys),
                sorted(("own" if i["name"].startswith("sqlite_") else i["name"], i["unique"]) for i in indexes),
                "AUTOINCREMENT" in sql.upper(),
            )
    return found


def test_a_new_database_is_what_the_migrations_lead_to(db: Database, tmp_path: Path) -> None:
    url = migrated(tmp_path / "old.db", "head")
    assert shape(db.url) == shape(url)
    with create_engine(url).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == newest_version()


def test_a_database_of_the_first_schema_is_brought_up_to_date_with_its_rows(tmp_path: Path) -> None:
    url = migrated(tmp_path / "old.db", "0001")
    with create_engine(url).connect() as connection:
        columns = "session_id, timestamp, level, source, kind, message"
        connection.execute(text(f"INSERT INTO agent_logs ({columns}) VALUES ('s', 5, 'info', 'x', 'text', 'old')"))
        connection.commit()
    database = Database(url)
    database.migrate()
    with database.read() as session:
        row = session.get(models.AgentLog, 1)
        assert row is not None
        assert row.message == "old"
        assert row.timestamp.tzinfo is not None
    database.close()


def test_messages_of_an_old_schema_are_on_the_branch_that_one_is_on(tmp_path: Path) -> None:
    url = migrated(tmp_path / "old.db", "0001")
    with create_engine(url).connect() as connection:
        insert(connection, "sessions", id="s", title="Old", idea_card='{"goals": ["fast"]}')
        insert(connection, "messages", id="m", session_id="s", number=1, role="user", content="Hello", tool_uses="[]")
        connection.commit()
    database = Database(url)
    database.migrate()
    with database.read() as session:
        row = session.get_one(models.Message, "m")
        assert (row.active, row.extras, row.parent_number) == (True, None, None)
        assert session.exec(select(models.CardVersion)).all() == []
    database.close()


def insert(connection: Connection, table: str, **values: Any) -> None:
    """A row of an old schema: what must have a value has one."""
    columns = connection.execute(text(f"PRAGMA table_info({table})")).mappings().all()
    needed = {c["name"]: "{}" if c["type"] == "JSON" else 1 for c in columns if c["notnull"] or c["pk"]}
    row = needed | values
    names = ", ".join(f'"{name}"' for name in row)
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in row)})"), row)


@pytest.mark.parametrize("sqlite", [(3, 34, 1), None], ids=["as on RHEL 9", "this one"])
def test_columns_that_nothing_reads_go_and_rows_stay(
    tmp_path: Path, sqlite: tuple[int, ...] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where SQLite cannot drop a column: to rebuild a table that others refer to would take their rows along."""
    url = migrated(tmp_path / "old.db", "0001")
    with create_engine(url).connect() as connection:
        insert(connection, "sessions", id="s", title="Old", approved_plan_hash="abc")
        insert(connection, "tasks", id="t", session_id="s", key="t1", title="A task", status="running")
        insert(connection, "workers", id="w", session_id="s", task_id="t", name="W-1", inbox_sent=3)
        connection.commit()
    if sqlite is not None:
        monkeypatch.setattr(database_module, "create_engine", create_engine)  # with a dialect of its own
        monkeypatch.setattr(SQLiteDialect_pysqlite, "_get_server_version_info", lambda _dialect, _connection: sqlite)
    database = Database(url)
    database.migrate()
    with database.write() as tx:  # what is new needs no value in what is gone
        tx.db.add(models.Worker(id="v", session_id="s", task_id="t", name="W-2", spool_path="/w/v"))
    with database.read() as reading:
        assert {(w.id, w.name, w.task_id) for w in reading.exec(select(models.Worker)).all()} == {
            ("w", "W-1", "t"), ("v", "W-2", "t"),
        }  # fmt: skip
        assert reading.get_one(models.Task, "t").status == "running"
        assert reading.get_one(models.Session, "s").title == "Old"
    database.close()
    with create_engine(url).connect() as connection:
        left = {c["name"] for table in ("workers", "sessions") for c in inspect(connection).get_columns(table)}
        assert "inbox_sent" not in left
        assert ("approved_plan_hash" in left) == (sqlite is not None)


@pytest.mark.parametrize("version", ["0006", "0007"])
def test_what_assistants_had_used_is_kept_under_the_day_of_their_session(
    db: Database, session_id: str, version: str
) -> None:
    """Also where 0007, in an earlier form, wrote no date; what was used since is added."""
    with db.write() as tx:
        session = tx.db.get_one(models.Session, session_id)
        session.created_at, session.cost_usd, session.input_tokens = datetime(2026, 1, 31, 23, 59, tzinfo=UTC), 9.5, 100
        day = keeping.DayUsage(day="1769903940", session_id=session_id, cost_usd=9.5, input_tokens=100)
        since = keeping.DayUsage(day="2026-01-31", session_id=session_id, cost_usd=0.5, input_tokens=10)
        tx.db.add_all([session, day, since])
        tx.db.connection().execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})
        if version == "0006":
            tx.db.flush()
            tx.db.connection().execute(text("DROP TABLE day_usage"))
    db.migrate()
    with db.read() as reading:
        (row,) = reading.exec(select(keeping.DayUsage)).all()
    used = (9.5, 100) if version == "0006" else (10.0, 110)
    assert (row.day, row.session_id, row.cost_usd, row.input_tokens) == ("2026-01-31", session_id, *used)


def test_a_time_without_its_zone_is_refused(db: Database, session_id: str) -> None:
    with pytest.raises(Exception, match="naive datetime"), db.write() as tx:
        tx.logs([{"session_id": session_id, "message": "x", "timestamp": datetime(2026, 1, 1)}])
