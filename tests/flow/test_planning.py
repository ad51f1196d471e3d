"""A plan is made from the talk and the repository; a wrong one goes back with the reasons, and nothing is lost on the way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from maestro.core import queries
from maestro.core.commands import control, conversation, plans
from maestro.core.kernel.endpoint import NOT_CONFIGURED
from maestro.core.kernel.session_states import move
from maestro.core.planning import generation
from maestro.db import models
from maestro.demo.server import ScriptedServer
from maestro.errors import Conflict, InvalidInput, MaestroError, NotAllowed
from tests.scripted import call, error, scenario
from tests.talk import Installation, close_installation, open_installation

ONE = {"id": "one", "title": "First", "acceptance": ["writes a header row"], "checks": ["true"], "files": ["a.py"]}
TWO = {"id": "two", "title": "Second", "depends_on": ["one"], "files": ["b.py"]}
PLAN = {
    "summary": "Two steps.",
    "decisions": [{"decision_type": "library", "options": ["csv", "pandas"], "chosen": 0, "rationale": "Small."}],
    "checks": ["python3 -m unittest"],
    "tasks": [ONE, TWO],
}
CYCLE = {"summary": "Round.", "tasks": [{**ONE, "depends_on": ["two"]}, TWO]}

Open = Callable[..., tuple[Installation, ScriptedServer]]


@pytest.fixture
def planning(tmp_path: Path) -> Iterator[Open]:
    """Opens an installation whose planner follows the given steps; the chat says "Yes."."""
    with ExitStack() as stack:

        def open_(*steps: Any, **settings: Any) -> tuple[Installation, ScriptedServer]:
            planner = {"match": {"tool_schema_has": "tasks"}, "steps": list(steps), "repeat_last": True}
            talker = {"match": {"has_tool": "update_idea_card"}, "reply": "Yes."}
            server = stack.enter_context(ScriptedServer(scenario(planner, talker, **settings)))
            installation = open_installation(tmp_path, server, plan_second_pass=False)
            stack.callback(close_installation, installation)
            return installation, server

        yield open_


def planned(app: Installation, **more: Any) -> str:
    """A session that was talked about and asked for its plan; its id."""
    session_id = app.started("I want a CSV export.", **more)
    app.reply()
    plans.request_plan(app.rt, session_id)
    return session_id


def reviewed(app: Installation, **more: Any) -> str:
    session_id = planned(app, **more)
    app.state("plan_review")
    return session_id


def test_a_plan_is_made_from_the_card_the_talk_and_the_repository(planning: Open) -> None:
    app, server = planning([call("read_file", path="expenses/cli.py")], [{"answer": PLAN}])
    session_id = app.started("I want a CSV export.")
    app.reply()
    conversation.edit_idea_card(app.rt, session_id, {"goals": ["writes a header row", "sends it by mail"]})
    plans.request_plan(app.rt, session_id)
    app.state("plan_review")
    question = str(server.messages()[-1]["messages"][0])
    for words in ("I want a CSV export.", "writes a header row", "expenses/cli.py", "python -m unittest"):
        assert words in question
    view = queries.get_plan(app.rt, session_id)
    assert (view.version, view.origin, view.plan["tasks"][1]["depends_on"]) == (1, "generated", ["one"])
    assert view.uncovered == ["sends it by mail"]
    assert view.critical_path == ["one", "two"]
    generated = app.wait(lambda e: e.type == "plan_generated").payload
    assert generated["plan"] == view.plan
    assert generated["version"] == 1
    assert [d.decision_type for d in app.rows(models.Decision, session_id)] == ["library"]
    assert app.types().index("plan_generated") < len(app.types()) - 1
    assert app.session(session_id).output_tokens > 0


def test_a_wrong_plan_goes_back_with_the_reasons_at_most_twice(planning: Open) -> None:
    app, server = planning([{"answer": CYCLE}], [{"answer": {"tasks": []}}], [{"answer": PLAN}])
    session_id = reviewed(app)
    told = [b for m in server.messages()[-1]["messages"] if m["role"] == "user" for b in m["content"]]
    refusals = [b for b in told if b.get("is_error")]
    assert len(refusals) == 2
    assert "one → two → one" in refusals[0]["content"] or "two → one → two" in refusals[0]["content"]
    assert "tasks" in refusals[1]["content"]
    assert app.session(session_id).plan_version == 1


def test_the_third_wrong_plan_ends_it_with_the_answer_kept(planning: Open) -> None:
    app, server = planning([{"answer": CYCLE}])
    session_id = planned(app)
    moved = app.state("brainstorming", 2)
    assert moved["event"] == "plan_failed"
    assert "cycle" in moved["reason"]
    assert len([m for m in server.messages() if "tasks" in str(m["tools"])]) == 3
    (kept,) = [row for row in app.rows(models.AgentLog, session_id) if row.kind == "error"]
    assert json.loads(kept.details["raw"]) == CYCLE
    role, content, _ = app.messages(session_id)[-1]
    assert role == "system"
    assert "cycle" in content
    assert app.rows(models.PlanVersion, session_id) == []
    conversation.send_message(app.rt, session_id, "Again, please.")
    assert app.reply(2)["content"] == "Yes."


def test_a_plan_in_plain_text_counts(planning: Open) -> None:
    text = f"Here is the plan:\n```json\n{json.dumps(PLAN, indent=2)}\n```\nGood luck."
    app, server = planning("I think it is simple.", text)
    session_id = reviewed(app)
    assert queries.get_plan(app.rt, session_id).plan["summary"] == "Two steps."
    last = server.messages()[-1]["messages"]
    assert [m["role"] for m in last] == ["user", "assistant", "user"]
    assert "submit_plan" in str(last[-1])


def test_a_cut_off_plan_counts_as_wrong(planning: Open) -> None:
    cut = {"content": [{"answer": PLAN}], "stop_reason": "max_tokens"}
    app, _ = planning(cut, [{"answer": PLAN}])
    assert app.session(reviewed(app)).plan_version == 1


def test_an_endpoint_that_refuses_ends_it_with_the_reason(planning: Open) -> None:
    app, _ = planning(error(401, "authentication_error", "invalid x-api-key"))
    planned(app)
    assert "ANTHROPIC_API_KEY" in app.state("brainstorming", 2)["reason"]


def test_nothing_configured_ends_it_at_once(tmp_path: Path) -> None:
    app = open_installation(tmp_path, None)
    try:
        planned(app)
        assert app.state("brainstorming", 2)["reason"] == NOT_CONFIGURED
    finally:
        close_installation(app)


def test_the_users_checks_are_part_of_the_plan(planning: Open) -> None:
    app, _ = planning([{"answer": PLAN}])
    session_id = reviewed(app, agent_config={"checks": ["make lint", "python3 -m unittest"]})
    assert queries.get_plan(app.rt, session_id).plan["checks"] == ["python3 -m unittest", "make lint"]


def test_a_plan_without_checks_gets_those_the_repository_suggests(planning: Open) -> None:
    app, _ = planning([{"answer": {"summary": "s", "tasks": [TWO | {"depends_on": []}]}}])
    session_id = reviewed(app)
    assert queries.get_plan(app.rt, session_id).plan["checks"] == ["python -m unittest"]


def test_regenerating_tells_the_planner_what_should_be_different(planning: Open) -> None:
    app, server = planning([{"answer": PLAN}])
    session_id = reviewed(app)
    plans.regenerate_plan(app.rt, session_id, "Make it one task.")
    app.state("plan_review", 2)
    question = str(server.messages()[-1]["messages"][0])
    assert "Make it one task." in question
    assert "Two steps." in question
    view = queries.get_plan(app.rt, session_id)
    assert (view.version, view.feedback) == (2, "Make it one task.")


def test_a_generation_that_the_stop_cut_off_begins_anew(planning: Open) -> None:
    app, _ = planning([{"answer": PLAN}])
    session_id = reviewed(app)
    with app.rt.db.write() as tx:  # as a process that died during a regeneration leaves it
        move(tx, tx.db.get(models.Session, session_id), "regenerate", reason="Shorter.")  # type: ignore[arg-type]
    generation.recover(app.rt)
    app.state("plan_review", 2)
    assert queries.get_plan(app.rt, session_id).feedback == "Shorter."


def test_a_cancelled_session_gets_no_plan(planning: Open) -> None:
    app, _ = planning({"content": [{"answer": PLAN}], "delay_s": 1.0})
    session_id = planned(app)
    with app.rt.db.write() as tx:
        move(tx, tx.db.get(models.Session, session_id), "cancel", approved=True)  # type: ignore[arg-type]
    app.rt.jobs.stop(5)
    assert app.session(session_id).status == "cancelled"
    assert "plan_generated" not in app.types()


def test_an_edit_makes_a_version_and_the_same_plan_none(planning: Open) -> None:
    app, _ = planning([{"answer": PLAN}])
    session_id = reviewed(app)
    edited = plans.replace_plan(app.rt, session_id, PLAN | {"summary": "Edited."}, expected_version=1)
    assert (edited.version, edited.origin) == (2, "edited")
    assert app.wait(lambda e: e.type == "plan_updated").payload["plan"]["summary"] == "Edited."
    assert plans.replace_plan(app.rt, session_id, PLAN | {"summary": "Edited."}).version == 2
    with pytest.raises(Conflict):
        plans.replace_plan(app.rt, session_id, PLAN, expected_version=1)
    with pytest.raises(InvalidInput) as refused:
        plans.replace_plan(app.rt, session_id, {"tasks": [{"id": "../x", "title": ""}]})
    assert {"tasks.0.id", "tasks.0.title"} <= refused.value.fields.keys()
    assert queries.get_plan(app.rt, session_id).version == 2


def test_approval_freezes_the_plan_and_makes_its_tasks(planning: Open) -> None:
    app, _ = planning([{"answer": PLAN}])
    session_id = reviewed(app)
    with pytest.raises(Conflict):
        plans.approve_plan(app.rt, session_id, start=False, expected_hash="other")
    assert app.session(session_id).status == "plan_review"
    plans.approve_plan(app.rt, session_id, start=False, expected_hash=queries.get_plan(app.rt, session_id).hash)
    session = app.session(session_id)
    assert (session.status, session.plan_approved_at is not None) == ("approved", True)
    assert session.plan_approved_at is not None
    assert [(t.key, t.status, t.depends_on) for t in queries.list_tasks(app.rt, session_id)] == [
        ("one", "pending", []),
        ("two", "pending", ["one"]),
    ]
    with pytest.raises(NotAllowed) as refused:
        plans.approve_plan(app.rt, session_id)
    assert refused.value.state == "approved"


def test_an_edit_after_approval_needs_approval_again(planning: Open) -> None:
    app, _ = planning([{"answer": PLAN}])
    session_id = reviewed(app)
    plans.approve_plan(app.rt, session_id, start=False)
    plans.replace_plan(app.rt, session_id, PLAN)  # nothing changed: still approved
    assert app.session(session_id).status == "approved"
    plans.replace_plan(app.rt, session_id, PLAN | {"tasks": [ONE]})
    session = app.session(session_id)
    assert (session.status, session.plan_approved_at) == ("plan_review", None)
    assert queries.list_tasks(app.rt, session_id) == []
    plans.approve_plan(app.rt, session_id, start=False)
    assert [t.key for t in queries.list_tasks(app.rt, session_id)] == ["one"]


def test_approve_starts_execution_unless_told_not_to(planning: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    app, _ = planning([{"answer": PLAN}])
    session_id = reviewed(app)
    started: list[str] = []
    monkeypatch.setattr(control, "execute", lambda _rt, sid: started.append(sid))
    plans.approve_plan(app.rt, session_id)
    assert started == [session_id]


def test_revising_goes_back_to_the_conversation(planning: Open) -> None:
    app, _ = planning([{"answer": PLAN}])
    session_id = reviewed(app)
    plans.revise_plan(app.rt, session_id)
    conversation.send_message(app.rt, session_id, "One more thing.")
    assert app.reply(2)["content"] == "Yes."


@pytest.mark.parametrize("action", [plans.regenerate_plan, plans.revise_plan, plans.approve_plan])
def test_what_needs_a_plan_is_refused_without_one(planning: Open, action: Callable[..., Any]) -> None:
    app, _ = planning([{"answer": PLAN}])
    session_id = app.started("Hello")
    with pytest.raises(NotAllowed) as refused:
        action(app.rt, session_id)
    assert (refused.value.state, "idea_ready" in refused.value.allowed) == ("brainstorming", True)
    with pytest.raises(MaestroError):
        plans.replace_plan(app.rt, session_id, PLAN)


def test_a_second_click_on_plan_it_is_refused(planning: Open) -> None:
    app, _ = planning({"content": [{"answer": PLAN}], "delay_s": 0.3})
    session_id = planned(app)
    with pytest.raises(NotAllowed):
        plans.request_plan(app.rt, session_id)
    app.state("plan_review")
    assert app.session(session_id).plan_version == 1
    empty = app.started()
    with pytest.raises(NotAllowed):
        plans.request_plan(app.rt, empty)
    assert app.session(empty).status == "brainstorming"


@pytest.mark.parametrize("feedback", ["a\0b", "x" * 20_001])
def test_bad_feedback_is_refused(planning: Open, feedback: str) -> None:
    app, _ = planning([{"answer": PLAN}])
    session_id = reviewed(app)
    with pytest.raises(InvalidInput):
        plans.regenerate_plan(app.rt, session_id, feedback)
    assert app.session(session_id).status == "plan_review"
