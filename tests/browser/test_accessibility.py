"""Every page, dialog and state for everybody: axe finds nothing serious; light and dark, large and small."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.app_process import AppProcess
from tests.browser.axe import COLORS, findings
from tests.browser.conftest import OpenWindow, Size
from tests.browser.gallery import PLACES, fill

#: Beyond ``load``: what shows that a page has come to rest.
RESTS = {"talked": ".b-md", "brainstorm": ".b-md", "changes": ".dl", "logs": ".log__line", "plan": ".p-row"}

STILL = """() => document.getAnimations().every(
  (each) => each.playState !== 'running' || each.effect.getTiming().iterations === Infinity)"""


@pytest.fixture(scope="module")
def ids() -> dict[str, str]:
    return {}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, ids: dict[str, str]) -> Iterator[AppProcess]:
    folder = tmp_path_factory.mktemp("gallery")
    ids |= fill(folder / "data", folder)
    with AppProcess(folder / "data", MAESTRO_ASSISTANT="demo") as process:
        yield process


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_no_page_has_a_serious_finding(window: OpenWindow, ids: dict[str, str], size: Size) -> None:
    opened = window(size)
    opened.page.emulate_media(reduced_motion="reduce")
    opened.expect_problem("404")
    found: list[str] = []
    for name, path in PLACES.items():
        page = opened.visit(path.format(**ids))
        _settle(page, RESTS.get(name, "h1"))
        found += [f"{name}: {line}" for line in _both(page)]
    assert not found, "\n".join(found)


def _more(item: str) -> Callable[[Page], None]:
    def do(page: Page) -> None:
        page.get_by_role("button", name="More").click()
        page.get_by_role("menuitem", name=item).click()
        expect(page.get_by_role("alertdialog")).to_be_visible()

    return do


def _press(name: str) -> Callable[[Page], None]:
    def do(page: Page) -> None:
        page.get_by_role("button", name=name).first.click()
        expect(page.get_by_role("alertdialog")).to_be_visible()

    return do


def _menu(page: Page) -> None:
    page.get_by_role("button", name="More").click()
    expect(page.get_by_role("menu")).to_be_visible()


def _palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    expect(page.get_by_role("option").first).to_be_visible()


def _keys(page: Page) -> None:
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()


def _details(page: Page) -> None:
    page.locator(".tl__row").first.click()
    expect(page.locator(".mon-panel")).to_be_visible()


def _tab(name: str) -> Callable[[Page], None]:
    def do(page: Page) -> None:
        page.get_by_role("tab", name=name).click()
        expect(page.get_by_role("tabpanel", name=name)).to_be_visible()

    return do


def _folds(page: Page) -> None:
    for fold in page.locator("summary, .q-expansion-item__container > .q-item").all():
        if fold.is_visible():
            fold.click()


def _row(page: Page) -> None:
    page.locator(".p-row").nth(1).click()


def _line(page: Page) -> None:
    page.locator(".log__line").first.click()
    expect(page.locator(".log__text").first).to_be_visible()


#: Where, what brings the state about, and the part that is looked at: the rest of the page has a test of its own.
STATES: dict[str, list[tuple[str, Callable[[Page], None], str]]] = {
    "dialogs": [
        ("/session/{working}", _menu, ".q-menu"),
        ("/session/{working}", _more("Rename"), ".q-dialog"),
        ("/session/{working}", _more("Limits"), ".q-dialog"),
        ("/session/{working}", _more("Worktree setup"), ".q-dialog"),
        ("/session/{idle}", _more("Delete"), ".q-dialog"),
        ("/session/{working}", _press("Cancel…"), ".q-dialog"),
        ("/session/{working}", _press("Roll back…"), ".q-dialog"),
        ("/templates", _press("New template"), ".q-dialog"),
        ("/session/{idle}", _palette, "dialog"),
        ("/session/{idle}", _keys, "dialog"),
    ],
    "panels": [
        ("/session/{working}", _details, ".mon-panel"),
        ("/session/{working}", _tab("Charts"), ".mon-side"),
        ("/session/{working}", _tab("Checkpoints"), ".mon-side"),
        ("/session/{working}", _tab("Limits"), ".mon-side"),
        ("/session/{working}/plan", _row, ".p-bench"),
        ("/session/{review}/plan", _row, ".p-bench"),
        ("/session/{working}/logs", _line, ".log"),
        ("/session/{working}/brainstorm", _folds, ".b-page"),
        ("/templates", _folds, "main"),
        ("/session/new", _folds, "main"),
    ],
}


@pytest.mark.parametrize("kind", list(STATES))
def test_no_state_of_a_page_has_a_serious_finding(window: OpenWindow, ids: dict[str, str], kind: str) -> None:
    opened = window()
    opened.page.emulate_media(reduced_motion="reduce")
    found: list[str] = []
    for path, bring, part in STATES[kind]:
        page = opened.visit(path.format(**ids))
        bring(page)
        _settle(page, part)
        found += [f"{path} {part}: {line}" for line in _both(page, part)]
    assert not found, "\n".join(found)


def _settle(page: Page, shown: str) -> None:
    """Wait until the page shows what it is for and nothing moves any more."""
    page.locator(shown).first.wait_for(state="attached")
    page.wait_for_function(
        "document.getAnimations().every((a) => a.playState !== 'running' || a.effect.getTiming().iterations === Infinity)"
    )
    # Twice what access.js waits before it looks again.
    page.evaluate("new Promise((done) => setTimeout(done, 600))")


def _both(page: Page, part: str | None = None) -> list[str]:
    """Everything in light, colors again in dark."""
    page.emulate_media(color_scheme="light")
    found = findings(page, within=part)
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    found += [f"(dark) {line}" for line in findings(page, within=part, rules=COLORS)]
    page.emulate_media(color_scheme="light")
    return found
