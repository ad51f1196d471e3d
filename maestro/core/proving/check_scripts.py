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
_LAUNCHERS = dict.fromkeys(("uv", "poetry", "pipenv", "pdm", "hatch", "rye"), "run") | {"bundle": "exec"}
_WITH_VALUE = frozenset({"--with", "--extra", "--group", "--python", "-p", "--project", "--package"})
_MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
_RULE = re.compile(r"^([^\s#:=][^:=]*):(?!=)([^\n]*)$")
_MOST = 300

Read = Callable[[str], str | None]


@dataclass(slots=True)
class Reached:
    """What checks come to: every single command, and the files of the repository that these may start."""

    commands: list[str] = field(default_factory=list)
    files: set[str] = field(default_factory=set)


def reached(checks: Sequence[str], read: Read) -> Reached:
    """Follow ``checks`` as far as text tells. ``read`` gives a file of the repository, None where there is none."""
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
            if words:
                yield words


def _follow(words: list[str], folder: str, read: Read, files: set[str]) -> list[tuple[str, str]]:
    """Note the file that a command starts; the commands that it runs in turn, each with its folder."""
    words = _without_launcher(words)
    name = words[0].rpartition("/")[2] if words else ""
    if not words:
        return []
    if name in {"make", "gmake", "just"}:
        return _recipes(words[1:], folder, read, ("justfile", "Justfile") if name == "just" else _MAKEFILES)
    if name == "task":
        text = read(_path(folder, "Taskfile.yml")) or ""
        return [(re.sub(r"^\s*(-\s+)?(cmds?:\s*)?", "", line), folder) for line in text.splitlines()]
    script = _package_script(words, folder, read) if name in {"npm", "pnpm", "yarn", "bun"} else []
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


def _without_launcher(words: list[str]) -> list[str]:
    if len(words) < 2 or _LAUNCHERS.get(words[0]) != words[1]:
        return words
    rest = words[2:]
    while rest and rest[0].startswith("-"):
        if rest[0] in {"-m", "--module"}:
            return ["python", "-m", *rest[1:]]
        rest = rest[2:] if rest[0] in _WITH_VALUE else rest[1:]
    return rest


def _package_script(words: list[str], folder: str, read: Read) -> list[tuple[str, str]]:
    named = [word for word in words[1:] if not word.startswith("-")]
    if named and named[0] in {"run", "run-script"}:
        named = named[1:]
    try:
        scripts = json.loads(read(_path(folder, "package.json")) or "{}").get("scripts", {})
    except (ValueError, AttributeError):
        return []
    name = "test" if named[:1] == ["t"] else (named or [""])[0]
    wanted = [f"pre{name}", name, f"post{name}"] if name in scripts else []
    return [(str(scripts[one]), folder) for one in wanted if one in scripts]


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
