"""Every page, dialog, menu, drawer and state for everybody: axe finds nothing serious, light and dark, at three widths.

What needs rows of its own (conflicts, trust, a first commit, an undone merge) is looked at where those are tested, with
``everywhere`` as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest
from playwright.sync_api import Page, expect

from tests.app_process import AppProcess
from tests.browser.axe import everywhere, findings
from tests.browser.conftest import Gallery, OpenWindow
from tests.browser.gallery import PLACES

#: Beyond ``h1``: what shows that a page has come to rest.
RESTS = {"talked": ".b-md", "brainstorm": ".b-md", "changes": ".dl", "logs": ".log__line", "plan": ".p-row"}
#: Fields whose words nobody keeps: a reload would lose them. A search is in the address, a choice is no word, a key a secret.
LOSES = """(part) => [...(document.querySelector(part) ?? document.body).querySelectorAll('textarea, input')]
  .filter((el) => el.getClientRects().length && !el.disabled && !el.readOnly)
  .filter((el) => !['checkbox', 'radio', 'file'].includes(el.type))
  .filter((el) => !el.closest('[data-draft], [data-secret], .q-select') && !/^Search/.test(el.ariaLabel ?? ''))
  .map((el) => `${el.ariaLabel || el.placeholder || el.outerHTML.slice(0, 80)} loses what is typed`)"""
#: A notice as ``say_failed`` makes it.
FAILED = {
    "message": "Refused: somebody else has answered.", "position": "bottom-right", "classes": "s-failed", "group": False,
    "timeout": 12_000, "closeBtn": "Close",
}  # fmt: skip
#: Icons, and bars and dots that say a state, whose ground has the color of the page's.
UNDRAWN = """() => [...document.querySelectorAll('.mi, .tl__bar, .m-phase--past .m-phase__dot, .m-bar > *')]
  .filter((el) => el.getClientRects().length && !el.closest('.m-phase__dot .mi'))
  .map((el) => [el, getComputedStyle(el)])
  .filter(([, style]) => style.backgroundImage === 'none'
    && [getComputedStyle(document.body).backgroundColor, 'rgba(0, 0, 0, 0)'].includes(style.backgroundColor))
  .map(([el]) => el.className)"""
Bring = Callable[[Page], None]
T = TypeVar("T")


@pytest.fixture(scope="module")
def app(gallery: Gallery) -> AppProcess:
    return gallery.app


def _few(names: list[T]) -> list[list[T]]:
    """So many at a time as take seconds, also where the machine is busy."""
    return [names[at : at + 3] for at in range(0, len(names), 3)]


@pytest.mark.parametrize("names", _few(list(PLACES)), ids="-".join)
def test_no_page_has_a_serious_finding(window: OpenWindow, gallery: Gallery, names: list[str]) -> None:
    opened = window()
    opened.expect_problem("404")
    found: list[str] = []
    for name, path in ((name, PLACES[name]) for name in names):
        page = opened.visit(path.format(**gallery.ids))
        page.locator(RESTS.get(name, "h1")).first.wait_for(state="attached")
        found += [f"{name}: {line}" for line in [*everywhere(page), *page.evaluate(LOSES, "body")]]
    assert not found, "\n".join(found)


def test_no_page_outside_of_the_frame_has_a_serious_finding(window: OpenWindow, app: AppProcess) -> None:
    opened = window(signed_in=False)
    opened.expect_problem("40[13]")
    found: list[str] = []
    token = app.url.partition("?")[2]
    for path, shown in (("/", "h1"), ("/?token=wrong", "h1"), (f"/?{token}", ".m-rail"), ("/api/docs", "h2")):
        for scheme in ("light", "dark"):  # these pages choose their colors while they load
            opened.scheme(scheme)
            opened.tab.goto(app.origin + path)
            opened.tab.locator(shown).first.wait_for()
            if shown != ".m-rail":
                found += [f"{path} {scheme}: {line}" for line in findings(opened.tab)]
    assert not found, "\n".join(found)


#: What turns for as long as it is shown (a spinner) never ends.
_NOTHING_FADES_IN = """document.getAnimations().every(
    (each) => each.playState !== 'running' || each.effect.getComputedTiming().iterations === Infinity)"""


def test_no_notice_has_a_serious_finding(window: OpenWindow) -> None:
    opened = window()
    opened.hold_notices()
    page = opened.visit("/settings")
    field = page.get_by_label("Attempts per task")
    field.fill("4")
    field.press("Enter")
    expect(page.locator(".q-notification.s-done")).to_be_visible()
    page.evaluate("(like) => Quasar.Notify.create(like)", FAILED)
    expect(page.locator(".q-notification.s-failed")).to_be_visible()
    for scheme in ("light", "dark"):
        opened.scheme(scheme)
        page.wait_for_function("(scheme) => document.documentElement.dataset.theme === scheme", arg=scheme)
        page.wait_for_function(_NOTHING_FADES_IN)
        assert not findings(page, within=".q-notifications"), scheme
    opened.screenshot("notices-dark")


def test_in_high_contrast_icons_states_and_choices_are_still_drawn(window: OpenWindow, gallery: Gallery) -> None:
    opened = window()
    opened.page.emulate_media(forced_colors="active")
    page = opened.visit(f"/session/{gallery.ids['working']}")
    page.locator(".tl__bar").first.wait_for()
    assert not page.evaluate(UNDRAWN)
    for current in (page.locator(".m-nav__item[aria-current]"), page.get_by_role("tab", selected=True)):
        assert current.evaluate("(el) => getComputedStyle(el).outlineStyle") == "solid"
    opened.screenshot("high-contrast")


# -- what brings a state about ---------------------------------------------------------------------------------------------


def _more(item: str) -> Bring:
    def do(page: Page) -> None:
        page.get_by_role("button", name="More").click()
        page.get_by_role("menuitem", name=item).click()
        expect(page.get_by_role("alertdialog")).to_be_visible()

    return do


def _press(name: str, shows: str = ".q-dialog [role=alertdialog], .q-dialog[role=alertdialog]") -> Bring:
    def do(page: Page) -> None:
        page.get_by_role("button", name=name).first.click()
        expect(page.locator(shows).first).to_be_visible()

    return do


def _menu(name: str) -> Bring:
    return _press(name, ".q-menu")


def _palette(words: str) -> Bring:
    def do(page: Page) -> None:
        page.keyboard.press("Control+k")
        expect(page.get_by_role("option").first).to_be_visible()
        page.keyboard.type(words)
        if words:
            expect(page.get_by_text("Nothing found")).to_be_visible()

    return do


def _keys(page: Page) -> None:
    page.keyboard.press("?")
    expect(page.locator(".m-keys")).to_be_visible()


def _drawer(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator("[data-do=rail]").click()
    expect(page.get_by_role("link", name="Settings")).to_be_visible()


def _details(key: str) -> Bring:
    def do(page: Page) -> None:
        page.locator(f".tl__row[data-task={key}]").click()
        expect(page.locator(".mon-panel")).to_be_visible()
        _folds(page)

    return do


def _tab(name: str) -> Bring:
    def do(page: Page) -> None:
        page.get_by_role("tab", name=name).click()
        expect(page.get_by_role("tabpanel", name=name)).to_be_visible()

    return do


def _charts(page: Page) -> None:
    _tab("Charts")(page)
    expect(page.locator(".mon-chart canvas, .mon-chart svg").first).to_be_visible()


def _checkpoint(page: Page) -> None:
    _tab("Checkpoints")(page)
    page.get_by_role("button", name="Roll back to here").first.click()
    expect(page.get_by_role("alertdialog")).to_be_visible()


def _folds(page: Page) -> None:
    for fold in page.locator("summary, .q-expansion-item__container > .q-item").all():
        if fold.is_visible() and fold.evaluate("(el) => !el.parentElement.open"):
            fold.click()


def _row(page: Page) -> None:
    page.locator(".p-row").nth(1).click()


def _broken(page: Page) -> None:
    """An edited plan that cannot be saved as it is."""
    _row(page)
    page.get_by_label("Title", exact=True).fill("")
    page.get_by_label("Title", exact=True).press("Tab")
    expect(page.locator(".p-bar__state")).to_be_visible()


def _removed(page: Page) -> None:
    _row(page)
    page.get_by_role("button", name="Remove this task").click()
    expect(page.locator(".p-bar").get_by_role("button", name="Undo")).to_be_visible()


def _line(page: Page) -> None:
    page.locator(".log__line").first.click()
    expect(page.locator(".log__text").first).to_be_visible()


def _every_pencil(page: Page) -> None:
    for pencil in page.locator("button[aria-label^='Edit ']").all():
        if pencil.is_visible():
            of_a_message = pencil.get_attribute("aria-label") == "Edit this message"
            pencil.click()
            if of_a_message:
                expect(page.get_by_label("Your message, edited").last).to_be_visible()
            else:
                expect(pencil).to_be_hidden()


def _empty_form(page: Page) -> None:
    page.get_by_label("Repository").fill("/nowhere/at/all")
    page.get_by_role("button", name="Create and brainstorm").click()
    expect(page.locator(".q-field--error").first).to_be_visible()


def _choice(label: str) -> Bring:
    def do(page: Page) -> None:
        page.get_by_label(label, exact=True).first.click()
        expect(page.get_by_role("option").first).to_be_visible()

    return do


def _wrong_number(page: Page) -> None:
    field = page.locator("input[type=number], input[inputmode=numeric]").first
    field.fill("-7")
    field.press("Tab")
    expect(page.locator(".q-field--error").first).to_be_visible()


DIALOG, MENU, MAIN = ".q-dialog", ".q-menu", "main"
#: Where, what brings the state about, and the part that is looked at: the rest of the page has a test of its own.
STATES: dict[str, list[tuple[str, Bring, str]]] = {
    "menus": [
        ("/session/{working}", _menu("More"), MENU),
        ("/session/{working}/logs", _menu("Task"), MENU),
        ("/session/{review}/plan", _menu("without acceptance"), MENU),
        ("/session/{idle}", _palette(""), "dialog"),
        ("/session/{idle}", _palette("zzzz"), "dialog"),
        ("/session/{idle}", _keys, "dialog"),
        ("/", _drawer, "body"),
    ],
    "dialogs": [
        ("/session/{working}", _more("Rename"), DIALOG),
        ("/session/{working}", _more("Limits"), DIALOG),
        ("/session/{working}", _more("Permissions"), DIALOG),
        ("/session/{working}", _more("Worktree setup"), DIALOG),
        ("/session/{idle}", _more("Delete"), DIALOG),
        ("/session/{working}", _press("Cancel…"), DIALOG),
        ("/session/{working}", _press("Roll back…"), DIALOG),
        ("/session/{working}", _checkpoint, DIALOG),
        ("/session/{failed}/logs", _press("Retry"), DIALOG),
        ("/approvals", _press("Fail the session"), DIALOG),
        ("/session/{review}/plan", _press("Regenerate…"), DIALOG),
        ("/templates", _press("New template"), DIALOG),
        ("/settings", _press("Change /"), DIALOG),
        ("/settings", _press("Forget /"), DIALOG),
    ],
    "panels": [
        ("/session/{working}", _details("writer"), ".mon-panel"),
        ("/session/{working}", _details("docs"), ".mon-panel"),
        ("/session/{working}", _charts, ".mon-side"),
        ("/session/{working}", _tab("Checkpoints"), ".mon-side"),
        ("/session/{working}", _tab("Limits"), ".mon-side"),
        ("/session/{working}/plan", _row, ".p-bench"),
        ("/session/{working}/logs", _line, ".log"),
        ("/session/{working}/brainstorm", _folds, ".b-page"),
        ("/session/{done}/changes", _folds, MAIN),
        ("/approvals", _folds, MAIN),
    ],
    "fields": [
        ("/session/{review}/plan", _row, MAIN),
        ("/session/{review}/plan", _broken, MAIN),
        ("/session/{review}/plan", _removed, MAIN),
        ("/session/{talking}/brainstorm", _every_pencil, ".b-page"),
        ("/templates", _folds, MAIN),
        ("/session/new", _folds, MAIN),
        ("/session/new", _empty_form, MAIN),
        ("/settings", _wrong_number, MAIN),
        ("/session/new", _choice("Template"), MENU),
    ],
}


@pytest.mark.parametrize(
    "states", [pytest.param(few, id=f"{kind}-{n}") for kind, all_ in STATES.items() for n, few in enumerate(_few(all_))]
)
def test_no_state_of_a_page_has_a_serious_finding(
    window: OpenWindow, gallery: Gallery, states: list[tuple[str, Bring, str]]
) -> None:
    opened = window()
    found: list[str] = []
    for path, bring, part in states:
        page = opened.visit(path.format(**gallery.ids))
        bring(page)
        lines = [*everywhere(page, part), *page.evaluate(LOSES, part)]
        found += [f"{path} {getattr(bring, '__qualname__', '')} {part}: {line}" for line in lines]
    assert not found, "\n".join(found)
