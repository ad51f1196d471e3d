"""Reading a shell command just far enough to know what it would do.

``parse`` understands words, quotes, ``&&``, ``||``, ``;``, ``|`` and redirections that keep nothing. Whatever it
does not understand (substitutions, variables, subshells, redirections into files, background jobs) gives
None, and the caller asks the person: guessing here would be a hole.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

_OPERATORS = ("&&", "||", ";", "|")
#: Redirections that neither write nor read a file of the machine.
_HARMLESS_REDIRECTION = re.compile(r"(?:2>&1|[12&]?>\s*/dev/null|2>&-)(?=\s|$|[;|&])")
_REFUSED = set("`$()<>&\\{}!#\n\r\0")
_GLOB = set("*?[")


@dataclass(slots=True)
class Command:
    """One simple command of a line. ``globbed`` holds the indexes of words with unquoted wildcards."""

    words: list[str] = field(default_factory=list)
    globbed: set[int] = field(default_factory=set)
    operator: str = ""  # what stands before it

    @property
    def program(self) -> str:
        """The first word."""
        return self.words[0]

    @property
    def arguments(self) -> list[str]:
        """The other words."""
        return self.words[1:]

    def shape(self) -> tuple[str, tuple[str, ...]]:
        """What two commands must share to be the same."""
        return self.operator, tuple(self.words)


def parse(line: str) -> list[Command] | None:
    """The simple commands of a line, or None when it holds anything that is not understood."""
    commands = [Command()]
    at = 0
    while at < len(line):
        if line[at] in " \t":
            at += 1
        elif redirection := _HARMLESS_REDIRECTION.match(line, at):
            at = redirection.end()
        elif operator := next((o for o in _OPERATORS if line.startswith(o, at)), None):
            if not commands[-1].words:
                return None
            commands.append(Command(operator=operator))
            at += len(operator)
        else:
            end = _word(line, at, commands[-1])
            if end is None:
                return None
            at = end
    if not commands[-1].words and commands[-1].operator == ";":
        commands.pop()
    return commands if commands and all(c.words for c in commands) else None


def _word(line: str, at: int, command: Command) -> int | None:
    """Read one word into ``command``; the index behind it, or None when it is not understood."""
    word, globbed = "", False
    while at < len(line) and line[at] not in " \t;|":
        char = line[at]
        if char in "'\"":
            end = line.find(char, at + 1)
            quoted = line[at + 1 : end]
            if end < 0 or (char == '"' and set(quoted) & set("$`\\!")) or "\0" in quoted:
                return None
            word += quoted
            at = end + 1
            continue
        if line.startswith("&&", at):
            break
        if char in _REFUSED or (char == "~" and not word and not re.match(r"~(/|\s|$)", line[at:])):
            return None
        globbed = globbed or char in _GLOB
        word += str(Path.home()) if char == "~" and not word else char
        at += 1
    if globbed:
        command.globbed.add(len(command.words))
    command.words.append(word)
    return at


def without_wrapping(commands: list[Command], worktree: Path) -> list[Command]:
    """Drop what agents put around a command: ``cd <worktree> &&`` before, ``| tail -n 20`` behind."""
    while len(commands) > 1 and commands[0].program == "cd" and _is_worktree(commands[0], worktree):
        commands = [Command(commands[1].words, commands[1].globbed), *commands[2:]]
    if len(commands) > 1 and commands[-1].operator == "|" and is_trimming(commands[-1]):
        commands = commands[:-1]
    return commands


def is_trimming(command: Command) -> bool:
    """Whether this is ``tail`` or ``head`` of a stream."""
    return command.program in ("tail", "head") and all(re.fullmatch(r"-n|-?\d+|-n\d+", a) for a in command.arguments)


def _is_worktree(command: Command, worktree: Path) -> bool:
    arguments = command.arguments
    return len(arguments) == 1 and not command.globbed and (worktree / arguments[0]).resolve() == worktree


def stays_inside(command: Command, worktree: Path, skip: int = 0) -> bool:
    """Whether every argument that can be a path lies in the worktree; ``skip`` leading operands are no paths."""
    for index, word in enumerate(command.words[1:], start=1):
        if not word.startswith("-") and skip > 0:
            skip -= 1
            continue
        path = word.partition("=")[2] if word.startswith("-") else word
        if word.startswith("-") and not path and "/" in word:
            path = word[word.index("/") :]
        if index in command.globbed and ".." in path:
            return False
        if not is_within(path, worktree):
            return False
    return True


def is_within(path: str, worktree: Path) -> bool:
    """Whether a path, seen from the worktree and with links followed, is the worktree or in it."""
    try:
        return (worktree / path).resolve().is_relative_to(worktree)
    except (OSError, ValueError, RuntimeError):
        return False


def is_read_only(command: Command, worktree: Path) -> bool:
    """Whether a command plainly only looks at things in the worktree."""
    arguments = command.arguments
    if command.program == "cd":
        return len(arguments) == 1 and not command.globbed and is_within(arguments[0], worktree)
    if arguments == ["--version"]:
        return command.program in _HAVE_VERSIONS
    if command.program in ("echo", "printf"):
        return True
    if command.program not in _HARMLESS:
        passes = _HARMLESS_IF.get(command.program)
        # A file that is named like an option could slip in through a wildcard.
        if passes is None or command.globbed or not passes(arguments):
            return False
    return stays_inside(command, worktree, skip=_leading_patterns(command))


def _leading_patterns(command: Command) -> int:
    """How many operands at the front are search patterns instead of paths."""
    if command.program not in ("grep", "egrep", "fgrep", "rg"):
        return 0
    given_otherwise = _short(command.arguments, "ef") or _long(command.arguments, "--regexp", "--file", "--files")
    return 0 if given_otherwise else 1


def _long(arguments: list[str], *options: str) -> bool:
    """Whether a long option is given, in full or abbreviated."""
    names = [a.partition("=")[0] for a in arguments if a.startswith("--") and len(a) > 2]
    return any(option.startswith(name) for name in names for option in options)


def _short(arguments: list[str], letters: str) -> bool:
    """Whether one of these letters stands in a short option or a bundle of them."""
    return any(set(letters) & set(a[1:]) for a in arguments if a.startswith("-") and not a.startswith("--"))


def _operands(arguments: list[str]) -> list[str]:
    return [a for a in arguments if not a.startswith("-")]


def _git(arguments: list[str]) -> bool:
    while arguments and arguments[0] == "--no-pager":
        arguments = arguments[1:]
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if _long(rest, "--output", "--ext-diff", "--textconv", "--filters", "--open-files-in-pager"):
        return False
    if command == "branch":
        return all(a in ("-a", "-r", "-v", "-vv", "--all", "--list", "--show-current") for a in rest)
    if command == "remote":
        return rest in ([], ["-v"])
    return command in _GIT_READ_ONLY and not (command == "grep" and _short(rest, "O"))


def _sed(arguments: list[str]) -> bool:
    return (
        len(arguments) >= 2
        and arguments[0] == "-n"
        and bool(re.fullmatch(r"\d+(,(\d+|\$))?p", arguments[1]))
        and len(_operands(arguments[2:])) == len(arguments[2:])
    )


# fmt: off
_GIT_READ_ONLY = frozenset({
    "status", "diff", "log", "show", "rev-parse", "ls-files", "ls-tree", "blame", "describe", "shortlog",
    "cat-file", "merge-base", "rev-list", "grep",
})
_HAVE_VERSIONS = frozenset({
    "python", "python3", "pip", "node", "npm", "git", "cargo", "go", "ruby", "java", "make", "uv", "ruff",
    "mypy", "pytest",
})
#: Programs that only look, whatever their options.
_HARMLESS = frozenset({
    "ls", "cat", "head", "tail", "wc", "pwd", "echo", "printf", "true", "false", "which", "stat", "du", "df",
    "cmp", "diff", "cut", "tr", "nl", "basename", "dirname", "realpath", "readlink", "md5sum", "sha1sum",
    "sha256sum", "test", "grep", "egrep", "fgrep", "whoami", "uname",
})
# fmt: on

#: Programs that only look as long as their arguments pass.
_HARMLESS_IF: dict[str, Callable[[list[str]], bool]] = {
    "tree": lambda a: not (_short(a, "oR") or _long(a, "--output")),
    "sort": lambda a: not (_short(a, "oT") or _long(a, "--output", "--compress-program", "--temporary-directory")),
    "uniq": lambda a: len(_operands(a)) <= 1,  # the second operand is written
    "rg": lambda a: not (_short(a, "z") or _long(a, "--pre", "--hostname-bin", "--search-zip")),
    "find": lambda a: not any(re.match(r"-(exec|ok|delete|fprint|fls|files0)", word) for word in a),
    "sed": _sed,
    "date": lambda a: all(word == "-u" or word.startswith("+") for word in a),
    "git": _git,
}
