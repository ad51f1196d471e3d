"""Brainstorming as a user does it: a real browser, the real app, a scripted model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from maestro.demo.server import ScriptedServer
from tests.app_process import AppProcess
from tests.browser.conftest import OpenWindow
from tests.repos import make_repo
from tests.scripted import DUMMY_KEY, call, say, scenario

LONG = (
    "First the **columns**.\n\n"
    + "One two three four five six seven eight nine ten. " * 16
    + "\n\n1. comma\n2. semicolon"
)
CARD = {"title": "CSV export", "goals": ["`export` writes a header row"], "open_questions": ["Which separator?"]}
HOSTILE = '<img src="https://example.org/x.png" onerror="window.broken = 1"> <script>window.broken = 1</script> **still here**'


def rule(asked: str, *steps: Any, **more: Any) -> dict[str, Any]:
    whole = [[s] if isinstance(s, dict) and ("tool" in s or "text" in s) else s for s in steps]
    return {"match": {"has_tool": "update_idea_card", "asked": asked}, "steps": whole, "from_asked": True, **more}


SCRIPT = scenario(
    rule("talk for long", LONG),
    rule("talk without end", {"content": LONG, "cut_after": 6, "hang": True}, times=1),
    rule("talk without end", LONG),
    rule("fill the card", [say("Noted."), call("update_idea_card", **CARD)], "Which separator?"),
    rule("break off", {"content": "One two three four five six seven eight.", "cut_after": 3}, times=1),
    rule("break off", "All of it this time."),
    rule("look around", [call("read_file", path="README.md")], [call("list_files", folder="")], "I have looked."),
    rule("be nasty", HOSTILE),
    delta_chars=12,
    delta_delay_s=0.02,
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcess]:
    """A Maestro whose assistant follows the script above, over the real API."""
    with (
        ScriptedServer(SCRIPT) as model,
        AppProcess(
            tmp_path_factory.mktemp("talk") / "data", ANTHROPIC_BASE_URL=model.url, ANTHROPIC_API_KEY=DUMMY_KEY
        ) as process,
    ):
        yield process


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_repo(tmp_path_factory.mktemp("code") / "shop", {"README.md": "# Shop\n"})


@pytest.fixture
def session(app: AppProcess, repo: Path) -> str:
    """A session in which one can talk; the address of its brainstorm."""
    with app.client() as api:
        made = api.post("/api/sessions", json={"title": "Shop", "description": "", "repo_path": str(repo)}).json()
        api.post(f"/api/sessions/{made['id']}/start").raise_for_status()
    return f"/session/{made['id']}/brainstorm"


def say_it(page: Page, words: str) -> None:
    page.get_by_label("Your message").fill(words)
    page.get_by_label("Your message").press("Enter")


def last_reply(page: Page) -> Locator:
    return page.locator(".b-msg--ai").last


def test_a_reply_streams_into_every_window(window: OpenWindow, session: str) -> None:
    here, there = window(), window("phone", scheme="dark")
    here.visit(session)
    there.visit(session)
    say_it(here.page, "talk for long")
    for page in (here.page, there.page):
        expect(last_reply(page)).to_have_attribute("data-status", "streaming")
        expect(last_reply(page).locator("strong", has_text="columns")).to_be_visible()
    here.screenshot("brainstorm-streaming")
    for page in (here.page, there.page):
        expect(last_reply(page)).to_have_attribute("data-status", "complete")
        expect(last_reply(page).locator("ol li")).to_have_text(["comma", "semicolon"])
        assert last_reply(page).inner_text().count("One two three") == 16
    expect(here.page.get_by_label("Your message")).to_have_value("")


def test_a_reply_is_stopped_and_asked_for_again(window: OpenWindow, session: str) -> None:
    page = window().visit(session)
    say_it(page, "talk without end")
    expect(last_reply(page)).to_contain_text("columns")
    page.get_by_role("button", name="Stop").click()
    expect(last_reply(page)).to_have_attribute("data-status", "interrupted")
    expect(last_reply(page)).to_contain_text("You stopped this reply.")
    expect(last_reply(page)).to_contain_text("columns")
    page.get_by_role("button", name="Ask again").click()
    expect(last_reply(page)).to_have_attribute("data-status", "complete")
    expect(page.get_by_role("button", name="Ask again")).to_have_count(0)


def test_a_reply_that_breaks_off_is_kept_with_the_reason_and_asked_for_again(window: OpenWindow, session: str) -> None:
    opened = window()
    page = opened.visit(session)
    say_it(page, "break off")
    broken = page.locator(".b-msg--ai").first
    expect(broken).to_have_attribute("data-status", "interrupted")
    expect(broken).to_contain_text("One two three")
    expect(broken).to_contain_text("This reply was cut off.")
    opened.screenshot("brainstorm-broken-off")
    page.reload()
    opened.alive()
    expect(broken).to_contain_text("One two three")
    page.get_by_role("button", name="Ask again").click()
    expect(last_reply(page)).to_contain_text("All of it this time.")
    expect(broken).to_contain_text("One two three")


def test_the_card_fills_as_one_talks_and_is_edited_in_place(window: OpenWindow, session: str) -> None:
    here, there = window(), window()
    page = here.visit(session)
    there.visit(session)
    expect(page.get_by_role("button", name="Plan it")).to_be_disabled()
    say_it(page, "fill the card")
    for each in (page, there.page):
        goals = each.get_by_role("region", name="Goals")
        expect(goals.locator("li")).to_have_text(["export writes a header row"])
        expect(goals.locator("code")).to_have_text("export")
    expect(page.get_by_text("1 question still open.")).to_be_visible()
    expect(page.get_by_role("button", name="Plan it")).to_be_enabled()

    title = page.get_by_role("region", name="Idea", exact=True)
    title.get_by_text("CSV export").click()
    title.get_by_role("textbox").fill("x" * 121)
    title.get_by_role("button", name="Save").click()
    expect(title.get_by_role("alert")).to_contain_text("120")
    title.get_by_role("textbox").fill("CSV export, monthly")
    title.get_by_role("textbox").press("Enter")
    expect(title.get_by_text("CSV export, monthly")).to_be_visible()
    expect(there.page.get_by_role("region", name="Idea", exact=True)).to_contain_text("CSV export, monthly")


def test_a_decision_is_made_with_one_click(window: OpenWindow, session: str) -> None:
    page = window().visit(session)
    decisions = page.get_by_role("region", name="Decisions")
    decisions.get_by_role("button", name="Add a decision").click()
    decisions.get_by_role("button", name="Save").click()
    expect(decisions.get_by_role("alert").first).to_be_visible()
    decisions.get_by_label("Question").fill("Which separator?")
    decisions.get_by_label("Options").fill("comma\nsemicolon")
    decisions.get_by_role("button", name="Save").click()
    decisions.get_by_role("radio", name="semicolon").click()
    expect(decisions.get_by_role("radio", name="semicolon")).to_have_attribute("aria-checked", "true")
    page.reload()
    expect(decisions.get_by_role("radio", name="semicolon")).to_have_attribute("aria-checked", "true")


def test_tool_use_is_one_folded_line(window: OpenWindow, session: str) -> None:
    page = window().visit(session)
    say_it(page, "look around")
    folded = last_reply(page).locator("summary")
    expect(folded).to_contain_text("Listed the files")
    expect(page.get_by_text("Read README.md")).to_be_hidden()
    folded.click()
    expect(page.get_by_text("Read README.md")).to_be_visible()


def test_words_of_the_model_run_nothing_and_load_nothing(window: OpenWindow, session: str) -> None:
    opened = window()
    opened.expect_problem("Content Security Policy|example.org")
    page = opened.visit(session)
    say_it(page, "be nasty")
    expect(last_reply(page).locator("strong", has_text="still here")).to_be_visible()
    assert page.evaluate("window.broken") is None


def test_what_is_typed_outlives_a_reload_and_goes_once_sent(window: OpenWindow, session: str) -> None:
    opened = window()
    page = opened.visit(session)
    page.get_by_label("Your message").fill("look around\nand tell me")
    page.reload()
    opened.alive()
    expect(page.get_by_label("Your message")).to_have_value("look around\nand tell me")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_label("Your message")).to_have_value("")
    expect(last_reply(page)).to_contain_text("I have looked.")
    page.reload()
    opened.alive()
    expect(page.locator(".b-msg--user")).to_contain_text("look around")
    expect(page.get_by_label("Your message")).to_have_value("")


def test_a_session_that_has_not_begun_is_started_here(window: OpenWindow, app: AppProcess, repo: Path) -> None:
    with app.client() as api:
        body = {"title": "Idle", "description": "look around", "repo_path": str(repo)}
        made = api.post("/api/sessions", json=body).json()
    opened = window("phone")
    page = opened.visit(f"/session/{made['id']}/brainstorm")
    page.get_by_role("button", name="Start the conversation").click()
    expect(last_reply(page)).to_contain_text("I have looked.")
    expect(page.get_by_label("Your message")).to_be_visible()
    page.get_by_role("tab", name="Idea card").click()
    expect(page.get_by_role("button", name="Plan it")).to_be_visible()
    opened.screenshot("brainstorm-card-phone")
