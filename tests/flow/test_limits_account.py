"""Usage limits, overload and refused keys: the work waits and goes on, with the real CLI against a scripted endpoint."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from maestro.core import queries
from maestro.core.commands import approvals, control
from maestro.core.commands.limits import resume_account, stay_paused
from maestro.core.kernel.endpoint import endpoint_for
from maestro.core.kernel.runtime import Runtime, open_runtime
from maestro.core.limits import account
from maestro.core.limits.account import account_state
from maestro.core.workspaces import environ
from maestro.db import models
from maestro.db.types import utcnow
from maestro.demo.server import ScriptedServer
from maestro.settings import LoadedSettings
from tests.app_process import wait_for
from tests.engine import Engine, engine
from tests.repos import make_repo
from tests.scripted import DUMMY_KEY, error, say, scenario, task_rule, write


def plan(*keys: str) -> dict[str, Any]:
    return {"summary": "Test", "tasks": [{"id": k, "title": f"Task {k}", "checks": [f"test -s {k}.txt"]} for k in keys]}


def does(key: str) -> dict[str, Any]:
    return task_rule(f"# Task {key}:", write(f"{key}.txt", f"{key}\n"), say("Done."))


def fails_until_resumed(key: str, reply: dict[str, Any], asked: str = "# Go on") -> list[dict[str, Any]]:
    """The endpoint refuses the task's first run; the resumed one works."""
    works = {
        "match": {"has_tool": "Bash", "prompt": f"# Task {key}:", "asked": asked},
        "from_asked": True,
        "steps": [[write(f"{key}.txt", "late\n")], [say("Done.")]],
    }
    return [works, {"match": {"has_tool": "Bash", "prompt": f"# Task {key}:"}, "reply": reply}]


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", {"README.md": "Hello\n"})


def asked_again(reply: dict[str, Any]) -> dict[str, Any]:
    """What the worker hears when it asks for the reset that Claude Code does not tell."""
    return {"match": {"no_tools": True, "prompt": "^quota$"}, "reply": reply}


LIMIT = error(429, "rate_limit_error", "slow", retry_after=3600)


def test_a_usage_limit_pauses_the_account_over_a_restart_and_the_task_goes_on_in_its_conversation(
    tmp_path: Path, repo: Path
) -> None:
    with ScriptedServer(scenario(*fails_until_resumed("t1", LIMIT), asked_again(LIMIT), does("t2"))) as server:
        first = Engine(tmp_path / "data", server.url)
        session = first.run(repo, plan("t1", "t2"), max_workers=1)
        told = first.until("account_paused")
        assert told.payload["until"]
        first.until("notification")
        state = account_state(first.rt)
        assert state is not None
        assert state.paused_until is not None
        assert timedelta(minutes=55) < state.paused_until - utcnow() < timedelta(hours=1)
        assert "resets at" in state.reason
        first.close(stop_workers=False)
        second = Engine(tmp_path / "data", server.url)
        try:
            kept = account_state(second.rt)
            assert kept is not None
            assert kept.paused_until == state.paused_until
            assert second.task(session.id, "t2").status == "pending"
            assert len(queries.list_workers(second.rt, session.id)) == 1
            assert "limit" in (second.task(session.id, "t1").progress_note or "")
            assert resume_account(second.rt) == 1
            second.until("state_changed", to="completed")
            assert account_state(second.rt) is None
            task = second.task(session.id, "t1")
            assert (task.attempt, task.interruptions) == (1, 0)
            assert not any(e.type == "approval_requested" for e in [*first.seen, *second.seen])
        finally:
            second.close()


def test_a_stated_reset_ends_the_pause_by_itself(tmp_path: Path, repo: Path) -> None:
    soon = error(429, "rate_limit_error", "slow", retry_after=2)
    with engine(tmp_path, scenario(*fails_until_resumed("t1", soon), asked_again(soon))) as e:
        session = e.run(repo, plan("t1"))
        e.until("account_paused")
        e.until("account_resumed")
        e.until("state_changed", to="completed")
        assert e.task(session.id, "t1").attempt == 1


def test_staying_paused_outlasts_the_stated_reset(tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flags = {"data_dir": tmp_path / "data", "assistant": "anthropic", "anthropic_api_key": DUMMY_KEY}
    rt = open_runtime(LoadedSettings(flags=flags, environment={}, dotenv=None))
    name = account.name_of(endpoint_for(rt, demo=False))
    with rt.db.write() as tx:
        session = models.Session(status="executing", repo_path=str(repo), base_commit="0", session_branch="m/x")
        tx.db.add(session)
        tx.db.flush()
        soon = utcnow().timestamp() + 60
        account.limit_reached(tx, session, name, until=soon, reason="The limit is reached.")
    assert stay_paused(rt) == 1
    monkeypatch.setattr(account, "utcnow", lambda: utcnow() + timedelta(hours=1))
    account.release_due(rt)
    state = account_state(rt)
    assert state is not None
    assert state.paused_until is None
    assert resume_account(rt) == 1
    assert account_state(rt) is None
    rt.db.close()


def test_a_pause_of_one_key_holds_up_no_other(tmp_path: Path, repo: Path) -> None:
    session = models.Session(status="executing", repo_path=str(repo), base_commit="0", session_branch="m/x")

    def opened(key: str) -> Runtime:
        flags = {"data_dir": tmp_path / "data", "assistant": "anthropic", "anthropic_api_key": key}
        return open_runtime(LoadedSettings(flags=flags, environment={}, dotenv=None))

    rt = opened("sk-one")
    name = account.name_of(endpoint_for(rt, demo=False))
    assert "sk-one" not in name
    with rt.db.write() as tx:
        account.limit_reached(tx, session, name, until=None, reason="The limit is reached.")
    assert account.holding(rt, session) is not None
    rt.db.close()
    other = opened("sk-two")
    assert account.holding(other, session) is None
    other.db.close()


@pytest.mark.parametrize(
    "reply", [error(529, "overloaded_error", "Overloaded"), error(500), {"hang": True}], ids=["529", "500", "hang"]
)
def test_an_overloaded_endpoint_is_tried_again_later_without_costing_an_attempt(
    tmp_path: Path, repo: Path, reply: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(environ._ALWAYS, "API_TIMEOUT_MS", "2000")  # instead of two minutes
    with engine(tmp_path, scenario(*fails_until_resumed("t1", reply)), retry_first_s=0.5) as e:
        session = e.run(repo, plan("t1"))
        waiting = e.until("task_waiting")
        assert "Next try at" in waiting.payload["reason"]
        e.until("state_changed", to="completed")
        task = e.task(session.id, "t1")
        assert (task.attempt, task.interruptions, task.error_message) == (1, 0, None)
        assert not any(event.type in {"task_failed", "account_paused"} for event in e.seen)


def test_an_endpoint_that_never_comes_back_ends_with_the_user(tmp_path: Path, repo: Path) -> None:
    gone = {"match": {"has_tool": "Bash"}, "reply": error(529, "overloaded_error", "Overloaded")}
    with engine(tmp_path, scenario(gone), retry_first_s=0.1, endpoint_patience_hours=0) as e:
        session = e.run(repo, plan("t1"))
        asked = e.until("approval_requested")
        assert asked.payload["kind"] == "task_failed"
        assert "Tried 2 times" in asked.payload["detail"]["reason"]
        assert e.task(session.id, "t1").attempt == 1


def test_a_refused_key_asks_once_and_the_answer_lets_every_task_go_on(tmp_path: Path, repo: Path) -> None:
    refused = error(401, "authentication_error", "invalid x-api-key")
    rules = [
        *fails_until_resumed("t1", refused, "# (Go on|Again)"),
        *fails_until_resumed("t2", refused, "# (Go on|Again)"),
    ]
    with engine(tmp_path, scenario(*rules, does("t3"))) as e:
        session = e.run(repo, plan("t1", "t2", "t3"), max_workers=2)
        asked = e.until("approval_requested")
        assert "ANTHROPIC_API_KEY" in asked.payload["detail"]["reason"]
        wait_for(lambda: all(w.status == "ended" for w in queries.list_workers(e.rt, session.id)), 120, "both ends")
        state = account_state(e.rt)
        assert state is not None
        assert (state.kind, state.paused_until) == ("auth", None)
        assert len(queries.list_approvals(e.rt, status="pending", session_id=session.id)) == 1
        assert e.task(session.id, "t3").status == "pending"
        approvals.decide(e.rt, asked.payload["approval_id"], "allow")
        e.until("state_changed", to="completed")
        assert sum(event.type == "approval_requested" for event in e.seen) == 1


def test_no_worker_starts_when_too_little_memory_would_stay_free(tmp_path: Path, repo: Path) -> None:
    with engine(tmp_path, scenario(does("t1")), min_free_memory_mb=10**9) as e:
        session = e.run(repo, plan("t1"))
        assert "min_free_memory_mb" in e.until("starts_held").payload["reason"]
        assert queries.list_workers(e.rt, session.id) == []
        control.cancel(e.rt, session.id)
