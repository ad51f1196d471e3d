"""Templates as TOML: written so that users can edit them, and read with the line of whatever is wrong."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from typing import Any

from maestro.errors import InvalidInput

#: A template is a page or two of text.
MOST_CHARS = 400_000
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_AT = re.compile(r"\(at line (\d+), column \d+\)|\(at end of document\)")
_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]")
_KEY = re.compile(r"""\s*(?:"([^"]+)"|'([^']+)'|([A-Za-z0-9_-]+))((?:\s*\.\s*[A-Za-z0-9_-]+)*)\s*=""")
_FENCE = re.compile(r'"""|\'\'\'')


def read(text: str) -> dict[str, Any]:
    """The members of a TOML text. Raises InvalidInput naming the line."""
    if len(text) > MOST_CHARS:
        raise InvalidInput(f"A template has at most {MOST_CHARS:,} characters.", {"toml": "too long"})
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        said = str(error)
        found = _AT.search(said)
        line = int(found[1]) if found and found[1] else len(text.splitlines())
        why = _AT.sub("", said).strip() or "cannot be read"
        raise InvalidInput(f"Line {line}: {why}", {"toml": f"line {line}: {why}"}) from error


def with_lines(text: str, error: InvalidInput) -> InvalidInput:
    """The same refusal with the line of each field."""
    told = [(field, why, line_of(text, field.split("."))) for field, why in error.fields.items()]
    words = "; ".join(f"Line {line}, {field}: {why}" if line else f"{field}: {why}" for field, why, line in told)
    return InvalidInput(words or error.detail, {f: f"line {n}: {why}" if n else why for f, why, n in told})


def line_of(text: str, path: Sequence[str]) -> int | None:
    """The line, from 1, on which a member stands, or the nearest one above it that does."""
    best, at = 0, None
    for number, place in _places(text):
        shared = 0
        while shared < min(len(place), len(path)) and place[shared] == path[shared]:
            shared += 1
        if shared == len(place) and shared > best:
            best, at = shared, number
    return at


def _places(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each line that names a table or a member, with its path; elements of lists of tables are counted from 0."""
    table: list[str] = []
    counts: dict[str, int] = {}
    inside: str | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if inside is not None:
            inside = None if inside in line else inside
            continue
        if header := _HEADER.match(line):
            names = [part.strip().strip("\"'") for part in header[2].split(".")]
            table = _numbered(names, counts, is_list=header[1] == "[[")
            yield number, table
        elif key := _KEY.match(line):
            more = [part.strip() for part in key[4].split(".") if part.strip()]
            yield number, [*table, key[1] or key[2] or key[3], *more]
        fences = _FENCE.findall(line)
        inside = fences[0] if len(fences) % 2 else None


def _numbered(names: list[str], counts: dict[str, int], *, is_list: bool) -> list[str]:
    path: list[str] = []
    for position, name in enumerate(names):
        path.append(name)
        key = ".".join(path)
        if is_list and position == len(names) - 1:
            counts[key] = counts.get(key, -1) + 1
        if key in counts:
            path.append(str(counts[key]))
    return path


def write(members: dict[str, Any]) -> str:
    """TOML of these members: plain ones first, then tables. None is left out."""
    return "\n".join(_table(members, ())).strip() + "\n"


def _table(members: dict[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    given = {name: value for name, value in members.items() if value is not None and value not in ({}, [])}
    tables = {n: v for n, v in given.items() if isinstance(v, dict) and len(path) < 2}
    lists = {n: v for n, v in given.items() if _is_tables(v) and len(path) < 2}
    for name, value in given.items():
        if name not in tables and name not in lists:
            yield f"{_key(name)} = {_value(value)}"
    for name, value in tables.items():
        inner = (*path, name)
        yield f"\n[{'.'.join(map(_key, inner))}]"
        yield from _table(value, inner)
    for name, value in lists.items():
        inner = (*path, name)
        for element in value:
            yield f"\n[[{'.'.join(map(_key, inner))}]]"
            for key, member in element.items():
                if member is not None and member not in ({}, []):
                    yield f"{_key(key)} = {_value(member)}"


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(element, dict) for element in value)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _quoted(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, dict):
        inner = ", ".join(f"{_key(str(k))} = {_value(v)}" for k, v in value.items() if v is not None)
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(v) for v in value if v is not None)}]"
    return _text(str(value))


def _text(text: str) -> str:
    plain = all(ch.isprintable() or ch in "\n\t" for ch in text)
    if "\n" not in text or not plain or '"""' in text or text.endswith('"'):
        return _quoted(text)
    escaped = text.replace("\\", "\\\\")
    return f'"""\n{escaped}"""'


def _quoted(text: str) -> str:
    """JSON's way to write text is TOML's, but for one character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
