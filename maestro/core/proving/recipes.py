"""The recipes of make and just: read as text, their variables put in where that is simple."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator

Read = Callable[[str], str | None]

_MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
_JUSTFILES = ("justfile", "Justfile", ".justfile")
_RULE = re.compile(r"^([^\s#:=][^:=]*):(?!=)([^\n]*)$")
_JUST_RULE = re.compile(r"^@?([A-Za-z_][\w-]*)((?:\s+[^:]*)?):(?!=)(.*)$")
_ALIAS = re.compile(r"^alias\s+([\w-]+)\s*:=\s*([\w:-]+)", re.MULTILINE)
_JUST_IMPORT = re.compile(r"^import\??\s+['\"]([^'\"]+)['\"]", re.MULTILINE)
_SET = re.compile(r"^(?:export\s+)?([A-Za-z_]\w*)\s*(?::{0,3}|\?)=\s*(.*)$", re.MULTILINE)
_ROUNDS = 5  # of variables in variables

#: By target: what it needs first, and the lines of its recipe.
Rules = dict[str, tuple[list[str], list[str]]]


def lines_of(name: str, words: list[str], folder: str, read: Read) -> list[tuple[str, str]]:
    """What ``make`` or ``just`` runs for ``words`` in ``folder``: lines, each with the folder it runs in."""
    for option in ("-C", "--directory") if name != "just" else ("-d", "--working-directory"):
        if option in words[:-1]:
            at = words.index(option)
            folder, words = posixpath.join(folder, words[at + 1]), words[:at] + words[at + 2 :]
    if name == "just":
        return _just(words, folder, read)
    text, words = _file(words, ("-f", "--file", "--makefile"), _MAKEFILES, folder, read)
    settings = dict(_SET.findall(text.replace("\\\n", " ")))
    settings |= dict(word.partition("=")[::2] for word in words if "=" in word)
    return [(_with(line, settings, r"\$[({](\w+)[)}]"), folder) for line in _recipe(_rules(text), words)]


def _file(
    words: list[str], options: tuple[str, ...], names: tuple[str, ...], folder: str, read: Read
) -> tuple[str, list[str]]:
    """The text of the file that holds the recipes, and the words without what names it."""
    for option in options:
        if option in words[:-1]:
            at = words.index(option)
            return read(posixpath.normpath(posixpath.join(folder, words[at + 1]))) or "", words[:at] + words[at + 2 :]
    found = (read(posixpath.normpath(posixpath.join(folder, name))) for name in names)
    return next((text for text in found if text is not None), ""), words


def default_of_rake(folder: str, read: Read) -> list[tuple[str, str]]:
    """What ``rake`` runs where it is told no task."""
    texts = (read(posixpath.normpath(posixpath.join(folder, name))) for name in ("Rakefile", "rakefile", "Rakefile.rb"))
    text = next((text for text in texts if text is not None), "")
    needed = re.findall(r"^\s*task\(?\s*:?default['\"]?\s*(?:=>|:)\s*(.*)$", text, re.MULTILINE)
    needed += re.findall(r"^\s*task\s+['\"]default['\"]\s*=>\s*(.*)$", text, re.MULTILINE)
    names = [name for told in needed for name in re.findall(r"[\w:-]*\w", re.sub(r"%[iw]", "", told))]
    return [(f"rake {name.lstrip(':')}", folder) for name in names]


def _just(words: list[str], folder: str, read: Read) -> list[tuple[str, str]]:
    text, words = _file(words, ("-f", "--justfile"), _JUSTFILES, folder, read)
    for name in _JUST_IMPORT.findall(text):
        text += "\n" + (read(posixpath.normpath(posixpath.join(folder, name))) or "")
    words = [part for word in words for part in word.split("::")]
    module = next((w for w in words if re.search(rf"^mod\??\s+{re.escape(w)}\b", text, re.MULTILINE)), None)
    if module is not None:
        return _just_module(module, words, folder, read)
    words = [dict(_ALIAS.findall(text)).get(word, word) for word in words]
    settings = {name: value.strip("'\"") for name, value in _SET.findall(text)}
    lines = _recipe(_just_rules(text), words)
    return [(re.sub(r"\{\{.*?\}\}", "", _with(line, settings, r"\{\{\s*(\w+)\s*\}\}")), folder) for line in lines]


def _just_module(module: str, words: list[str], folder: str, read: Read) -> list[tuple[str, str]]:
    """A module's file lies beside, or in a folder of its name; its recipes run where it lies."""
    rest = words[words.index(module) + 1 :]
    for below, name in (("", f"{module}.just"), (module, "mod.just"), (module, "justfile"), (module, ".justfile")):
        inside = posixpath.join(folder, below)
        if read(posixpath.normpath(posixpath.join(inside, name))) is not None:
            return _just(["--justfile", name, *rest], inside, read)
    return []


def _with(line: str, settings: dict[str, str], named: str) -> str:
    for _ in range(_ROUNDS):
        new = re.sub(named, lambda m: settings.get(m[1], m[0]), line)
        if new == line or len(new) > 10_000:
            break
        line = new
    return line


def _recipe(rules: Rules, words: list[str]) -> Iterator[str]:
    """The lines of all that the targets among ``words`` need; the first target's where none is named."""
    todo = [word for word in words if not word.startswith("-") and "=" not in word] or list(rules)[:1]
    done: set[str] = set()
    while todo:
        target = todo.pop()
        if target in done or target not in rules:
            continue
        done.add(target)
        needs, lines = rules[target]
        todo += needs
        yield from lines


def _rules(text: str) -> Rules:
    rules: Rules = {}
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


def _just_rules(text: str) -> Rules:
    """Recipes of a justfile; their parameters may have defaults, and what they need may have arguments."""
    rules: Rules = {}
    current = None
    for line in text.replace("\\\n", " ").splitlines():
        if (rule := _JUST_RULE.match(line)) and not line.startswith(("set ", "alias ", "export ", "mod ", "import ")):
            current = rules.setdefault(rule[1], (re.findall(r"[A-Za-z_][\w-]*", rule[3].partition("#")[0]), []))
        elif current is not None and line[:1].isspace() and line.strip():
            current[1].append(line.strip().lstrip("@- "))
    return rules
