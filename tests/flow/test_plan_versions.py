"""Comments and a selection go into the next version; versions are compared, brought back, written and read as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from maestro.api.site import build_site
from maestro.core.commands import conversation, plans
from maestro.core.planning import generation, wishes
from maestro.demo.server import ScriptedServer
from tests.scripted import scenario
from tests.talk import Installation, close_installation, open_installation

ONE = {"id": "one", "title": "First", "acceptance": ["writes a header row"], "checks": ["true"], "files": ["a.py"]}
TWO = {"id": "two", "title": "Second", "depends_on": ["one"], "files": ["b.py"]}
PLAN = {"summary": "Two steps.", "checks": ["python3 -m unittest"], "tasks": [ONE, TWO]}
AGAIN = {"summary": "Mine.", "tasks": [ONE | {"title": "Changed"}, TWO | {"title": "Changed, too"}]}
MORE = {
    "summary": "Mine.",
    "tasks": [{"id": "mail", "title": "Send it", "depends_on": ["two"], "requirements": ["R2"]}],
}
RULES = [
    {"match": {"tool_schema_has": "tasks", "prompt": "Add one task"}, "reply": [{"answer": MORE}]},
    {"match": {"tool_schema_has": "tasks", "prompt": "The plan before this one"}, "reply": [{"answer": AGAIN}]},
    {"match": {"tool_schema_has": "tasks"}, "reply": [{"answer": PLAN}]},
    {"match": {"has_tool": "update_idea_card"}, "reply": "Yes."},
]


@pytest.fixture
def app(tmp_path: Path) -> Iterator[tuple[Installation, ScriptedServer, TestClient, str]]:
    """An installation with a plan to review: its model, its API, and the session's address below ``/api``."""
    with ExitStack() as stack:
        server = stack.enter_context(ScriptedServer(scenario(*RULES)))
        installation = open_installation(tmp_path, server)
        stack.callback(close_installation, installation)
        api = stack.enter_context(TestClient(build_site(installation.rt), base_url="http://localhost"))
        session_id = installation.started("I want a CSV export.")
        installation.reply()
        card = {"requirements": [{"id": "R1", "text": "writes a header row"}, {"id": "R2", "text": "is sent by mail"}]}
        conversation.edit_idea_card(installation.rt, session_id, card)
        plans.request_plan(installation.rt, session_id)
        installation.state("plan_review")
        yield installation, server, api, f"/api/sessions/{session_id}/plan"


def asked(server: ScriptedServer) -> str:
    """What the planner was asked last."""
    found = [m for m in server.messages() if any("tasks" in t["input_schema"]["properties"] for t in m["tools"])]
    return str(found[-1]["messages"][0])


def test_comments_and_a_selection_go_into_the_next_version(
    app: tuple[Installation, ScriptedServer, TestClient, str],
) -> None:
    installation, server, api, url = app
    said = api.post(f"{url}/comments", json={"text": "Too vague.", "task": "two"})
    assert said.status_code == 201
    api.post(f"{url}/comments", json={"text": "Wrong tone.", "task": "one"})
    api.post(f"{url}/comments", json={"text": "Name the owner."})
    gone = api.post(f"{url}/comments", json={"text": "Never mind."}).json()["id"]
    assert api.delete(f"{url}/comments/{gone}").status_code == 204
    assert [c["text"] for c in api.get(f"{url}/comments").json()["items"]] == [
        "Too vague.",
        "Wrong tone.",
        "Name the owner.",
    ]
    for wrong in ({"text": " "}, {"text": "x", "task": "three"}, {"text": "x" * 4001}):
        assert api.post(f"{url}/comments", json=wrong).status_code == 422
    assert api.post(f"{url}/regenerate", json={"tasks": ["three"]}).status_code == 422
    assert api.post(f"{url}/regenerate", json={"feedback": "Be brief.", "tasks": ["two"]}).status_code == 202
    installation.state("plan_review", 2)
    words = asked(server)
    for part in ("Be brief.", "task two: Too vague.", "the plan: Name the owner.", "Change only these tasks: two."):
        assert part in words
    assert "Wrong tone." not in words
    plan = api.get(url).json()
    assert [t["title"] for t in plan["plan"]["tasks"]] == ["First", "Changed, too"]
    assert (plan["plan"]["summary"], plan["version"]) == ("Two steps.", 2)
    assert [c["text"] for c in plan["comments"]] == ["Wrong tone."]
    diff = api.get(f"{url}/versions/1/compare/2").json()
    assert (diff["whole"], [(t["id"], t["change"]) for t in diff["tasks"]]) == ([], [("two", "changed")])
    assert diff["tasks"][0]["fields"] == [{"name": "title", "before": "Second", "after": "Changed, too"}]
    assert api.post(f"{url}/versions/1/restore").json()["version"] == 3
    listed = api.get(f"{url}/versions").json()["items"]
    assert [(v["version"], v["origin"], v["tasks"]) for v in listed] == [
        (3, "restored", 2), (2, "generated", 2), (1, "generated", 2),
    ]  # fmt: skip
    assert api.get(url).json()["plan"] == api.get(f"{url}/versions/1").json()["plan"]
    assert api.get(f"{url}/versions/9").status_code == api.post(f"{url}/versions/9/restore").status_code == 404


def test_a_gap_is_closed_by_a_task_and_nothing_else_changes(
    app: tuple[Installation, ScriptedServer, TestClient, str],
) -> None:
    installation, server, api, url = app
    rows = api.get(url).json()["trace"]
    assert [(r["id"], r["tasks"], r["gap"]) for r in rows] == [("R1", ["one"], ""), ("R2", [], "no_task")]
    assert api.post(f"{url}/gaps", json={"requirement": "R1"}).status_code == 404
    assert api.post(f"{url}/gaps", json={"requirement": "R2"}).status_code == 202
    installation.state("plan_review", 2)
    assert "Change no task that is there." in asked(server)
    plan = api.get(url).json()
    assert [t["title"] for t in plan["plan"]["tasks"]] == ["First", "Second", "Send it"]
    assert [(r["tasks"], r["gap"]) for r in plan["trace"]] == [(["one"], ""), (["mail"], "")]


def test_a_plan_goes_out_and_comes_in_as_markdown(app: tuple[Installation, ScriptedServer, TestClient, str]) -> None:
    _installation, _server, api, url = app
    file = api.get(f"{url}/markdown")
    assert file.headers["content-type"].startswith("text/markdown")
    assert api.put(f"{url}/markdown", json={"markdown": file.text}).json()["version"] == 1  # just the same
    edited = file.text.replace("### two: Second", "### two: The second")
    assert api.put(f"{url}/markdown", params={"version": 7}, json={"markdown": edited}).status_code == 409
    stored = api.put(f"{url}/markdown", params={"version": 1}, json={"markdown": edited}).json()
    assert (stored["version"], stored["origin"], stored["plan"]["tasks"][1]["title"]) == (2, "imported", "The second")
    wrong = api.put(f"{url}/markdown", json={"markdown": edited.replace("- Depends on: one", "- Depends: one")})
    assert (wrong.status_code, "Depends on” is meant" in wrong.json()["detail"]) == (422, True)
    assert next(iter(wrong.json()["fields"])).startswith("line ")


def test_what_was_asked_for_outlives_a_restart(app: tuple[Installation, ScriptedServer, TestClient, str]) -> None:
    installation, server, api, url = app
    session_id = url.split("/")[3]
    with installation.rt.db.write() as tx:  # as the stop leaves it: asked for, and not made
        session = tx.db.get(generation.models.Session, session_id)
        assert session is not None
        generation.move(tx, session, "regenerate", reason="Be brief.")
        wishes.put(tx, session, wishes.Wish(feedback="Be brief.", tasks=["two"]))
    generation.recover(installation.rt)
    installation.state("plan_review", 2)
    assert "Be brief." in asked(server)
    assert [t["title"] for t in api.get(url).json()["plan"]["tasks"]] == ["First", "Changed, too"]
