"""The conversation from the first word to the plan, as a user has it: clicks and keys, and what stands on the card."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from maestro.demo.server import ScriptedServer
from tests.app_process import AppProcess
from tests.browser.conftest import OpenWindow
from tests.repos import make_repo
from tests.scripted import DUMMY_KEY, call, say, scenario

SEPARATOR = {
    "question": "Which separator?",
    "options": ["comma", "semicolon"],
    "recommended": 0,
    "kind": "data",
    "still_open": ["data", "users"],
}
README = {"question": "Explain it in the README?", "options": ["yes", "no"], "recommended": 0, "kind": "users"}
CARD = {"title": "CSV export", "requirements": ["writes a header row", "keeps quotes"]}


def rule(asked: str, *steps: Any) -> dict[str, Any]:
    whole = [[s] if isinstance(s, dict) and ("tool" in s or "text" in s) else s for s in steps]
    return {"match": {"has_tool": "ask_question", "asked": asked}, "steps": whole, "from_asked": True}


SCRIPT = scenario(
    rule(
        "spreadsheet",
        [say("Noted."), call("update_idea_card", **CARD)],
        [call("ask_question", **SEPARATOR)],
        "As you like.",
    ),
    rule("semicolon", [call("ask_question", **README)], "Last one."),
    rule("yes", "Clear enough to plan."),
    delta_chars=12,
    models=["claude-scripted-1", "claude-opus-4-1"],
    effort_models=["claude-opus-4-1"],
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
    return make_repo(tmp_path_factory.mktemp("code") / "shop", {"README.md": "# Shop\n", "src/shop.py": "x = 1\n"})


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


def test_questions_are_answered_with_a_click_and_a_key(window: OpenWindow, session: str) -> None:
    opened = window()
    page = opened.visit(session)
    say_it(page, "A spreadsheet of it.")
    asked = page.get_by_role("group", name="Which separator?")
    expect(asked.get_by_role("button")).to_have_count(2)
    expect(page.get_by_text("Still open: users, data. 1 of 5 questions asked.")).to_be_visible()
    expect(page.get_by_role("region", name="Requirements").locator("li")).to_have_text(
        ["R1writes a header row", "R2keeps quotes"]
    )
    opened.screenshot("brainstorm-question")
    page.reload()
    opened.alive()
    asked.get_by_role("button", name="semicolon").click()
    expect(asked.get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("region", name="Decisions").get_by_role("radio", name="semicolon")).to_have_attribute(
        "aria-checked", "true"
    )
    last = page.get_by_role("group", name="Explain it in the README?")
    expect(last.get_by_role("button")).to_have_count(2)
    page.get_by_label("Your message").press("1")
    expect(page.locator(".b-msg--ai").last).to_contain_text("Clear enough to plan.")
    expect(page.get_by_text("Nothing is open anymore. 2 of 5 questions asked.")).to_be_visible()
    expect(page.get_by_label("Your message")).to_have_value("")
    expect(page.locator(".b-msg__used").last).to_have_attribute("title", re.compile("tokens.*price unknown"))

    mine = page.locator(".b-msg--user", has_text="yes")
    mine.hover()
    mine.get_by_role("button", name="Edit this message").click()
    mine.get_by_label("Your message, edited").fill("semicolon, after all")
    mine.get_by_role("button", name="Send").click()
    expect(page.locator(".b-msg--user").last).to_contain_text("semicolon, after all")
    expect(page.locator(".b-wordings")).to_contain_text("2 of 2")
    opened.screenshot("brainstorm-wordings")
    expect(page.locator(".b-msg--ai").last).to_have_attribute("data-status", "complete")
    page.get_by_role("button", name="The wording before").click()
    expect(page.locator(".b-msg--ai").last).to_contain_text("Clear enough to plan.")
    expect(page.locator(".b-msg--user").last).to_contain_text("yes")


def test_files_and_templates_are_completed_where_one_writes(window: OpenWindow, session: str) -> None:
    opened = window()
    page = opened.visit(session)
    composer = page.get_by_label("Your message")
    composer.press_sequentially("Look at @sho")
    offered = page.get_by_role("listbox", name="Completions")
    expect(offered.get_by_role("option")).to_have_text(["src/shop.py"])
    opened.screenshot("brainstorm-completion")
    composer.press("Enter")
    expect(composer).to_have_value("Look at @src/shop.py ")
    expect(offered).to_be_hidden()
    composer.fill("")
    composer.press_sequentially("/bug")
    expect(offered.get_by_role("option")).to_have_count(1)
    composer.press("Tab")
    expect(composer).not_to_have_value("/bug")
    expect(page.locator(".b-msg")).to_have_count(0)  # nothing of it was sent
    composer.fill("に")
    composer.dispatch_event("keydown", {"key": "Enter", "keyCode": 229})
    composer.dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    expect(composer).to_have_value("に")
    expect(page.locator(".b-msg")).to_have_count(0)


def test_the_model_is_chosen_where_one_writes_and_tried_in_the_settings(window: OpenWindow, session: str) -> None:
    opened = window()
    page = opened.visit(session)
    page.get_by_role("button", name="Model").click()
    page.get_by_text("claude-opus-4-1").click()
    expect(page.get_by_role("button", name="Model")).to_contain_text("claude-opus-4-1")
    page.get_by_role("button", name="Model").click()
    page.get_by_text("High effort").click()
    expect(page.get_by_role("button", name="Model")).to_contain_text("claude-opus-4-1 · high")
    opened.visit("/settings")
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.get_by_text("Models to choose from: 2.")).to_be_visible()
    opened.screenshot("settings-test")


def test_a_newcomer_needs_no_shell(window: OpenWindow, tmp_path: Path) -> None:
    with AppProcess(tmp_path / "data") as fresh:
        opened = window(app=fresh)
        page = opened.visit("/")
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        opened.screenshot("first-run-key")
        page.get_by_role("button", name="Save key").click()
        expect(page.get_by_text("Paste a key first.")).to_be_visible()
        page.get_by_label("API key").fill("sk-ant-api03-scripted")
        page.get_by_role("button", name="Save key").click()
        expect(page.get_by_text("Ready: Anthropic API")).to_be_visible()
        opened.close()
