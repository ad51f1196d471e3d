"""What a program has printed, in its colors. Text is only ever text: looks become classes of a fixed set."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

from nicegui import ui

from maestro.terminal_text import Style

_LOOK = re.compile(r"(?:[bdiurs]|[fg](?:\d|1[0-5]))(?: (?:[bdiurs]|[fg](?:\d|1[0-5])))*")


def terminal(text: str, styles: Sequence[Any], classes: str = "") -> ui.html:
    """``text`` in a ``pre``; ``styles`` as ``terminal_text.styled`` gives them, whoever says so."""
    made, at = list[str](), 0
    for start, end, look in sound(styles, len(text)):
        made.append(html.escape(text[at:start]))
        made.append(f'<span class="{look_classes(look)}">{html.escape(text[start:end])}</span>')
        at = end
    made.append(html.escape(text[at:]))
    return ui.html("".join(made), sanitize=False, tag="pre").classes(classes)


def sound(styles: Any, length: int) -> list[Style]:
    """Those that are what they should be, in order and within the text: they come out of a database."""
    found: list[Style] = []
    for style in styles if isinstance(styles, list | tuple) else ():
        if not (isinstance(style, list | tuple) and len(style) == 3):
            continue
        start, end, look = style
        if not (type(start) is int and type(end) is int and isinstance(look, str) and _LOOK.fullmatch(look)):
            continue
        if (found[-1][1] if found else 0) <= start < min(end, length):
            found.append((start, min(end, length), look))
    return found


def look_classes(look: str) -> str:
    """``b f1`` as CSS classes."""
    return " ".join(f"t-{part}" for part in look.split())
