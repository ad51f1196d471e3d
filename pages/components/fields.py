"""A field: its label above, the input, help below. Errors stand beside the field: ``show_error``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nicegui import ui
from nicegui.elements.mixins.validation_element import ValidationElement
from nicegui.elements.mixins.value_element import ValueElement

from pages.components.tag import Tag, box, tag, text


@contextmanager
def field(label: str, *, help: str = "", optional: bool = False, draft: str | None = None) -> Iterator[Tag]:  # noqa: A002
    """Label and help around one input made inside::

        with field("Title", help="Leave it empty to take the first line."):
            title = ui.input()

    ``draft`` keeps what is typed in this browser window through a reload, under that name.
    """
    with box("m-field", data_draft=draft) as made:
        with tag("label", "", "m-field__label"):
            text(label)
            if optional:
                text("optional", "m-field__opt")
        yield made
        if help:
            tag("div", help, "m-field__help")
    for child in made.descendants():
        if isinstance(child, ValueElement) and not isinstance(child, (ui.checkbox, ui.switch)):
            child.props.set_optional("aria-label", label)


def show_error(element: ValidationElement[Any], reason: str | None) -> None:
    """Say beside a field what is wrong with it; None: nothing is."""
    element.error = plainly(reason) if reason else None


def plainly(reason: str) -> str:
    """A validator's words as a user would say them."""
    for pattern, words in _PLAINLY:
        found = re.search(pattern, reason)
        if found:
            return words.format(*found.groups())
    return reason


_PLAINLY = (
    (r"less than or equal to ([\d.]+)", "At most {0}."),
    (r"greater than or equal to ([\d.]+)", "At least {0}."),
    (r"greater than ([\d.]+)", "More than {0}."),
    (r"at least 1 (?:character|item)", "Required."),
    (r"at most (\d+) (?:characters|items)", "At most {0}."),
    (r"match pattern", "Some of these characters are not allowed here."),
    (r"valid (?:integer|number)", "Enter a number."),
)
