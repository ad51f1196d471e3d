"""Where the paths of a tool call lead: inside the worktree or not, to plain files or to what tools obey."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from maestro.agents.shell import Command

EditKind = Literal["edit", "edit_settings", "edit_git", "edit_outside"]

#: In the worktree, but obeyed by the agent itself or by editors: changing these changes what runs later.
_SETTINGS = frozenset({".claude", ".mcp.json", ".vscode", ".idea"})
#: More folders than this where a command could run: nobody follows that.
_FOLDERS = 32


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command runs. There are several folders where it depends on how the commands before it end."""

    worktree: Path  # resolved
    folders: tuple[Path, ...]

    def target(self, path: str) -> Path:
        """Where a path leads, ``~`` and links followed; of several folders the first outside counts.

        Raises OSError, ValueError or RuntimeError for what is no path.
        """
        found = [(folder / Path(path).expanduser()).resolve() for folder in self.folders]
        return next((t for t in found if not t.is_relative_to(self.worktree)), found[0])

    def holds(self, path: str) -> bool:
        """Whether a path is the worktree or in it."""
        try:
            return self.target(path).is_relative_to(self.worktree)
        except (OSError, ValueError, RuntimeError):
            return False

    def edit_kind(self, path: str) -> EditKind:
        """What writing to a path would be."""
        if not self.holds(path):
            return "edit_outside"
        # Both spellings count: the one given, and the one behind links. Case is folded for macOS.
        names: set[str] = set()
        for folder in self.folders:
            for spelt in (Path(os.path.normpath(folder / path)), (folder / path).resolve()):
                if spelt.is_relative_to(self.worktree):
                    names.update(part.lower() for part in spelt.relative_to(self.worktree).parts)
        if ".git" in names:
            return "edit_git"
        return "edit_settings" if _SETTINGS & names else "edit"

    def after(self, arguments: list[str]) -> list[Path]:
        """Where ``cd`` leads: as the shell reckons, by the names, and as the system does, behind links."""
        wanted = arguments[0] if len(arguments) == 1 else "/"
        found: list[Path] = []
        for folder in self.folders:
            try:
                found += [Path(os.path.normpath(folder / wanted)), (folder / wanted).resolve()]
            except (OSError, ValueError, RuntimeError):
                found.append(Path("/"))
        return list(dict.fromkeys(found))


def places(commands: Iterable[Command], start: Place) -> list[Place]:
    """Where each command of a line runs.

    Behind ``cd sub &&`` that is sure. Where it is not (``;``, ``||``, a pipe), all folders that it may be count.
    """
    line = list(commands)
    now, seen, sure = list(start.folders), list(start.folders), True
    found = []
    for index, command in enumerate(line):
        sure = sure and command.operator != "||"
        if command.operator == ";" or not sure:
            now = seen
        place = Place(start.worktree, tuple(now))
        found.append(place)
        if command.program == "cd":
            reached = place.after(command.arguments)
            seen = list(dict.fromkeys([*seen, *reached]))
            if len(seen) > _FOLDERS:
                seen = [Path("/")]
            piped = command.operator == "|" or (index + 1 < len(line) and line[index + 1].operator == "|")
            now = seen if piped else reached
    return found
