"""An agent asks the user while it works: the task waits, others go on, and neither app nor worker loses the question."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from maestro.core import queries
from maestro.core.commands import approvals, sessions
from maestro.core.commands import notes as commands
from maestro.core.views import ApprovalView
from maestro.db import models
from maestro.demo.server import ScriptedServer
from maestro.worker import tree
from tests.app_process import wait_for
from tests.engine import Engine, engine
from tests.repos import make_repo
from tests.scripted import WorkerRun, call, say, scenario, task_rule, write

ASK = call(
    "mcp__maestro__ask_user", question="Which currency?\nIt is printed.", options=["Euro", "Dollar"], why="The tests"
)
WROTE = {"match": {"has_tool": "Bash", "last": "created successfully"}, "reply": [say("Done.")]}


def does(answer: str) -> dict[str, Any]:
    """What the agent writes once it has read an answer."""
    return {"match": {"has_tool": "Bash", "last": answer}, "reply": [write("t1.txt", f"{answer}\n")]}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", {"README.md": "Hello\n"})


def plan(*keys: str) -> dict[str, Any]:
    return {"summary": "", "tasks": [{"id": k, "title": f"Task {k}", "checks": [f"test -s {k}.txt"]} for k in keys]}


def kill(e: Engine, session_id: str) -> None:
    """End the newest worker as ``kill -9`` does."""
    worker = queries.list_workers(e.rt, session_id)[-1]
    with e.rt.db.read() as db:
        row = db.get(models.Worker, worker.id)
    assert row is not None
    assert row.pid is not None
    assert row.pid_started is not None
    tree.kill_tree(row.pid, row.pid_started, row.id)


def question_of(e: Engine, session_id: str) -> ApprovalView:
    (asked,) = queries.list_approvals(e.rt, session_id=session_id)
    return asked


@pytest.mark.parametrize("mode", ["edits", "sandboxed"])
def test_the_task_waits_for_the_answer_and_others_go_on(tmp_path: Path, repo: Path, mode: str) -> None:
    other = task_rule("# Task t2:", write("t2.txt", "t2\n"), say("Done."))
    with engine(tmp_path, scenario(other, WROTE, does("Dollar"), task_rule("# Task t1:", ASK))) as e:
        session = e.run(repo, plan("t1", "t2"), permission_mode=mode)
        asked = e.until("approval_requested", kind="agent_question")
        assert asked.payload["title"] == "t1 asks: Which currency?"
        assert asked.payload["detail"]["options"] == ["Euro", "Dollar"]
        e.until("task_completed", key="t2")
        assert e.task(session.id, "t1").status == "waiting"
        approvals.decide(e.rt, asked.payload["approval_id"], "allow", "Dollar")
        e.until("state_changed", to="completed")
        task, workers = e.task(session.id, "t1"), queries.list_workers(e.rt, session.id)
        assert (task.attempt, task.interruptions, len(workers)) == (1, 0, 2)
        said = [r.message for r in queries.list_logs(e.rt, session.id, kind="gate", limit=500)]
        assert said == ["Asks you: Which currency?\nIt is printed.", "Answered: t1 asks: Which currency? (Dollar)"]


@pytest.mark.parametrize("worker", ["lives", "is killed"])
def test_a_question_survives_the_app_and_the_worker(tmp_path: Path, repo: Path, worker: str) -> None:
    with ScriptedServer(scenario(WROTE, does("Euro"), task_rule("# Task t1:", ASK))) as server:
        first = Engine(tmp_path / "data", server.url)
        session = first.run(repo, plan("t1"))
        first.until("approval_requested", kind="agent_question")
        first.close(stop_workers=worker == "is killed")
        second = Engine(tmp_path / "data", server.url)
        try:
            if worker == "is killed":
                second.until("worker_terminated")
            asked = question_of(second, session.id)
            assert (asked.kind, asked.status, second.task(session.id, "t1").status) == (
                "agent_question",
                "pending",
                "waiting",
            )
            approvals.decide(second.rt, asked.id, "allow", "Euro")
            second.until("state_changed", to="completed")
            task = second.task(session.id, "t1")
            assert (task.attempt, task.interruptions) == (1, 0)
        finally:
            second.close()


def test_an_answer_that_the_killed_agent_has_not_read_is_told_again(tmp_path: Path, repo: Path) -> None:
    slow = {"match": {"has_tool": "Bash", "last": "Euro"}, "reply": {"content": "…", "delay_s": 60}, "times": 1}
    with ScriptedServer(scenario(slow, WROTE, does("Euro"), task_rule("# Task t1:", ASK))) as server:
        e = Engine(tmp_path / "data", server.url)
        try:
            session = e.run(repo, plan("t1"))
            e.until("approval_requested", kind="agent_question")
            approvals.decide(e.rt, question_of(e, session.id).id, "allow", "Euro")
            wait_for(lambda: "Euro" in json.dumps(server.messages()[-1]["messages"][-1]), 60, "the model to be asked")
            kill(e, session.id)
            e.until("state_changed", to="completed")
            assert not queries.list_approvals(e.rt, session_id=session.id)
        finally:
            e.close()


def test_nobody_is_waited_for_who_is_away_and_says_so(tmp_path: Path, repo: Path) -> None:
    assumed = {"match": {"has_tool": "Bash", "last": "The user is away"}, "reply": [write("t1.txt", "Euro\n")]}
    with engine(tmp_path, scenario(WROTE, assumed, task_rule("# Task t1:", ASK))) as e:
        session = e.run(repo, plan("t1"), assume_when_away=True)
        e.until("approval_requested", kind="agent_question")  # not away: it waits
        sessions.update_session(e.rt, session.id, sessions.SessionChanges(away=True))
        e.until("approval_resolved", by="away")
        e.until("state_changed", to="completed")


def test_a_message_that_interrupts_closes_the_question(tmp_path: Path, repo: Path) -> None:
    told = {"match": {"has_tool": "Bash", "asked": "Take the euro"}, "reply": [write("t1.txt", "Euro\n")]}
    with engine(tmp_path, scenario(WROTE, told, task_rule("# Task t1:", ASK))) as e:
        session = e.run(repo, plan("t1"))
        asked = e.until("approval_requested", kind="agent_question")
        commands.send_note(e.rt, session.id, "Take the euro", task="t1", interrupt=True)
        e.until("approval_resolved", approval_id=asked.payload["approval_id"], decision="expired")
        e.until("state_changed", to="completed")


@pytest.mark.parametrize("mode", ["ask", "bypass"])
def test_claude_codes_own_question_is_answered_through_it(tmp_path: Path, mode: str) -> None:
    options = [{"label": "Euro", "description": "as in the shop"}, {"label": "Dollar", "description": "as in the docs"}]
    own = {"question": "Which currency?", "header": "Money", "options": options, "multiSelect": False}
    with ScriptedServer(scenario(task_rule("Go", call("AskUserQuestion", questions=[own]), say("Done.")))) as server:
        run = WorkerRun(tmp_path, server.url, prompt="Go", permission_mode=mode)
        try:
            asked = run.wait("question")
            assert (asked["question"], asked["options"]) == ("Which currency?", ["Euro", "Dollar"])
            assert "as in the shop" in asked["why"]
            run.decide(asked, True, "Euro, as ever")
            assert run.result()["outcome"] == "success"
            assert "Euro, as ever" in json.dumps(server.messages()[-1]["messages"])
            assert run.events("gate") == []
        finally:
            run.end()
