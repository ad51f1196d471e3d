"""A data folder that cannot be written: work stands still, says why, loses nothing, and goes on by itself."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy.exc import OperationalError

from maestro.core import queries
from maestro.core.commands import control
from maestro.core.guards import storage
from maestro.core.kernel.runtime import open_runtime
from maestro.core.supervisor import lifecycle
from maestro.errors import GitError, Unavailable
from maestro.settings import LoadedSettings
from maestro.worktrees.git import git
from tests.app_process import ROOT, clean_environment, wait_for
from tests.engine import engine
from tests.faults.commands import run, task
from tests.landing import bench, plan_of
from tests.repos import make_repo
from tests.scripted import scenario


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", {"README.md": "Hello\n"})


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """64 MB of memory as the disk that holds the data folder, or what the test says."""
    place = tmp_path / getattr(request, "param", "data")
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m,mode=700", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting needs root")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_stops_the_workers_and_a_free_one_lets_them_go_on(
    tmp_path: Path, repo: Path, small_disk: Path
) -> None:
    go = tmp_path / "go"
    with engine(tmp_path, scenario()) as e:
        session = run(e, repo, task(), go=go)
        worker = psutil.Process(e.until("worker_spawned").payload["pid"])
        e.until("log_entry", message="working on t1")
        stored = len(queries.list_logs(e.rt, session.id, limit=500))
        ballast = small_disk / "ballast"
        with pytest.raises(OSError, match="No space"):
            ballast.write_bytes(b"x" * 128 * 1024 * 1024)
        said = e.until("storage_problem", kind="disk_full")
        assert "Free some space" in said.payload["message"]
        problem = queries.storage_problem(e.rt)
        assert problem is not None
        assert problem.kind == "disk_full"
        wait_for(lambda: worker.status() == psutil.STATUS_STOPPED, 2, "the worker to stand still")
        ballast.unlink()
        e.until("storage_problem", kind=None)
        go.touch()
        e.until("state_changed", to="completed")
        assert queries.storage_problem(e.rt) is None
        assert e.task(session.id, "t1").attempt == 1
        assert e.task(session.id, "t1").interruptions == 0
        assert len(queries.list_logs(e.rt, session.id, limit=500)) > stored


def test_a_read_only_data_folder_ends_the_start_with_a_sentence(tmp_path: Path, small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    ended = subprocess.run(
        [sys.executable, str(ROOT / "app.py"), "--no-browser", "--data-dir", str(small_disk)],
        env=clean_environment(tmp_path / "home"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [f"The data folder {small_disk} cannot be written: Read-only file system."]


def test_a_data_folder_that_becomes_read_only_is_waited_for(tmp_path: Path, repo: Path) -> None:
    """As a file system does that met an error: every write is refused, reading goes on."""
    go = tmp_path / "go"
    with engine(tmp_path, scenario()) as e:
        session = run(e, repo, task(), go=go)
        e.until("log_entry", message="working on t1")
        for connection in (e.rt.db._durable, e.rt.db._fast):
            with connection.connect() as c:
                c.exec_driver_sql("PRAGMA query_only = ON")  # what the one pooled connection keeps
                c.rollback()
        go.touch()
        said = e.until("storage_problem", kind="read_only")
        assert "Make it writable" in said.payload["message"]
        for connection in (e.rt.db._durable, e.rt.db._fast):
            connection.dispose()
        e.until("storage_problem", kind=None)
        e.until("state_changed", to="completed")
        assert e.task(session.id, "t1").attempt == 1


def test_a_database_that_another_program_holds_is_waited_for(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maestro.db.session._BUSY_TIMEOUT_S", 0.2)
    go = tmp_path / "go"
    with engine(tmp_path, scenario()) as e:
        session = run(e, repo, task(), go=go)
        e.until("log_entry", message="working on t1")
        other = sqlite3.connect(e.rt.data_dir / "maestro.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        go.touch()
        assert "Close it" in e.until("storage_problem", kind="locked").payload["message"]
        other.execute("COMMIT")
        other.close()
        e.until("state_changed", to="completed")
        assert e.task(session.id, "t1").attempt == 1
        assert len([x for x in e.seen if x.type == "task_completed"]) == 1


def test_a_database_that_is_held_while_a_start_takes_up_what_was_left_ends_it_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maestro.db.session._BUSY_TIMEOUT_S", 0.2)
    rt = open_runtime(LoadedSettings({"data_dir": tmp_path / "data"}, environment={}, dotenv=None))
    other = sqlite3.connect(rt.data_dir / "maestro.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match=r"cannot be written: database is locked\. Fix that, then start"):
        lifecycle.start(rt)
    other.execute("COMMIT")
    other.close()
    lifecycle.start(rt)
    lifecycle.stop(rt)


@pytest.mark.parametrize("small_disk", ["disk"], indirect=True)
def test_a_repository_on_another_disk_that_is_full_is_named_and_waited_for(tmp_path: Path, small_disk: Path) -> None:
    repo, ballast = make_repo(small_disk / "repo", {"README.md": "Hello\n"}), small_disk / "ballast"
    with bench(tmp_path, repo, plan_of({"id": "t1"})) as b:
        health = storage.health(b.rt)

        def goes_on() -> bool:
            health._next_look = 0.0  # a second later
            return health.check()

        (b.begin() / "big").write_bytes(os.urandom(1024 * 1024))
        ballast.write_bytes(b"x" * (shutil.disk_usage(small_disk).free - 200 * 1024))
        b.end()
        assert (b.land().status, goes_on(), goes_on()) == ("checking", False, False)
        assert health.problem is not None
        assert health.problem.message.startswith(f"The disk that holds {repo} is full.")
        assert "stood still" not in b.logs()
        control.pause(b.rt, b.id)
        assert goes_on()  # other sessions need not wait
        control.resume(b.rt, b.id)
        assert (b.land().status, goes_on()) == ("checking", False)
        ballast.unlink()
        assert not goes_on()  # refused again soon after: it takes its time
        wait_for(health.check, 120, "the work to go on")
        assert b.land().status == "completed"


@pytest.mark.parametrize("small_disk", ["temporary"], indirect=True)
def test_a_full_temporary_folder_is_named_and_waited_for(
    tmp_path: Path, repo: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    with bench(tmp_path, repo, plan_of({"id": "t1"})) as b:
        health = storage.health(b.rt)
        ballast = small_disk / "ballast"
        for session_id in (b.id, None):
            ballast.write_bytes(b"x" * (shutil.disk_usage(small_disk).free - 4096))
            with pytest.raises(OSError, match="No space") as full:
                (small_disk / "more").write_bytes(b"x" * 1024 * 1024)
            health._next_look = health._next_try = 0.0
            assert health.report(full.value, session_id)
            assert not health.check()
            assert health.problem is not None
            assert health.problem.message.startswith(f"The disk that holds the temporary folder {small_disk} is full.")
            for file in small_disk.iterdir():
                file.unlink()
            health._next_look = health._next_try = 0.0
            assert health.check()


def git_failed(*args: str) -> GitError:
    with pytest.raises(GitError) as raised:
        git(Path("/"), *args)
    return raised.value


def test_what_is_not_the_storages_fault_is_not_blamed_on_it(tmp_path: Path) -> None:
    with bench(
        tmp_path, make_repo(tmp_path / "quota read-only readonly is full", {"a": "a"}), plan_of({"id": "t1"})
    ) as b:
        health = storage.health(b.rt)
        assert not health.report(ValueError("no such column"))
        assert not health.report(FileNotFoundError(2, "No such file", "/No space left on device"))
        assert not health.report(git_failed("-C", "/no/quota-service is full, readonly", "status"))
        with pytest.raises(OperationalError) as unknown, b.rt.db.write() as tx:
            tx.db.connection().exec_driver_sql("SELECT quota_is_full FROM sessions")
        assert not health.report(unknown.value)
        b.begin()
        b.end()
        b.repo.rename(tmp_path / "elsewhere")
        assert (b.land().status, health.check()) == ("failed", True)
        assert health.report(OSError(errno.ENOSPC, "No space left on device"))
        assert health.report(GitError("git add failed: fatal: /a: Disk quota exceeded"))
        assert health.report(GitError("git add failed: fatal: cannot create '/a': Read-only file system"))
