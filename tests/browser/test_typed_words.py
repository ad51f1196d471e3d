"""What is typed and not sent survives: a reload, a restart of the server, Escape, a closed window. What is sent is forgotten."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from maestro.db import models
from tests.app_process import AppProcess
from tests.browser.axe import findings
from tests.browser.conftest import OpenWindow
from tests.browser.seeds import add, gate_on, seed_session, seeding, task, tasks_of
from tests.browser.test_plan import PLAN, _review, _talk
from tests.repos import make_repo, run_git

KEPT = "Object.keys(localStorage).filter((k) => k.startsWith('maestro-draft:')).sort()"
ASKED = {"kind": "agent_question", "title": "Which one?", "detail": {"words": "Which one?"}}
BROKEN = {"kind": "infrastructure", "title": "It cannot run", "detail": {"command": "pytset -q", "output": "not found"}}
SPENT = {"kind": "budget", "title": "Spent", "detail": {"measure": "usd", "raise_by": 5.0, "paused": True}}


@pytest.fixture(scope="module")
def ids() -> dict[str, str]:
    """The addresses of the seeded sessions, by name."""
    return {}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, ids: dict[str, str]) -> Iterator[AppProcess]:
    """A Maestro on a port that it keeps through restarts, with something to type into everywhere."""
    data = tmp_path_factory.mktemp("typed") / "data"
    repo = make_repo(tmp_path_factory.mktemp("code") / "shop", {"README.md": "# Shop\n"})
    with seeding(data) as rt:
        ids["talk"] = _talk(rt, repo, "talk").removesuffix("/plan")
        ids["plan"] = _review(rt, repo, "plan", PLAN)
        asks = seed_session(rt, repo, title="Asks", status="paused", tasks=[task("t1", "One", status="waiting")])
        of = {"session_id": asks.id, "task_id": tasks_of(rt, asks)["t1"].id}
        for number, question in enumerate((ASKED, BROKEN, SPENT)):
            add(rt, models.Approval(id=f"question-{number}", **of, **question))
        ids["asks"] = f"/session/{asks.id}"
        chosen = {"context": "A thread?", "options": ["needle & thread", "glue"], "chosen": 0, "rationale": "It holds."}
        add(rt, models.Decision(session_id=asks.id, decision_type="interface", **chosen))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    with AppProcess(data, "--port", port, MAESTRO_ASSISTANT="demo") as process:
        yield process


def _restart(app: AppProcess, page: Page) -> None:
    app.start()
    expect(page.locator("#popup")).to_have_attribute("aria-hidden", "true")
    page.wait_for_function("window.did_handshake === true")


def _kill(app: AppProcess, page: Page) -> None:
    app.kill()
    expect(page.locator("#popup")).to_have_attribute("aria-hidden", "false")


def test_words_in_questions_and_dialogs_come_back_until_they_are_sent(
    window: OpenWindow, app: AppProcess, ids: dict[str, str]
) -> None:
    here = window()
    page = here.visit("/approvals")
    answer = gate_on(page, "question-0").get_by_label("Note for the agent")
    check = gate_on(page, "question-1").get_by_label("The check's command")
    amount = gate_on(page, "question-2").get_by_label("Raise by, in dollars")
    answer.fill("The second one.\nBecause it is smaller.")
    check.fill("python -m pytest -q")
    amount.fill("7.5")
    page.reload()
    here.alive()
    expect(answer).to_have_value("The second one.\nBecause it is smaller.")
    expect(check).to_have_value("python -m pytest -q")
    expect(amount).to_have_value("7.5")

    page.close()  # the window is closed; another one goes on, where the question stands as well
    here.tab = page = here.context.new_page()
    here.visit("/")
    answer = gate_on(page, "question-0").get_by_label("Note for the agent")
    expect(answer).to_have_value("The second one.\nBecause it is smaller.")
    gate_on(page, "question-0").get_by_role("button", name="Send the answer").click()
    expect(gate_on(page, "question-0")).to_have_count(0)
    page.wait_for_function(f"!{KEPT}.some((k) => k.includes('question-0'))")
    here.visit(ids["asks"])
    page.get_by_role("button", name="Cancel…").click()
    page.get_by_label("Reason").fill("Too slow")
    page.keyboard.press("Escape")
    expect(page.get_by_label("Reason")).to_have_count(0)
    page.get_by_role("button", name="Cancel…").click()
    expect(page.get_by_label("Reason")).to_have_value("Too slow")
    page.keyboard.press("Escape")
    with app.client() as api:
        said = {a["id"]: a["message"] for a in api.get("/api/approvals", params={"status": "allowed"}).json()["items"]}
    assert said["question-0"] == "The second one.\nBecause it is smaller."
    assert len(page.evaluate(KEPT)) == 3  # the check, the amount, the reason


def test_edits_of_the_idea_card_and_the_composer_come_back_after_a_restart(
    window: OpenWindow, app: AppProcess, ids: dict[str, str]
) -> None:
    here = window()
    here.expect_problem("ERR_|WebSocket|Failed to load|Failed to fetch")
    page = here.visit(f"{ids['talk']}/brainstorm")
    problem, words = page.get_by_role("textbox", name="Problem"), "Nobody can read the numbers"
    page.get_by_role("button", name="Edit problem").click()
    problem.fill(words)
    page.get_by_role("button", name="Add a decision").click()
    page.get_by_label("Question", exact=True).fill("Which format?")
    page.get_by_label("Your message").fill("And another thing")
    _kill(app, page)
    assert not findings(page)  # reconnecting
    problem.fill(words + ", in any year")
    _restart(app, page)
    expect(problem).to_have_value(words + ", in any year")
    expect(page.get_by_label("Question", exact=True)).to_have_value("Which format?")
    expect(page.get_by_label("Your message")).to_have_value("And another thing")

    problem.press("Escape")
    expect(problem).to_have_count(0)
    page.get_by_role("button", name="Edit problem").click()
    expect(problem).to_have_value(words + ", in any year")
    problem.press("Control+Enter")
    expect(page.locator(".b-part--problem")).to_contain_text("in any year")
    page.wait_for_function(f"!{KEPT}.some((k) => k.includes('/problem/'))")


def test_what_a_new_session_is_to_be_comes_back_with_the_lines_of_its_worktrees(
    window: OpenWindow, app: AppProcess, tmp_path: Path
) -> None:
    repo = make_repo(tmp_path / "web", {"package-lock.json": "{}", "Makefile": "test:\n\ttrue\n"})
    run_git(repo, "branch", "next")
    here = window()
    here.expect_problem("ERR_|WebSocket|Failed to load|Failed to fetch")
    page = here.visit("/session/new")
    page.get_by_label("Repository").fill(str(repo))
    page.get_by_label("Repository").press("Tab")
    line = page.locator(".m-env__row", has=page.get_by_role("checkbox", name="Run npm ci")).get_by_role("textbox")
    line.fill("npm ci --ignore-scripts")
    page.get_by_role("checkbox", name="Run npm ci").click()
    page.get_by_role("checkbox", name="Run checks one at a time").click()
    page.get_by_label("Start from").click()
    page.get_by_role("option", name="next").click()
    for noun, typed in (("Check", "make test"), ("Command", "make deps\nmake more"), ("Variable", "DATABASE_URL")):
        page.get_by_role("button", name=f"Add a {noun.lower()}").click()
        page.locator("textarea:focus").fill(typed)
    page.get_by_label("Idea").fill("Sell more")
    page.get_by_text("Workers and limits").click()
    page.get_by_label("Permission mode").click()
    page.get_by_role("option", name="Ask before every change").click()
    page.get_by_role("checkbox", name="I’m away").click()

    def all_is_there() -> None:
        expect(line).to_have_value("npm ci --ignore-scripts")
        for name, ticked in (("Run npm ci", True), ("Run checks one at a time", True), ("I’m away", True)):
            expect(page.get_by_role("checkbox", name=name)).to_be_checked(checked=ticked)
        for label, typed in (("Check", "make test"), ("Run", "make deps\nmake more"), ("Pass on", "DATABASE_URL")):
            fields = page.locator(".m-env__row", has_text=label).get_by_role("textbox")
            expect(fields.last).to_have_value(typed)
        expect(page.get_by_label("Start from")).to_have_value("next")
        expect(page.get_by_label("Permission mode").get_by_text("Ask before every change")).to_be_visible()

    all_is_there()
    page.reload()
    here.alive()
    all_is_there()
    _kill(app, page)
    line.fill("npm ci --offline")
    _restart(app, page)
    expect(line).to_have_value("npm ci --offline")
    line.fill("npm ci --ignore-scripts")
    all_is_there()

    page.get_by_role("button", name="Create and brainstorm").click()
    page.wait_for_url("**/brainstorm")
    with app.client() as api:
        config = api.get(f"/api/sessions/{page.url.split('/')[-2]}").json()["agent_config"]
    assert config["setup"] == ["npm ci --ignore-scripts", "make deps\nmake more"]
    assert config["pass_env"] == ["DATABASE_URL"]
    assert (config["serial_checks"], config["away"], config["permission_mode"]) == (True, True, "ask")
    assert not [key for key in page.evaluate(KEPT) if "draft:new/" in key]


def test_the_lines_of_a_sessions_worktrees_come_back_into_their_dialog(
    window: OpenWindow, app: AppProcess, ids: dict[str, str]
) -> None:
    here = window()
    page = here.visit(ids["asks"])

    def open_setup() -> Locator:
        page.get_by_role("button", name="More").click()
        page.get_by_role("menuitem", name="Worktree setup…").click()
        return page.get_by_label("Run: command")

    expect(open_setup()).to_have_count(0)
    page.get_by_role("button", name="Add a command").click()
    page.get_by_label("Run: command").fill("make deps")
    page.keyboard.press("Escape")
    expect(page.get_by_role("alertdialog")).to_have_count(0)
    page.reload()
    here.alive()
    expect(open_setup()).to_have_value("make deps")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alertdialog")).to_have_count(0)
    page.wait_for_function(f"!{KEPT}.some((k) => k.includes('draft:env-'))")
    with app.client() as api:
        assert api.get(f"/api{ids['asks'].replace('session', 'sessions')}").json()["agent_config"]["setup"] == [
            "make deps"
        ]


def test_a_wrong_value_of_a_setting_stays_in_its_field_until_it_is_right(window: OpenWindow, app: AppProcess) -> None:
    here = window()
    page = here.visit("/settings")
    workers, names = page.get_by_label("Max parallel workers"), page.get_by_label("Passed environment variables")
    workers.fill("900")
    workers.press("Enter")
    expect(page.get_by_text("At most")).to_be_visible()
    names.fill("NOT A NAME")
    names.press("Tab")
    page.reload()
    here.alive()
    expect(workers).to_have_value("900")
    expect(names).to_have_value("NOT A NAME")
    expect(page.get_by_text("Not saved yet.")).to_have_count(2)
    with app.client() as api:
        api.put("/api/settings", json={"max_workers": 3}).raise_for_status()
    expect(page.get_by_text("Set here")).to_have_count(1)
    expect(workers).to_have_value("900")
    workers.fill("2")
    workers.press("Enter")
    names.fill("")
    names.press("Tab")
    expect(page.get_by_text("Not saved yet.")).to_have_count(0)
    page.wait_for_function(f"!{KEPT}.some((k) => k.includes('draft:settings/'))")
    page.reload()
    here.alive()
    expect(workers).to_have_value("2")
    expect(names).to_have_value("")


def test_a_search_is_still_there_after_a_reload(window: OpenWindow, ids: dict[str, str]) -> None:
    here = window()
    for path, label in (
        ("/session", "Search sessions"),
        ("/decisions", "Search decisions"),
        (f"{ids['asks']}/logs", "Search in the log"),
    ):
        page = here.visit(path)
        page.get_by_label(label).fill("needle & thread")
        page.wait_for_url("**q=needle*")
        page.reload()
        here.alive()
        expect(page.get_by_label(label)).to_have_value("needle & thread")


def test_edits_of_the_plan_come_back_also_what_the_server_had_not_heard_of(
    window: OpenWindow, app: AppProcess, ids: dict[str, str]
) -> None:
    here = window()
    here.expect_problem("ERR_|WebSocket|Failed to load|Failed to fetch")
    page = here.visit(ids["plan"])
    page.get_by_role("button", name="Regenerate…").click()
    page.get_by_label("What should be different").fill("Fewer tasks")
    page.keyboard.press("Escape")
    expect(page.get_by_label("What should be different")).to_have_count(0)
    page.get_by_role("button", name="Regenerate…").click()
    expect(page.get_by_label("What should be different")).to_have_value("Fewer tasks")
    page.keyboard.press("Escape")

    page.locator(".p-row", has_text="Explain it").click()
    title, about = page.get_by_label("Title", exact=True), page.get_by_label("Description", exact=True)
    expect(title).to_have_value("Explain it")
    title.fill("Explain it well")
    expect(page.locator(".p-row", has_text="Explain it well")).to_be_visible()
    _kill(app, page)
    about.fill("Typed while nobody listened.")
    _restart(app, page)
    expect(title).to_have_value("Explain it well")
    expect(about).to_have_value("Typed while nobody listened.")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("Saved as version 2.")).to_be_visible()
    with app.client() as api:
        plan = api.get(f"/api{ids['plan'].replace('session', 'sessions', 1)}").json()["plan"]
    assert plan["tasks"][2]["description"] == "Typed while nobody listened."
