"""The YAML that people write in Taskfiles: tables, lists and texts by indentation, and short lists and tables in one line.

No tags and no types: a scalar is a text, but for ``true``. An anchor is passed over, an alias stays a text. What is beyond
that reads as something else than YAML would, never as an error: it only serves guesses.
"""

from __future__ import annotations

import re
from typing import Any

_KEY = re.compile(
    r"""(?P<key>"[^"]*"|'[^']*'|[^\s#"'{}\[\],&*!|>%@`-][^#]*?|-[^\s#:][^#]*?)\s*:(?:\s+(?P<rest>.*))?$"""
)
_BLOCK = re.compile(r"[|>][+-]?\d?[+-]?\s*(?:#.*)?$")
_ANCHOR = re.compile(r"&\S+(?:\s+|$)")
_DEEPEST = 50

_Lines = list[tuple[int, str]]  # indentation and text


def load(text: str) -> Any:
    """What a text says: tables, lists, texts, ``True``; None where it says nothing."""
    lines = [(len(line) - len(line.lstrip(" ")), line.strip()) for line in text.expandtabs(2).splitlines()]
    value, _ = _node(lines, 0, 0, 0)
    return value


def _node(lines: _Lines, at: int, indent: int, depth: int) -> tuple[Any, int]:
    """The value that begins at line ``at`` or after it, no less indented; and the first line behind it."""
    at = _next(lines, at)
    if at >= len(lines) or lines[at][0] < indent or depth > _DEEPEST:
        return None, at
    own, text = lines[at]
    if text == "-" or text.startswith("- "):
        return _list(lines, at, own, depth)
    if _KEY.match(text):
        return _table(lines, at, own, depth)
    return _scalar(text), at + 1


def _list(lines: _Lines, at: int, indent: int, depth: int) -> tuple[list[Any], int]:
    found: list[Any] = []
    while (at := _next(lines, at)) < len(lines):
        own, text = lines[at]
        if own != indent or not (text == "-" or text.startswith("- ")):
            break
        rest = text[1:].lstrip()
        inside = indent + len(text) - len(rest) if rest else indent + 1
        value: Any
        if _BLOCK.match(rest):
            value, at = _block(lines, at + 1, indent)
        elif rest and _KEY.match(rest) and not rest.startswith(("{", "[")):
            lines[at] = (inside, rest)
            value, at = _table(lines, at, inside, depth + 1)
        elif rest:
            value, at = _scalar(rest), at + 1
        else:
            value, at = _node(lines, at + 1, indent + 1, depth + 1)
        found.append(value)
    return found, at


def _table(lines: _Lines, at: int, indent: int, depth: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    while (at := _next(lines, at)) < len(lines):
        own, text = lines[at]
        named = _KEY.match(text)
        if own != indent or named is None:
            break
        key, rest = _unquoted(named["key"]), _ANCHOR.sub("", (named["rest"] or "").strip(), count=1)
        if _BLOCK.match(rest):
            found[key], at = _block(lines, at + 1, indent)
        elif rest and not rest.startswith("#"):
            found[key], at = _scalar(rest), at + 1
        else:
            following = _next(lines, at + 1)
            # A list may stand as far left as the key that it belongs to.
            listed = following < len(lines) and lines[following][0] == indent and lines[following][1].startswith("-")
            found[key], at = _node(lines, at + 1, indent if listed else indent + 1, depth + 1)
    return found, at


def _block(lines: _Lines, at: int, indent: int) -> tuple[str, int]:
    """A text of several lines, all indented deeper than what it belongs to."""
    found = []
    while at < len(lines) and (not lines[at][1] or lines[at][0] > indent):
        found.append(lines[at][1])
        at += 1
    return "\n".join(found).strip("\n"), at


def _next(lines: _Lines, at: int) -> int:
    while at < len(lines) and (not lines[at][1] or lines[at][1].startswith(("#", "---", "%"))):
        at += 1
    return at


def _scalar(text: str) -> Any:
    if text[:1] in {"[", "{"}:
        inner = re.sub(r"\s+#.*$", "", text)[1:].rstrip("]} ")
        parts = [part.strip() for part in re.findall(r"""(?:"[^"]*"|'[^']*'|[^,])+""", inner) if part.strip()]
        if text.startswith("["):
            return [_unquoted(part) for part in parts]
        pairs = (part.partition(":") for part in parts)
        return {_unquoted(key.strip()): _unquoted(value.strip()) for key, _, value in pairs}
    if text[:1] not in {'"', "'"}:
        text = re.sub(r"\s+#.*$", "", text)
        return True if text == "true" else text
    return _unquoted(text)


def _unquoted(text: str) -> str:
    quote = text[:1]
    if quote in {'"', "'"} and (end := text.rfind(quote)) > 0:
        inner = text[1:end]
        return inner.replace("''", "'") if quote == "'" else re.sub(r"\\(.)", r"\1", inner)
    return text
