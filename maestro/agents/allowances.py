"""What "allow for this session" covers: signatures, made of a call, compared with others, put in words.

A signature names the tool, and behind the colon what is allowed. For commands these are parts joined by " + ",
each a program with its subcommand, and behind " @ " what must be the very same: every path that is no plain file
of the worktree, every address, and the options of what installs or pushes.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterable
from pathlib import Path, PurePath

from maestro.agents.looking import paths_of
from maestro.agents.places import Place
from maestro.agents.shell import Command

_LONGEST = 400
_EVERYTHING_BELOW = "/**"
_FILES_OF = "/*"

_HIGH_RISK = re.compile(
    r"\brm\s+(?:-\S*\s+)*-{1,2}(?:[a-zA-Z]*[rR]|recursive)|\bgit\s+(?:\S+\s+)*?(?:push|config|remote|clean|filter-branch|update-ref)\b"
    r"|\b(?:sudo|su|doas|ssh|scp|sftp|rsync|dd|mkfs\S*|shutdown|reboot|crontab|systemctl|launchctl|docker|podman|kubectl|nc|ncat|socat)\b"
    r"|\b(?:curl|wget)\b|\|\s*(?:ba|z|da|k)?sh\b|\beval\b"
    r"|\b(?:pip3?|npm|pnpm|yarn|bun|cargo|gem|go|uv|pipx|poetry|conda|brew|apt|apt-get|dnf|yum|apk|pacman)\s+(?:\S+\s+)*?(?:install|i|add|ci|update|upgrade|sync|get)\b"
    r"|\b(?:npx|uvx|bunx)\b|\bch(?:mod|own)\s+-\S*R|\bkill(?:all)?\b|\bpkill\b|(?:^|[\s/'\"])\.git/|>\s*(?:/(?!dev/null)|~|\.\.)"
)  # fmt: skip
# fmt: off
#: Programs that run what their arguments say: an allowance covers only the very same command.
_INTERPRETERS = frozenset({
    "python", "python3", "node", "deno", "bun", "perl", "ruby", "php", "sh", "bash", "zsh", "dash", "env",
    "xargs", "sudo", "doas", "su", "eval", "exec", "source", ".", "nohup", "timeout", "time", "nice", "ssh",
    "awk", "sed", "find", "parallel", "watch", "osascript", "rm",
})
#: These evaluate an argument as the shell's own commands only; as a subcommand (``npm test``) they are names.
_BUILTINS = frozenset({"printf", "test"})
_WITH_SUBCOMMAND = frozenset({
    "git", "npm", "pnpm", "yarn", "pip", "pip3", "uv", "cargo", "go", "make", "docker", "podman", "kubectl",
    "gh", "apt", "apt-get", "brew", "poetry", "npx", "uvx", "conda", "gem",
})
#: Of what is risky the only things that may be allowed with other operands: they are done many times.
_REPEATED = frozenset({"push", "install", "i", "add", "ci", "update", "upgrade", "sync", "get"})
# fmt: on
#: Subcommands that run what the next word names.
_RUNNERS = frozenset({"run", "run-script", "exec", "x", "tool"})
#: Python modules that an allowance may cover by name.
_MODULES = frozenset({"pytest", "unittest", "mypy", "ruff", "build", "compileall", "coverage"})


def is_risky(command: str) -> bool:
    """Whether a command line holds anything of high risk."""
    return bool(_HIGH_RISK.search(command))


def of_command(commands: list[tuple[Command, Place]], whole: str) -> str:
    """The signature of a line; ``commands`` are those that do not just look, with where they run."""
    parts = []
    for command, place in commands:
        part = _part(command, place)
        if part is None or " + " in part or not part.isprintable():
            return exactly(whole)
        parts.append(part)
    signature = "Bash:" + " + ".join(sorted(set(parts)))
    return signature if len(signature) <= _LONGEST else exactly(whole)


def of_reading(path: Path, *, hidden: bool) -> str:
    """The signature of a look at something outside: a folder with all below, or the files beside this one.

    ``hidden``: keys and settings of the person could lie beside it, so that it is this file only.
    """
    if path.is_dir():
        return _bounded("Read", f"{path}{_EVERYTHING_BELOW}")
    return _bounded("Read", str(path) if hidden else f"{path.parent}{_FILES_OF}")


def of_writing(path: object) -> str:
    """The signature of a change outside the worktree or to what tools obey: this file only."""
    return _bounded("Write", str(path))


def exactly(command: str) -> str:
    """The signature of one command, word for word."""
    return f"Bash:exactly {_hash(command.strip())}"


def covered(signature: str, allowances: Iterable[str]) -> bool:
    """Whether what was allowed covers a call with this signature."""
    tool, _, wanted = signature.partition(":")
    known = {part for a in allowances if a.partition(":")[0] == tool for part in a.partition(":")[2].split(" + ")}
    if tool == "Read":
        folders = [PurePath(k.removesuffix(_EVERYTHING_BELOW)) for k in known if k.endswith(_EVERYTHING_BELOW)]
        path = PurePath(wanted.removesuffix(_EVERYTHING_BELOW).removesuffix(_FILES_OF))
        return wanted in known or any(path.is_relative_to(folder) for folder in folders)
    return set(wanted.split(" + ")) <= known


def in_words(signature: str) -> str:
    """What "allow for this session" would allow, as a sentence for the person."""
    tool, _, what = signature.partition(":")
    if tool == "Bash":
        return _FIXED.get(signature) or _command_words(what)
    if signature in _FIXED:
        return _FIXED[signature]
    if tool == "Read" and what.endswith(_EVERYTHING_BELOW):
        return f"Reading anything in {what.removesuffix(_EVERYTHING_BELOW) or '/'}."
    if tool == "Read" and what.endswith(_FILES_OF):
        return f"Reading files in {what.removesuffix(_FILES_OF) or '/'}, not in its folders."
    if tool in ("Read", "Write") and what:
        return f"{'Reading' if tool == 'Read' else 'Changing'} {what}, nothing else."
    if tool == "WebFetch":
        return f"Fetching pages of {what}."
    return f"Every use of {tool.removeprefix('mcp__').replace('__', ': ')}."


def _command_words(what: str) -> str:
    if what.startswith("exactly "):
        return "This very command, word for word."
    parts, bound = [], False
    for part in what.split(" + "):
        name, found, same = part.partition(" @ ")
        bound = bound or bool(found)
        parts.append(f"“{name}” with {same}" if found else f"“{name}”")
    elsewhere = "nothing else" if bound else "nothing"
    return f"{' and '.join(parts)}. Other words may differ, as long as they name {elsewhere} outside the worktree."


_FIXED = {
    "Bash:check": "Running the plan’s checks.",
    "Bash:edit": "Making, copying and moving files of the worktree.",
    "Bash:read": "Commands that only look at the worktree.",
    "Write:worktree": "Changing any file of the worktree, but for git’s own and settings that tools obey.",
    "WebSearch": "Searching the web.",
}


def _part(command: Command, place: Place) -> str | None:
    """A command's part of the signature; None: only the whole line, word for word, can be allowed."""
    if not place.holds("."):
        return None
    if command.words[1:2] == ["-m"] and command.program.startswith("python") and _MODULES & {*command.words[2:3]}:
        name, rest = command.words[:3], 3
    elif command.program in _INTERPRETERS | _BUILTINS or "/" in command.program or "=" in command.program:
        return None
    elif command.program in _WITH_SUBCOMMAND and command.arguments:
        rest = 3 if command.words[1] in _RUNNERS else 2
        name = command.words[:rest]
        if any(word.startswith("-") for word in name) or _INTERPRETERS & {*name[1:]}:
            return None
    else:
        name, rest = command.words[:1], 1
    risky = is_risky(" ".join(command.words))
    if risky and not (command.program in _WITH_SUBCOMMAND and name[1:2] and name[1] in _REPEATED):
        return None
    same = _must_stay(command, place, rest, options=risky)
    return " ".join(name) + (f" @ {shlex.join(same)}" if same else "")


def _must_stay(command: Command, place: Place, rest: int, *, options: bool) -> list[str]:
    """The words behind ``rest`` that an allowance names: what leads elsewhere, addresses, of risky ones the options."""
    found = set()
    for index, path in paths_of(command):
        word = command.words[index]
        if index < rest:
            continue
        spellings = {path, word[2:]} if word.startswith("-") else {path}
        if index in command.globbed and ".." in word:
            found.add(word)
        elif any(place.edit_kind(spelt) != "edit" for spelt in spellings):
            found.add(word if word.startswith("-") or index in command.globbed else _behind_links(word, place))
        elif "://" in word or (options and (word[0:1] in ("-", "+") or ":" in word)):
            found.add(word)
    return sorted(found)


def _behind_links(word: str, place: Place) -> str:
    try:
        return str(place.target(word))
    except (OSError, ValueError, RuntimeError):
        return word


def _bounded(tool: str, what: str) -> str:
    if len(what) > _LONGEST or not what.isprintable() or " + " in what:
        what = f"exactly {_hash(what)}"
    return f"{tool}:{what}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
