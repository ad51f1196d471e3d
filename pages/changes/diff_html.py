"""A file's diff as HTML: numbered lines in the colours of its language. Every word of it is escaped here."""

from __future__ import annotations

from html import escape

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_for_filename
from pygments.util import ClassNotFound
from unidiff.errors import UnidiffParseError
from unidiff.patch import Hunk, PatchSet

from pages.changes.diff_files import FileDiff

#: Longer than anybody reads here; the rest is in git.
MAX_LINES = 4000
#: Machine-made lines: cut, and not coloured (lexers take long over them).
_MAX_LINE = 2000
_COLOURED = 300_000

_FORMAT: HtmlFormatter[str] = HtmlFormatter(nowrap=True, classprefix="y-")  # .mi alone is an icon


def render(file: FileDiff) -> str:
    """The lines of a file as HTML. Never raises for what is in them."""
    try:
        parsed = PatchSet(file.text)
        hunks = list(parsed[0]) if parsed else []
    except (UnidiffParseError, ValueError):
        return _as_it_is(file.text)
    lexer = _lexer(file)
    made: list[str] = []
    left = MAX_LINES
    for hunk in hunks:
        made.append(_head(hunk))
        shown = list(hunk)[:left]
        made += _lines(hunk, len(shown), lexer)
        left -= len(shown)
        if left <= 0:
            made.append(f'<div class="dl-note">The first {MAX_LINES:,} lines are shown; the rest is in git.</div>')
            break
    return "".join(made)


def _head(hunk: Hunk) -> str:
    where = f"Line {hunk.target_start:,}" if hunk.target_length else f"Was line {hunk.source_start:,}"
    context = hunk.section_header.strip()
    return f'<div class="dl-hunk">{where}<span>{escape(context[:200])}</span></div>'


def _lines(hunk: Hunk, count: int, lexer: Lexer | None) -> list[str]:
    lines = list(hunk)[:count]
    old = _coloured([line.value for line in lines if not line.is_added], lexer)
    new = _coloured([line.value for line in lines if not line.is_removed], lexer)
    made = []
    at_old = at_new = 0
    for line in lines:
        if line.line_type == "\\":
            made.append('<div class="dl-note">No newline at end of file</div>')
            at_old, at_new = at_old + 1, at_new + 1
            continue
        if line.is_removed:
            code, kind = old[at_old], " dl--del"
            at_old += 1
        elif line.is_added:
            code, kind = new[at_new], " dl--add"
            at_new += 1
        else:
            code, kind = new[at_new], ""
            at_old, at_new = at_old + 1, at_new + 1
        numbers = f'data-o="{line.source_line_no or ""}" data-n="{line.target_line_no or ""}"'
        made.append(f'<div class="dl{kind}" {numbers}>{code or " "}</div>')
    return made


def _coloured(lines: list[str], lexer: Lexer | None) -> list[str]:
    """The lines as HTML, each on its own; one side of a hunk is read as a whole, so that strings may span lines."""
    plain = [line.rstrip("\r\n") for line in lines]
    long = any(len(line) > _MAX_LINE for line in plain)
    if lexer is None or long or sum(map(len, plain)) > _COLOURED:
        return [escape(line if len(line) <= _MAX_LINE else line[:_MAX_LINE] + " …") for line in plain]
    text = "\n".join(line.replace("\r", "␍") for line in plain) + "\n"
    made = highlight(text, lexer, _FORMAT).split("\n")
    # A lexer that makes other lines than it was given is not to be believed.
    return made[: len(plain)] if len(made) >= len(plain) else [escape(line) for line in plain]


def _lexer(file: FileDiff) -> Lexer | None:
    try:
        return get_lexer_for_filename(file.path, stripnl=False, stripall=False, ensurenl=True)
    except ClassNotFound:
        return None


def _as_it_is(text: str) -> str:
    lines = text.split("\n")[:MAX_LINES]
    return "".join(f'<div class="dl" data-o="" data-n="">{escape(line[:_MAX_LINE]) or " "}</div>' for line in lines)
