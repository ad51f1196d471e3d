"""Workers and agents that are killed, stopped or half started: noticed, cleaned up, gone on with."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from maestro.core import queries
from maestro.core.approvals import asking
from maestro.core.commands import approvals, control
from maestro.core.kernel import lookup, processes
from maestro.core.supervisor import loop, recovery
from maestro.db import models
from maestro.demo.server import ScriptedServer
from maestro.worker import proctable, tree
from tests.app_process import wait_for
from tests.engine import Engine, engine
from tests.faults import commands
from tests.repos import make_repo, run_git
from tests.scripted import bash, say, scenario, task_rule, write

#: Writes a file, leaves a child in a session of its own, and goes on for as long as ``go`` is not there.
SLOW = """
cat > prompt-seen.txt
setsid sh -c 'while :; do sleep 0.1; done' &
echo working
while ! test -e {go}; do sleep 0.05; done
echo done > t1.txt
"""


def plan(*tasks: dict[str, Any]) -> dict[str, Any]:
    return {"summary": "Test", "checks": [], "tasks": list(tasks)}


def one(key: str = "t1", **more: Any) -> dict[str, Any]:
    return {"id": key, "title": f"Task {key}", "checks": [f"test -s {key}.txt"], **more}


def command_session(e: Engine, repo: Path, go: Path) -> Any:
    """A session of one task whose agent is a shell script; it ends once ``go`` exists."""
    view = e.session(repo, plan(one()))
    with e.rt.db.write() as tx:
        row = tx.db.get(models.Session, view.id)
        assert row is not None
        row.agent_type = "command"
        row.agent_config = {"command": ["/bin/sh", "-c", SLOW.replace("{go}", str(go))], "permission_mode": "bypass"}
        tx.db.add(row)
    return control.execute(e.rt, view.id)


def working(e: Engine) -> psutil.Process:
    """The worker, once its agent is at work."""
    spawned = e.until("worker_spawned")
    e.until("log_entry", message="working")
    return psutil.Process(spawned.payload["pid"])


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", {"README.md": "Hello\n"})


def test_a_killed_worker_is_noticed_with_all_it_started_gone(tmp_path: Path, repo: Path) -> None:
    go = tmp_path / "go"
    with engine(tmp_path, scenario()) as e:
        session = command_session(e, repo, go)
        worker = working(e)
        worker_id = queries.list_workers(e.rt, session.id)[0].id
        tree_of_it = tree.processes_of(worker_id)
        assert len(tree_of_it) >= 3  # worker, agent, and the child that called setsid
        worker.kill()
        e.until("worker_terminated", worker_id=worker_id)
        assert not [p for p in tree_of_it if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
        go.touch()
        e.until("state_changed", to="completed")
        task = e.task(session.id, "t1")
        assert (task.attempt, task.interruptions) == (1, 1)


def test_after_three_interruptions_the_user_is_asked(tmp_path: Path, repo: Path) -> None:
    with engine(tmp_path, scenario()) as e:
        session = command_session(e, repo, tmp_path / "never")
        for _ in range(3):
            working(e).kill()
        asked = e.until("approval_requested", kind="task_failed")
        assert "Interrupted 3 times" in asked.payload["detail"]["reason"]
        assert e.task(session.id, "t1").attempt == 1


def test_a_killed_agent_is_an_interruption_and_its_conversation_goes_on(tmp_path: Path, repo: Path) -> None:
    going_on = {
        "match": {"has_tool": "Bash", "asked": "You were interrupted"},
        "from_asked": True,
        "steps": [[write("t1.txt", "x\n")], [say("Done.")]],
    }
    script = scenario(going_on, task_rule("# Task t1:", bash("echo first"), {"hang": True}))
    with ScriptedServer(script) as server:
        e = Engine(tmp_path / "data", server.url, permission_mode="bypass")
        try:
            session = e.run(repo, plan(one()))
            worker = psutil.Process(e.until("worker_spawned").payload["pid"])
            e.until("log_entry", kind="tool_result")
            cli = next(c for c in worker.children(recursive=True) if "claude" in " ".join(c.cmdline()[:1]))
            cli.kill()
            e.until("state_changed", to="completed", timeout_s=90)
            task = e.task(session.id, "t1")
            assert (task.attempt, task.interruptions) == (1, 1)
            said = [str(m["messages"]) for m in server.messages() if "You were interrupted" in str(m["messages"])]
            assert said
            assert "echo first" in said[-1]  # the conversation so far
        finally:
            e.close()


def test_a_worker_that_somebody_stopped_is_woken(tmp_path: Path, repo: Path) -> None:
    go = tmp_path / "go"
    with engine(tmp_path, scenario()) as e:
        session = command_session(e, repo, go)
        worker = working(e)
        worker.send_signal(signal.SIGSTOP)
        wait_for(lambda: worker.status() != psutil.STATUS_STOPPED, 2, "the worker to be woken")
        go.touch()
        e.until("state_changed", to="completed")
        assert e.task(session.id, "t1").interruptions == 0


def test_a_deleted_spool_with_an_answer_on_its_way_stops_nobody(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("a step of the look that always breaks")

    monkeypatch.setattr(loop.parking, "park_due", breaks)
    go = tmp_path / "go"
    with engine(tmp_path, scenario()) as e:
        session = command_session(e, repo, go)
        worker = working(e)
        (known,) = queries.list_workers(e.rt, session.id)
        with e.rt.db.write() as tx:
            row, task = tx.db.get(models.Worker, known.id), lookup.task_row(tx.db, session.id, "t1")
            assert row is not None
            row.status, task.status = "waiting", "waiting"
            about = {"worker_id": row.id, "request_id": "r", "signature": "s"}
            asked = asking.ask(
                tx, lookup.session_row(tx.db, session.id), task, kind="tool", title="?", detail={}, **about
            )
            tx.db.add(row)
            tx.db.add(task)
        shutil.rmtree(e.rt.data_dir / "workers")
        approvals.decide(e.rt, asked.id, "allow_session")
        go.touch()
        other = command_session(e, make_repo(tmp_path / "other", {"README.md": "Hello\n"}), go)
        worker.kill()
        done = {e.until("state_changed", to="completed").session_id for _ in range(2)}
        assert done == {session.id, other.id}


def test_a_worker_row_without_a_process_is_no_interruption(tmp_path: Path, repo: Path) -> None:
    """As after a kill between "about to start a worker" and the start."""
    go = tmp_path / "go"
    go.touch()
    first = Engine(tmp_path / "data", None)
    session = first.session(repo, plan(one()))
    first.close()
    second = Engine(tmp_path / "data", None)
    try:
        with second.rt.db.write() as tx:
            task = models.Task(
                session_id=session.id, key="ghost", position=9, title="Ghost", status="running", attempt=1
            )
            tx.db.add(task)
            tx.db.flush()
            spool = second.rt.data_dir / "workers" / "none"
            worker = models.Worker(session_id=session.id, task_id=task.id, name="W-1", spool_path=str(spool))
            task.assigned_worker_id = worker.id
            tx.db.add(worker)
            tx.emit("session_updated", session.id)
        second.until("worker_terminated", worker_id=worker.id)
        assert second.task(session.id, "ghost").interruptions == 0
    finally:
        second.close()


def test_a_worker_whose_pid_was_never_stored_is_found_by_its_environment(tmp_path: Path, repo: Path) -> None:
    go = tmp_path / "go"
    with ScriptedServer(scenario()) as server:
        first = Engine(tmp_path / "data", server.url)
        session = command_session(first, repo, go)
        worker = working(first)
        with first.rt.db.write() as tx:
            row = tx.db.get(models.Worker, queries.list_workers(first.rt, session.id)[0].id)
            assert row is not None
            row.pid = row.pid_started = None
            tx.db.add(row)
        first.close(stop_workers=False)
        second = Engine(tmp_path / "data", server.url)
        try:
            assert worker.is_running()
            go.touch()
            second.until("state_changed", to="completed")
            assert len(queries.list_workers(second.rt, session.id)) == 1
        finally:
            second.close()


def test_a_process_that_only_got_the_pid_is_never_signalled() -> None:
    own = psutil.Process()
    somebody = models.Worker(
        id="nobody",
        session_id="s",
        task_id="t",
        name="W-1",
        spool_path="/nowhere",
        pid=own.pid,
        pid_started=proctable.started(own.pid) - 60,
    )
    assert not processes.alive(somebody)
    processes.suspend(somebody)  # would stop this test for ever
    processes.end(somebody)
    assert os.getpid() == own.pid


def test_a_killed_app_leaves_no_check_running(tmp_path: Path, repo: Path) -> None:
    """A check runs in a session of its own; the next start ends what a dead app left in its worktrees."""
    data = tmp_path / "data"
    place = data / "worktrees" / "s" / "t1"
    place.mkdir(parents=True)
    left = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"],
        cwd=place,
        env={**os.environ, "MAESTRO_WORKER_ID": "check-of-a-dead-app"},
        start_new_session=True,
    )
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], cwd=place)
    try:
        # An app that starts later than what it finds: here the test's own process is older.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(recovery, "_was_there_before", lambda _started, _ours: True)
            e = Engine(data, None)
            assert left.wait(10) == -signal.SIGKILL
            assert bystander.poll() is None
            e.close()
    finally:
        bystander.kill()
        bystander.wait()
        left.kill()


def test_each_worktree_has_ports_of_its_own_and_no_garbage_collection(tmp_path: Path, repo: Path) -> None:
    script = 'git config gc.auto > "seen-$MAESTRO_PORT_BASE.txt"; while ! test -e {go}; do sleep 0.05; done'
    with engine(tmp_path, scenario()) as e:
        go = tmp_path / "go"
        commands.run(e, repo, one(checks=["true"]), one("t2", checks=["true"]), command=script, go=go)
        place = e.rt.worktrees.folder
        wait_for(lambda: len({p.name for p in place.glob("*/*/seen-2*.txt")}) == 2, 120, "two ranges of ports")
        wait_for(lambda: {p.read_text() for p in place.glob("*/*/seen-*.txt")} == {"0\n"}, 120, "gc to be off")
        go.touch()
        e.until("state_changed", to="completed")


def test_a_worker_and_what_it_starts_get_no_more_cores_than_their_cap(tmp_path: Path, repo: Path) -> None:
    with engine(tmp_path, scenario()) as e:
        commands.run(e, repo, one(checks=["true"]), command="nproc > cores.txt", worker_cpu_percent=100)
        session = e.until("state_changed", to="completed").session_id
        assert run_git(repo, "show", f"{e.get(session).session_branch}:cores.txt") == "1"
