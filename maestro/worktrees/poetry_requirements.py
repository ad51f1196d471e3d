"""What Poetry's tables ask for, in the words of pip."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_PLAIN = re.compile(r"\d+(?:\.\d+)*")
_RANGE = re.compile(r"[<>=!~][\d.*a-z<>=!~, ]+")


def requirements(dependencies: dict[str, Any]) -> list[str]:
    """Requirements (PEP 508) of a table of dependencies; without those of a path, a repository, or one system alone."""
    return [f"{name}{extras}{version}" for name, extras, version in _entries(dependencies)]


def _entries(dependencies: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name, told in dependencies.items():
        if name.lower() == "python" or not re.fullmatch(r"[\w.-]+", name):
            continue
        if isinstance(told, str):
            yield name, "", _version(told)
        elif isinstance(told, list):
            yield name, "", ""
        elif isinstance(told, dict) and not {"git", "path", "url", "optional", "markers", "platform"} & told.keys():
            extras = [e for e in told.get("extras") or [] if isinstance(e, str) and re.fullmatch(r"[\w.-]+", e)]
            yield name, f"[{','.join(extras)}]" if extras else "", _version(str(told.get("version", "*")))


def _version(told: str) -> str:
    """``^1.2`` is at least 1.2 and below 2; ``~1.2.3`` below 1.3; what is not understood asks for any version."""
    told = told.strip()
    number = told.lstrip("^~=").strip()
    if not _PLAIN.fullmatch(number):
        return told.replace(" ", "") if _RANGE.fullmatch(told) else ""
    parts = [int(part) for part in number.split(".")]
    if told.startswith("^"):
        at = next((n for n, part in enumerate(parts) if part), len(parts) - 1)
    elif told.startswith("~") and not told.startswith("~="):
        at = min(1, len(parts) - 1)
    else:
        return f"~={number}" if told.startswith("~=") else f"=={number}"
    below = [*parts[:at], parts[at] + 1]
    return f">={number},<{'.'.join(map(str, below))}"
