"""Commands, paths and ids: monospace, with a way to copy them."""

from __future__ import annotations

from pages.components.icon import icon
from pages.components.tag import Tag, box, tag


def code(words: str, *, block: bool = False, copy: bool = True) -> Tag:
    """A command or path in a frame; ``block`` for several lines."""
    with box("m-code m-code--block" if block else "m-code") as made:
        tag("code", words, "m-code__text")
        if copy:
            copy_button(words)
    return made


def copy_button(words: str, label: str = "Copy") -> Tag:
    """A small button that copies ``words``, without asking the server."""
    with tag(
        "button", "", "m-copy", type="button", title=label, aria_label=label, data_do="copy", data_copy=words
    ) as made:
        icon("copy")
    return made
