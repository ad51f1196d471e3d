"""Maestro by keyboard alone: the focus is always seen and never lost; lists, menus and panels answer to their keys."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.app_process import AppProcess
from tests.browser.conftest import Gallery, OpenWindow
from tests.browser.gallery import QUESTIONS

#: What every control that Tab comes to looks like: its name and whether a ring (or a field's frame) is drawn.
RING = """() => {
  const el = document.activeElement, style = getComputedStyle(el), field = el.closest('.q-field--focused, .b-write, .m-palette');
  const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  return [el.tagName + ' ' + (el.ariaLabel || el.textContent.trim()).slice(0, 30), Boolean(ring || field)];
}"""
IN_PANEL = "((panel) => Boolean(document.activeElement.closest(panel)))"
FOCUS = "() => document.activeElement.ariaLabel || document.activeElement.textContent.trim()"


@pytest.fixture(scope="module")
def app(gallery: Gallery) -> AppProcess:
    return gallery.app


@pytest.fixture(scope="module")
def ids(gallery: Gallery) -> dict[str, str]:
    return gallery.ids


def test_the_focus_is_seen_wherever_tab_comes_to(window: OpenWindow, ids: dict[str, str]) -> None:
    opened = window()
    bare: list[str] = []
    paths = ["/approvals", "/settings", "/session/new", f"/session/{ids['done']}/changes"]
    paths += [f"/session/{ids['working']}{part}" for part in ("", "/plan", "/logs", "/brainstorm")]
    for path in paths:
        page = opened.visit(path)
        names: list[str] = []
        for _ in range(45):
            page.keyboard.press("Tab")
            name, ring = page.evaluate(RING)
            names.append(name)
            if not ring and not name.startswith("BODY"):
                bare.append(f"{path}: {name}")
        assert len(set(names)) > 15, names
    assert not bare, bare


def test_a_dialog_gives_the_focus_back_to_what_opened_it(window: OpenWindow, ids: dict[str, str]) -> None:
    page = window().visit(f"/session/{ids['working']}")
    for name in ("Cancel…", "Roll back…"):
        opener = page.get_by_role("button", name=name)
        opener.focus()
        page.keyboard.press("Enter")
        dialog = page.get_by_role("alertdialog")
        expect(dialog).to_be_visible()
        assert dialog.get_attribute("aria-label")
        page.wait_for_function("document.activeElement.closest('.q-dialog')")
        _tab_stays_inside(page)
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(opener).to_be_focused()
        page.keyboard.press("Enter")  # and by its own button
        expect(dialog).to_be_visible()
        page.wait_for_function(
            "document.activeElement.closest('.q-dialog')"
        )  # its own first focus would come over ours
        dialog.get_by_role("button").first.focus()
        page.keyboard.press("Enter")
        expect(dialog).to_have_count(0)
        expect(opener).to_be_focused()
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox")).to_be_focused()
    _tab_stays_inside(page)
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
    _tab_stays_inside(page)
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()


def test_a_long_dialog_keeps_the_focus(window: OpenWindow, ids: dict[str, str]) -> None:
    page = window().visit("/templates")
    opener = page.get_by_role("button", name="New template")
    opener.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    _tab_stays_inside(page)
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()


def _tab_stays_inside(page: Page) -> None:
    """Forward round all of a dialog, and back again."""
    for key in ("Tab", "Shift+Tab"):
        for _ in range(25):
            page.keyboard.press(key)
            assert page.evaluate("Boolean(document.activeElement.closest('.q-dialog, dialog[open]'))"), page.evaluate(
                FOCUS
            )


def test_arrows_move_in_a_menu_and_what_it_opens_gives_the_focus_back(window: OpenWindow, ids: dict[str, str]) -> None:
    page = window().visit(f"/session/{ids['working']}")
    more = page.get_by_role("button", name="More")
    more.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Rename…")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitem", name="Worktree setup…")).to_be_focused()
    page.keyboard.press("End")
    expect(page.get_by_role("menuitem").last).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitem", name="Rename…")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("menuitem").last).to_be_focused()
    page.keyboard.press("r")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alertdialog", name="Rename session")).to_be_visible()
    expect(page.get_by_label("Title", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("alertdialog")).to_have_count(0)
    expect(more).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menu")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("menu")).to_have_count(0)
    expect(more).to_be_focused()


def test_enter_takes_the_focus_into_a_panel_and_escape_brings_it_back(window: OpenWindow, ids: dict[str, str]) -> None:
    page = window().visit(f"/session/{ids['working']}")
    row = page.locator(".tl__row[data-task=docs]")
    row.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".mon-panel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".mon-panel")).to_be_hidden()
    expect(row).to_be_focused()

    page.goto(page.url + "/plan")
    page.wait_for_function("window.did_handshake === true")
    row = page.locator(".p-row[data-row=docs]")
    row.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".p-details")).to_be_focused()
    expect(page.locator(".p-details")).to_contain_text("Explain it")
    page.keyboard.press("Escape")
    expect(row).to_be_focused()


def test_the_browsers_back_comes_to_the_task_that_was_looked_at(window: OpenWindow, ids: dict[str, str]) -> None:
    opened = window()
    page = opened.visit(f"/session/{ids['working']}")
    page.locator(".tl__row[data-task=docs]").click()
    panel = page.locator(".mon-panel")
    panel.get_by_role("link", name="Task log").click()
    page.wait_for_url("**/logs?task=docs")
    page.go_back()
    opened.alive()
    expect(panel).to_contain_text("Explain it")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    page.wait_for_url(lambda url: "task=" not in url)
    page.reload()
    opened.alive()
    expect(panel).to_be_hidden()

    opened.visit(f"/session/{ids['working']}/plan")
    page.locator(".p-row[data-row=docs]").click()
    page.locator(".p-details").get_by_role("link", name="Task changes").click()
    page.wait_for_url("**/changes?task=docs")
    page.go_back()
    opened.alive()
    expect(page.locator(".p-row[data-row=docs]")).to_have_attribute("aria-current", "true")
    expect(page.locator(".p-details")).to_contain_text("Explain it")


def test_tab_goes_from_a_row_through_its_panel_to_the_next_row(window: OpenWindow, ids: dict[str, str]) -> None:
    page = window().visit(f"/session/{ids['working']}")
    row, after = page.locator(".tl__row[data-task=docs]"), page.locator(".tl__row[data-task=release]")
    row.click()
    expect(page.locator(".mon-panel")).to_contain_text("Explain it")
    expect(row).to_be_focused()
    page.wait_for_function("window.maestroFocus.opener()")
    page.keyboard.press("Tab")
    page.wait_for_function(f"{IN_PANEL}('.mon-panel')")
    page.keyboard.press("Shift+Tab")
    expect(row).to_be_focused()
    page.keyboard.press("Tab")
    assert _tabs_until(page, f"!{IN_PANEL}('.mon-panel')") > 1
    expect(after).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.wait_for_function(f"{IN_PANEL}('.mon-panel')")
    # And on, past where the panel stands, to the end of the page and round to its beginning.
    _tabs_until(page, "document.activeElement.matches('.m-skip')")


def test_tab_goes_from_a_task_of_the_plan_to_its_details(window: OpenWindow, ids: dict[str, str]) -> None:
    page = window().visit(f"/session/{ids['working']}/plan")
    row = page.locator(".p-row[data-row=docs]")
    row.focus()
    expect(page.locator(".p-details")).to_contain_text("Explain it")
    expect(row).to_have_attribute("tabindex", "0")
    page.keyboard.press("Tab")
    page.wait_for_function(f"{IN_PANEL}('.p-details')")
    page.keyboard.press("Shift+Tab")
    expect(row).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".p-row[data-row=release]")).to_be_focused()
    expect(page.locator(".p-details")).to_contain_text("Release it")
    page.keyboard.press("ArrowUp")
    expect(row).to_be_focused()


def _tabs_until(page: Page, reached: str) -> int:
    """How often Tab is pressed until this holds."""
    for count in range(1, 80):
        page.keyboard.press("Tab")
        if page.evaluate(reached):
            return count
    raise AssertionError(f"Tab never comes to {reached}")


@pytest.mark.parametrize("path", ["/", "/approvals"])
def test_j_and_k_stop_at_questions_and_enter_goes_to_their_answers(
    window: OpenWindow, ids: dict[str, str], path: str
) -> None:
    page = window().visit(path)
    expect(page.locator(".m-gate")).to_have_count(len(QUESTIONS))
    stops = [_step(page, "j") for _ in range(len(QUESTIONS) + 1)]
    asked = page.locator(".m-gate").evaluate_all("(all) => all.map((el) => el.dataset.approval)")
    assert stops[: len(QUESTIONS)] == asked
    assert stops[-1] is None  # and on to what stands below
    assert [_step(page, "k") for _ in range(2)] == asked[:-3:-1]
    page.keyboard.press("Enter")
    inside = page.evaluate("document.activeElement.closest('.m-gate')?.dataset.approval")
    assert inside == asked[-2]
    assert page.evaluate("document.activeElement.matches('button, input, textarea')")


def _step(page: Page, key: str) -> str | None:
    page.keyboard.press(key)
    found: str | None = page.evaluate("document.activeElement.dataset.approval ?? null")
    return found
