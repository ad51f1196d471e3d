"""A draft is reviewed by other eyes and rewritten once; what is drafted is seen while it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from maestro.core import queries
from maestro.core.brainstorm.idea_card import IdeaCard
from maestro.core.commands import plans
from maestro.core.planning.drafting import Drafting
from maestro.core.planning.plan import parse_plan
from maestro.core.planning.second_pass import counted_findings
from maestro.demo.server import ScriptedServer
from maestro.errors import NotFound
from tests.scripted import call, error, scenario
from tests.talk import Installation, close_installation, open_installation

DRAFT = {
    "summary": "Two steps.",
    "tasks": [
        {"id": "one", "title": "First", "description": "", "files": ["a.py"], "checks": ["true"]},
        {"id": "two", "title": "Second", "description": "", "files": ["a.py"], "checks": ["pytest"]},
    ],
}
BETTER = DRAFT | {"tasks": [DRAFT["tasks"][0], DRAFT["tasks"][1] | {"depends_on": ["one"]}]}  # type: ignore[index,operator]
FOUND = [
    {"kind": "overlap", "task": "two", "problem": "Both change a.py.", "change": "Let two depend on one."},
    {"kind": "coverage", "change": "no problem named"},
]

Open = Callable[..., tuple[Installation, ScriptedServer, str]]


@pytest.fixture
def planned(tmp_path: Path) -> Iterator[Open]:
    """A session whose plan is asked for; its planner drafts and rewrites, its critic answers with the given steps."""
    with ExitStack() as stack:

        def open_(*critic: Any, rewrite: Any = BETTER, **settings: Any) -> tuple[Installation, ScriptedServer, str]:
            rules = [
                {"match": {"has_tool": "submit_review"}, "steps": list(critic), "repeat_last": True},
                {"match": {"has_tool": "submit_plan", "asked": "Rewrite it once"}, "reply": [{"answer": rewrite}]},
                {
                    "match": {"has_tool": "submit_plan"},
                    "steps": [[call("read_file", path="README.md")], [{"answer": DRAFT}]],
                },
                {"match": {"has_tool": "update_idea_card"}, "reply": "Yes."},
            ]
            server = stack.enter_context(ScriptedServer(scenario(*rules)))
            app = open_installation(tmp_path, server, **settings)
            stack.callback(close_installation, app)
            session_id = app.started("I want a CSV export.")
            app.reply()
            plans.request_plan(app.rt, session_id)
            app.state("plan_review")
            return app, server, session_id

        yield open_


def critics(server: ScriptedServer) -> list[dict[str, Any]]:
    return [m for m in server.messages() if any(t["name"] == "submit_review" for t in m["tools"])]


def test_what_the_critic_finds_is_rewritten_once_and_shown(planned: Open) -> None:
    app, server, session_id = planned([call("submit_review", findings=FOUND)])
    view = queries.get_plan(app.rt, session_id)
    assert view.plan["tasks"][1]["depends_on"] == ["one"]
    assert view.version == 1
    assert view.review is not None
    assert [(f.kind, f.task, f.problem) for f in view.review.findings] == [("overlap", "two", "Both change a.py.")]
    assert view.review.changes is not None
    assert [(t.id, t.change, [f.name for f in t.fields]) for t in view.review.changes.tasks] == [
        ("two", "changed", ["depends_on"])
    ]
    asked = str(critics(server)[0]["messages"][0])
    for part in (
        "tasks one and two may change a.py at once",
        "the check `true` of one cannot fail",
        "I want a CSV export.",
    ):
        assert part in asked
    assert len(critics(server)) == 1
    counted = app.session(session_id)
    assert counted.input_tokens > 0


@pytest.mark.parametrize("answer", [[call("submit_review", findings=[])], "Sound."])
def test_a_sound_draft_stays_as_it_is(planned: Open, answer: Any) -> None:
    app, server, session_id = planned(answer)
    view = queries.get_plan(app.rt, session_id)
    assert view.plan["tasks"][1]["depends_on"] == []
    assert view.review is not None
    assert (view.review.findings, view.review.changes, view.review.problem) == ([], None, "")
    assert not any("Rewrite it once" in str(m) for m in server.messages())


def test_a_critic_that_fails_or_a_rewrite_that_is_wrong_leaves_the_draft(planned: Open) -> None:
    app, _server, session_id = planned(error(400, "invalid_request_error", "No."))
    view = queries.get_plan(app.rt, session_id)
    assert view.review is not None
    assert "No." in view.review.problem
    assert len(view.plan["tasks"]) == 2


def test_a_wrong_rewrite_leaves_the_draft(planned: Open) -> None:
    wrong = {"tasks": [{"id": "one", "title": "First", "depends_on": ["none"]}]}
    app, _server, session_id = planned([call("submit_review", findings=FOUND)], rewrite=wrong)
    view = queries.get_plan(app.rt, session_id)
    assert view.review is not None
    assert view.review.problem.startswith("The rewritten plan was invalid: plan: task one depends on none")
    assert view.plan["tasks"][1]["depends_on"] == []


def test_it_can_be_turned_off(planned: Open) -> None:
    app, server, session_id = planned("Never asked.", plan_second_pass=False)
    assert critics(server) == []
    assert queries.get_plan(app.rt, session_id).review is None


def test_what_is_drafted_is_told_as_it_comes(planned: Open) -> None:
    app, _server, session_id = planned([call("submit_review", findings=FOUND)])
    told = [(e.payload["phase"], e.payload["tasks"]) for e in app.events if e.type == "plan_drafting"]
    assert next(phase for phase, _tasks in told if phase != "reading") == "drafting"
    for step in (("drafting", 1), ("drafting", 2), ("reviewing", 2), ("rewriting", 0), ("rewriting", 2)):
        assert step in told
    assert max(e.payload["files"] for e in app.events if e.type == "plan_drafting") == 1
    with pytest.raises(NotFound):
        queries.plan_progress(app.rt, session_id)


def test_tasks_are_read_out_of_json_that_is_still_being_written(planned: Open) -> None:
    app, _server, session_id = planned("Sound.")
    drafting = Drafting(app.rt, session_id)
    words = r'{"tasks": [{"id": "a", "title": "Say \"hi\" é"}, {"id":2,"title":"Two"}, {"id": "c", "ti'
    for character in words:
        drafting.written(character)
    progress = queries.plan_progress(app.rt, session_id)
    assert [(t.id, t.title) for t in progress.tasks] == [("a", 'Say "hi" é'), ("2", "Two")]
    assert progress.phase == "drafting"


def test_what_can_be_counted_needs_no_model() -> None:
    plan = parse_plan({"tasks": [{"id": "a", "title": "A", "requirements": ["R2"], "checks": ["pytest || true"]}]})
    card = IdeaCard.model_validate({"requirements": [{"id": "R1", "text": "Writes CSV"}]})
    assert counted_findings(card, plan) == [
        "R1: no task seems to fulfil “Writes CSV”",
        "task a names requirements that there are not: R2",
        "the check `pytest || true` of a cannot fail",
    ]
