"""Words with `code` in them, as people and models write them on one line."""

from __future__ import annotations

import re

from pages.components.tag import Tag, tag, text

_CODE = re.compile(r"`([^`\n]+)`")


def plain(words: str) -> str:
    """``words`` for places that hold text only, such as a notice in the corner: code stands there as it is."""
    return _CODE.sub(r"\1", words)


def inline(words: str, classes: str = "m-wrap", *, name: str = "span") -> Tag:
    """``words`` in one element, what stands between backticks as code. Nothing else is interpreted."""
    parts = _CODE.split(words)
    if len(parts) == 1:
        return tag(name, words, classes, dir="auto")
    with tag(name, "", classes, dir="auto") as made:
        for number, part in enumerate(parts):
            if number % 2:
                tag("code", part, "b-code")
            elif part:
                text(part)
    return made
