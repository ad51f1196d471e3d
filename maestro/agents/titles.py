"""A tool call as one short line of words, in which nothing dangerous is cut away."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from maestro import terminal_text, unseen
from maestro.agents import allowances

#: Tools that read and that write, with the member of their input that names the file.
READERS = {"Read": "file_path", "Grep": "path", "Glob": "path", "LS": "path", "NotebookRead": "notebook_path"}
EDITORS = {"Write": "file_path", "Edit": "file_path", "MultiEdit": "file_path", "NotebookEdit": "notebook_path"}

#: So many dangerous parts of a long command are in its title; all of it is in the question.
_MOST_PARTS = 8
#: So many characters behind a dangerous word are shown with it.
_AROUND = 40
#: Where another command of a line begins, with its first words.
_COMMAND_BEGINS = re.compile(r"(?:[;&|`⏎]|[$<>]\()\s*[^\s;&|]{1,40}(?: [^\s;&|]{1,40})?")


def describe(tool: str, tool_input: dict[str, Any], worktree: Path) -> str:
    """A tool call as a short human line: ``Edit src/a.py``, ``Run `pytest -q```."""
    path = str(tool_input.get(EDITORS.get(tool) or READERS.get(tool) or "file_path") or "")
    if tool == "Bash":
        return f"Run `{_short(str(tool_input.get('command', '')))}`"
    if tool in EDITORS:
        return f"{'Write' if tool == 'Write' else 'Edit'} {_relative(path, worktree)}"
    if tool in ("Grep", "Glob"):
        return f"Search for {_short(str(tool_input.get('pattern', '')))}"
    if tool in READERS:
        return f"Read {_relative(path, worktree)}"
    if tool == "WebFetch":
        return f"Fetch {_short(str(tool_input.get('url', '')))}"
    if tool == "SandboxNetworkAccess":
        port = allowances.port_in_words(str(tool_input.get("port") or allowances.ANY_PORT))
        return f"Connect to {_short(str(tool_input.get('host', '')))}, {port}"
    if tool == "WebSearch":
        return f"Search the web for {_short(str(tool_input.get('query', '')))}"
    if tool in ("Agent", "Task"):
        return f"Delegate: {_short(str(tool_input.get('description', '')))}"
    return f"Use {_short(tool.removeprefix('mcp__').replace('__', ': '))}"


def _relative(path: str, worktree: Path) -> str:
    given = Path(path)
    return _short(str(given.relative_to(worktree)) if given.is_relative_to(worktree) else path)


def _short(text: str, limit: int = 160) -> str:
    """A text in one line: its beginning, its end, and between them what is dangerous and where its commands begin.

    More than ``_MOST_PARTS`` of these are told by their number.
    """
    text = " ⏎ ".join(line.strip() for line in unseen.folded(terminal_text.visible(text)).splitlines() if line.strip())
    text = re.sub(r"[ \t]+", " ", text).replace("`", "\\x60")  # what stands between backticks is shown without them
    if len(text) <= limit:
        return text
    head, tail = limit // 2, len(text) - limit // 3
    risky = [(start, min(end + _AROUND, len(text))) for start, end in allowances.risky_parts(text)]
    begun = [found.span() for found in _COMMAND_BEGINS.finditer(text)]
    parts, others = ([(start, end) for start, end in each if start < tail and end > head] for each in (risky, begun))
    named = [*parts, *others] if len(others) <= _MOST_PARTS else parts
    shown, reached = "", 0
    for start, end in sorted([(0, head), *named[:_MOST_PARTS], (tail, len(text))]):
        if end > reached:
            shown += ("" if start <= reached else " … ") + text[max(start, reached) : end]
            reached = end
    left = len(parts) + len(others) - len(named[:_MOST_PARTS])
    return f"{shown} (and {left} more)" if left > 0 else shown
