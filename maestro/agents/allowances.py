"""What "allow for this session" covers: signatures, made of a call, compared with others, put in words.

A signature names the tool, and behind the colon what is allowed. It is an allow-list: a command counts word for word,
from where it ran. Only what a table here knows may have other words: commits, files of the worktree, and tests,
linters and formatters with the options that ``tool_table`` lists. Parts of a line are joined by " + ".
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import urlsplit

from maestro.agents.shell import BLANKS, Command
from maestro.agents.shell_folders import Place

_LONGEST = 400
_EVERYTHING_BELOW = "/**"
_FILES_OF = "/*"
_EXACTLY = "exactly "
#: Where a question about a connection names no port, all are meant.
ANY_PORT = "any"

_HIGH_RISK = re.compile(
    r"\brm\s+(?:-\S*\s+)*-{1,2}(?:[a-zA-Z]*[rR]|recursive)|\bgit\s+(?:\S+\s+)*?(?:push|config|remote|clean|filter-branch|update-ref)\b"
    r"|\b(?:sudo|su|doas|ssh|scp|sftp|rsync|dd|mkfs\S*|shutdown|reboot|crontab|systemctl|launchctl|docker|podman|kubectl|nc|ncat|socat)\b"
    r"|\b(?:curl|wget)\b|\|\s*(?:ba|z|da|k)?sh\b|\beval\b"
    r"|\b(?:pip3?|npm|pnpm|yarn|bun|cargo|gem|go|uv|pipx|poetry|conda|brew|apt|apt-get|dnf|yum|apk|pacman)\s+(?:\S+\s+)*?(?:install|i|add|ci|update|upgrade|sync|get)\b"
    r"|\b(?:npx|uvx|bunx)\b|\bch(?:mod|own)\s+-\S*R|\bkill(?:all)?\b|\bpkill\b|(?:^|[\s/'\"])\.git/|>\s*(?:/(?!dev/null)|~|\.\.)"
)  # fmt: skip
# fmt: off
#: Tools that test, check or format, and are named by their words: allowed with any options that Maestro knows. Build
#: tools, package managers, interpreters and whatever starts another program are allowed word for word only.
_TOOLS = frozenset({
    "pytest", "mypy", "pyright", "ruff", "black", "isort", "flake8", "pylint", "eslint", "prettier", "stylelint", "jest",
    "vitest", "tsc", "rustfmt", "gofmt", "shellcheck", "clang-format", "phpstan", "phpunit", "rubocop", "rspec",
})
_WITH_SUBCOMMAND = frozenset({"ruff"})
_MODULES = frozenset({"pytest", "mypy", "ruff", "unittest", "black", "isort", "flake8", "pylint"})
#: Folders of the system where one file's neighbors are nothing like it.
_OWN_FILE_ONLY = tuple(Path(p) for p in ("/etc", "/private", "/proc", "/sys", "/dev", "/var", "/run", "/root", "/boot"))
# fmt: on
_COMMIT = re.compile(r"-[aqv]*m|-[aqv]+|--all|--quiet|--message|--message=.*", re.DOTALL)
_ADD = re.compile(r"-[AuvN]+|--all|--update|--verbose|--intent-to-add|--")
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9.\-]*[a-z0-9])?")
_PORTS = {"http": 80, "https": 443}


def is_risky(command: str) -> bool:
    """Whether a command line holds anything of high risk."""
    return bool(_HIGH_RISK.search(command))


def risky_parts(command: str) -> list[tuple[int, int]]:
    """Where in a command line the parts of high risk are."""
    return [found.span() for found in _HIGH_RISK.finditer(command)]


def of_command(commands: Sequence[tuple[Command, Place, str]], whole: str, start: Place) -> str:
    """The signature of a line; ``commands`` are those that do not just look, with where they run and their kind."""
    parts = [_part(*each) for each in commands]
    if any(part is None for part in parts):
        return exactly(whole, start)
    return "Bash:" + " + ".join(sorted({part for part in parts if part}))


def of_reading(path: Path, *, hidden: bool) -> str:
    """The signature of a look at something outside: a folder with all below, or the files beside this one.

    ``hidden``: keys and settings of the user could lie beside it, so that it is this file only.
    """
    if path.is_dir():
        return _bounded("Read", f"{path}{_EVERYTHING_BELOW}")
    alone = hidden or any(path.is_relative_to(folder) for folder in _OWN_FILE_ONLY)
    return _bounded("Read", str(path) if alone else f"{path.parent}{_FILES_OF}")


def of_writing(path: object) -> str:
    """The signature of a change outside the worktree or to what tools obey: this file only."""
    return _bounded("Write", str(path))


def of_use(tool: str, tool_input: dict[str, Any]) -> str:
    """The signature of a tool that Maestro does not know: the same input only."""
    return f"{tool}:{_EXACTLY}{_hash(json.dumps(tool_input, sort_keys=True, default=str))}"


def of_fetching(url: str) -> str:
    """The signature of a fetched page: its host and port; of an address that programs may read differently only itself."""
    found = host_and_port(url)
    return f"WebFetch:{found}" if found else f"WebFetch:{_EXACTLY}{_hash(url)}"


def of_connecting(host: str, port: object) -> str:
    """The signature of a connection from within the sandbox."""
    return _bounded("Network", f"{host}:{port}")


def port_in_words(port: str) -> str:
    """``port 443``, or that all ports are meant."""
    return "any port" if port == ANY_PORT else f"port {port}"


def host_and_port(url: str) -> str:
    """``host:port`` of an address that every reader understands alike; empty for any other."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return ""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        return ""
    host = parts.netloc.rpartition(":")[0] if parts.port else parts.netloc.removesuffix(":")
    return f"{host.lower()}:{port}" if _HOST.fullmatch(host.lower()) else ""


def exactly(command: str, start: Place | None = None, *, sandboxed: bool = True) -> str:
    """The signature of one command, word for word, where it ran.

    ``sandboxed``: false for one that asks to leave the sandbox, which one inside does not stand for.
    """
    elsewhere = "" if start is None or start.folders == (start.worktree,) else f"\0{start.folders}"
    left = "" if sandboxed else "outside the sandbox "
    return f"Bash:{left}{_EXACTLY}{_hash(command.strip(BLANKS) + elsewhere)}"


def covered(signature: str, allowances: Iterable[str]) -> bool:
    """Whether what was allowed covers a call with this signature."""
    tool, _, wanted = signature.partition(":")
    given = [a.partition(":")[2] for a in allowances if a.partition(":")[0] == tool]
    if tool == "Bash":
        return set(wanted.split(" + ")) <= {part for what in given for part in what.split(" + ")}
    if tool == "Read":
        folders = [PurePath(k.removesuffix(_EVERYTHING_BELOW)) for k in given if k.endswith(_EVERYTHING_BELOW)]
        path = PurePath(wanted.removesuffix(_EVERYTHING_BELOW).removesuffix(_FILES_OF))
        return wanted in given or any(path.is_relative_to(folder) for folder in folders)
    return wanted in given


def in_words(signature: str) -> str:
    """What "allow for this session" would allow, as a sentence for the user."""
    tool, _, what = signature.partition(":")
    if signature in _FIXED:
        return _FIXED[signature]
    if tool == "Bash":
        return _command_words(what)
    if tool == "Read" and what.endswith(_EVERYTHING_BELOW):
        return f"Reading anything in {what.removesuffix(_EVERYTHING_BELOW) or '/'}."
    if tool == "Read" and what.endswith(_FILES_OF):
        return f"Reading files in {what.removesuffix(_FILES_OF) or '/'}, not in its folders."
    if tool in ("Read", "Write") and what:
        return f"{'Reading' if tool == 'Read' else 'Changing'} {what}, nothing else."
    if tool == "WebFetch" and what.startswith(_EXACTLY):
        return "Fetching this exact address."
    if tool in ("WebFetch", "Network"):
        host, _, port = what.rpartition(":")
        return f"{'Fetching pages of' if tool == 'WebFetch' else 'Connecting to'} {host}, {port_in_words(port)}."
    return f"This exact use of {tool.removeprefix('mcp__').replace('__', ': ')}, with the same input."


def _command_words(what: str) -> str:
    if what.startswith("outside the sandbox "):
        return "This exact command outside the sandbox."
    if _EXACTLY in what:
        return "This exact command."
    parts = [_PARTS.get(part, f"“{part}” with options that Maestro knows") for part in what.split(" + ")]
    return f"{' and '.join(parts)}, on files in the worktree."


_FIXED = {
    "Bash:check": "Running the plan’s checks.",
    "Bash:edit": "Creating, copying, and moving files in the worktree.",
    "Bash:read": "Commands that only read the worktree.",
    "Write:worktree": "Changing any file in the worktree, except git’s own files and settings that affect tools.",
    "WebSearch": "Searching the web.",
}
_PARTS = {
    "edit": "creating, copying, and moving",
    "git add": "“git add”",
    "git commit": "“git commit” with other messages",
}


def _part(command: Command, place: Place, kind: str) -> str | None:
    """A command's part of the signature; None: only the whole line, word for word, can be allowed."""
    if not place.holds("."):
        return None
    if kind == "shell_edit":
        return "edit"
    if command.program == "git" and kind == "shell":
        return _git_part(command, place)
    if kind != "shell_tool" or command.globbed & {0, 1, 2}:
        return None
    words = command.words
    if re.fullmatch(r"python3?", words[0]) and words[1:2] == ["-m"] and _MODULES & {*words[2:3]}:
        return " ".join(words[:3])
    if words[0] not in _TOOLS:
        return None
    return " ".join(words[: 2 if words[0] in _WITH_SUBCOMMAND else 1])


def _git_part(command: Command, place: Place) -> str | None:
    name, rest = " ".join(command.words[:2]), command.words[2:]
    if name == "git commit" and not command.globbed:
        left = iter(rest)
        for word in left:
            if not _COMMIT.fullmatch(word):
                return None
            if (word == "--message" or re.fullmatch(r"-[aqv]*m", word)) and next(left, None) is None:
                return None
        return name
    if name == "git add" and all(_ADD.fullmatch(w) or not w.startswith(("-", ":")) for w in rest):
        paths = [(i, w) for i, w in enumerate(command.words) if i > 1 and not w.startswith("-")]
        stay = all(place.edit_kind(w) == "edit" and (i not in command.globbed or place.holds_all(w)) for i, w in paths)
        return name if stay else None
    return None


def _bounded(tool: str, what: str) -> str:
    if len(what) > _LONGEST or not what.isprintable() or " + " in what or what.startswith(_EXACTLY):
        what = f"{_EXACTLY}{_hash(what)}"
    return f"{tool}:{what}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]
