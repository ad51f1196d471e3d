"""The tasks that Task (``Taskfile.yml``) and mise (``mise.toml``, ``mise-tasks/``) name: their commands, what they need first."""

from __future__ import annotations

import posixpath
import re
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

from maestro.core.proving import plain_yaml

Read = Callable[[str], str | None]
#: A command, and the folder that it runs in.
Line = tuple[str, str]

_TASKFILES = (
    "Taskfile.yml",
    "taskfile.yml",
    "Taskfile.yaml",
    "taskfile.yaml",
    "Taskfile.dist.yml",
    "taskfile.dist.yml",
    "Taskfile.dist.yaml",
    "taskfile.dist.yaml",
)
_MISE = (
    "mise.toml",
    ".mise.toml",
    "mise/config.toml",
    ".mise/config.toml",
    ".config/mise.toml",
    ".config/mise/config.toml",
)
_MISE_FOLDERS = ("mise-tasks", ".mise-tasks", "mise/tasks", ".mise/tasks", ".config/mise/tasks")
_MISE_SUFFIXES = ("", ".sh", ".bash", ".py", ".js", ".ts", ".rb")
#: Options of Task and of mise that take the next word.
_TASK_VALUES = frozenset({"-C", "--concurrency", "-o", "--output", "-I", "--interval", "--sort", "--completion"})
_MISE_VALUES = frozenset({"-j", "--jobs", "-C", "--cd", "-t", "--tool", "-o", "--output", "--timeout", "-s", "--shell"})
_TEMPLATE = re.compile(r"\{\{-?\s*\.(\w+)\s*-?\}\}")
_ANY_TEMPLATE = re.compile(r"\{\{.*?\}\}")
_DEEPEST = 5  # Taskfiles that include others


def of_task(words: list[str], folder: str, read: Read) -> list[Line]:
    """What ``task`` runs: the commands of the named tasks, those that they need before them."""
    names, given, options = _named(words, _TASK_VALUES | {"-t", "--taskfile", "-d", "--dir"})
    folder = posixpath.join(folder, options.get("-d") or options.get("--dir") or "")
    file = options.get("-t") or options.get("--taskfile")
    if file:
        folder, file = posixpath.split(posixpath.normpath(posixpath.join(folder, file)))
    found = _taskfile(folder, (file,) if file else _TASKFILES, read)
    if found is None:
        return []
    settings = {"CLI_ARGS": " ".join(given)} | dict(n.partition("=")[::2] for n in names if "=" in n)
    lines: list[Line] = []
    seen: set[tuple[str, str]] = set()
    for name in [n for n in names if "=" not in n] or ["default"]:
        lines += _tasks_lines(found, folder, name, settings, read, seen)
    return lines


def of_mise(words: list[str], folder: str, read: Read) -> list[Line]:
    """What ``mise run test``, ``mise r test`` or ``mise test`` runs."""
    rest = words[1:]
    if rest[:2] == ["tasks", "run"]:
        rest = rest[2:]
    elif rest[:1] in (["run"], ["r"]):
        rest = rest[1:]
    lines: list[Line] = []
    for part in _apart(rest, ":::"):
        names, given, options = _named(part, _MISE_VALUES)
        inside = posixpath.join(folder, options.get("-C") or options.get("--cd") or "")
        lines += _mise_lines(names[0], inside, " ".join([*names[1:], *given]), read, set()) if names else []
    return lines


def _named(words: list[str], with_value: frozenset[str]) -> tuple[list[str], list[str], dict[str, str]]:
    """The words that are no options, those behind ``--``, and the options that have a value."""
    at = words.index("--") if "--" in words else len(words)
    names: list[str] = []
    options: dict[str, str] = {}
    left = iter(words[:at])
    for word in left:
        name, joined, value = word.partition("=")
        if name in with_value:
            options[name] = value if joined else next(left, "")
        elif not word.startswith("-"):
            names.append(word)
    return names, words[at + 1 :], options


def _apart(words: list[str], by: str) -> Iterator[list[str]]:
    part: list[str] = []
    for word in [*words, by]:
        if word == by:
            yield part
            part = []
        else:
            part.append(word)


def _taskfile(folder: str, names: tuple[str, ...], read: Read) -> dict[str, Any] | None:
    texts = (read(posixpath.normpath(posixpath.join(folder, name))) for name in names)
    text = next((text for text in texts if text is not None), None)
    found = plain_yaml.load(text) if text is not None else None
    return found if isinstance(found, dict) else None


def _tasks_lines(
    file: dict[str, Any], folder: str, name: str, settings: dict[str, str], read: Read, seen: set[tuple[str, str]]
) -> list[Line]:
    """The lines of a task of one file; a name with a colon may be of a file that this one includes."""
    name = name.removeprefix(":")
    if (folder, name) in seen or len(seen) > 100:
        return []
    tasks = _table(file.get("tasks"))
    told = tasks.get(name)
    if told is None:
        told = next((one for one in tasks.values() if name in _texts(_table(one).get("aliases"))), None)
    if told is None:
        return _included(file, folder, name, settings, read, seen)
    seen.add((folder, name))
    settings = _settings(file) | _settings(told) | settings
    whole = _table(told)
    inside = posixpath.join(folder, _filled(str(whole.get("dir") or ""), settings))
    lines: list[Line] = []
    for needed in _list(whole.get("deps")):
        other = needed if isinstance(needed, str) else _table(needed).get("task")
        lines += _tasks_lines(file, folder, other, settings, read, seen) if isinstance(other, str) else []
    commands = told if isinstance(told, str | list) else whole.get("cmds") or whole.get("cmd")
    for one in _list(commands):
        command, other = one if isinstance(one, str) else _table(one).get("cmd"), _table(one).get("task")
        if isinstance(command, str):
            lines.append((_filled(command, settings), inside))
        elif isinstance(other, str):
            lines += _tasks_lines(file, folder, other, settings, read, seen)
    return lines


def _included(
    file: dict[str, Any], folder: str, name: str, settings: dict[str, str], read: Read, seen: set[tuple[str, str]]
) -> list[Line]:
    for space, told in _table(file.get("includes")).items():
        whole = _table(told)
        flat = whole.get("flatten") is True
        spaces = {str(space), *_texts(whole.get("aliases"))}
        first, _, rest = name.partition(":")
        if not flat and first not in spaces:
            continue
        place = told if isinstance(told, str) else str(whole.get("taskfile") or "")
        path = posixpath.normpath(posixpath.join(folder, place))
        below, names = posixpath.split(path) if path.endswith((".yml", ".yaml")) else (path, "")
        other = _taskfile(below, (names,) if names else _TASKFILES, read)
        if other is None or len(seen) > 100:
            continue
        inside = posixpath.join(folder, str(whole["dir"])) if whole.get("dir") else below
        seen.add((folder, f"{space} included"))
        if lines := _tasks_lines(other, inside, name if flat else rest or "default", settings, read, seen):
            return lines
    return []


def _settings(table: Any) -> dict[str, str]:
    told = _table(_table(table).get("vars"))
    return {name: str(value) for name, value in told.items() if isinstance(value, str | int | float)}


def _filled(text: str, settings: dict[str, str]) -> str:
    for _ in range(_DEEPEST):
        text = _TEMPLATE.sub(lambda found: settings.get(found[1], ""), text)[:10_000]
    return _ANY_TEMPLATE.sub("", text)


def _mise_lines(name: str, folder: str, added: str, read: Read, seen: set[str]) -> list[Line]:
    if name in seen or len(seen) > 100:
        return []
    seen.add(name)
    tasks = _mise_tasks(folder, read)
    told = tasks.get(name) or next((t for t in tasks.values() if name in _texts(_table(t).get("alias"))), None)
    if told is None:
        return _mise_file(name, folder, read)
    whole = _table(told)
    inside = posixpath.join(folder, str(whole["dir"])) if isinstance(whole.get("dir"), str) else folder
    lines: list[Line] = []
    for needed in (*_texts(whole.get("depends")), *_texts(whole.get("depends_post"))):
        lines += _mise_lines(needed.split(" ")[0], folder, "", read, seen)
    commands = told if isinstance(told, str | list) else whole.get("run")
    for one in _list(commands):
        if isinstance(one, str):
            lines.append((_ANY_TEMPLATE.sub("", one), inside))
        for other in (*_texts(_table(one).get("task")), *_texts(_table(one).get("tasks"))):
            lines += _mise_lines(other, folder, "", read, seen)
    if lines and added and isinstance(commands, str | list):
        lines[-1] = (f"{lines[-1][0]} {added}", lines[-1][1])
    if isinstance(whole.get("file"), str):
        lines += _script(posixpath.join(folder, whole["file"]), inside, read)
    return lines


def _mise_tasks(folder: str, read: Read) -> dict[str, Any]:
    tasks: dict[str, Any] = {}
    for name in _MISE:
        try:
            told = tomllib.loads(read(posixpath.normpath(posixpath.join(folder, name))) or "").get("tasks")
        except (ValueError, RecursionError):
            continue
        tasks |= _table(told)
    return tasks


def _mise_file(name: str, folder: str, read: Read) -> list[Line]:
    """A task that is a file of its own: ``mise-tasks/test``, ``mise-tasks/test/unit`` for ``test:unit``."""
    place = name.replace(":", "/")
    for below in _MISE_FOLDERS:
        for suffix in _MISE_SUFFIXES:
            if lines := _script(posixpath.join(folder, below, place + suffix), folder, read):
                return lines
    return []


def _script(path: str, folder: str, read: Read) -> list[Line]:
    """A script, by its text where a shell reads it, else by its name."""
    path = posixpath.normpath(path)
    text = read(path)
    if text is None:
        return []
    shell = re.match(r"#!.*\b(ba|da|z|k)?sh\b", text) or not text.startswith("#!")
    return [(text, folder)] if shell else [(path, folder)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _texts(value: Any) -> list[str]:
    return [one for one in _list(value) if isinstance(one, str)]


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
