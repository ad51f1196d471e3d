"""Budgets, model calls and memory: told early, stopped at the limit, and on with the user's word; with the real CLI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from maestro.core import queries
from maestro.core.commands import approvals, control
from maestro.core.kernel.runtime import open_runtime
from maestro.core.limits import budgets
from maestro.db import models
from maestro.demo.server import ScriptedServer
from maestro.settings import LoadedSettings
from tests.engine import Engine, engine
from tests.repos import make_repo
from tests.scripted import bash, say, scenario, task_rule, write


def plan(key: str = "t1") -> dict[str, Any]:
    return {"summary": "Test", "tasks": [{"id": key, "title": f"Task {key}", "checks": [f"test -s {key}.txt"]}]}


def does(*before: Any) -> dict[str, Any]:
    return task_rule("# Task t1:", *before, write("t1.txt", "t1\n"), say("Done."), repeat_last=True)


def slow(seconds: float) -> dict[str, Any]:
    return {"content": [bash("ls")], "delay_s": seconds}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", {"README.md": "Hello\n"})


def test_a_session_out_of_tokens_pauses_asks_once_and_goes_on_after_a_raise(tmp_path: Path, repo: Path) -> None:
    with engine(tmp_path, scenario(does(bash("ls"), slow(1.5)))) as e:
        session = e.run(repo, plan(), session_token_limit=1)
        asked = e.until("approval_requested")
        assert asked.payload["kind"] == "budget"
        e.until("state_changed", to="paused")
        assert {w.status for w in queries.list_workers(e.rt, session.id)} == {"paused"}
        assert e.get(session.id).status == "paused"
        approvals.decide(e.rt, asked.payload["approval_id"], "allow", "5000000")
        e.until("state_changed", to="completed")
        assert sum(event.type == "approval_requested" for event in e.seen) == 1
        assert e.task(session.id, "t1").attempt == 1


def test_a_session_out_of_money_stays_paused_over_a_restart_until_the_budget_is_raised(
    tmp_path: Path, repo: Path
) -> None:
    # The CLI may stop with an answer it has not acted on, so the rest is counted from the resume.
    rest = {
        "match": {"has_tool": "Bash", "asked": "# Go on"},
        "from_asked": True,
        "steps": [[write("t1.txt", "t1\n")], [say("Done.")]],
    }
    with ScriptedServer(scenario(rest, does(bash("ls")))) as server:
        first = Engine(tmp_path / "data", server.url)
        session = first.run(repo, plan(), session_budget_usd=0.001)
        asked = first.until("approval_requested")
        first.until("state_changed", to="paused")
        first.close(stop_workers=False)
        second = Engine(tmp_path / "data", server.url)
        try:
            assert second.get(session.id).status == "paused"
            pending = queries.list_approvals(second.rt, status="pending", session_id=session.id)
            assert [a.id for a in pending] == [asked.payload["approval_id"]]
            approvals.decide(second.rt, pending[0].id, "deny")
            assert second.get(session.id).status == "paused"
            control.resume(second.rt, session.id)
            again = second.until("approval_requested")
            second.until("state_changed", to="paused")
            approvals.decide(second.rt, again.payload["approval_id"], "allow", "100")
            second.until("state_changed", to="completed")
            assert second.task(session.id, "t1").attempt == 1
        finally:
            second.close()


@pytest.mark.parametrize("limit", [{"budget_usd": 0.001}, {"run_model_calls": 1}], ids=["usd", "model calls"])
def test_a_run_at_its_own_budget_asks_and_goes_on_after_a_raise(
    tmp_path: Path, repo: Path, limit: dict[str, Any]
) -> None:
    with engine(tmp_path, scenario(does(bash("ls"), slow(1.5)))) as e:
        session = e.run(repo, plan(), **limit)
        asked = e.until("approval_requested")
        assert (asked.payload["kind"], e.task(session.id, "t1").status) == ("budget", "waiting")
        approvals.decide(e.rt, asked.payload["approval_id"], "allow", "raise it by 50 please")
        e.until("state_changed", to="completed")
        assert e.task(session.id, "t1").attempt == 1


def test_no_to_a_runs_budget_leaves_the_task_to_the_user(tmp_path: Path, repo: Path) -> None:
    with engine(tmp_path, scenario(does(bash("ls"), slow(1.5)))) as e:
        session = e.run(repo, plan(), run_model_calls=1)
        approvals.decide(e.rt, e.until("approval_requested").payload["approval_id"], "deny")
        e.until("task_failed")
        control.skip_task(e.rt, session.id, "t1")


def test_a_worker_over_its_memory_is_resumed_once_and_then_the_user_is_asked(tmp_path: Path, repo: Path) -> None:
    # The interrupted turn counts as one, so the resumed run meets the second slow one.
    with engine(tmp_path, scenario(does(slow(20), slow(20)))) as e:
        session = e.run(repo, plan(), worker_memory_mb=64)
        e.until("notification", title="A worker uses too much memory")
        e.until("worker_terminated")
        e.until("worker_spawned")
        asked = e.until("approval_requested")
        assert asked.payload["kind"] == "task_failed"
        assert "worker_memory_mb" in asked.payload["detail"]["reason"]
        task = e.task(session.id, "t1")
        assert (task.attempt, task.interruptions) == (1, 0)
        assert len(queries.list_workers(e.rt, session.id)) == 2


def test_a_run_out_of_time_goes_on_once_and_then_the_user_is_asked(tmp_path: Path, repo: Path) -> None:
    with engine(tmp_path, scenario({"match": {"has_tool": "Bash"}, "reply": {"hang": True}})) as e:
        session = e.run(repo, plan(), task_timeout_minutes=0.03)
        asked = e.until("approval_requested")
        assert "second time" in asked.payload["detail"]["reason"]
        task = e.task(session.id, "t1")
        assert (task.attempt, task.interruptions) == (1, 0)
        assert len(queries.list_workers(e.rt, session.id)) == 2


def test_at_80_percent_there_is_one_notice(tmp_path: Path, repo: Path) -> None:
    loaded = LoadedSettings(flags={"data_dir": tmp_path / "data"}, environment={}, dotenv=None)
    rt = open_runtime(loaded)
    told: list[str] = []
    rt.bus.subscribe(lambda events: told.extend(e.type for e in events))
    with rt.db.write() as tx:
        row = models.Session(
            status="executing",
            repo_path=str(repo),
            base_commit="0" * 40,
            session_branch="maestro/x/main",
            agent_config={"session_token_limit": 100},
            input_tokens=85,
        )
        tx.db.add(row)
    for _ in range(3):
        budgets.check(rt, [row])
    assert told.count("notification") == 1
    with rt.db.read() as db:
        session = db.get(models.Session, row.id)
    assert session is not None
    assert session.status == "executing"
    rt.db.close()
