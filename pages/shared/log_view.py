"""The log's view: a window on lines that live in the database, drawn in the browser (``log_view.js``).

No element of the server's stands for a line: rows go to the browser in batches, and older ones when it asks for them.
``LogFeed`` (``log_feed.py``) keeps one filled.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from nicegui.element import Element

from maestro.core.views import LogView as LogRow
from pages.components.inline import plain
from pages.components.terminal import look_classes, sound

_LINE = 600

Line = dict[str, Any]
Part = tuple[str, str] | tuple[str, str, list[list[Any]]]  # a name, a text, and where that is colored


class LogView(Element, component="log_view.js"):
    """The lines; what is made inside is shown while there are none.

    It asks with the events ``older`` and ``newer`` (the id at its edge), ``tail`` and ``unfold`` (an id).
    """

    def __init__(self, label: str = "Log") -> None:
        super().__init__()
        self.props.set_optional("label", label)

    def reset(self, lines: Sequence[Line], *, older: bool, query: str = "") -> None:
        """Show these lines, the newest, and follow; ``older`` says whether there are more before them."""
        self.run_method("reset", list(lines), older, query)

    def append(self, lines: Sequence[Line], *, gap: bool) -> None:
        """New lines have come; ``gap``: and others just before them that are left out."""
        self.run_method("append", list(lines), gap)

    def prepend(self, lines: Sequence[Line], *, older: bool) -> None:
        """The answer to ``older``."""
        self.run_method("prepend", list(lines), older)

    def more(self, lines: Sequence[Line], *, newer: bool) -> None:
        """The answer to ``newer``."""
        self.run_method("more", list(lines), newer)

    def detail(self, row_id: int, parts: Sequence[Part]) -> None:
        """The answer to ``unfold``: names and texts, one below the other."""
        self.run_method("detail", row_id, [list(p) for p in parts])


def line(row: LogRow, *, task: str, who: str) -> Line:
    """A log row as the browser draws it: its first line, and how much more there is."""
    first, _, rest = row.message.partition("\n")
    words = first if len(first) <= _LINE else first[:_LINE] + "…"
    extra = len(rest.splitlines())
    styles = sound((row.metadata or {}).get("styles"), len(first[:_LINE]))
    more = f"+{extra:,} {'line' if extra == 1 else 'lines'}" if extra else ""
    words = words if styles else plain(words)  # styles count characters
    return {
        "i": row.id,
        "t": int(row.timestamp.timestamp() * 1000),
        "l": row.level,
        "k": row.kind,
        "a": task,
        "w": who,
        "m": words,
        "n": more,
    } | ({"s": [[start, end, look_classes(look)] for start, end, look in styles]} if styles else {})


def parts(row: LogRow) -> list[Part]:
    """What unfolding a row shows: the whole message where the line cut it, and what was recorded with it."""
    shown: list[Part] = []
    if "\n" in row.message or len(row.message) > _LINE:
        styles = sound((row.metadata or {}).get("styles"), len(row.message))
        shown.append(("", row.message, [[start, end, look_classes(look)] for start, end, look in styles]))
    for name, value in (row.metadata or {}).items():
        if value in (None, "", [], {}) or name == "styles":
            continue
        if isinstance(value, dict):
            shown += [(_name(f"{name}.{k}"), _text(v)) for k, v in value.items() if v not in (None, "")]
        else:
            shown.append((_name(name), _text(value)))
    return shown


def _name(name: str) -> str:
    return name.replace("_", " ")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, indent=2)
