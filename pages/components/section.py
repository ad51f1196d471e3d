"""Section heads, and lists of key and value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pages.components.tag import Tag, box, tag, text


@contextmanager
def section(title: str, *, count: int | None = None, hint: str = "") -> Iterator[Tag]:
    """A section with its head; what is made inside comes below. Gives the head's right end for small actions::

    with section("Running", count=3) as right:
        with right: icon_button("refresh-cw", "Look again", …)
    """
    with tag("section", "", "m-section") as made:
        with box("m-section__head"):
            tag("h2", title, "m-head")
            if count:
                text(str(count), "m-count")
            if hint:
                text(hint, "m-section__hint")
            right = box("m-row m-push")
        made.attr(aria_label=title)
        yield right


def facts(pairs: Mapping[str, str | None]) -> Tag:
    """Keys and values side by side; pairs without a value are left out."""
    with tag("dl", "", "m-facts") as made:
        for key, value in pairs.items():
            if value not in (None, ""):
                tag("dt", key)
                tag("dd", str(value))
    return made
