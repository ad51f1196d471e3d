"""What checks run: their commands, followed through make, just, package scripts and shell scripts to the files they start.

Read as text, so a guess: what cannot be followed is left out.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from maestro.core.proving import recipes, script_tables, task_files
from maestro.core.proving.launchers import (
    PACKAGE_MANAGERS,
    plain,
    program_of_package,
    without_launcher,
    without_options,
)
from maestro.core.proving.recipes import Read
from maestro.core.proving.script_tables import package_script

_SHELL = re.compile(r"(ba|da|z|k)?sh")
_INTERPRETER = re.compile(r"(ba|da|z|k)?sh|python[\d.]*|node|tsx|ts-node|ruby|perl|php|deno|bun|\$.*")
_BEFORE = frozenset(
    {
        "env",
        "exec",
        "time",
        "npx",
        "bunx",
        "xvfb-run",
        "if",
        "then",
        "elif",
        "else",
        "while",
        "until",
        "do",
        "!",
        "{",
        "}",
        "fi",
        "done",
    }
)
#: What runs scripts of a package by name, and what runs those of every package of a workspace.
_SEVERAL_SCRIPTS = frozenset({"run-s", "run-p", "npm-run-all", "npm-run-all2"})
_EVERY_PACKAGE = frozenset({"turbo", "nx", "lerna", "wsrun", "ultra"})
#: Options and words with which a package manager speaks of other packages than its own folder's.
_WORKSPACE = frozenset(
    (
        "-r",
        "--recursive",
        "-w",
        "--workspace",
        "-ws",
        "--workspaces",
        "--filter",
        "-F",
        "workspace",
        "workspaces",
        "-A",
        "--all",
    )
)
_NO_SCRIPTS = frozenset({"run", "run-many", "affected", "workspace", "workspaces", "foreach"})
_MOST = 300

_PART = re.compile(r"(?:\\.|'[^']*'|\"(?:\\.|[^\"\\])*\"|(?<!&)&(?!&)|[^&|;])+")
_BIN = re.compile(r"""["']?\$\((?:yarn|npm|pnpm) bin(?: ([\w-]+))?\)/?""")
_SET = re.compile(
    r"^\s*(?:export\s+|readonly\s+|local\s+)?([A-Za-z_]\w*)=(\"[^\"$`]*\"|'[^']*'|[\w./ -]*)\s*$", re.MULTILINE
)


@dataclass(slots=True)
class Reached:
    """What checks come to: every single command, and the files of the repository that these may start."""

    commands: list[str] = field(default_factory=list)
    files: set[str] = field(default_factory=set)


def reached(checks: Sequence[str], read: Read, packages: Sequence[str] = ()) -> Reached:
    """Follow ``checks`` as far as text tells. ``read`` gives a file of the repository, None where there is none.

    ``packages``: the folders of a workspace that hold a package.json, for what runs a script in each of them.
    """
    found = Reached()
    todo = [(check, "") for check in checks]
    seen: set[tuple[str, str]] = set()
    while todo and len(seen) < _MOST:
        one = todo.pop()
        if one in seen:
            continue
        seen.add(one)
        folder = one[1]
        for words in _commands(one[0]):
            if words[0] == "cd" and len(words) == 2:
                folder = _path(folder, words[1])
                continue
            found.commands.append(shlex.join(words))
            todo += _follow(words, folder, read, found.files)
            todo += _of_every_package(words, read, packages)
    return found


def _commands(text: str) -> Iterator[list[str]]:
    text = text.replace("\\\n", " ").replace("$(MAKE)", "make").replace("${MAKE}", "make")
    for line in text.splitlines():
        for part in _parts(line):
            try:
                words = shlex.split(part, comments=True)
            except ValueError:
                words = part.split()
            words = [word.strip("()") for word in words]
            while words and (not words[0] or "=" in words[0].partition("/")[0] or words[0] in _BEFORE):
                fetched, words = words[0] in {"npx", "bunx"}, words[1:]
                words = plain(without_options(words)) if fetched else words
            while words and words[0].startswith("-"):  # of env
                words = words[2:] if words[0] in {"-u", "--unset"} else words[1:]
            if words:
                yield words


def _parts(line: str) -> list[str]:
    """The commands of a line, apart at ``&&``, ``||``, ``;`` and ``|``, but for those in quotes that are closed."""
    return [part for part in _PART.findall(line) if part.strip()]


def _follow(words: list[str], folder: str, read: Read, files: set[str]) -> list[tuple[str, str]]:
    """Note the file that a command starts; the commands that it runs in turn, each with its folder."""
    tasks = _python_task(words, folder, read)
    words = without_launcher(words)
    name = words[0].rpartition("/")[2] if words else ""
    if not words or tasks:
        return tasks
    if name in _SEVERAL_SCRIPTS:
        named = [word for word in words[1:] if not word.startswith("-")]
        return [pair for one in named for pair in package_script(["npm", "run", one], folder, read)]
    if name == "composer":
        return package_script(words, folder, read, "composer.json")
    if name in {"make", "gmake", "just"}:
        return recipes.lines_of(name, words[1:], folder, read)
    if name in {"task", "go-task"}:
        return task_files.of_task(words[1:], folder, read)
    if name == "mise":
        return task_files.of_mise(words, folder, read)
    if name == "deno" and words[1:2] == ["task"]:
        return script_tables.deno_task(words, folder, read)
    if name == "node" and "--run" in words[:-1]:
        return package_script(["node", *words[words.index("--run") + 1 :]], folder, read)
    if name == "rake" and not any(re.match(r"[a-z]", word) for word in words[1:]):
        return recipes.default_of_rake(folder, read)
    if name in PACKAGE_MANAGERS:
        inside = _inside(words, folder)
        if script := package_script(words, inside, read):
            return script
        if program := program_of_package(words):
            return [(shlex.join(program), inside)]
    return _program(words, name, folder, read, files)


def _python_task(words: list[str], folder: str, read: Read) -> list[tuple[str, str]]:
    name = words[0].rpartition("/")[2]
    if name in script_tables.PYTHON_TASKS:
        return script_tables.python_task(words, folder, read)
    inner = without_launcher(words)  # ``uv run poe test``
    return script_tables.python_task(inner, folder, read) if inner and inner[0] in {"poe", "task"} else []


def _inside(words: list[str], folder: str) -> str:
    """The folder that ``npm --prefix web`` and ``pnpm -C web`` speak of."""
    for option in ("-C", "--dir", "--prefix", "--cwd"):
        if option in words[:-1]:
            return _path(folder, words[words.index(option) + 1])
    given = next((w.partition("=")[2] for w in words if w.startswith(("--prefix=", "--dir=", "--cwd="))), None)
    return _path(folder, given) if given else folder


def _program(words: list[str], name: str, folder: str, read: Read, files: set[str]) -> list[tuple[str, str]]:
    shell = bool(_SHELL.fullmatch(name))
    if _INTERPRETER.fullmatch(name):
        given = next((at for at, word in enumerate(words[1:-1], start=1) if re.fullmatch(r"-[a-z]*c", word)), None)
        if shell and given:
            return [(words[given + 1], folder)]
        if "-m" in words[:-1]:
            module = words[words.index("-m") + 1].replace(".", "/")
            files |= {_path(folder, f"{module}.py"), _path(folder, f"{module}/__main__.py")}
            return []
        words = [word for word in words[1:] if not word.startswith("-")]
    if not words:
        return []
    path = _path(folder, words[0])
    files.add(path)
    if shell or path.endswith(".sh"):
        return [(_with_settings(text), folder)] if (text := read(path)) else []
    return []


def _with_settings(text: str) -> str:
    """A shell script with its plain variables put in, and without the words that look a program up."""
    text = _BIN.sub(lambda m: f"{m[1]} " if m[1] else "", text)
    for name, value in dict(_SET.findall(text)).items():
        plain = value.strip("\"'")
        if plain:
            text = re.sub(rf"\$(?:{name}\b|\{{{name}\}})", lambda _, value=plain: value, text)  # type: ignore[misc]
    return text


def _of_every_package(words: list[str], read: Read, packages: Sequence[str]) -> list[tuple[str, str]]:
    """The scripts that a command runs in other packages than its own folder's: in a guess, in all of them."""
    words = without_launcher(words)
    name = words[0].rpartition("/")[2] if words else ""
    several = name in PACKAGE_MANAGERS and any(word.partition("=")[0] in _WORKSPACE for word in words)
    if not several and name not in _EVERY_PACKAGE:
        return []
    named = [w.removeprefix("--target=").removeprefix("--targets=").removeprefix("-t=") for w in words[1:]]
    scripts = [word.rpartition(":")[2] if name == "nx" else word for word in named if not word.startswith("-")]
    scripts = [one for word in scripts for one in word.split(",") if one not in _NO_SCRIPTS]
    found = [p for folder in packages for s in scripts for p in package_script(["npm", "run", s], folder, read)]
    if name == "nx":
        found += [p for folder in packages for s in scripts for p in script_tables.nx_target(s, folder, read)]
    if several and "exec" in words:  # ``pnpm -r exec vitest run``
        found.append((shlex.join(words[words.index("exec") + 1 :]), ""))
    return found


def _path(folder: str, name: str) -> str:
    return posixpath.normpath(posixpath.join(folder, name))
