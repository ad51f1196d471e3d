"""Every page, dialog and state for everybody: axe finds nothing serious; light and dark, large and small."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.app_process import AppProcess
from tests.browser.axe import COLORS, findings
from tests.browser.conftest import OpenWindow, Size
from tests.browser.gallery import PLACES, fill

#: Beyond ``load``: what shows that a page has come to rest.
RESTS = {"talked": ".b-md", "brainstorm": ".b-md", "changes": ".dl", "logs": ".log__line", "plan": ".p-row"}


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


def _session(ids: dict[str, str], name: str = "working", page: str = "") -> str:
    return f"/session/{ids[name]}{page}"


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


#: Where, and what brings the state about.
STATES: list[tuple[str, str, Callable[[Page], None]]] = [
    ("working", "", _menu),
    ("working", "", _more("Rename")),
    ("working", "", _more("Limits")),
    ("working", "", _more("Worktree set-up")),
    ("idle", "", _more("Delete")),
    ("working", "", _press("Cancel…")),
    ("working", "", _press("Roll back…")),
    ("failed", "", _press("Retry")),
    ("working", "", _palette),
    ("working", "", _keys),
    ("working", "", _details),
    ("working", "", _tab("Charts")),
    ("working", "", _tab("Checkpoints")),
    ("working", "", _tab("Limits")),
    ("working", "/plan", _row),
    ("review", "/plan", _row),
    ("working", "/logs", _line),
    ("working", "/brainstorm", _folds),
]


def test_no_dialog_menu_or_panel_has_a_serious_finding(window: OpenWindow, ids: dict[str, str]) -> None:
    opened = window()
    page = opened.page
    page.emulate_media(reduced_motion="reduce")
    found: list[str] = []
    for name, path, bring in STATES:
        opened.visit(_session(ids, name, path))
        bring(page)
        _settle(page, "h1")
        found += [f"{name}{path} {bring.__qualname__}: {line}" for line in _both(page)]
    for path, bring in (("/templates", _press("New template")), ("/templates", _folds), ("/session/new", _folds)):
        opened.visit(path)
        bring(page)
        _settle(page, "h1")
        found += [f"{path}: {line}" for line in _both(page)]
    assert not found, "\n".join(found)


def _settle(page: Page, shown: str) -> None:
    """Wait until the page shows what it is for and nothing moves any more."""
    page.locator(shown).first.wait_for(state="attached")
    page.wait_for_function(
        "document.getAnimations().every((a) => a.playState !== 'running' || a.effect.getTiming().iterations === Infinity)"
    )
    # Twice what access.js waits before it looks again.
    page.evaluate("new Promise((done) => setTimeout(done, 600))")


def _both(page: Page) -> list[str]:
    """Everything in light, colors again in dark."""
    page.emulate_media(color_scheme="light")
    found = findings(page)
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    found += [f"(dark) {line}" for line in findings(page, rules=COLORS)]
    page.emulate_media(color_scheme="light")
    return found
