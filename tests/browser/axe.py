"""axe-core, the accessibility checker, on a page as it stands.

Its script comes with the pinned package ``axe-playwright-python`` (axe-core is MPL-2.0) and is put into the page by the
test itself: nothing is asked of the net, and nothing of it is part of Maestro.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

#: What differs between light and dark.
COLORS = ["color-contrast", "link-in-text-block"]
#: What is mended like a serious finding though axe counts it as moderate.
_ALSO = {
    "heading-order", "landmark-one-main", "landmark-no-duplicate-main", "landmark-main-is-top-level", "landmark-unique",
    "region", "page-has-heading-one", "skip-link",
}  # fmt: skip
#: A desktop, a small or zoomed window, a phone.
_SIZES = [(1440, 900), (900, 700), (390, 844)]
#: Fields whose only name is their placeholder, which axe lets pass.
_NAMELESS = """() => [...document.querySelectorAll('input:not([type=hidden]), textarea, select')]
  .filter((el) => el.getClientRects().length && !el.labels?.length)
  .filter((el) => !el.ariaLabel && !el.getAttribute('aria-labelledby') && !el.title)
  .map((el) => el.outerHTML.slice(0, 160))"""

#: The window's new size has reached the page.
_FRAME = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
#: The scheme is drawn, nothing moves any more, and what scrolls has been looked at (``access.js``).
_RESTS = """(scheme) => (window.maestroFocus?.settled() ?? true)
  && (!window.maestroTheme || document.documentElement.dataset.theme === scheme) && document.getAnimations().every(
    (each) => each.playState !== 'running' || each.effect.getTiming().iterations === Infinity)"""
#: What still moves for someone who asked for less motion: endless animations, drawings that move by themselves, slow scrolling.
_MOVES = """() => [
  ...document.getAnimations().filter((each) => each.playState === 'running').map((each) => each.effect.target),
  ...document.querySelectorAll('svg animate, svg animateTransform, svg animateMotion, marquee'),
  ...[...document.querySelectorAll('*')].filter((el) => getComputedStyle(el).scrollBehavior === 'smooth'),
].map((el) => `moves in spite of reduced motion: ${el.outerHTML.slice(0, 160)}`)"""


@cache
def _script() -> str:
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


def findings(page: Page, *, within: str | None = None, rules: list[str] | None = None) -> list[str]:
    """What is seriously wrong with the page, or a part of it, a line each; with ``rules`` only what these say."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_script())
    chosen: dict[str, Any] = {"resultTypes": ["violations"], "preload": False}
    if rules:
        chosen["runOnly"] = rules
    found = page.evaluate("([part, options]) => axe.run(part ?? document, options)", [within, chosen])["violations"]
    lines = [
        f"{v['impact']} {v['id']}: {node['html'][:160]} {_why(node)}"
        for v in found
        if v["impact"] in {"serious", "critical"} or v["id"] in _ALSO
        for node in v["nodes"][:3]
    ]
    if not rules:
        lines += [f"no name but a placeholder: {html}" for html in page.evaluate(_NAMELESS)]
    return lines


def everywhere(page: Page, part: str | None = None) -> list[str]:
    """Findings of the page as it stands, or of a part, at three widths and in both schemes; a line is given once."""
    before, found = page.viewport_size, dict[str, None]()
    for width, height in _SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate(_FRAME)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.wait_for_function(_RESTS, arg=scheme)
            rules = COLORS if scheme == "dark" else None
            if part is None or page.locator(part).first.is_visible():
                found |= dict.fromkeys(f"{width} {scheme}: {line}" for line in findings(page, within=part, rules=rules))
    found |= dict.fromkeys(page.evaluate(_MOVES))
    page.emulate_media(color_scheme="light")
    if before:
        page.set_viewport_size(before)
    return list(found)


def _why(node: dict[str, Any]) -> str:
    said: str = node.get("failureSummary") or ""
    return " ".join(said.split())[:200]
