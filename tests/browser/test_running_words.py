"""Words while it runs, as a user says them: to one agent from its card, to all from the log, over REST, WebSocket and CLI."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from typer.testing import CliRunner

from maestro.agents.notes import mark
from maestro.cli import app as maestro
from maestro.core.commands import plans, sessions
from maestro.core.kernel import lookup
from maestro.core.kernel.session_states import move
from maestro.core.planning import generation
from maestro.core.planning.plan import parse_plan
from maestro.demo.server import ScriptedServer
from tests.app_process import AppProcess, wait_for
from tests.browser.conftest import OpenWindow, Window
from tests.browser.seeds import seeding
from tests.repos import make_repo
from tests.scripted import DUMMY_KEY, bash, call, say, scenario, task_rule, write

#: A question with two answers to choose from; the agent writes down which it got.
ASKS = call(
    "mcp__maestro__ask_user",
    question="Which currency do the prices have?",
    options=["Euro, with two decimals", "Dollar"],
    why="The README shows one, the tests the other.",
)
ANSWERED = {"match": {"has_tool": "Bash", "last": "user answers"}, "reply": [write("menu.txt", "Euro\n")]}
WROTE = {"match": {"has_tool": "Bash", "last": "created successfully"}, "reply": [say("Done.")]}


def works(key: str, go: Path, then: dict[str, Any]) -> dict[str, Any]:
    return task_rule(f"# Task {key}:", bash(f"until [ -e {go} ]; do sleep 0.1; done; echo seen"), then)


@dataclass(frozen=True, slots=True)
class Place:
    """What the test works with beside the app."""

    model: ScriptedServer
    session_id: str
    go: Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("words")
    go = folder / "go"
    with ScriptedServer(
        scenario(WROTE, ANSWERED, works("menu", go, ASKS), works("cart", go, write("cart.txt", "cart\n")))
    ) as model:
        yield Place(model, _seeded(folder), go)


@pytest.fixture(scope="module")
def app(place: Place) -> Iterator[AppProcess]:
    """A Maestro with a session that is ready to start: two tasks that wait for a file."""
    data = place.go.parent / "data"
    with AppProcess(data, ANTHROPIC_BASE_URL=place.model.url, ANTHROPIC_API_KEY=DUMMY_KEY) as process:
        yield process


def _seeded(folder: Path) -> str:
    repo = make_repo(folder / "shop", {"README.md": "# Shop\n"})
    tasks = [{"id": k, "title": f"Write {k}", "checks": [f"test -s {k}.txt"]} for k in ("menu", "cart")]
    with seeding(folder / "data") as rt:
        config = {"permission_mode": "bypass"}
        new = sessions.NewSession(title="A shop", description="Write it", repo_path=str(repo), agent_config=config)
        session_id = sessions.create_session(rt, new).id
        with rt.db.write() as tx:
            row = lookup.session_row(tx.db, session_id)
            move(tx, row, "start")
            move(tx, row, "idea_ready")
            generation.add_version(tx, row, parse_plan({"summary": "Two.", "tasks": tasks}), "generated")
            move(tx, row, "plan_ready")
        plans.approve_plan(rt, session_id, start=False)
    return session_id


def test_words_reach_the_agents_from_everywhere(app: AppProcess, place: Place, window: OpenWindow) -> None:
    session_id, path = place.session_id, f"/api/sessions/{place.session_id}"
    with app.client() as api:

        def read(what: str) -> Any:
            return api.get(f"{path}{what}").raise_for_status().json()

        api.post(f"{path}/execute").raise_for_status()
        logged = "/logs?limit=500"
        wait_for(lambda: sum(row["kind"] == "tool" for row in read(logged)["items"]) == 2, 120, "two calls")
        _in_the_browser(window(), session_id)
        api.post(f"{path}/notes", json={"text": "From REST", "task": "cart"}).raise_for_status()
        with app.events() as events:
            events.send(type="tell_agent", session_id=session_id, text="From the WebSocket", task="menu")
            events.until("note_added")
        said = CliRunner().invoke(
            maestro, ["tell", session_id, "From the CLI", "--task", "cart"], env={"MAESTRO_DATA_DIR": str(app.data_dir)}
        )
        assert said.output.startswith("Told cart."), said.output
        place.go.touch()
        wait_for(lambda: read("")["pending_approvals"], 120, "the agent's question")
        _answered_in_the_browser(window("phone"), session_id)
        wait_for(lambda: read("")["status"] == "completed", 240, "the session")
        told = read("/notes")["items"]
    corrected = "I corrected the checks of this task. Maestro will run:\n- `grep -q cart cart.txt`"
    assert sorted((n["text"], n["task_key"]) for n in told) == [
        ("From REST", "cart"),
        ("From the CLI", "cart"),
        ("From the WebSocket", "menu"),
        (corrected, "cart"),
        ("Prices in euro", "cart"),
        ("Prices in euro", "menu"),
        ("Use plain words", "menu"),
    ]
    asked = str([request["messages"] for request in place.model.messages()])
    assert all(mark(n["id"]) in asked and n["taken_at"] and n["status"] == "taken" for n in told)


def _in_the_browser(window: Window, session_id: str) -> None:
    page = window.visit(f"/session/{session_id}")
    page.locator(".wg__line", has_text="Write menu").get_by_role("button", name="Message to W-").click()
    field = page.get_by_label("Message to the agent of menu")
    expect(field).to_be_focused()
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("Enter a message first.")).to_be_visible()
    field.fill("Use plain words")
    page.reload()
    window.alive()
    expect(field).to_have_value("Use plain words")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".say__list")).to_contain_text("Use plain words")
    expect(field).to_have_value("")
    window.screenshot("running-words-panel")
    page = window.visit(f"/session/{session_id}/logs")
    to_all = page.get_by_label("Message to all agents at work")
    to_all.fill("Prices in euro")
    to_all.press("Control+Enter")
    expect(page.get_by_text("Prices in euro").first).to_be_visible()
    window.screenshot("running-words-log")
    page = window.visit(f"/session/{session_id}/plan?change=1&task=cart")
    page.get_by_label("Checks", exact=True).fill("grep -q cart cart.txt")
    page.get_by_role("button", name="Review the change…").click()
    expect(page.get_by_role("alertdialog")).to_contain_text("Correct the checks of cart")
    window.screenshot("running-words-change")
    page.get_by_role("button", name="Approve", exact=True).click()
    expect(page.get_by_text("Saved as version 2.")).to_be_visible()


def _answered_in_the_browser(window: Window, session_id: str) -> None:
    page = window.visit("/approvals")
    asked = page.get_by_role("group", name="menu asks: Which currency do the prices have?")
    expect(asked).to_contain_text("The README shows one, the tests the other.")
    window.screenshot("running-words-question-phone")
    page = window.visit(f"/session/{session_id}")
    page.reload()
    window.alive()
    window.screenshot("running-words-question-session-phone")
    page.get_by_role("button", name="Euro, with two decimals").click()
    expect(asked).to_have_count(0)
