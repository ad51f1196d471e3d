"""A field: its label above, the input, help below. Errors stand beside the field: ``show_error``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nicegui.elements.mixins.validation_element import ValidationElement

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
        if isinstance(child, ValidationElement):
            child.props.set_optional("aria-label", label)


def show_error(element: ValidationElement[Any], reason: str | None) -> None:
    """Say beside a field what is wrong with it; None: nothing is."""
    element.error = reason
