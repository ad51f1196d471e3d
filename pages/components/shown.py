"""A command as it runs: nothing in it is hidden, and what stands for a hidden character is marked."""

from __future__ import annotations

import re
from html import escape

from maestro import terminal_text, unseen
from pages.components.code import copy_button
from pages.components.tag import Tag, box, tag

_ESCAPE = re.compile(r"(\\(?:u[0-9a-f]{4}|U[0-9a-f]{8}|x[0-9a-f]{2})|[\u2400-\u2421]|[⏎␠⇥] ×\d+)")


def shown_html(words: str) -> str:
    """The same as ``shown`` for what is written as HTML."""
    parts = _ESCAPE.split(unseen.folded(terminal_text.visible(words)))
    return "".join(
        f'<mark class="q-unseen">{escape(part)}</mark>' if index % 2 else escape(part)
        for index, part in enumerate(parts)
    )


def shown(words: str, classes: str = "") -> Tag:
    """A command's text with its hidden characters as marked escapes, and long runs of blanks as their number."""
    with tag("code", "", f"m-code__text {classes}".strip(), dir="ltr") as made:
        for index, part in enumerate(_ESCAPE.split(unseen.folded(terminal_text.visible(words)))):
            if part:
                strange = {"title": "An invisible character, or many spaces"} if index % 2 else {}
                tag("mark" if index % 2 else "span", part, "q-unseen" if index % 2 else "", **strange)
    return made


def code_in_full(words: str) -> None:
    """All of it, with a scrollbar where it is long: nobody allows what they have not seen (``gate.js``)."""
    with box("m-code m-code--block q-must"):
        shown(words)
        copy_button(words)
