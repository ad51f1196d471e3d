"""Tests that stand in the files of the program, as Rust has them: the old ones can be tried with the new program."""

from __future__ import annotations

import re

ENDINGS = (".rs",)

#: A module of tests, by the indentation that rustfmt gives its end.
_RUST = re.compile(
    r"^(?P<in>[ \t]*)#\[cfg\((?:all\()?test\b[^\n]*\]\n(?:(?P=in)#\[[^\n]*\n)*(?P=in)(?:pub(?:\([^)]*\))? )?mod (?P<name>\w+) \{"
    r"(?:[^\n]*\}\n|\n.*?^(?P=in)\}[ \t]*\n?)",
    re.MULTILINE | re.DOTALL,
)


def with_old(path: str, before: str, after: str) -> str | None:
    """A changed file with the modules of tests that it had before in place of its own; None where none of these changed.

    New modules go: what they need is not what the old ones need.
    """
    if not path.endswith(ENDINGS):
        return None
    old, new = _modules(before), _modules(after)
    if not old or all(new.get(name) == text for name, text in old.items()):
        return None
    rest = _RUST.sub(lambda found: old.pop(found["name"], ""), after)
    return "\n".join([rest.rstrip("\n"), "", *old.values()]) if old else rest


def _modules(text: str) -> dict[str, str]:
    return {found["name"]: found[0] for found in _RUST.finditer(text)}
