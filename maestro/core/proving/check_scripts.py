"""What checks run: their commands, followed through make, just, package scripts and shell scripts to the files they start.

Read as text, so a guess: what cannot be followed is left out.
"""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

_SHELL = re.compile(r"(ba|da|z|k)?sh")
_INTERPRETER = re.compile(r"(ba|da|z|k)?sh|python[\d.]*|node|tsx|ts-node|ruby|perl|php|deno|bun|\$.*")
_BEFORE = frozenset(
    {
        "env",
        "exec",
        "time",
        "nice",
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
#: Programs that start another one, with the word that comes before it.
_LAUNCHERS = dict.fromkeys(("uv", "poetry", "pipenv", "pdm", "hatch", "rye", "coverage", "doppler"), "run")
_LAUNCHERS |= {"bundle": "exec"}
#: The same without a word, and package managers' own: ``pnpm exec``, ``npm exec --``, ``yarn dlx``.
_WRAPPERS = frozenset(
    {"cross-env", "cross-env-shell", "dotenv", "c8", "nyc", "timeout", "sudo", "env", "npx", "bunx", "retry"}
)
_EXEC = frozenset({"exec", "dlx", "x"})
_PACKAGE_MANAGERS = frozenset({"npm", "pnpm", "yarn", "bun"})
_WITH_VALUE = frozenset(
    {
        "--with",
        "--extra",
        "--group",
        "--python",
        "-p",
        "--project",
        "--package",
        "-e",
        "-f",
        "--env",
        "--reporter",
        "-r",
    }
)
#: What runs scripts of a package by name, and what runs those of every package of a workspace.
_SEVERAL_SCRIPTS = frozenset({"run-s", "run-p", "npm-run-all", "npm-run-all2"})
_EVERY_PACKAGE = frozenset({"turbo", "nx", "lerna", "wsrun", "ultra"})
_MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
_RULE = re.compile(r"^([^\s#:=][^:=]*):(?!=)([^\n]*)$")
_MOST = 300

Read = Callable[[str], str | None]


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
        for part in re.split(r"&&|\|\||[;|]", line):
            try:
                words = shlex.split(part, comments=True)
            except ValueError:
                words = part.split()
            words = [word.strip("()") for word in words]
            while words and (not words[0] or "=" in words[0].partition("/")[0] or words[0] in _BEFORE):
                words = words[1:]
            while words and words[0].startswith("-"):  # of npx, of env
                words = words[2:] if words[0] in {"-u", "--unset"} else words[1:]
            if words:
                yield words


def _follow(words: list[str], folder: str, read: Read, files: set[str]) -> list[tuple[str, str]]:
    """Note the file that a command starts; the commands that it runs in turn, each with its folder."""
    words = without_launcher(words)
    name = words[0].rpartition("/")[2] if words else ""
    if not words:
        return []
    if name in _SEVERAL_SCRIPTS:
        named = [word for word in words[1:] if not word.startswith("-")]
        return [pair for one in named for pair in _package_script(["npm", "run", one], folder, read)]
    if name == "composer":
        return _package_script(words, folder, read, "composer.json")
    if name in {"make", "gmake", "just"}:
        return _recipes(words[1:], folder, read, ("justfile", "Justfile") if name == "just" else _MAKEFILES)
    if name == "task":
        text = read(_path(folder, "Taskfile.yml")) or ""
        return [(re.sub(r"^\s*(-\s+)?(cmds?:\s*)?", "", line), folder) for line in text.splitlines()]
    script = _package_script(words, folder, read) if name in _PACKAGE_MANAGERS else []
    if script:
        return script
    return _program(words, name, folder, read, files)


def _program(words: list[str], name: str, folder: str, read: Read, files: set[str]) -> list[tuple[str, str]]:
    shell = bool(_SHELL.fullmatch(name))
    if _INTERPRETER.fullmatch(name):
        if shell and "-c" in words[:-1]:
            return [(words[words.index("-c") + 1], folder)]
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
        return [(text, folder)] if (text := read(path)) else []
    return []


def without_launcher(words: list[str]) -> list[str]:
    """The command that a command starts, where it only starts another: ``uv run``, ``npx``, ``cross-env A=1 c8``…"""
    while words:
        name = words[0].rpartition("/")[2]
        if name in _WRAPPERS:
            rest = _without_options(words[1:])
            rest = rest[1:] if name == "timeout" else rest
        elif name in _PACKAGE_MANAGERS and words[1:2] and words[1] in _EXEC:
            rest = _without_options(words[2:])
        elif _LAUNCHERS.get(name) == "".join(words[1:2]):
            rest = _without_options(words[2:])
            module = next((word for word in words[2:] if word in {"-m", "--module"}), None)
            if module and (not rest or words.index(module) < words.index(rest[0])):
                rest = ["python", "-m", *words[words.index(module) + 1 :]]
        else:
            return words
        if not rest:
            return words if name == "env" else []
        words = rest
    return words


def _without_options(words: list[str]) -> list[str]:
    while words and (words[0].startswith("-") or "=" in words[0].partition("/")[0]):
        words = words[2:] if words[0] in _WITH_VALUE else words[1:]
    return words


def _of_every_package(words: list[str], read: Read, packages: Sequence[str]) -> list[tuple[str, str]]:
    """The scripts that a command runs in other packages than its own folder's: in a guess, in all of them."""
    words = without_launcher(words)
    name = words[0].rpartition("/")[2] if words else ""
    workspace = {
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
    }
    several = name in _PACKAGE_MANAGERS and any(word.partition("=")[0] in workspace for word in words)
    if not several and name not in _EVERY_PACKAGE:
        return []
    scripts = [word.rpartition(":")[2] if name == "nx" else word for word in words[1:] if not word.startswith("-")]
    return [
        pair
        for folder in packages
        for script in scripts
        if script not in {"run", "run-many", "workspace", "workspaces", "foreach"}
        for pair in _package_script(["npm", "run", script], folder, read)
    ]


def _package_script(words: list[str], folder: str, read: Read, manifest: str = "package.json") -> list[tuple[str, str]]:
    named = [word for word in words[1:] if not word.startswith("-")]
    if named and named[0] in {"run", "run-script"}:
        named = named[1:]
    try:
        scripts = json.loads(read(_path(folder, manifest)) or "{}").get("scripts", {})
    except (ValueError, AttributeError):
        return []
    if not isinstance(scripts, dict):
        return []
    name = "test" if named[:1] == ["t"] else (named or [""])[0]
    wanted = [f"pre{name}", name, f"post{name}"] if name in scripts else []
    # Composer takes a list of commands, of which "@name" is another script.
    lines = [line for one in wanted if one in scripts for line in _lines(scripts[one])]
    return [(re.sub(r"^@(?!php )", "composer ", line).removeprefix("@php "), folder) for line in lines]


def _lines(script: object) -> list[str]:
    return [str(line) for line in script] if isinstance(script, list) else [str(script)]


def _recipes(words: list[str], folder: str, read: Read, names: Iterable[str]) -> list[tuple[str, str]]:
    if "-C" in words[:-1]:
        at = words.index("-C")
        folder, words = _path(folder, words[at + 1]), words[:at] + words[at + 2 :]
    text = next((text for name in names if (text := read(_path(folder, name))) is not None), "")
    rules = _rules(text)
    todo = [word for word in words if not word.startswith("-") and "=" not in word] or list(rules)[:1]
    done: set[str] = set()
    lines: list[str] = []
    while todo:
        target = todo.pop()
        if target in done or target not in rules:
            continue
        done.add(target)
        needs, recipe = rules[target]
        todo += needs
        lines += recipe
    return [(line, folder) for line in lines]


def _rules(text: str) -> dict[str, tuple[list[str], list[str]]]:
    """By target, in turn: what it needs first, and the lines of its recipe."""
    rules: dict[str, tuple[list[str], list[str]]] = {}
    current: list[str] = []
    for line in text.replace("\\\n", " ").splitlines():
        rule = _RULE.match(line)
        if rule:
            needs, _, first = rule[2].partition(";")
            current = [target for target in rule[1].split() if not target.startswith(".")]
            for target in current:
                known = rules.setdefault(target, ([], []))
                known[0].extend(needs.split())
                known[1].extend([first.strip()] if first.strip() else [])
        elif line[:1].isspace() and line.strip():
            for target in current:
                rules[target][1].append(line.strip().lstrip("@-+ "))
    return rules


def _path(folder: str, name: str) -> str:
    return posixpath.normpath(posixpath.join(folder, name))
