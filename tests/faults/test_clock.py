"""Clocks that are set, machines that slept, pids of another boot: nothing is taken for dead, nothing waits for ever."""

from __future__ import annotations

import signal
import subprocess
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from maestro.core import queries
from maestro.core.commands import sessions
from maestro.core.integration import retention
from maestro.db import models
from maestro.db.keeping import Fact
from maestro.db.types import utcnow
from maestro.worker import proctable, tree
from tests.app_process import AppProcess, EventStream, wait_for
from tests.engine import Engine, engine
from tests.faults.commands import chain, run, task
from tests.repos import make_repo
from tests.scripted import DUMMY_KEY, scenario

#: Says something all the time, until it may end.
TICKING = """
key=$(sed -n 's/^# Task \\(t[0-9]*\\):.*/\\1/p' | head -n 1)
while ! test -e "{go}-$key"; do echo "tick of $key"; sleep 0.1; done
echo "$key" > "$key.txt"
"""
HOUR = 3600.0
NOBODY = "http://127.0.0.1:9"  # these agents call no model
CLOCK = Path(__file__).parents[1] / "shifted_clock"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", {"README.md": "Hello\n"})


def until_ticks(events: EventStream, key: str, count: int) -> None:
    """Wait for so many log rows that the app takes in from now on."""
    for _ in range(count):
        events.until("log_entry", message=f"tick of {key}")


def test_a_machine_that_slept_and_a_clock_that_was_set_back_stop_and_kill_nothing(tmp_path: Path, repo: Path) -> None:
    """The real app with shifted clocks. Frozen with its workers it wakes three hours later; then the clock is set back."""
    data, go, clock = tmp_path / "data", tmp_path / "go", tmp_path / "clock"
    first = Engine(data, NOBODY)
    session = run(first, repo, *chain(2), go=go, command=TICKING)
    worker = psutil.Process(first.until("worker_spawned").payload["pid"])
    worker_id = first.until("log_entry", message="tick of t1").payload["worker_id"]
    first.close(stop_workers=False)
    model = {"ANTHROPIC_API_KEY": DUMMY_KEY, "ANTHROPIC_BASE_URL": NOBODY}
    with AppProcess(data, PYTHONPATH=str(CLOCK), SHIFTED_CLOCK=str(clock), **model) as app, app.client() as api:
        with app.events(None) as events:
            until_ticks(events, "t1", 3)
        known = tree.Known(worker.pid, proctable.started(worker.pid), worker_id)
        psutil.Process(app.pid).suspend()
        tree.suspend_trees([known])
        clock.write_text(f"{3 * HOUR} {3 * HOUR}")  # a frozen container's monotonic clock goes on, too
        psutil.Process(app.pid).resume()
        with app.events(None) as events:
            # It finds a worker that stands still, and has said nothing for hours by any clock: it wakes it.
            wait_for(lambda: worker.is_running() and worker.status() != psutil.STATUS_STOPPED, 120, "the worker")
            until_ticks(events, "t1", 20)
            (row,) = api.get(f"/api/sessions/{session.id}/workers").json()["items"]
            assert (row["id"], row["status"], row["alive"]) == (worker_id, "running", True)
            clock.write_text(f"{-2 * HOUR} {3 * HOUR}")
            for key in ("t1", "t2"):
                Path(f"{go}-{key}").touch()
            events.until("state_changed", session_id=session.id, to="completed")
        told = [r["message"] for r in api.get(f"/api/sessions/{session.id}/logs?limit=500&level=warn").json()["items"]]
        assert not [words for words in told if "hangs" in words or "stuck" in words or "Interrupted" in words]
        assert {t["attempt"] for t in api.get(f"/api/sessions/{session.id}/tasks").json()["items"]} == {1}


def test_a_worker_is_known_by_its_start_after_the_clock_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        started, boot = proctable.started(child.pid), psutil.boot_time()
        # Setting the clock moves the time of boot, from which a start is usually told.
        monkeypatch.setattr("psutil._pslinux.boot_time", lambda: boot + HOUR, raising=False)
        assert tree.is_alive(child.pid, started)
        assert tree.kill_tree(child.pid, started, "x") == 1
        assert child.wait(10) == -signal.SIGKILL


def test_after_a_reboot_stored_pids_say_nothing(tmp_path: Path, repo: Path) -> None:
    go = tmp_path / "go"
    first = Engine(tmp_path / "data", NOBODY)
    session = run(first, repo, task(), go=go)
    worker_id = first.until("log_entry", message="working on t1").payload["worker_id"]
    first.close()  # its worker ends, as with the machine
    with subprocess.Popen(["sleep", "600"]) as stranger:
        with first.rt.db.write() as tx:
            row = tx.db.get(models.Worker, worker_id)
            assert row is not None
            row.pid, row.pid_started = stranger.pid, proctable.started(stranger.pid)
            tx.db.add(row)
            tx.db.merge(Fact(name="boot", value="the one before"))
        go.touch()
        second = Engine(tmp_path / "data", NOBODY)
        try:
            second.until("state_changed", to="completed")
            assert second.task(session.id, "t1").interruptions == 1
            assert stranger.poll() is None
        finally:
            second.close()
            stranger.kill()


def test_a_clock_that_jumps_forward_takes_no_kept_work_away(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine(tmp_path, scenario(), keep_recovered_days=30) as e:
        session = run(e, repo, task())
        e.until("state_changed", to="completed")
        sessions.delete_session(e.rt, session.id)

        def expire_after(days: float) -> int:
            monkeypatch.setattr(retention, "utcnow", lambda: utcnow() + timedelta(days=days))
            return retention.expire(e.rt)

        assert [expire_after(days) for days in (40, 40.1, 0, 40)] == [0, 0, 0, 0]  # put right in between
        assert [v.id for v in queries.list_deleted(e.rt)] == [session.id]
        assert expire_after(41) == 1
