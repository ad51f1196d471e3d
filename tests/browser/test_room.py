"""Nothing lies on what is clicked: controls beside the phases at every width, notices beside the next button."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.app_process import AppProcess
from tests.browser.conftest import Gallery, OpenWindow

#: Which of the phases and controls lie on each other, or are cut by the window.
CLASHES = """() => {
  const shown = (s) => [...document.querySelectorAll(s)].map((el) => [el.textContent.trim(), el.getBoundingClientRect()])
    .filter(([, r]) => r.width > 1 && r.height > 1);
  const phases = shown('.m-phase__dot, .m-phase__word'), acts = shown('.m-controls .m-btn'), tabs = shown('.m-tab');
  const over = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const bad = [];
  for (const [name, r] of acts) {
    if (r.right > innerWidth || r.left < 0) bad.push(name + ' is cut');
    for (const [other, o] of [...phases, ...tabs]) if (over(r, o)) bad.push(`${name} on ${other}`);
  }
  return [acts.length, bad];
}"""


@pytest.fixture(scope="module")
def app(gallery: Gallery) -> AppProcess:
    return gallery.app


@pytest.fixture(scope="module")
def ids(gallery: Gallery) -> dict[str, str]:
    return gallery.ids


def test_the_controls_never_lie_on_the_phases(window: OpenWindow, ids: dict[str, str]) -> None:
    opened = window()
    page = opened.visit(f"/session/{ids['working']}")
    for width in (360, 390, 699, 700, 720, 800, 900, 1020, 1099, 1100, 1180, 1279, 1280, 1440):
        page.set_viewport_size({"width": width, "height": 700})
        count, bad = page.evaluate(CLASHES)
        assert count >= 5, width
        assert not bad, (width, bad)
        if width in {900, 720}:
            opened.screenshot(f"session-{width}")


@pytest.mark.parametrize("state", ["failed", "review", "done", "idle", "talking"])
def test_the_controls_of_each_state_have_room_at_twice_the_size(
    window: OpenWindow, ids: dict[str, str], state: str
) -> None:
    opened = window()
    page = opened.visit(f"/session/{ids[state]}")
    # What is left of a window when everything in it is twice as large.
    for width, height in ((1440, 900), (1280, 800), (780, 844)):
        page.set_viewport_size({"width": width // 2, "height": height // 2})
        _count, bad = page.evaluate(CLASHES)
        assert not bad, (width, bad)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
    opened.screenshot(f"zoomed-{state}")


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_notice_never_lies_on_the_next_button(window: OpenWindow, ids: dict[str, str], size: str) -> None:
    opened = window(size)
    opened.hold_notices()
    page = opened.visit(f"/session/{ids['approve' if size == 'desktop' else 'approve-small']}/plan")
    page.get_by_role("button", name="Approve only").click()
    _reachable(page, page.get_by_role("button", name="Start", exact=True))


def test_a_merge_is_undone_and_made_again_below_its_notices(window: OpenWindow, ids: dict[str, str]) -> None:
    opened = window()
    page = opened.visit(f"/session/{ids['done']}/changes")
    bar = page.get_by_role("region", name="Merge")
    merge, undo = (bar.get_by_role("button", name=name, exact=True) for name in ("Merge", "Undo merge"))
    for width, height in ((1440, 900), (900, 700), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        merge.click()
        _reachable(page, undo)
        opened.screenshot(f"notice-merged-{width}")
        undo.click()
        page.get_by_role("alertdialog").get_by_role("button", name="Undo merge").click()
        _reachable(page, merge)


def _reachable(page: Page, control: Locator) -> None:
    """A control can be clicked at once, while a notice is shown, and the notice can be seen."""
    expect(control).to_be_visible()
    notice = page.locator(".q-notification").last
    expect(notice).to_be_visible()
    page.wait_for_function("!document.querySelector('.q-notification')?.getAnimations({subtree: true}).length")
    page.wait_for_function("window.maestroNotices.free()")
    assert not _overlap(notice, control)
    found = notice.bounding_box()
    assert found
    assert found["y"] >= 0, page.viewport_size
    control.click(trial=True, timeout=2_000)


def _overlap(one: Locator, other: Locator) -> bool:
    a, b = one.bounding_box(), other.bounding_box()
    assert a
    assert b
    return (
        a["x"] < b["x"] + b["width"]
        and b["x"] < a["x"] + a["width"]
        and a["y"] < b["y"] + b["height"]
        and b["y"] < a["y"] + a["height"]
    )
