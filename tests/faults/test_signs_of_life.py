"""Workers whose loop hangs, agents that somebody stopped: noticed at once, helped or ended, gone on with."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from maestro.core import queries
from maestro.core.commands import control
from maestro.core.guards import heartbeat
from maestro.core.kernel import processes
from maestro.db import models
from maestro.worker import proctable
from tests.app_process import wait_for
from tests.engine import engine
from tests.faults.commands import run, task, until_working
from tests.landing import bench, plan_of
from tests.repos import make_repo
from tests.scripted import scenario

#: Says something all the time, until it may end.
TICKING = """
while ! test -e "{go}"; do echo tick; sleep 0.05; done
echo t1 > t1.txt
"""


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", {"README.md": "Hello\n"})


@contextlib.contextmanager
def blocked(file: Path) -> Iterator[None]:
    """Whoever opens the file to write to it waits: for a worker that reports, its loop stands still in the kernel."""
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)  # what the holder of a lease is sent
    descriptor = os.open(file, os.O_RDONLY)

    def lease() -> bool:
        with contextlib.suppress(BlockingIOError):  # it is open for writing just now
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            return True
        return False

    try:
        wait_for(lease, 120, "a lease on the spool")
        yield
    finally:
        os.close(descriptor)
        signal.signal(signal.SIGIO, before)


def test_a_worker_that_hangs_is_shown_so_and_ended_and_its_task_goes_on(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "_HANG_S", 3.0)
    go = tmp_path / "go"
    with engine(tmp_path, scenario()) as e:
        session = run(e, repo, task(), go=go, command=TICKING)
        worker_id = e.until("log_entry", message="tick").payload["worker_id"]
        with blocked(e.rt.data_dir / "workers" / worker_id / "events.jsonl"):
            assert e.until("worker_silent").payload["worker_id"] == worker_id
            (shown,) = queries.list_workers(e.rt, session.id)
            assert shown.alive
            assert shown.silent_s
            assert shown.silent_s >= heartbeat.NOTICED_S
            ended = e.until("worker_terminated", worker_id=worker_id).payload
            assert (ended["outcome"], ended["exit_code"]) == ("lost", -signal.SIGKILL)
        go.touch()
        e.until("state_changed", to="completed")
        done = e.task(session.id, "t1")
        assert (done.attempt, done.interruptions) == (1, 1)
        assert queries.list_workers(e.rt, session.id)[0].outcome_detail == "The worker was killed by SIGKILL."


def test_a_silence_that_ends_costs_nothing(tmp_path: Path, repo: Path) -> None:
    go = tmp_path / "go"
    with engine(tmp_path, scenario()) as e:
        session = run(e, repo, task(), go=go, command=TICKING)
        worker_id = e.until("log_entry", message="tick").payload["worker_id"]
        with blocked(e.rt.data_dir / "workers" / worker_id / "events.jsonl"):
            e.until("worker_silent")
        e.until("worker_heard")
        assert queries.list_workers(e.rt, session.id)[0].silent_s is None
        go.touch()
        e.until("state_changed", to="completed")
        assert e.task(session.id, "t1").interruptions == 0


def test_an_agent_that_somebody_stopped_is_woken_and_what_it_stopped_itself_is_not(tmp_path: Path, repo: Path) -> None:
    go = tmp_path / "go"
    script = "sleep 300 & kill -STOP $!; echo $! > stopped.pid; echo 'working on t1'\n" + (
        'while ! test -e "{go}"; do sleep 0.05; done; echo t1 > t1.txt; kill -KILL $(cat stopped.pid); rm stopped.pid'
    )
    with engine(tmp_path, scenario()) as e:
        session = run(e, repo, task(), go=go, command=script)
        worker = psutil.Process(e.until("worker_spawned").payload["pid"])
        until_working(e, "t1")
        agent = worker.children()[0]
        (left,) = e.rt.worktrees.folder.glob("*/*/stopped.pid")
        own = psutil.Process(int(left.read_text()))
        e.until("metric")
        e.until("metric")  # seconds have passed, and it was left alone
        assert own.status() == psutil.STATUS_STOPPED
        agent.suspend()
        wait_for(lambda: agent.status() != psutil.STATUS_STOPPED, 120, "the agent to be woken")
        go.touch()
        e.until("state_changed", to="completed")
        assert e.task(session.id, "t1").interruptions == 0


def test_what_maestro_itself_stopped_and_lets_go_on_is_no_news(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"})) as b, subprocess.Popen(["sleep", "300"]) as process:
        own = psutil.Process(process.pid)
        worker = models.Worker(session_id=b.id, task_id=b.task().id, name="W-1", spool_path=str(tmp_path / "spool"))
        worker.pid, worker.pid_started, worker.status = process.pid, proctable.started(process.pid), "running"
        with b.rt.db.write() as tx:
            tx.db.add(worker)
        watch = heartbeat.watch(b.rt)

        def look() -> None:
            watch.tick()
            heartbeat.check(b.rt, worker)

        def before_the_resume(**how: bool) -> dict[int, proctable.Seen]:
            seen = everything(**how)
            monkeypatch.setattr(proctable, "everything", everything)
            processes.resume(worker)
            return seen

        everything = proctable.everything
        try:
            look()
            for _ in range(3):
                processes.suspend(worker)  # as a pause does, whose row says "paused" until the resume
                watch.look_again()
                look()  # the resume is stored and has not let it go on: seen stopped, in a row that says it runs
                wait_for(lambda: own.status() != psutil.STATUS_STOPPED, 120, "it to go on")
                processes.suspend(worker)
                watch.look_again()
                watch.beat(worker)  # what is seen of the machine's processes just now: it stands
                processes.resume(worker)
                look()  # the same table is not asked again
                processes.suspend(worker)
                watch.look_again()
                monkeypatch.setattr(proctable, "everything", before_the_resume)
                look()  # on a busy machine the resume comes between what is seen and what is said of it
            assert "suspended by another program" not in b.logs()
            own.suspend()
            watch.look_again()
            look()
            assert b.logs().count("suspended by another program") == 1
            assert own.status() != psutil.STATUS_STOPPED
        finally:
            process.kill()


def test_a_pause_and_its_resume_are_never_taken_for_somebody_elses_doing(tmp_path: Path, repo: Path) -> None:
    go = tmp_path / "go"
    with engine(tmp_path, scenario()) as e:
        session = run(e, repo, task(), go=go, command=TICKING)
        e.until("log_entry", message="tick")
        for _ in range(4):
            control.pause(e.rt, session.id)
            control.resume(e.rt, session.id)
            e.until("log_entry", message="tick")
        go.touch()
        e.until("state_changed", to="completed")
        assert "suspended by another program" not in e.story()
