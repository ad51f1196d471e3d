"""What stands where something is not: empty, calm, loading, failed."""

from __future__ import annotations

from pages.components.icon import icon
from pages.components.inline import inline
from pages.components.tag import Tag, box, tag


def empty(title: str, words: str = "", *, symbol: str = "inbox") -> Tag:
    """Nothing here yet: what this is for. Gives the place for the one action: ``with empty(…): button(…)``."""
    with box("m-empty"):
        icon(symbol, "m-empty__icon")
        tag("div", title, "m-empty__title")
        if words:
            inline(words, "m-empty__text", name="div")
        return box("m-empty__act")


def calm(words: str, *, symbol: str = "circle-check") -> Tag:
    """One quiet line in a card: all is well, nothing to do."""
    with box("m-card m-card--flush") as card, box("m-empty m-empty--line"):
        icon(symbol)
        tag("div", words)
    return card


def error_state(title: str, words: str, *, symbol: str = "triangle-alert", tone: str = "failed") -> Tag:
    """Something could not be shown: what, why; gives the place for the way on."""
    with box(f"m-empty s-{tone}", role="alert"):
        icon(symbol, "m-empty__icon").style("color: var(--c)")
        tag("div", title, "m-empty__title")
        inline(words, "m-empty__text m-wrap", name="div")
        return box("m-empty__act")


def notice(words: str, tone: str = "waiting", *, symbol: str = "info") -> Tag:
    """A message within the page in a state's colour; give it more by ``with notice(…):``."""
    with box(f"m-notice s-{tone}", role="status"):
        icon(symbol)
        with box("m-stack m-gap-4 m-grow") as inner:
            inline(words, "m-pre", name="div")
    return inner


def skeleton(lines: int = 3, height: int = 14) -> Tag:
    """Grey lines while something loads, as high as what will come."""
    with box("m-stack m-gap-12", aria_hidden="true") as stack:
        for number in range(lines):
            box("m-skel").style(f"height: {height}px; width: {(92, 74, 84, 60)[number % 4]}%")
    return stack
