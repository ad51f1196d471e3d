"""Commands that a file of the repository gives a name: scripts of package.json, targets of make, sessions of nox.

Such a name may run unasked while it means what it meant when the work began. ``summary`` is what is compared: of a
manifest its scripts only, of any other file its whole text.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maestro import untrusted
from maestro.agents import shell, tool_launchers, tool_scripts
from maestro.agents.shell_folders import Place

#: By path in the repository, the summaries of all files that name commands, as they were when the work began.
Approved = Mapping[str, str]

_PACKAGE = ("package.json",)
_PYTHON = ("pyproject.toml",)
#: By program, the files in which it looks names up.
_READS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("npm", "pnpm", "yarn", "bun", "node"), _PACKAGE),
    **dict.fromkeys(("turbo", "nx", "lerna"), (*_PACKAGE, "project.json")),
    **dict.fromkeys(("pre-commit", "prek"), (".pre-commit-config.yaml", "prek.toml")),
    "deno": ("deno.json", "deno.jsonc", *_PACKAGE),
    "composer": ("composer.json",),
    **dict.fromkeys(("make", "gmake"), ("GNUmakefile", "makefile", "Makefile")),
    "just": ("justfile", "Justfile", ".justfile"),
    **dict.fromkeys(("task", "go-task"), ("Taskfile.yml", "taskfile.yml", "Taskfile.yaml", "taskfile.yaml")),
    "mise": ("mise.toml", ".mise.toml"),
    "rake": ("Rakefile", "rakefile", "Rakefile.rb"),
    "nox": ("noxfile.py",),
    "tox": ("tox.ini", *_PYTHON),
    **dict.fromkeys(("invoke", "inv"), ("tasks.py",)),
    # Those with environments of their own are told apart no more once they have named a task (``tool_launchers``).
    **dict.fromkeys(
        ("poe", "poethepoet", "pdm", "rye", "hatch", "pixi", "pipenv"), (*_PYTHON, "hatch.toml", "pixi.toml", "Pipfile")
    ),
}
NAMES = frozenset(name for names in _READS.values() for name in names)
#: Tables of pyproject.toml that name commands.
_TABLES = ("poe", "pdm", "hatch", "pixi", "rye", "taskipy", "tox")
_FOLDER_OPTION = re.compile(r"(?:-C|--prefix|--dir|--cwd|--directory|-d|-f|--file|--makefile)(?:=(.*))?")
#: Larger files are compared as if they were not there.
MOST_BYTES = 1_000_000


def summaries(texts: Mapping[str, str]) -> dict[str, str]:
    """What to hand over as ``Approved``, from the texts of all files with one of ``NAMES``, by their paths."""
    return {path: summary(path, text) for path, text in texts.items()}


def summary(path: str, text: str) -> str:
    """What a file says of named commands, in a form to compare."""
    name = path.rpartition("/")[2]
    try:
        if name in {"package.json", "composer.json"}:
            return _said(json.loads(text), "scripts")
        if name == "deno.json":
            return _said(json.loads(text), "tasks")
        if name == "pyproject.toml":
            tool = tomllib.loads(text).get("tool")
            return _said({"tool": {key: tool.get(key) for key in _TABLES}} if isinstance(tool, dict) else {}, "tool")
    except (ValueError, RecursionError, AttributeError):
        pass  # compared by its text
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True, slots=True)
class Changed:
    """A command whose name means something new; ``lines``: what it runs now, as far as that is a script; and where."""

    lines: tuple[str, ...] | None
    place: Place


def changed(command: shell.Command, place: Place, approved: Approved) -> Changed | None:
    """Where a command runs something by a name that meant something else when the work began, or nothing."""
    given = tool_launchers.started(shell.Command(command.words, command.globbed), place)
    program = given[0][0] if given else command.program.rpartition("/")[2]
    words = [word for word, _ in given] if given else command.words
    names = _READS.get(program)
    if names is None or (program == "node" and "--run" not in words):
        return None
    files = [path for path in _files(words, place, names, approved) if not _is_as_before(path, place, approved, words)]
    if not files:
        return None
    call = tool_scripts.called(given, place) if given else None
    if call is None or not call.body.strip() or files != [call.folder / "package.json"]:
        return Changed(None, place)
    return Changed(tuple(line for line in call.body.splitlines() if line.strip()), call.place)


def _files(words: list[str], place: Place, names: tuple[str, ...], approved: Approved) -> set[Path]:
    """Where the names could be looked up: beside the command, in folders that its words name, above it, and where they were."""
    folders = {above for folder in place.folders for above in (folder, *folder.parents)}
    for at, word in enumerate(words):
        if option := _FOLDER_OPTION.fullmatch(word):
            value = option[1] or "".join(words[at + 1 : at + 2])
            folders |= {folder / value for folder in place.folders} if value else set()
    spots = [Path(os.path.normpath(folder / name)) for folder in folders for name in names]
    spots += [place.worktree / path for path in approved if path.rpartition("/")[2] in names]
    return {spot for spot in spots if spot.is_relative_to(place.worktree)}


def _is_as_before(path: Path, place: Place, approved: Approved, words: list[str]) -> bool:
    inside = path.relative_to(place.worktree)
    before = approved.get(str(inside))
    if before is None and path.name != "package.json" and not _stands_before(path, inside.parent, approved):
        return True  # as those that configure and CMake write
    try:
        text: str | None = untrusted.text(path, MOST_BYTES, follow=place.worktree)
    except OSError:
        text = None
    if text is None:
        return not os.path.lexists(path)
    now = summary(path.name, text)
    if now == before:
        return True
    return path.name == "package.json" and _mean_the_same(words, now, before or "{}")


def _stands_before(path: Path, folder: Path, approved: Approved) -> bool:
    """Whether a new file takes the place of one that was there: tools look for several names in one folder."""
    return any(path.name in names and str(folder / other) in approved for names in _READS.values() for other in names)


def _mean_the_same(words: list[str], now: str, before: str) -> bool:
    """Whether no script that the words of a command lead to has changed; others of their file may have."""
    try:
        scripts, known = json.loads(now), json.loads(before)
    except ValueError:
        return False
    words = [part for word in words for part in (word, *re.split(r"[:=,]", word))]
    left, seen = [word for word in words if word in scripts or word in {"t", "tst"}], set[str]()
    left = ["test" if word in {"t", "tst"} else word for word in left]
    while left:
        name = left.pop()
        if name in seen:
            continue
        seen.add(name)
        for one in (f"pre{name}", name, f"post{name}"):
            if scripts.get(one) != known.get(one):
                return False
            left += [word for word in re.findall(r"[\w:.-]+", str(scripts.get(one, ""))) if word in scripts]
    return True


def _said(manifest: Any, key: str) -> str:
    told = manifest.get(key)
    return json.dumps(told if isinstance(told, dict) else {}, sort_keys=True, default=str)
