"""One whole session without a mouse: from the first page of an empty Maestro to merged code, and the merge undone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from maestro.demo.server import ScriptedServer
from tests.app_process import AppProcess
from tests.browser.conftest import OpenWindow, Window
from tests.repos import make_repo, run_git
from tests.scripted import DUMMY_KEY, bash, call, say, scenario, task_rule

#: Enough for two busy cores.
SOON_MS = 90_000
PLAN = {
    "summary": "A note.",
    "checks": ["grep -q hello note.txt"],
    "tasks": [{"id": "note", "title": "Write a note", "checks": ["grep -q hello note.txt"], "files": ["note.txt"]}],
}
SCRIPT = scenario(
    {"match": {"tool_schema_has": "tasks"}, "reply": [{"answer": PLAN}]},
    {"match": {"has_tool": "update_idea_card", "asked": "Keep it small"}, "reply": "Clear enough. Plan it."},
    {
        "match": {"has_tool": "update_idea_card"},
        "steps": [
            [say("I keep the card."), call("update_idea_card", title="A note", goals=["A note says hello"])],
            "Anything else?",
        ],
    },
    task_rule("# Task note:", bash("echo hello > note.txt"), say("Done.")),
)
#: The name of what has the focus, and whether it is seen to have it.
FOCUSED = """() => {
  const el = document.activeElement;
  const name = el.getAttribute('aria-label') || el.innerText || el.title || '';
  return el === document.body ? '' : name.trim();
}"""
MOST_TABS = 150


def press(page: Page, name: str) -> None:
    """Reach a control by Tab alone, wherever the focus is, and press it."""
    tab_to(page, name)
    page.keyboard.press("Enter")


def tab_to(page: Page, name: str, *, key: str = "Tab") -> None:
    """Go on with Tab (or ``key``) until what is called so has the focus; around the page once at most."""
    seen: list[str] = []
    for _ in range(MOST_TABS):
        found = str(page.evaluate(FOCUSED))
        if re.fullmatch(name, found, re.DOTALL):
            return
        seen.append(found)
        page.keyboard.press(key)
    raise AssertionError(f"{key} never comes to {name}, but to {seen}")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcess]:
    """An empty Maestro, and a model that talks, plans, and has a command to ask about."""
    data = tmp_path_factory.mktemp("keys") / "data"
    endpoint = {"ANTHROPIC_API_KEY": DUMMY_KEY, "MAESTRO_PERMISSION_MODE": "ask"}
    with (
        ScriptedServer(SCRIPT) as model,
        AppProcess(data, ANTHROPIC_BASE_URL=model.url, **endpoint) as process,
    ):
        yield process


def test_from_the_first_page_to_merged_code_by_keyboard_alone(window: OpenWindow, tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "shop", {"README.md": "# Shop\n"})
    here = window()
    page = here.page
    here.context.add_init_script("addEventListener('pointerdown', () => console.error('a mouse was used'), true)")
    press(page, "New session")
    page.wait_for_url("**/session/new")
    here.alive()
    _fill_the_form(page, repo)
    page.wait_for_url("**/brainstorm")
    here.alive()
    _talk(page)
    press(page, "Plan it")
    page.wait_for_url("**/plan")
    here.alive()
    _edit_the_plan(page)
    press(page, "Approve and start")
    page.wait_for_url(re.compile(r"/session/[0-9a-f-]{36}$"))
    here.alive()
    _answer(page)
    _merge_and_undo(here, repo)


def _fill_the_form(page: Page, repo: Path) -> None:
    """What has the focus takes the repository; the rest is a Tab away."""
    expect(page.get_by_label("Repository")).to_be_focused()
    page.keyboard.type(str(repo))
    tab_to(page, "Idea")
    expect(page.get_by_label("Start from")).to_have_value("main")
    page.keyboard.type("A note that says hello.")
    tab_to(page, "Title")
    page.keyboard.type("A note")
    press(page, "Create and brainstorm")


def _talk(page: Page) -> None:
    """The composer is reached and Enter sends."""
    expect(page.get_by_text("Anything else?")).to_be_visible(timeout=SOON_MS)
    tab_to(page, "Your message")
    page.keyboard.type("Keep it small.")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Clear enough. Plan it.")).to_be_visible(timeout=SOON_MS)
    expect(page.get_by_role("button", name="Plan it", exact=True)).to_be_enabled(timeout=SOON_MS)


def _edit_the_plan(page: Page) -> None:
    """A task is opened from the list, its title typed into, and saved."""
    expect(page.get_by_role("button", name="Approve and start")).to_be_visible(timeout=SOON_MS)
    tab_to(page, "note.*", key="j")
    page.keyboard.press("Enter")
    title = page.get_by_label("Title", exact=True)
    expect(title).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.type(" with care")
    expect(title).to_have_value("Write a note with care")
    press(page, "Save changes")
    expect(page.get_by_text("Saved as version 2.")).to_be_visible()
    expect(page.locator(".p-row", has_text="with care")).to_be_visible()


def _answer(page: Page) -> None:
    """The agent's question is answered where it stands, with a note."""
    asked = page.locator(".m-gate")
    expect(asked).to_contain_text("note.txt", timeout=SOON_MS)
    tab_to(page, "Note for the agent")
    page.keyboard.type("This once.")
    press(page, "Allow")
    expect(asked).to_have_count(0)
    expect(page.get_by_text("Ready to merge").first).to_be_visible(timeout=SOON_MS)


def _merge_and_undo(here: Window, repo: Path) -> None:
    page = here.page
    before = run_git(repo, "rev-parse", "main")
    page.keyboard.press("5")
    page.wait_for_url("**/changes")
    here.alive()
    expect(page.get_by_role("button", name="Merge", exact=True)).to_be_enabled(timeout=SOON_MS)
    press(page, "Merge")
    expect(page.get_by_text("Merged into").first).to_be_visible(timeout=SOON_MS)
    assert run_git(repo, "show", "main:note.txt") == "hello"
    press(page, "Undo merge")
    asked = page.get_by_role("alertdialog")
    expect(asked.get_by_role("button", name="Cancel")).to_be_focused()  # the safe answer; Tab goes on to the other one
    press(page, "Undo merge")
    expect(page.get_by_role("button", name="Merge", exact=True)).to_be_visible(timeout=SOON_MS)
    assert run_git(repo, "rev-parse", "main") == before
