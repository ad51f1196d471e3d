"""A worker that goes round in circles or falls silent: a word, an interruption, then the user; with the real CLI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil
import pytest

from maestro.core import queries
from maestro.core.commands import approvals
from maestro.core.guards import watchdog
from tests.app_process import wait_for
from tests.engine import engine
from tests.repos import make_repo
from tests.scripted import bash, say, scenario, task_rule, write

PLAN = {"summary": "Test", "tasks": [{"id": "t1", "title": "Task t1", "checks": ["test -s t1.txt"]}]}
CIRCLES = task_rule("# Task t1:", bash("ls"), repeat_last=True)


def finishes(**match: str) -> list[dict[str, Any]]:
    """The agent does the work once a request matches. Its write is in the conversation afterwards."""
    wrote = {"match": {"has_tool": "Bash", "last": "created successfully"}, "reply": [say("Done.")]}
    return [wrote, {"match": {"has_tool": "Bash", **match}, "reply": [write("t1.txt", "t1\n")]}]


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", {"README.md": "Hello\n"})


def test_a_word_in_the_conversation_is_enough_for_an_agent_that_listens(tmp_path: Path, repo: Path) -> None:
    script = scenario(*finishes(system="A look from outside"), CIRCLES)
    with engine(tmp_path, script, stuck_repeats=3) as e:
        session = e.run(repo, PLAN)
        told = e.until("stuck_detected")
        assert told.payload["seen"].startswith("“Run `ls`” was done 3 times")
        e.until("state_changed", to="completed")
        assert len(queries.list_workers(e.rt, session.id)) == 1


def test_an_agent_that_does_not_listen_is_interrupted_and_goes_on_with_a_summary(tmp_path: Path, repo: Path) -> None:
    with engine(tmp_path, scenario(*finishes(asked="# Interrupted"), CIRCLES), stuck_repeats=3) as e:
        session = e.run(repo, PLAN)
        e.until("stuck_detected", step=1)
        e.until("stuck_detected", step=2)
        e.until("state_changed", to="completed")
        task = e.task(session.id, "t1")
        assert (task.attempt, task.interruptions) == (1, 0)
        assert len(queries.list_workers(e.rt, session.id)) == 2


def test_without_automatic_resume_the_worker_stands_still_and_the_user_decides(tmp_path: Path, repo: Path) -> None:
    script = scenario(*finishes(asked="try t1.txt"), CIRCLES)
    with engine(tmp_path, script, stuck_repeats=3, auto_unstick=False) as e:
        session = e.run(repo, PLAN)
        asked = e.until("approval_requested")
        assert asked.payload["kind"] == "stuck"
        e.until("stuck_detected", step=2)
        worker = queries.list_workers(e.rt, session.id)[0]
        assert worker.pid is not None
        e.until("metric")  # a look later
        process = psutil.Process(worker.pid)
        wait_for(lambda: process.status() == psutil.STATUS_STOPPED, 120, "the worker to stand still")
        approvals.decide(e.rt, asked.payload["approval_id"], "allow", "try t1.txt")
        e.until("state_changed", to="completed")
        assert e.task(session.id, "t1").attempt == 1


def test_a_stuck_worker_that_nobody_answers_about_is_parked_and_the_answer_goes_on(tmp_path: Path, repo: Path) -> None:
    script = scenario(*finishes(asked="try t1.txt"), CIRCLES)
    with engine(tmp_path, script, stuck_repeats=3, auto_unstick=False, park_after_minutes=0) as e:
        session = e.run(repo, PLAN)
        asked = e.until("approval_requested")
        e.until("worker_parked")
        e.until("worker_terminated", outcome="parked")
        worker = queries.list_workers(e.rt, session.id)[0]
        wait_for(lambda: not psutil.pid_exists(worker.pid or 0), 120, "its process to be gone")
        assert [a.kind for a in queries.list_approvals(e.rt, session_id=session.id)] == ["stuck"]
        assert e.task(session.id, "t1").status == "waiting"
        approvals.decide(e.rt, asked.payload["approval_id"], "allow", "try t1.txt")
        e.until("state_changed", to="completed")
        assert e.task(session.id, "t1").attempt == 1


def test_a_silent_tool_that_waits_for_what_comes_is_left_alone(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "_HEARING_S", 2.0)
    slow = "import time; [open('got', 'a').write('x' * 9000) or time.sleep(0.5) for _ in range(30)]"
    waits = bash(f'python3 -c "{slow}"')
    script = scenario(*finishes(asked="# Interrupted"), task_rule("# Task t1:", waits, bash("sleep 120")))
    with engine(tmp_path, script, stuck_silence_minutes=0.1, permission_mode="bypass") as e:
        e.run(repo, PLAN)
        assert "sleep 120" in e.until("stuck_detected").payload["seen"]


def test_a_silent_idle_tool_is_interrupted_and_a_busy_one_is_left_alone(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "_HEARING_S", 2.0)
    # Half as long again; the work is the shell's own, as programs that end between two measurements are not seen.
    busy = bash("for i in $(seq 42); do for j in $(seq 9000); do :; done; sleep 0.2; done")
    script = scenario(*finishes(asked="# Interrupted"), task_rule("# Task t1:", busy, bash("sleep 120")))
    with engine(tmp_path, script, stuck_silence_minutes=0.1, permission_mode="bypass") as e:
        session = e.run(repo, PLAN)
        first = e.until("stuck_detected")
        assert "sleep 120" in first.payload["seen"]
        e.until("stuck_detected", step=2)
        e.until("state_changed", to="completed")
        assert e.task(session.id, "t1").attempt == 1
