"""What is typed and not sent survives: a reload, a restart of the server, Escape, a closed window. What is sent is forgotten."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from maestro.db import models
from tests.app_process import AppProcess
from tests.browser.conftest import OpenWindow
from tests.browser.seeds import add, gate_on, seed_session, seeding, task, tasks_of
from tests.browser.test_plan import PLAN, _review, _talk
from tests.repos import make_repo

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
    here.page = page = here.context.new_page()
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
