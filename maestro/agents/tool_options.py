"""What the options of a repository's own tools may be, and whether the words of a call fit them.

An option that is not listed asks: it could write elsewhere or load other code. Listed are those that choose,
print or stop; an option with a value says what the value is (``--select:text``):

- ``text``: anything, ``word``: a name without a path, ``num``: a number or ``auto``;
- ``names``: folders or modules of the worktree, with commas between them;
- ``task``: a word that names no task such as ``deploy``;
- ``marks``: an expression of marks, where the repository's own settings choose none;
- ``off``: a plug-in that is switched off, ``report``: a format, with or without its file, ``loader``: a usual one;
- ``path``: a place in the worktree that may be written, ``file``: a file that is there.

A ``?`` before the kind means that the value may be left out, and is joined with ``=`` where it is given.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from maestro import untrusted
from maestro.agents.shell_folders import Place

_WORD = re.compile(r"[\w,:+ -]*")
_NUMBER = re.compile(r"\d+(\.\d+)?[smh%]?|auto|logical")
_GLOB = set("*?[{")
_PYTEST_SETTINGS = (
    "pyproject.toml",
    "pytest.ini",
    ".pytest.ini",
    "tox.ini",
    "setup.cfg",
    "pytest.toml",
    ".pytest.toml",
)
_CHOSEN = re.compile(r"\baddopts\b.*?(?<![\w-])-m\b", re.DOTALL)
#: What makes node understand other languages; nothing else is loaded by an option.
_LOADERS = frozenset(
    ["tsx", "tsx/esm", "tsx/cjs", "ts-node/register", "ts-node/esm", "esbuild-register", "@swc-node/register"]
)
#: Parts that no name of a task may have: what leaves the machine, or never ends.
_NEVER = (
    "deploy|publish|release|prod|production|live|staging|push|upload|watch|install|serve|docker|image|sign|"
    "notarize|setup"
)
NOT_A_TASK = rf"(?!(?:.*[:_.,\-])?(?:{_NEVER})(?:[:_.,\-]|$))"
#: Folders that tools pass over; what is linked there is not written by a formatter.
_PASSED_OVER = frozenset({".git", "node_modules", ".venv", "venv", "target", ".tox", ".nox", "__pycache__", "vendor"})
#: More files than this below what a formatter is given: the user is asked instead.
_ENTRIES = 20_000
#: Names of tasks (make, npm scripts, rake, gradle…) that work on the repository in place, by their first part.
_TASKS = (
    "tests?|unit|spec|check|checks|lint|linter|eslint|style|stylelint|format|formatted|fmt|prettier|type|types|"
    "typecheck|typing|ci|clean|help|tsc|mypy|ruff|black|vet|clippy|build|compile|coverage|cov|verify|validate|integration|e2e|"
    "pytest|jest|vitest|mocha|tap|ava|bench|all|assemble|classes|doc|docs"
)
TASK = rf"{NOT_A_TASK}(?:\w+:)*:?(?:{_TASKS})(?:[:_.\-][\w:.\-]+)*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool and what may be said to it."""

    options: dict[str, str]  # name -> kind of value; "" takes none
    plain: re.Pattern[str]  # other whole words, such as bundles of letters and numbers joined to a letter
    operands: str  # "paths", "none", or a pattern that each must match
    by_path: bool  # its operands say which tests: the plan's checks may have chosen among them
    writes: bool  # rewrites what it is given
    rest: re.Pattern[str] | None  # words behind ``--``
    may_serve: bool = False  # starts the repository's own program, which may never end by itself


def tool(
    options: str = "",
    plain: str = "",
    *,
    operands: str = "paths",
    by_path: bool = False,
    writes: bool = False,
    rest: str | None = None,
    may_serve: bool = False,
) -> Tool:
    """A tool from its options as words, see the module."""
    named = dict(word.rpartition(":")[::2] if ":" in word else (word, "") for word in options.split())
    behind = re.compile(rest) if rest is not None else None
    return Tool(
        options=named,
        plain=re.compile(plain),
        operands=operands,
        by_path=by_path,
        writes=writes,
        rest=behind,
        may_serve=may_serve,
    )


def operands_that_fit(of: Tool, words: list[tuple[str, bool]], place: Place) -> list[str] | None:
    """The operands of a call, each word with whether the shell puts names for it; None where a word does not fit."""
    operands: list[str] = []
    left = iter(words)
    for word, globbed in left:
        if word == "--" and of.rest is not None:
            behind = all(of.rest.fullmatch(w) and not g and place.holds(w) for w, g in left)
            return operands if behind else None
        if word.startswith("-") and len(word) > 1:
            if globbed or not _option_fits(of, word, left, place):
                return None
        elif _operand_fits(of, word, globbed, place):
            operands.append(word)
        else:
            return None
    if of.writes and not _writing_stays(operands or ["."], place):
        return None
    return operands


def _option_fits(of: Tool, word: str, left: Iterator[tuple[str, bool]], place: Place) -> bool:
    if of.options.get(word) == "" or of.plain.fullmatch(word):
        return True
    name, joined, value = word.partition("=")
    if of.options.get(word[:2]) in ("path", "file") and word[1] != "-" and len(word) > 2:
        name, joined, value = word[:2], "=", word[2:].removeprefix("=")
    kind = of.options.get(name, "")
    if kind.startswith("?"):
        return not joined or _value_fits(kind[1:], value, place)
    if not kind:
        return False
    if not joined:
        value, globbed = next(left, ("-", False))
        if globbed or value.startswith("-"):
            return False
    return _value_fits(kind, value, place)


def _value_fits(kind: str, value: str, place: Place) -> bool:
    if kind == "text":
        return True
    if kind in ("word", "num"):
        return bool((_WORD if kind == "word" else _NUMBER).fullmatch(value))
    if kind == "marks":
        return not _chooses_marks(place)
    if kind == "off":
        return bool(re.fullmatch(r"no:[\w.\-]+", value))
    if kind == "names":
        return all(place.holds(name) for name in value.split(","))
    if kind == "loader":
        return value in _LOADERS
    if kind == "report":
        name, _, file = value.partition(":")
        return bool(_WORD.fullmatch(name)) and (not file or place.edit_kind(file) == "edit")
    if kind == "task":
        return bool(re.fullmatch(rf"{NOT_A_TASK}[\w\-.,]+", value))
    if not value or value.startswith(("@", "{")) or place.edit_kind(value) != "edit":
        return False
    return kind == "path" or all((folder / value).exists() for folder in place.folders)


def _chooses_marks(place: Place) -> bool:
    """Whether the settings of the worktree leave tests out by their marks: another choice would bring these back."""
    files = [folder / name for folder in {place.worktree, *place.folders} for name in _PYTEST_SETTINGS]
    return any(_CHOSEN.search(untrusted.note(path, follow=place.worktree) or "") for path in files)


def _operand_fits(of: Tool, word: str, globbed: bool, place: Place) -> bool:
    if of.operands == "none" or not word:
        return False
    if of.operands == "paths":
        return path_fits(word, globbed, place)
    label = word.startswith("//")  # Bazel's; no other pattern lets it through
    return bool(re.fullmatch(of.operands, word)) and not globbed and (label or place.holds(word))


def path_fits(word: str, globbed: bool, place: Place) -> bool:
    """Whether an operand is something of the worktree: a path, a pattern or a test's name."""
    path = word.partition("::")[0]
    if word.startswith(("@", "+")) or "://" in word or not path or not place.holds(path):
        return False
    if set(word) & _GLOB and ".." in Path(path).parts:
        return False
    # A file that is named like an option could slip in through a wildcard at the front.
    return not globbed or (word[0] not in _GLOB and place.holds_all(path))


def _writing_stays(operands: list[str], place: Place) -> bool:
    """Whether a formatter that is given these writes plain files of the worktree only, whichever links it follows."""
    if not all(place.edit_kind(path) == "edit" for path in operands):
        return False
    seen = 0
    for start in (folder / path for folder in place.folders for path in operands):
        for folder, folders, files in os.walk(start):
            folders[:] = [name for name in folders if name not in _PASSED_OVER]
            seen += len(folders) + len(files)
            if seen > _ENTRIES:
                return False
            paths = (Path(folder, name) for name in (*folders, *files) if name not in _PASSED_OVER)
            if not all(place.edit_kind(str(path)) == "edit" for path in paths if path.is_symlink()):
                return False
    return True
