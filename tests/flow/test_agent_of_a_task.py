"""What a plan says of the agent of a single task is in force for its worker, or refused with what there is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from maestro.core import queries
from maestro.core.commands import plans
from maestro.core.planning.plan_answer import PlanAnswers, checked_plan
from maestro.db import models
from maestro.demo.server import ScriptedServer
from maestro.errors import InvalidInput
from tests.engine import Engine, engine
from tests.landing import bench, plan_of
from tests.repos import make_repo
from tests.scripted import say, scenario, task_rule, write


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", {"README.md": "Hello\n"})


def _task(**more: Any) -> dict[str, Any]:
    return {"tasks": [{"id": "t1", "title": "One", **more}]}


def test_model_effort_and_agent_of_a_task_are_its_workers(tmp_path: Path, repo: Path) -> None:
    script = scenario(
        task_rule("# Task t1", write("a.txt", "a\n"), say("Done.")),
        task_rule("# Task t2", write("b.txt", "b\n"), say("Done.")),
    )
    checks = {"t1": ["test -s a.txt"], "t2": ["test -s b.txt"], "t3": ["test -s c.txt"]}
    tasks = [
        {"id": "t1", "title": "One", "model": "claude-opus-4-6", "effort": "low", "checks": checks["t1"]},
        {"id": "t2", "title": "Two", "checks": checks["t2"]},
        {"id": "t3", "title": "Three", "agent": "command", "checks": checks["t3"]},
    ]
    Path(os.environ["HOME"]).mkdir(parents=True, exist_ok=True)
    with ScriptedServer(script) as server:
        e = Engine(tmp_path / "data", server.url)
        try:
            command = ["sh", "-c", "echo c > c.txt"]
            session = e.run(repo, {"checks": [], "tasks": tasks}, model="claude-sonnet-4-5", command=command)
            e.until("state_changed", to="completed")
            runs = queries.get_plan(e.rt, session.id).runs
            assert [r.command for r in runs if r.purpose == "agent of t3"] == ["sh -c 'echo c > c.txt'"]
        finally:
            e.close()
        bodies = server.messages()
    first, second = (
        [b for b in bodies if f"# Task {key}" in str(b["messages"]) and b.get("tools")] for key in ("t1", "t2")
    )
    assert {b["model"] for b in first} == {"claude-opus-4-6"}
    assert {b["output_config"]["effort"] for b in first} == {"low"}
    assert {b["model"] for b in second} == {"claude-sonnet-4-5"}
    assert not any("# Task t3" in str(b["messages"]) for b in bodies)


@pytest.mark.parametrize(
    ("said", "field", "words"),
    [
        ({"effort": "a lot"}, "effort", "low, medium, high, xhigh, max"),
        ({"effort": "High"}, "effort", "low, medium, high, xhigh, max"),
        ({"agent": "claude"}, "agent", "there are claude_code, command"),
        ({"agent": "cursor"}, "agent", "there are claude_code, command"),
    ],
)
def test_a_name_that_there_is_not_is_refused_with_those_that_there_are(
    said: dict[str, str], field: str, words: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_plan(_task(**said))
    assert words in refused.value.fields[f"tasks.0.{field}"]


UNFIT = [
    ({}, {"agent": "command"}, "agent", "has no command"),
    ({"command": ["true"]}, {"agent": "command", "model": "claude-haiku-4-5"}, "model", "has none"),
    ({"command": ["true"]}, {"agent": "command", "effort": "low"}, "effort", "has none"),
]


@pytest.mark.parametrize(("config", "said", "field", "words"), UNFIT)
def test_what_the_agent_of_a_task_cannot_be_told_in_this_session_is_refused(
    tmp_path: Path, repo: Path, config: dict[str, Any], said: dict[str, str], field: str, words: str
) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"}), **config) as b:
        with b.rt.db.write() as tx:
            row = tx.db.get(models.Session, b.id)
            assert row is not None
            row.status = "plan_review"
            tx.db.add(row)
        with pytest.raises(InvalidInput) as refused:
            plans.replace_plan(b.rt, b.id, _task(**said))
        assert words in refused.value.fields[f"tasks.0.{field}"]


def test_a_model_that_plans_so_is_told_what_is_wrong(tmp_path: Path, repo: Path) -> None:
    script = scenario(
        {
            "match": {"tool_schema_has": "tasks"},
            "steps": [[{"answer": _task(agent="command")}], [{"answer": _task(effort="high")}], "Done."],
        }
    )
    with engine(tmp_path, script) as e:
        from maestro.core.commands.sessions import NewSession, create_session
        from maestro.core.kernel.session_states import move

        session = create_session(e.rt, NewSession(title="T", description="Build it", repo_path=str(repo)))
        with e.rt.db.write() as tx:
            row = tx.db.get(models.Session, session.id)
            assert row is not None
            move(tx, row, "start")
        plans.request_plan(e.rt, session.id)
        e.until("plan_generated")
        plan = queries.get_plan(e.rt, session.id).plan
        assert [(t.get("agent"), t.get("effort")) for t in plan["tasks"]] == [(None, "high")]


def test_a_planners_answer_is_not_taken_where_it_does_not_fit() -> None:
    def fits(_plan: object) -> None:
        raise InvalidInput("No.", {"tasks.0.agent": "not here"})

    answers = PlanAnswers(fits)
    answers.take_text('{"tasks": [{"id": "t1", "title": "One"}]}')
    assert answers.plan is None
    assert "tasks.0.agent: not here" in answers.refusals[0]
