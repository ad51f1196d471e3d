"""A short diff coloured by lines, for questions and small places. The changes page has the full one."""

from __future__ import annotations

import difflib
import re
from html import escape

from nicegui import ui

from pages.components.shown import shown_html
from pages.components.tag import Tag, box, tag

MAX_LINES = 400
_MAX_LINE = 1000
_QUIET = re.compile(r"^(index |--- |\+\+\+ |similarity |dissimilarity |old mode |mode )")


def diff_lines(diff: str, *, cut: bool = False) -> Tag:
    """A git diff of one or more files; ``cut``: it is longer than what is given here."""
    lines = diff.rstrip("\n").split("\n")
    made = "".join(_line(line) for line in lines[:MAX_LINES] if not _QUIET.match(line))
    with box("q-diff", tabindex="0", role="group", aria_label="The change") as frame:
        ui.html(made, sanitize=False)
        if cut or len(lines) > MAX_LINES:
            tag("div", "Shortened; the Changes page shows all of it.", "m-meta q-diff__more")
    return frame


def replaced_lines(old: str, new: str) -> Tag:
    """What an edit replaces, line by line."""
    return diff_lines("\n".join(_replaced(old, new)))


def edit_in_full(old: str, new: str) -> None:
    """An edit that waits for a yes: no line is left out, cut or folded, and Allow waits for its end (``gate.js``)."""
    with box("q-diff q-must", tabindex="0", role="group", aria_label="The change"):
        ui.html("".join(_line(line, len(line)) for line in _replaced(old, new)), sanitize=False)


def _replaced(old: str, new: str) -> list[str]:
    pair = difflib.unified_diff(_lines(old), _lines(new), n=2, lineterm="")
    return list(pair)[3:]


def _lines(words: str) -> list[str]:
    return words.split("\n") if words else []


def _line(line: str, most: int = _MAX_LINE) -> str:
    words = shown_html(line[:most]) + (" …" if len(line) > most else "")
    if line.startswith("diff --git "):
        return f'<div class="q-diff__file">{escape(_path(line))}</div>'
    if line.startswith(("new file", "deleted file", "rename ", "Binary files")):
        return f'<div class="q-diff__note">{words}</div>'
    if line.startswith("@@"):
        return '<div class="q-diff__hunk">⋯</div>'
    kind = {"+": " q-diff__add", "-": " q-diff__del"}.get(line[:1], "")
    return f'<div class="q-diff__line{kind}">{words or " "}</div>'


def _path(line: str) -> str:
    after = line.rpartition(" b/")[2]
    return after.removesuffix('"') or line
