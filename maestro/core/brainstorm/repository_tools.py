"""Read-only tools over the tracked files of one commit: list, read, search. Nothing outside is reachable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from maestro.assistants.base import Tool, ToolFailed
from maestro.errors import MaestroError
from maestro.worktrees import repository

_MOST_FILES = 400
_MOST_BYTES = 200_000
_MOST_LINES = 400
_MOST_HITS = 60
_TREE_FILES = 250
_README_BYTES = 6_000
_INSTRUCTIONS_CHARS = 12_000


def repository_tools(repo: Path, commit: str) -> list[Tool]:
    """``list_files``, ``read_file`` and ``search_files`` on ``commit`` of the repository at ``repo``."""
    reader = _Reader(repo, commit)
    return [
        Tool(
            name="list_files",
            description="List the repository's tracked files, all of them or those below a folder.",
            schema=_object({"folder": {"type": "string", "description": "Relative to the root; empty for all."}}),
            handler=reader.list_files,
            summary=lambda given: f"Listed {_text(given, 'folder') or 'the files'}",
        ),
        Tool(
            name="read_file",
            description=f"Read a tracked text file. At most {_MOST_LINES} lines at a time.",
            schema=_object(
                {
                    "path": {"type": "string", "description": "Relative to the repository's root."},
                    "first_line": {"type": "integer", "description": "Where to begin, counted from 1."},
                },
                "path",
            ),
            handler=reader.read_file,
            summary=lambda given: f"Read {_text(given, 'path')}",
        ),
        Tool(
            name="search_files",
            description="Search the tracked files for an extended regular expression; answers path:line: text.",
            schema=_object({"pattern": {"type": "string"}}, "pattern"),
            handler=reader.search_files,
            summary=lambda given: f"Searched for “{_text(given, 'pattern')}”",
        ),
    ]


def overview(repo: Path, commit: str, extra_checks: list[str]) -> str:
    """The repository at a glance, for a system prompt: files, README, its words for agents, likely checks."""
    files = repository.list_files(repo, commit)
    shown = "\n".join(files[:_TREE_FILES])
    more = f"\n… and {len(files) - _TREE_FILES} more" if len(files) > _TREE_FILES else ""
    parts = [f"Repository: {repo.name}, {len(files)} tracked files.\n<files>\n{shown}{more}\n</files>"]
    readme = next((f for f in files if f.lower() in {"readme.md", "readme.rst", "readme.txt", "readme"}), None)
    if readme:
        text = repository.read_file(repo, commit, readme, _README_BYTES).decode("utf-8", "replace")
        parts.append(f"<readme>\n{text}\n</readme>")
    told = repository.instructions(repo, commit)[:_INSTRUCTIONS_CHARS]
    if told:
        parts.append(f"The project's own instructions for agents:\n<instructions>\n{told}\n</instructions>")
    checks = extra_checks or repository.suggest_checks(repo, commit)
    if checks:
        parts.append("Commands that check this project:\n" + "\n".join(f"- {check}" for check in checks))
    return clean("\n\n".join(parts))


def clean(text: str) -> str:
    """``text`` without what JSON, UTF-8 or the database cannot carry (NUL, lone surrogates from odd file names)."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


class _Reader:
    """The handlers, bound to one commit."""

    def __init__(self, repo: Path, commit: str) -> None:
        self._repo = repo
        self._commit = commit

    def list_files(self, given: dict[str, Any]) -> str:
        folder = _text(given, "folder")
        files = repository.list_files(self._repo, self._commit, "" if folder == "/" else folder)
        if not files:
            raise ToolFailed(f"There are no tracked files below “{folder}”.")
        more = f"\n… and {len(files) - _MOST_FILES} more; ask for a folder" if len(files) > _MOST_FILES else ""
        return clean("\n".join(files[:_MOST_FILES]) + more)

    def read_file(self, given: dict[str, Any]) -> str:
        path = _text(given, "path")
        try:
            data = repository.read_file(self._repo, self._commit, path, _MOST_BYTES)
        except MaestroError as error:
            raise ToolFailed(error.detail) from error
        if b"\0" in data[:8000]:
            raise ToolFailed(f"“{path}” is not a text file.")
        lines = data.decode("utf-8", "replace").splitlines()
        first = given.get("first_line")
        start = max(0, first - 1) if isinstance(first, int) else 0
        part = lines[start : start + _MOST_LINES]
        more = f"\n… {len(lines) - start - len(part)} more lines" if len(lines) > start + len(part) else ""
        return clean("\n".join(part) + more)

    def search_files(self, given: dict[str, Any]) -> str:
        pattern = _text(given, "pattern")
        if not pattern:
            raise ToolFailed("Give a pattern.")
        try:
            hits = repository.search(self._repo, self._commit, pattern, _MOST_HITS)
        except MaestroError as error:
            raise ToolFailed(error.detail) from error
        if not hits:
            return "Nothing found."
        return clean("\n".join(f"{path}:{number}: {line}" for path, number, line in hits))


def _text(given: dict[str, Any], name: str) -> str:
    value = given.get(name)
    return clean(value.strip())[:500] if isinstance(value, str) else ""


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}
