"""The main job by hand in a real browser, on somebody else's code: every page of the flow visited and pictured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from maestro.demo.server import ScriptedServer
from tests import public_package
from tests.app_process import AppProcess
from tests.browser.conftest import OpenWindow, Window
from tests.flow.test_real_package import SCRIPT
from tests.repos import run_git
from tests.scripted import DUMMY_KEY

#: Enough for two busy cores.
SOON_MS = 45_000


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcess]:
    """A Maestro whose model carries out the plan for the real package."""
    data = tmp_path_factory.mktemp("flow") / "data"
    with (
        ScriptedServer(SCRIPT) as model,
        AppProcess(data, ANTHROPIC_BASE_URL=model.url, ANTHROPIC_API_KEY=DUMMY_KEY) as process,
    ):
        yield process


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh clone of a public package with an uncommitted file of the user's."""
    clone = public_package.clone(tmp_path_factory.mktemp("code") / "pathspec")
    (clone / "scratch.txt").write_text("mine\n")
    return clone


def test_from_an_idea_to_merged_code_and_back_by_hand(window: OpenWindow, app: AppProcess, repo: Path) -> None:
    before = run_git(repo, "rev-parse", "main")
    here = window()
    page = here.page
    here.screenshot("flow-1-first-run")
    _begin(here, repo)
    expect(page.get_by_text("Clear enough. Plan it.")).to_be_visible(timeout=SOON_MS)
    expect(page.get_by_text("Count what matches")).to_be_visible(timeout=SOON_MS)
    here.screenshot("flow-2-brainstorm")
    page.get_by_role("button", name="Plan it", exact=True).click()

    _review(here)
    expect(page.get_by_text("Tasks", exact=True).first).to_be_visible(timeout=SOON_MS)
    here.screenshot("flow-4-monitor")
    _answer_questions_until_done(page)
    here.screenshot("flow-5-ready")
    assert run_git(repo, "rev-parse", "main") == before
    assert run_git(repo, "status", "--porcelain") == "?? scratch.txt"

    _read_the_log(here)
    _merge_and_take_back(here, repo, before)
    for path, words in (
        ("/", "Needs you"),
        ("/session", "Count"),
        ("/approvals", "Approvals"),
        ("/decisions", "Small"),
    ):
        here.visit(path)
        expect(page.get_by_text(words).first).to_be_visible(timeout=SOON_MS)
    here.visit("/settings")
    expect(page.get_by_text("Set by ANTHROPIC_BASE_URL").first).to_be_visible(timeout=SOON_MS)


def _begin(here: Window, repo: Path) -> None:
    page = here.page
    page.get_by_role("link", name="New session").first.click()
    here.alive()
    page.get_by_label("Repository").fill(str(repo))
    page.get_by_label("Idea").fill("Count how many paths match.")
    page.get_by_label("Title").fill("Count")
    page.get_by_role("button", name="Create and brainstorm").click()


def _review(here: Window) -> None:
    page = here.page
    expect(page.get_by_role("button", name="Approve and start")).to_be_visible(timeout=30_000)
    page.locator(".p-row", has_text="Tell about it").click()
    title = page.get_by_label("Title", exact=True)
    expect(title).to_have_value("Tell about it")
    title.fill("Tell about it in the change log")
    title.press("Tab")
    page.get_by_role("button", name="Save changes").click()
    expect(page.locator(".p-row", has_text="Tell about it in the change log")).to_be_visible(timeout=SOON_MS)
    here.screenshot("flow-3-plan")
    page.get_by_role("button", name="Approve and start").click()
    page.get_by_role("link", name="Overview").first.click()
    here.alive()


def _answer_questions_until_done(page: Page) -> None:
    """What is asked is answered where it stands."""
    ready, asked = page.get_by_text("Ready to merge").first, page.locator(".m-gate").first
    expect(ready.or_(asked).first).to_be_visible(timeout=90_000)
    while asked.is_visible():
        number = asked.get_attribute("data-approval")
        asked.get_by_role("button", name="Allow", exact=True).click()
        expect(page.locator(f'[data-approval="{number}"]')).to_have_count(0)
        expect(ready.or_(asked).first).to_be_visible(timeout=90_000)


def _read_the_log(here: Window) -> None:
    page = here.page
    page.get_by_role("link", name="Logs").click()
    here.alive()
    expect(page.get_by_text("Task count integrated").first).to_be_visible(timeout=SOON_MS)
    here.screenshot("flow-6-logs")


def _merge_and_take_back(here: Window, repo: Path, before: str) -> None:
    page = here.page
    page.get_by_role("link", name="Changes").click()
    here.alive()
    expect(page.get_by_text("pathspec/count.py").first).to_be_visible(timeout=SOON_MS)
    here.screenshot("flow-7-changes")
    page.get_by_role("button", name="Merge", exact=True).click()
    expect(page.get_by_text("Merged into").first).to_be_visible(timeout=SOON_MS)
    assert (repo / "pathspec" / "count.py").exists()
    assert (repo / "scratch.txt").read_text() == "mine\n"
    here.screenshot("flow-8-merged")
    page.get_by_role("button", name="Undo merge").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Undo merge").click()
    expect(page.get_by_role("button", name="Merge", exact=True)).to_be_visible(timeout=SOON_MS)
    assert run_git(repo, "rev-parse", "main") == before
    assert not (repo / "pathspec" / "count.py").exists()
