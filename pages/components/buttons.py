"""Buttons. One ``primary`` a page: the thing to do next (``soft`` where it stands in each row); the others are quiet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from nicegui import ui

from pages.components.icon import icon as draw
from pages.components.tag import Tag, tag, text

Kind = Literal["quiet", "primary", "soft", "ghost", "danger", "danger-fill"]


def button(
    words: str,
    on_click: Callable[..., Any] | None = None,
    *,
    icon: str | None = None,
    kind: Kind = "quiet",
    small: bool = False,
    label: str | None = None,
) -> ui.button:
    """A button with words and, if wanted, an icon before them."""
    made = ui.button(on_click=on_click, color=None).classes(_classes(kind, small))
    if label or (icon and words):  # where there is little room the word goes and the icon stays
        made.props.set_optional("aria-label", label or words)
    with made:
        if icon:
            draw(icon)
        if words:
            text(words, "m-btn__word")
    return made


def icon_button(
    icon: str, label: str, on_click: Callable[..., Any] | None = None, *, kind: Kind = "ghost", small: bool = False
) -> ui.button:
    """A button that is only an icon; ``label`` says what it does, to screen readers and on hover."""
    made = button("", on_click, icon=icon, kind=kind, small=small, label=label).classes("m-btn--icon")
    made.props.set_optional("title", label)
    return made


def link_button(words: str, href: str, *, icon: str | None = None, kind: Kind = "quiet", small: bool = False) -> Tag:
    """A link that looks like a button; works without the server and in a new tab."""
    made = tag("a", "", _classes(kind, small), href=href, aria_label=words if icon else None)
    with made:
        if icon:
            draw(icon)
        text(words, "m-btn__word")
    return made


def _classes(kind: Kind, small: bool) -> str:
    return f"m-btn{'' if kind == 'quiet' else f' m-btn--{kind}'}{' m-btn--small' if small else ''}"
