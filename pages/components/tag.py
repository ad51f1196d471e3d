"""Plain HTML elements with text and attributes; what most pages are made of."""

from __future__ import annotations

from typing import Any

from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement


class Tag(TextElement):
    """An HTML element; ``set_text`` changes its words, ``attr`` its attributes."""

    def __init__(self, name: str, words: str = "", classes: str = "") -> None:
        super().__init__(tag=name, text=words)
        if classes:
            self.classes(classes)

    def attr(self, **attributes: Any) -> Tag:
        """Set attributes: ``aria_label="…"`` becomes ``aria-label``; None takes one away."""
        for name, value in attributes.items():
            self.props.set_optional(name.rstrip("_").replace("_", "-"), value)
        return self


def tag(name: str, words: str = "", classes: str = "", **attributes: Any) -> Tag:
    """An HTML element: ``tag("a", "Open", "m-item", href="/")``. Use as a context manager to fill it."""
    return Tag(name, words, classes).attr(**attributes)


def text(words: str, classes: str = "", **attributes: Any) -> Tag:
    """Words in a span."""
    return tag("span", words, classes, **attributes)


def box(classes: str = "", **attributes: Any) -> Tag:
    """A div to put things in: ``with box("m-row"): …`` (``m-row``, ``m-stack``, ``m-card``, ``m-list``…)."""
    return tag("div", "", classes, **attributes)


def swap(element: Element, old: str, new: str) -> None:
    """Replace classes, sending nothing when nothing changes."""
    if old != new:
        element.classes(remove=old, add=new)
