"""Where the paths of a tool call lead: inside the worktree or not, to plain files or to what tools obey."""

from __future__ import annotations

import fnmatch
import itertools
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from maestro import unseen, untrusted
from maestro.agents.shell import Command

EditKind = Literal["edit", "edit_settings", "edit_git", "edit_outside"]

#: In the worktree, but obeyed by the agent itself or by editors: changing these changes what runs later.
_SETTINGS = frozenset({
    ".claude", ".mcp.json", ".vscode", ".idea", ".cursor", ".zed", ".devcontainer", ".devcontainer.json", ".envrc", ".husky",
    ".npmrc", ".yarnrc", ".yarnrc.yml", ".pnpmfile.cjs", ".pypirc", ".netrc", ".circleci", "claude.local.md",
    ".travis.yml", ".drone.yml", ".buildkite", ".woodpecker", ".woodpecker.yml", ".forgejo", ".appveyor.yml", "appveyor.yml",
    "jenkinsfile", "azure-pipelines.yml", "bitbucket-pipelines.yml", ".run", ".vs", ".fleet", ".exrc", ".nvimrc", ".nvim.lua",
    ".lvimrc", ".vimrc", ".dir-locals.el", ".gdbinit", ".lldbinit", ".codex", ".gemini", ".windsurf", ".kiro",
})  # fmt: skip
#: Names that begin like this are settings as well (``.gitmodules``, ``.githooks``, ``.gitignore``, by which work is left
#: out of commits), but for the folder of which only parts are.
_GIT_SETTINGS, _NO_SETTINGS = ".git", frozenset({".github"})
#: The same, by two names one below the other: what runs with the repository's own secrets, or starts with every build.
_SETTINGS_BELOW = frozenset(
    {(".github", "workflows"), (".github", "actions"), (".cargo", "config.toml"), (".cargo", "config")}
)
#: Files of git's own that git obeys by another spelling (Windows' short name).
_GITS = frozenset({".git", "git~1"})
#: How programs begin, on Linux and macOS.
_BINARY = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
#: More folders than this where a command could run: nobody follows that.
_FOLDERS = 32
#: More files than this behind a wildcard, or in a search that follows links: the user is asked instead.
_ENTRIES = 20_000


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

    def expanded(self, pattern: str) -> list[Path] | None:
        """All that a pattern with wildcards can stand for, itself included; None when that is too much.

        More rather than less: shells differ in brackets, in ``**`` and in whether ``.*`` is ``..`` too.
        """
        absolute = Path(pattern).is_absolute()
        spots = [Path("/")] if absolute else list(self.folders)
        for part in Path(pattern).parts[1 if absolute else 0 :]:
            if not set(part) & set("*?["):
                spots = [spot / part for spot in spots]
                continue
            found: list[Path] = []
            for spot in spots:
                found += (spot / name for name in _names(spot) if _matches(name, part))
                if "**" in part:
                    found += [spot, *_below(spot)]
                if len(found) > _ENTRIES:
                    return None
            spots = found
        return spots

    def holds_all(self, pattern: str) -> bool:
        """Whether everything that a pattern with wildcards can stand for is in the worktree: links may lie among it."""
        found = self.expanded(pattern)
        return found is not None and all(self.holds(str(spot)) for spot in found)

    def links_stay(self, below: Iterable[Path]) -> bool:
        """Whether all links below some paths lead into the worktree, or to programs, as those of a venv do.

        What they lead to is looked through as well. False when there is too much to look through.
        """
        seen, left, done = 0, list(below), set[Path]()
        while left:
            start = left.pop()
            if start.resolve() in done:
                continue
            done.add(start.resolve())
            for folder, folders, files in os.walk(start):
                seen += len(folders) + len(files)
                if seen > _ENTRIES:
                    return False
                for path in (Path(folder, name) for name in (*folders, *files)):
                    if not path.is_symlink() or _is_program(path):
                        continue
                    if not self.holds(str(path)):
                        return False
                    left.append(path.resolve())
        return True

    def edit_kind(self, path: str) -> EditKind:
        """What writing to a path would be."""
        if not self.holds(path):
            return "edit_outside"
        # Both spellings count: the one given, and the one behind links. Case is folded for macOS.
        names: set[str] = set()
        pairs: set[tuple[str, str]] = set()
        for folder in self.folders:
            for spelt in (Path(os.path.normpath(folder / path)), (folder / path).resolve()):
                if spelt.is_relative_to(self.worktree):
                    # Some file systems leave out what nobody sees, and dots or blanks at the end.
                    parts = [_bare(part) for part in spelt.relative_to(self.worktree).parts]
                    names.update(parts)
                    pairs.update(itertools.pairwise(parts))
        if _GITS & names:
            return "edit_git"
        return "edit_settings" if any(map(_is_setting, names)) or _SETTINGS_BELOW & pairs else "edit"

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


def _is_setting(name: str) -> bool:
    return name in _SETTINGS or (name.startswith(_GIT_SETTINGS) and name not in _NO_SETTINGS)


def is_obeyed(path: str) -> bool:
    """Whether a path, as it is written, is of a file that tools or git obey; git's folder itself only with what is in it."""
    parts = [_bare(part) for part in path.split("/") if part not in ("", ".")]
    inside = any(part in _GITS and rest not in ("", "*", "**") for part, rest in itertools.pairwise(parts))
    return (
        inside
        or any(_is_setting(part) and part not in _GITS for part in parts)
        or bool(_SETTINGS_BELOW & {*itertools.pairwise(parts)})
    )


def may_be_obeyed(pattern: str) -> bool:
    """Whether a path with wildcards or braces can stand for such a file; one that could be anything counts for nothing."""
    for part in map(str.lower, pattern.split("/")):
        plain = re.sub(r"\{[^{}]*\}", "*", part)
        if plain[:1] == "." and set(plain) & set("*?[") and len(re.sub(r"\W", "", plain)) > 1:
            names = (*_SETTINGS, *_GITS, ".gitmodules", ".gitattributes", ".gitignore", ".githooks", ".github")
            if any(fnmatch.fnmatchcase(name, plain) for name in names):
                return True
    return False


def _bare(name: str) -> str:
    seen = "".join(char for char in name if not unseen.is_hidden(char))
    return (seen.rstrip(". ") or seen).lower()


def _names(folder: Path) -> list[str]:
    try:
        return [".", "..", *(path.name for path in folder.iterdir())]
    except OSError:
        return []


def _below(folder: Path) -> list[Path]:
    """Everything below a folder, links not followed; more than is looked at where there is more."""
    found: list[Path] = []
    for top, folders, files in os.walk(folder):
        found += (Path(top, name) for name in (*folders, *files))
        if len(found) > _ENTRIES:
            break
    return found


def _is_program(path: Path) -> bool:
    """Whether this is a binary: a search finds no text in it. Scripts may hold anything."""
    try:
        if not (path.is_file() and os.access(path, os.X_OK)):
            return False
        return untrusted.head(path, 4, follow=True) in _BINARY
    except OSError:
        return False


def _matches(name: str, part: str) -> bool:
    """Whether a shell could put a name for a part with wildcards; brackets, which shells differ in, fit all."""
    return name.startswith(".") <= part.startswith(".") and ("[" in part or fnmatch.fnmatchcase(name, part))
