"""One whole session without a mouse: from the first page of an empty Maestro to merged code, and the merge undone."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.app_process import AppProcess
from tests.browser.conftest import OpenWindow, Window
from tests.repos import run_git

#: Enough for two busy cores.
SOON_MS = 90_000
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


def test_from_the_first_page_to_merged_code_by_keyboard_alone(window: OpenWindow, app: AppProcess) -> None:
    here = window()
    page = here.page
    press(page, "Try the demo")
    page.wait_for_url("**/brainstorm")
    here.alive()
    _talk(page)
    expect(page.get_by_role("button", name="Plan it", exact=True)).to_be_enabled(timeout=SOON_MS)
    press(page, "Plan it")
    page.wait_for_url("**/plan")
    here.alive()
    _edit_the_plan(page)
    press(page, "Approve and start")
    page.wait_for_url(re.compile(r"/session/[0-9a-f-]{36}$"))
    here.alive()
    _answer(page)
    _merge_and_undo(here, app)


def _talk(page: Page) -> None:
    """The composer is reached and Enter sends."""
    tab_to(page, "Your message")
    page.keyboard.type("Keep it small.")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Keep it small.")).to_be_visible(timeout=SOON_MS)


def _edit_the_plan(page: Page) -> None:
    """A task is opened from the list, its title typed into, and saved."""
    expect(page.get_by_role("button", name="Approve and start")).to_be_visible(timeout=SOON_MS)
    tab_to(page, "release.*", key="j")
    page.keyboard.press("Enter")
    title = page.get_by_label("Title", exact=True)
    expect(title).to_have_value("Make it version 0.2.0")
    tab_to(page, "Title")
    page.keyboard.press("End")
    page.keyboard.type(" well")
    expect(title).to_have_value("Make it version 0.2.0 well")
    press(page, "Save changes")
    expect(page.get_by_text("Saved as version 2.")).to_be_visible()
    expect(page.locator(".p-row", has_text="0.2.0 well")).to_be_visible()


def _answer(page: Page) -> None:
    """The demo's questions are answered where they stand, until all is done."""
    ready, asked = page.get_by_text("Ready to merge").first, page.locator(".m-gate").first
    expect(ready.or_(asked).first).to_be_visible(timeout=SOON_MS)
    while asked.is_visible():
        number = asked.get_attribute("data-approval")
        press(page, "Allow|Start it")
        expect(page.locator(f'[data-approval="{number}"]')).to_have_count(0)
        expect(ready.or_(asked).first).to_be_visible(timeout=SOON_MS)


def _merge_and_undo(here: Window, app: AppProcess) -> None:
    page = here.page
    repo = app.data_dir / "demo" / "expenses"
    before = run_git(repo, "rev-parse", "main")
    page.keyboard.press("5")
    page.wait_for_url("**/changes")
    here.alive()
    expect(page.get_by_role("button", name="Merge", exact=True)).to_be_enabled(timeout=SOON_MS)
    press(page, "Merge")
    expect(page.get_by_text("Merged into").first).to_be_visible(timeout=SOON_MS)
    merged = run_git(repo, "rev-parse", "main")
    assert merged != before
    press(page, "Take it back|Undo merge")
    expect(page.get_by_role("alertdialog")).to_be_visible()
    page.keyboard.press("Tab")  # from the safe answer, which has the focus, to the other one
    press(page, "Take it back|Undo merge")
    expect(page.get_by_role("button", name="Merge", exact=True)).to_be_visible(timeout=SOON_MS)
    assert run_git(repo, "rev-parse", "main") == before
