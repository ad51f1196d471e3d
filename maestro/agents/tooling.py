"""The repository's own tools, however they are started: which tool a command is, and whether it may run unasked.

In the worktree the plan's checks run the repository's code anyway; its tests, formatters, linters, type checkers
and builds are no more than that, as long as no word of the command leads elsewhere or loads something else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from maestro.agents import shell, tool_scripts
from maestro.agents.shell_folders import Place, places
from maestro.agents.tool_launchers import Words, started
from maestro.agents.tool_options import Tool, operands_that_fit
from maestro.agents.tool_table import TOOLS

#: Options of every runner that choose among its tests: a check that has them means these tests only.
_CHOOSES = re.compile(
    r"-k|-m|-t|-g|-f|-run|-skip|--ignore.*|--deselect.*|--exclude.*|--grep|--filter|--testNamePattern|--testsuite"
)
_HELP = (["--help"], ["-h"], ["--version"], ["-V"], ["-version"])


@dataclass(frozen=True, slots=True)
class _Call:
    """A tool with the words that it is given, and where."""

    name: str
    tool: Tool
    words: Words
    place: Place


def is_own_tool(command: shell.Command, place: Place, checks: Iterable[str]) -> bool:
    """Whether a command is a tool of the repository that stays in the worktree, and runs no test the plan left out."""
    if not place.holds("."):
        return False
    if command.program in ("source", "."):
        return _is_activation(command, place)
    given = started(command, place)
    if given is None:
        return False
    script = tool_scripts.called(given, place)
    if script is not None:
        return _script_may_run(script, place, list(checks))
    given = tool_scripts.installed_tool(given)
    if [word for word, _ in given[1:]] in _HELP and given[0][0] in tool_scripts.PROGRAMS:
        return True
    call = _call(given, place)
    if call is None or (call.tool.may_serve and not _ends(command, given)):
        return False
    return _may_run(call, list(checks))


def _ends(command: shell.Command, given: Words) -> bool:
    """Whether what a command starts ends even if it serves: it has a time limit, or only says what it is."""
    before = command.words[: len(command.words) - len(given)]
    return bool({"timeout", "gtimeout"} & {*before}) or given[-1][0] in {"--help", "--version"}


def _is_activation(command: shell.Command, place: Place) -> bool:
    """Whether a command enters a virtual environment of the worktree, as ``source .venv/bin/activate`` does."""
    words = command.arguments
    if len(words) != 1 or command.globbed:
        return False
    paths = [Path(os.path.normpath(folder / words[0])) for folder in place.folders]
    return all(
        p.name == "activate" and p.parent.name in ("bin", "Scripts") and place.holds(str(p)) and not p.is_symlink()
        for p in paths
    )


def _may_run(call: _Call, checks: list[str]) -> bool:
    alike = [known for known in _calls_of(checks, Place(call.place.worktree, (call.place.worktree,)))
             if known.name == call.name]  # fmt: skip
    if any(_covers(known, call) for known in alike):
        return True
    if call.tool.by_path and alike:
        return False
    return operands_that_fit(call.tool, call.words, call.place) is not None


def _covers(known: _Call, call: _Call) -> bool:
    """Whether a check does for all what a call does for some."""
    chosen = _choosing(known)
    words = list(call.words)
    for group in chosen:
        at = next((i for i in range(len(words)) if words[i : i + len(group)] == group), None)
        if at is None:
            return False
        del words[at : at + len(group)]
    if {group[0][0].partition("=")[0] for group in chosen} & {word.partition("=")[0] for word, _ in words}:
        return False  # said once more, it would choose others
    operands = operands_that_fit(call.tool, words, call.place)
    if operands is None:
        return False
    mine = [word for word in known.words if word not in [w for group in chosen for w in group]]
    whole = operands_that_fit(known.tool, mine, known.place)
    if whole is None:
        return False
    return not call.tool.by_path or not whole or _within(operands, call.place, whole, known.place)


def _choosing(known: _Call) -> list[Words]:
    """The options of a check that choose among tests, or that nobody but the plan may give, with their values."""
    groups: list[Words] = []
    words = known.words
    for index, (word, globbed) in enumerate(words):
        name = word.partition("=")[0]
        if not word.startswith("-") or len(word) < 2 or word == "--":
            continue
        follows = words[index + 1 : index + 2]
        value = follows if follows and "=" not in word and not follows[0][0].startswith("-") else []
        known_alone = operands_that_fit(known.tool, [(word, globbed)], known.place) is not None
        known_with = bool(value) and operands_that_fit(known.tool, [(word, globbed), *value], known.place) is not None
        if _CHOOSES.fullmatch(name) or not (known_alone or known_with):
            groups.append([(word, globbed), *value])
    return groups


def _within(operands: list[str], place: Place, whole: list[str], of: Place) -> bool:
    covering = [_path(folder, one) for folder in of.folders for one in whole]
    mine = [_path(folder, one) for folder in place.folders for one in (operands or ["."])]
    return all(one in whole or any(path.is_relative_to(c) for c in covering) for one, path in
               zip([*operands, *[""] * len(mine)], mine, strict=False))  # fmt: skip


def _path(folder: Path, operand: str) -> Path:
    path = operand.partition("::")[0].removesuffix("/...").removesuffix("...")
    return Path(os.path.normpath(folder / path))


def _script_may_run(script: tool_scripts.Call, place: Place, checks: list[str]) -> bool:
    named = any(
        other is not None and other.name == script.name and other.folder == script.folder
        for command, where in _commands_of(checks, place.worktree)
        for other in [tool_scripts.called(started(command, where) or [], where)]
    )
    if not (named or script.may_run_by_name()):
        return False
    if not script.words:
        return True
    last = script.last_command()
    ends = started(last, script.place) if last else None
    call = _call([*ends, *script.words], script.place) if ends else None
    return _may_run(call, checks) if call else script.words_are_plain()


def _call(given: Words, place: Place) -> _Call | None:
    given = tool_scripts.installed_tool(given)
    if given[0][0] in ("node", "tsx") and ("--test", False) in given[1:]:
        rest = [word for word in given[1:] if word != ("--test", False)]
        given = [given[0], ("--test", False), *rest]
    for length in (3, 2, 1):
        head = given[:length]
        name = " ".join(word for word, _ in head)
        if len(head) == length and name in TOOLS and not any(globbed or " " in word for word, globbed in head):
            return _Call(name, TOOLS[name], given[length:], place)
    return None


def _calls_of(checks: list[str], root: Place) -> list[_Call]:
    found = []
    for command, place in _commands_of(checks, root.worktree):
        given = started(command, place)
        if given is None:
            continue
        script = tool_scripts.called(given, place)
        if script is not None:
            parts = [(part, script.place) for part in script.commands()]
            inner = [(started(part, where), where) for part, where in parts]
        else:
            inner = [(given, place)]
        found += [call for words, where in inner if words and (call := _call(words, where))]
    return found


def _commands_of(checks: list[str], worktree: Path) -> list[tuple[shell.Command, Place]]:
    found: list[tuple[shell.Command, Place]] = []
    for check in checks:
        parsed = shell.parse(check)
        if parsed:
            found += zip(parsed, places(parsed, Place(worktree, (worktree,))), strict=True)
    return found
