"""What stands before a tool in a command: environments, time limits, package managers, ``python -m``.

Each of these starts what follows it. A launcher that would fetch code by name (``npx`` of a package that is not
installed, ``uvx``, ``uv run --with``) is none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from maestro.agents.shell import Command
from maestro.agents.shell_folders import Place
from maestro.agents.tool_options import TASK
from maestro.agents.tool_table import TOOLS

#: Words of a command, each with whether the shell puts names for it.
Words = list[tuple[str, bool]]

#: Folders of a repository whose programs are its tools'.
_TOOL_FOLDERS = ("bin", ".bin", "Scripts")
_WRAPPERS = frozenset({"gradlew", "mvnw"})
_PYTHON = re.compile(r"python(3(\.\d+)?)?|pypy3?|py")
_PLAIN_PYTHON = re.compile(r"-[BuIsEqb]+|-X(dev|utf8)|-W(error|ignore|default|always|once)")

#: Names of settings that speak of what real users see.
_REAL = r"(?:prod|production|live|staging|deploy)(?:[._]|$)"
#: Variables that may be set before a tool, and to what: none of them names code or a place elsewhere.
_VARIABLES = {
    "CI": r"\w*",
    "NO_COLOR": r"\w*",
    "FORCE_COLOR": r"\w*",
    "CLICOLOR": r"\w*",
    "CLICOLOR_FORCE": r"\w*",
    "PY_COLORS": r"\w*",
    "TERM": r"[\w\-]*",
    "TZ": r"[A-Za-z]+(/[A-Za-z_]+)*",
    "LANG": r"[\w.\-]*",
    "LC_ALL": r"[\w.\-]*",
    "COLUMNS": r"\d+",
    "NODE_ENV": r"\w*",
    "RUST_BACKTRACE": r"\w*",
    "RUST_LOG": r"[\w:=,]*",
    "PYTHONUNBUFFERED": r"\w*",
    "PYTHONDONTWRITEBYTECODE": r"\w*",
    "PYTHONHASHSEED": r"\w*",
    "PYTHONUTF8": r"\w*",
    "CGO_ENABLED": r"[01]",
    "GOOS": r"\w+",
    "GOARCH": r"\w+",
    "RAILS_ENV": r"test",
    "MIX_ENV": r"test|dev",
    "APP_ENV": r"test|testing",
    "FLASK_ENV": r"test|testing|development",
    "DJANGO_SETTINGS_MODULE": rf"(?!(?:.*[._])?{_REAL})[A-Za-z_]\w*(\.[A-Za-z_]\w*)*",
    "DJANGO_CONFIGURATION": r"(?i:(?!.*(?:prod|live|staging)))\w*",
    "CTEST_OUTPUT_ON_FAILURE": r"\w*",
    "HUSKY": r"0",
}
#: Variables that name folders: those of the worktree only.
_FOLDER_VARIABLES = frozenset({"PYTHONPATH"})

_UV = (
    "--frozen --locked --no-sync --all-extras --all-groups --dev --no-dev --offline --isolated --exact -q --quiet"
    " --no-progress --active -v --all-packages --no-default-groups"
)
#: Launchers whose options, by name, take no value or one.
_LAUNCHERS: dict[tuple[str, ...], tuple[frozenset[str], frozenset[str]]] = {
    ("uv", "run"): (
        frozenset(_UV.split()),
        frozenset({"--extra", "--group", "--package", "--only-group", "--no-group"}),
    ),
    ("poetry", "run"): (frozenset(), frozenset()),
    ("pipenv", "run"): (frozenset(), frozenset()),
    ("bundle", "exec"): (frozenset(), frozenset()),
    ("composer", "exec"): (frozenset({"--"}), frozenset()),
    ("pnpm", "exec"): (frozenset({"--"}), frozenset()),
    ("yarn", "exec"): (frozenset({"--"}), frozenset()),
    ("mise", "exec"): (frozenset({"--"}), frozenset()),
    ("mise", "x"): (frozenset({"--"}), frozenset()),
    ("time",): (frozenset({"-p"}), frozenset()),
    ("cross-env",): (frozenset(), frozenset()),
    ("c8",): (frozenset({"--check-coverage", "--all", "--text", "--"}), frozenset({"--reporter", "-r", "--include"})),
    ("nyc",): (frozenset({"--check-coverage", "--all", "--silent", "--"}), frozenset({"--reporter", "--include"})),
    ("coverage", "run"): (
        frozenset({"--branch", "--append", "-a", "-p"}),
        frozenset({"--source", "--include", "--omit"}),
    ),
}


def started(command: Command, place: Place) -> Words | None:
    """The words of the tool that a command starts, its program by its plain name; None where that is not plain."""
    words = [(word, index in command.globbed) for index, word in enumerate(command.words)]
    for _ in range(6):
        words = _without_variables(words, place) or []
        if not words or words[0][1]:
            return None
        name = _name(words[0][0], place)
        if name is None:
            return None
        words = [(name, False), *words[1:]]
        rest = _behind_launcher(words, place)
        if rest is words:
            return words
        if rest is None:
            return None
        words = rest
    return None


def _without_variables(words: Words, place: Place) -> Words | None:
    while words and re.match(r"[A-Za-z_]\w*=", words[0][0]):
        name, _, value = words[0][0].partition("=")
        if name in _FOLDER_VARIABLES:
            fits = all(part and place.edit_kind(part) == "edit" for part in value.split(":"))
        else:
            fits = name in _VARIABLES and re.fullmatch(_VARIABLES[name], value) is not None
        if not fits or words[0][1]:
            return None
        words = words[1:]
    return words


def _name(program: str, place: Place) -> str | None:
    """What a program is called; of a path only where it is a tool's in the worktree, such as a venv's."""
    if "/" not in program:
        return program
    for folder in place.folders:
        path = Path(os.path.normpath(folder / program))
        if not path.is_relative_to(place.worktree) or not path.parent.resolve().is_relative_to(place.worktree):
            return None
        own = path.name in _WRAPPERS | {"manage.py"} and place.holds(str(path))
        if path.parent.name not in _TOOL_FOLDERS and not own:
            return None
    return Path(program).name


def _behind_launcher(words: Words, place: Place) -> Words | None:
    """What a launcher starts; the words themselves where they begin with none; None where it may not start it."""
    name = words[0][0]
    special = _SPECIAL.get(name) or (_python if _PYTHON.fullmatch(name) else None)
    if special is not None:
        return special(words, place)
    if " ".join(word for word, _ in words[:2]) in TOOLS:
        return words
    for length in (2, 1):
        known = _LAUNCHERS.get(tuple(word for word, _ in words[:length]))
        if known is not None:
            rest = _behind_options(words[length:], *known)
            if rest and rest[0][0] == "-m" and name in ("uv", "coverage"):
                return rest[1:] or None
            return rest
    return words


def _behind_options(words: Words, flags: frozenset[str], values: frozenset[str]) -> Words | None:
    at = 0
    while at < len(words) and words[at][0].startswith("-") and words[at][0] != "-m":
        word, globbed = words[at]
        name, joined, _ = word.partition("=")
        if globbed or not (word in flags or name in values):
            return None
        at += 2 if name in values and not joined else 1
    return words[at:] or None


def _python(words: Words, place: Place) -> Words | None:
    at = 1
    while at < len(words) and _PLAIN_PYTHON.fullmatch(words[at][0]):
        at += 1
    rest = words[at:]
    if rest[:1] == [("-m", False)] and len(rest) > 1:
        module = rest[1][0]
        if module == "unittest":
            return rest[1:] if _tests_are_here(rest[2:], place) else None
        return rest[1:] if not module.startswith("-") else None
    if rest and rest[0][0].removeprefix("./") in ("manage.py", "setup.py"):
        return [(rest[0][0].removeprefix("./"), False), *rest[1:]]
    return words if [w for w, _ in rest] in (["--version"], ["-V"]) else None


def _tests_are_here(words: Words, place: Place) -> bool:
    """Whether unittest is given modules of the worktree: of others it would call what it finds."""
    names = [word for word, _ in words if not word.startswith("-")]
    if not names or names[0] == "discover" or any(word in ("-k", "-s", "-p", "-t") for word, _ in words):
        return True
    return all(
        any((folder / start).is_dir() or (folder / f"{start}.py").is_file() for folder in place.folders)
        for start in (re.split(r"[./]", name.removeprefix("./"))[0] for name in names)
    )


def _timeout(words: Words, _place: Place) -> Words | None:
    rest = _behind_options(
        words[1:], frozenset({"--foreground", "-v"}), frozenset({"-k", "-s", "--kill-after", "--signal"})
    )
    return rest[1:] or None if rest and re.fullmatch(r"\d+(\.\d+)?[smhd]?", rest[0][0]) else None


def _npx(words: Words, place: Place) -> Words | None:
    at, offline = 1, False
    if words[0][0] == "npm" and [w for w, _ in words[1:2]] in (["exec"], ["x"]):
        at = 2
    while at < len(words) and words[at][0] in ("--no-install", "--no", "--offline", "--"):
        offline = offline or words[at][0] != "--"
        at += 1
    rest = words[at:]
    if not rest or not re.fullmatch(r"[A-Za-z0-9][\w.\-]*", rest[0][0]):
        return None
    return rest if offline or is_installed(rest[0][0], place) else None


def is_installed(tool: str, place: Place) -> bool:
    """Whether a JavaScript tool is installed in the worktree, as ``npx`` looks for it."""
    return all(
        any(
            os.path.lexists(above / "node_modules" / ".bin" / tool)
            for above in (folder, *folder.parents)
            if above.is_relative_to(place.worktree)
        )
        for folder in place.folders
    )


def _node(words: Words, place: Place) -> Words | None:
    """``node node_modules/.bin/jest`` is ``jest``; whatever else node runs stays as it is."""
    at = 1
    while at < len(words) and words[at][0] in ("--experimental-vm-modules", "--no-warnings", "--enable-source-maps"):
        at += 1
    starts = at < len(words) and "/.bin/" in f"/{words[at][0]}" and _name(words[at][0], place) is not None
    return words[at:] if starts else words


def _php(words: Words, _place: Place) -> Words | None:
    """``php artisan test`` is Laravel's own runner."""
    return words[1:] if words[1:2] == [("artisan", False)] else words


def _bun(words: Words, place: Place) -> Words | None:
    return _npx(words[1:], place) if [w for w, _ in words[1:2]] == ["x"] else words


def _environment_runner(words: Words, _place: Place) -> Words | None:
    """``hatch run``, ``pdm run``…: a program of the environment, or a task that the repository names."""
    if [w for w, _ in words[1:2]] != ["run"]:
        return words
    flags, values = frozenset({"--frozen", "--locked", "-s"}), frozenset({"-e", "--environment"})
    rest = _behind_options(words[2:], flags, values)
    if rest and rest[0][0] not in {name.split(" ")[0] for name in TOOLS} and re.fullmatch(TASK, rest[0][0]):
        return [("poe", False), *rest]
    return rest


def _npm(words: Words, place: Place) -> Words | None:
    return _npx(words, place) if [w for w, _ in words[1:2]] in (["exec"], ["x"]) else words


_SPECIAL: dict[str, Callable[[Words, Place], Words | None]] = {
    "timeout": _timeout,
    "gtimeout": _timeout,
    "npx": _npx,
    "bunx": _npx,
    "npm": _npm,
    "node": _node,
    "php": _php,
    "bun": _bun,
    **dict.fromkeys(("hatch", "pdm", "pixi", "rye"), _environment_runner),
}
