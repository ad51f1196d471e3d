"""The rail at the left: where one can go, what waits there, how loaded the machine is."""

from __future__ import annotations

from dataclasses import dataclass

from nicegui import ui

from maestro.core.kernel.runtime import Runtime
from pages.components.icon import icon
from pages.components.tag import Tag, box, swap, tag, text
from pages.frame import nav
from pages.shared import machine


@dataclass(frozen=True, slots=True)
class Place:
    """One entry."""

    word: str
    href: str
    icon: str
    key: str


PLACES = (
    Place("Dashboard", "/", "layout-dashboard", "g d"),
    Place("Sessions", "/session", "layers", "g s"),
    Place("Approvals", "/approvals", "hand", "g a"),
    Place("Decisions", "/decisions", "scale", "g e"),
    Place("Templates", "/templates", "file-text", "g t"),
    Place("Settings", "/settings", "settings", "g ,"),
)


def rail(_rt: Runtime, active: str) -> None:
    """The rail, with the place at ``active`` (a path) marked."""
    with tag("aside", "", "m-rail"):
        with tag("a", "", "m-brand", href="/", aria_label="Maestro, dashboard"):
            box("m-brand__mark")
            text("Maestro", "m-brand__word")
        with tag("nav", "", "m-nav", aria_label="Main"):
            counts = {place.href: _place(place, here=_is_here(place, active)) for place in PLACES}
        with box("m-rail__foot"):
            _load()

    def show(now: nav.Nav) -> None:
        _count(counts["/session"], now.active, "running", loud=False)
        _count(counts["/approvals"], len(now.approvals), "open", loud=True)

    show(nav.current())
    nav.subscribe(show)


def _is_here(place: Place, active: str) -> bool:
    return active == place.href or (place.href != "/" and active.startswith(place.href + "/"))


def _place(place: Place, *, here: bool) -> Tag:
    current = "page" if here else None
    attributes = {"data_key": place.key, "data_icon": place.icon, "aria_current": current, "title": place.word}
    with tag("a", "", "m-nav__item", href=place.href, **attributes):
        icon(place.icon)
        text(place.word, "m-nav__word")
        return text("", "m-count")


def _count(element: Tag, number: int, what: str, *, loud: bool) -> None:
    element.set_text(str(number) if number else "")
    element.attr(aria_label=f"{number} {what}" if number else None, title=f"{number} {what}" if number else None)
    swap(element, "m-count--loud" if not loud else "", "m-count--loud" if loud else "")


def _load() -> None:
    rows = {name: _load_row(name, symbol) for name, symbol in (("cpu", "cpu"), ("memory", "memory-stick"))}

    def show() -> None:
        for name, percent in machine.load().items():
            fill, word = rows[name]
            word.set_text(f"{percent:.0f}%")
            fill.style(f"width: {percent:.0f}%")
            swap(fill, "m-load__fill--high" if percent < 90 else "", "m-load__fill--high" if percent >= 90 else "")

    show()
    ui.timer(3.0, show)


def _load_row(name: str, symbol: str) -> tuple[Tag, Tag]:
    title = {"cpu": "CPU of this machine", "memory": "Memory of this machine"}[name]
    with box("m-load", title=title):
        icon(symbol)
        with box("m-load__bar"):
            fill = box("m-load__fill")
        word = text("")
    return fill, word
