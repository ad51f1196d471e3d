"""Scripts that manifests name: package.json's, composer.json's, Wireit's, Nx's, Deno's, and those of Python's tools."""

from __future__ import annotations

import json
import posixpath
import re
import shlex
import tomllib
from collections.abc import Callable
from itertools import pairwise
from typing import Any

Read = Callable[[str], str | None]
#: A command, and the folder that it runs in.
Line = tuple[str, str]

#: Executors of Nx and Angular, by a part of their names, and what they start.
_EXECUTORS = (
    ("vitest", "vitest run"),
    ("vite:test", "vitest run"),
    ("jest", "jest"),
    ("playwright", "playwright test"),
    ("karma", "karma start --single-run"),
)


#: What JSON with comments has beside JSON: comments, and a comma after the last entry; texts stay as they are.
_COMMENT = re.compile(r"""("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/|,(?=(?:\s|//[^\n]*|/\*.*?\*/)*[}\]])""", re.DOTALL)
#: Options that name the folder whose scripts are meant.
_ELSEWHERE = frozenset({"-C", "--prefix", "--dir", "--cwd"})


def package_script(words: list[str], folder: str, read: Read, manifest: str = "package.json") -> list[Line]:
    """The lines of the script that ``npm test``, ``yarn unit`` or ``composer check`` names, what is added to it too."""
    named = [w for before, w in pairwise(words) if not w.startswith("-") and before not in _ELSEWHERE]
    if named and named[0] in {"run", "run-script"}:
        named = named[1:]
    package = _json(posixpath.join(folder, manifest), read)
    scripts = package.get("scripts")
    if not isinstance(scripts, dict) or not named:
        return []
    name = "test" if named[0] == "t" else named[0]
    wanted = [f"pre{name}", name, f"post{name}"] if name in scripts else []
    wanted = [name] if wanted and words[0] == "node" else wanted
    added = _added(words, named[0])
    lines: list[Line] = []
    for one in wanted:
        if one not in scripts:
            continue
        if scripts[one] == "wireit":
            lines += _wireit(package, one, folder, read, set())
            continue
        # Composer takes a list of commands, of which "@name" is another script.
        told = [str(line) for line in scripts[one]] if isinstance(scripts[one], list) else [str(scripts[one])]
        told = [re.sub(r"^@(?!php )", "composer ", line).removeprefix("@php ") for line in told]
        if one == name and added:
            told[-1:] = [f"{line} {added}" for line in told[-1:]]
        lines += [(line, folder) for line in told]
    return lines


def _added(words: list[str], name: str) -> str:
    """What a script is given beside its own words; npm and composer take options for themselves up to ``--``."""
    rest = words[words.index(name) + 1 :]
    if words[0].rpartition("/")[2] in {"npm", "composer"}:
        at = rest.index("--") if "--" in rest else len(rest)
        rest = [word for word in rest[:at] if not word.startswith("-")] + rest[at + 1 :]
        if {"-w", "--workspace", "-C", "--prefix"} & set(words):
            return ""  # the word may be its value
    return shlex.join(word for word in rest if word != "--")


def _wireit(package: dict[str, Any], name: str, folder: str, read: Read, seen: set[Line]) -> list[Line]:
    """The command of a script of Wireit, after those of the scripts that it depends on."""
    if (name, folder) in seen:
        return []
    seen.add((name, folder))
    told = _table(package, "wireit", name)
    lines: list[Line] = []
    for entry in told.get("dependencies") if isinstance(told.get("dependencies"), list) else []:  # type: ignore[union-attr]
        other = entry.get("script") if isinstance(entry, dict) else entry
        if not isinstance(other, str):
            continue
        place, colon, script = other.rpartition(":") if other.startswith(".") else ("", "", other)
        inside = posixpath.normpath(posixpath.join(folder, place)) if colon else folder
        of = _json(posixpath.join(inside, "package.json"), read) if colon else package
        own = _table(of, "scripts").get(script)
        if own == "wireit":
            lines += _wireit(of, script, inside, read, seen)
        elif isinstance(own, str):
            lines.append((own, inside))
    return [*lines, (told["command"], folder)] if isinstance(told.get("command"), str) else lines


def nx_target(target: str, folder: str, read: Read) -> list[Line]:
    """What Nx starts for a target of the project in ``folder``, where that says or a plug-in of Nx implies it."""
    told = _table(_json(posixpath.join(folder, "project.json"), read), "targets", target)
    told = told or _table(_json(posixpath.join(folder, "package.json"), read), "nx", "targets", target)
    executor, options = str(told.get("executor") or ""), _table(told, "options")
    commands = [told.get("command"), options.get("command")]
    several = options.get("commands")
    for one in several if isinstance(several, list) else []:
        commands.append(one.get("command") if isinstance(one, dict) else one)
    lines = [(one, "") for one in commands if isinstance(one, str)]
    lines += [(command, folder) for part, command in _EXECUTORS if part in executor][:1]
    return lines or _implied(target, folder, read)


def _implied(target: str, folder: str, read: Read) -> list[Line]:
    plugins = _json("nx.json", read).get("plugins")
    for plugin in plugins if isinstance(plugins, list) else []:
        name = plugin if isinstance(plugin, str) else str(plugin.get("plugin")) if isinstance(plugin, dict) else ""
        options = _table(plugin, "options") if isinstance(plugin, dict) else {}
        named = {str(options.get(key, "test")) for key in ("targetName", "testTargetName")}
        for part, command, config in (
            ("jest", "jest", "jest.config"),
            ("vite", "vitest run", "vite.config"),
            ("vitest", "vitest run", "vitest.config"),
        ):
            there = any(
                read(posixpath.join(folder, f"{config}.{end}")) is not None for end in ("ts", "js", "mts", "mjs", "cjs")
            )
            if part in name and target in named and there:
                return [(command, folder)]
    return []


def deno_task(words: list[str], folder: str, read: Read) -> list[Line]:
    """The command of a task of Deno, after those of the tasks that it needs; its own manifest's, or package.json's."""
    name = next((word for word in words[2:] if not word.startswith("-")), "")
    for file in ("deno.json", "deno.jsonc"):
        tasks = _table(_json(posixpath.join(folder, file), read), "tasks")
        if name in tasks:
            return [(command, folder) for command in _deno_commands(tasks, name, set())]
    return package_script(["npm", "run", name], folder, read)


def _deno_commands(tasks: dict[str, Any], name: str, seen: set[str]) -> list[str]:
    told = tasks.get(name)
    if name in seen or told is None:
        return []
    seen.add(name)
    if isinstance(told, str):
        return [told]
    needed = _list(_table(told).get("dependencies"))
    commands = [c for one in needed if isinstance(one, str) for c in _deno_commands(tasks, one, seen)]
    command = _table(told).get("command")
    return [*commands, command] if isinstance(command, str) else commands


def python_task(words: list[str], folder: str, read: Read) -> list[Line]:
    """What ``hatch run``, ``pdm run``, ``poe``, ``pixi run``, ``task`` or ``rye run`` starts for a name of pyproject's."""
    tool = words[0].rpartition("/")[2]
    rest = [word for word in words[1:] if not word.startswith("-")]
    if rest[:1] == ["run"]:
        rest = rest[1:]
    if not rest:
        return []
    data = _toml(posixpath.join(folder, "pyproject.toml"), read)
    environment, _, name = rest[0].rpartition(":")
    tables = {
        "pdm": [_table(data, "tool", "pdm", "scripts")],
        "rye": [_table(data, "tool", "rye", "scripts")],
        "pipenv": [_table(_toml(posixpath.join(folder, "Pipfile"), read), "scripts")],
        "poe": [_table(data, "tool", "poe", "tasks")],
        "task": [_table(data, "tool", "taskipy", "tasks")],
        "pixi": [
            _table(data, "tool", "pixi", "tasks"),
            _table(_toml(f"{folder}/pixi.toml".lstrip("/"), read), "tasks"),
        ],
    }.get(tool, [])
    if tool == "hatch":
        own = _table(_toml(posixpath.join(folder, "hatch.toml"), read), "envs") or _table(data, "tool", "hatch", "envs")
        tables = [_table(own, environment.removeprefix("+") or "default", "scripts")]
    else:
        name = rest[0]
    return [(line, folder) for table in tables for line in _told(table, name, set())]


def _told(table: dict[str, Any], name: str, seen: set[str]) -> list[str]:
    """The lines of a task: written out, in a list, as ``cmd`` or ``shell``, or as the names of other tasks."""
    if name in seen or name not in table:
        return []
    seen.add(name)
    told = table[name]
    if isinstance(told, dict):
        told = next((told[key] for key in ("cmd", "shell", "sequence", "composite", "chain") if key in told), [])
    lines = [
        one if isinstance(one, str) else str(one.get("cmd", "")) for one in _list(told) if isinstance(one, str | dict)
    ]
    return [
        line for one in lines for line in (_told(table, one.split(" ")[0], seen) or [re.sub(r"\{\w*:?.*?\}", "", one)])
    ]


def _list(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, str) else []


def _table(value: Any, *path: str) -> dict[str, Any]:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _json(path: str, read: Read) -> dict[str, Any]:
    text = read(posixpath.normpath(path)) or "{}"
    try:
        found = json.loads(_COMMENT.sub(r"\1", text) if path.endswith(".jsonc") else text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _toml(path: str, read: Read) -> dict[str, Any]:
    try:
        return tomllib.loads(read(posixpath.normpath(path)) or "")
    except (ValueError, RecursionError):
        return {}


#: Programs whose words may be the name of a task in pyproject.toml.
PYTHON_TASKS = frozenset({"hatch", "pdm", "pipenv", "poe", "pixi", "task", "rye"})
