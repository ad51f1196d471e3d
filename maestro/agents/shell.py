"""Reading a shell command just far enough to know what it would do.

``parse`` understands words, quotes, ``&&``, ``||``, ``;``, new lines, ``|`` and redirections that keep nothing. Whatever
it does not understand (substitutions, variables, subshells, redirections into files, background jobs) gives None, and
the caller asks the user: guessing here would be a hole. Only space, tab and newline separate: a line with any other
blank, control or invisible character is not understood, in quotes neither, as its reader could not know of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from maestro import unseen

#: What separates words and lines for a shell; Python's own idea of white space is wider.
BLANKS = " \t\n"
_OPERATORS = ("&&", "||", ";", "|")
#: Redirections that neither write nor read a file of the machine.
_HARMLESS_REDIRECTION = re.compile(r"(?:2>&1|[12&]?>[ \t]*/dev/null|2>&-)(?=[ \t\n;|&]|\Z)")
#: One that keeps what is printed in a file, whose name stands there without any quoting.
_INTO_FILE = re.compile(r"[12]?>>?[ \t]*((?:[A-Za-z0-9_.]|/(?!/))[A-Za-z0-9_./+,-]*)(?=[ \t\n;|&]|\Z)")
_REFUSED = set("`$()<>&\\{}!#\n\r\0")
_GLOB = set("*?[")
#: A backslash in double quotes that stays what it is: before anything that it does not quote there.
_PLAIN_BACKSLASH = re.compile(r"\\[^$`\"\\!\n]")
#: How the command before ended: a number, which only ``echo`` is trusted with (as a path it could be a link).
_STATUS = "$?"
#: A tilde that stands for the home folder: at the front of a word, with nothing or a folder behind it.
_HOME = re.compile(r"~(?=[/ \t\n;|]|&&|\Z)")
#: How many cores there are: a number as well.
_CORES = "$(nproc)"


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

    def shape(self) -> tuple[str, tuple[str, ...], frozenset[int]]:
        """What two commands must share to be the same."""
        return self.operator, tuple(self.words), frozenset(self.globbed)


def parse(line: str) -> list[Command] | None:
    """The simple commands of a line, or None when it holds anything that is not understood."""
    return _commands(line, None)


def parse_writing(line: str) -> tuple[list[Command], list[tuple[int, str]]] | None:
    """The commands of a line that keeps output in files, each file with the index of its command; None as in ``parse``."""
    files: list[tuple[int, str]] = []
    commands = _commands(line, files)
    return (commands, files) if commands and all(index < len(commands) for index, _ in files) else None


def _commands(line: str, files: list[tuple[int, str]] | None) -> list[Command] | None:
    """``files``: where to note redirections into files, with the index of their command; None: they are not understood."""
    if unseen.has_hidden(line):
        return None
    commands = [Command()]
    at = 0
    while at < len(line):
        if line[at] in " \t" or (line[at] == "\n" and not commands[-1].words):
            at += 1
        elif line[at] == "\n":
            commands.append(Command(operator=";"))
            at += 1
        elif redirection := _HARMLESS_REDIRECTION.match(line, at):
            at = redirection.end()
        elif files is not None and (redirection := _INTO_FILE.match(line, at)):
            files.append((len(commands) - 1, redirection[1]))
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


def _word(line: str, start: int, command: Command) -> int | None:
    """Read one word into ``command``; the index behind it, or None when it is not understood."""
    word, globbed, numbered, at = "", False, False, start
    while at < len(line) and line[at] not in " \t\n;|":
        char = line[at]
        if char in "'\"":
            end = line.find(char, at + 1)
            quoted = line[at + 1 : end]
            if end < 0 or (char == '"' and _means_more(quoted, command)):
                return None
            word += quoted
            numbered = numbered or (char == '"' and _STATUS in quoted)
            at = end + 1
            continue
        if line.startswith("&&", at):
            break
        if line.startswith(_STATUS, at) and _is_echo(command):
            word, numbered = word + _STATUS, True
            at += len(_STATUS)
            continue
        if line.startswith(_CORES, at):
            word, numbered = word + "1", True  # some number
            at += len(_CORES)
            continue
        if char in "~=" and at == start and line[at : at + 2] not in ("= ", "=="):
            if not _HOME.match(line, at):
                return None  # another user's home; in zsh ``=name`` is where a program lies
            word += str(Path.home())
        elif _means_more_here(char, word) or (char == "#" and at == start):
            return None
        else:
            word += char
            globbed = globbed or char in _GLOB
        at += 1
    if globbed:
        if numbered:
            return None  # which names it stands for depends on the number
        command.globbed.add(len(command.words))
    command.words.append(word)
    return at


def _means_more_here(char: str, word: str) -> bool:
    """Whether the shell could make something else of an unquoted character, ``word`` being before it."""
    if char == "~":
        return word.endswith(("=", ":"))  # a home folder where the word looks like an assignment
    return (char in _REFUSED and char != "#") or unseen.ends_words_elsewhere(char)


def _means_more(quoted: str, command: Command) -> bool:
    """Whether the shell would make something else of what stands between double quotes."""
    plain = _PLAIN_BACKSLASH.sub(" ", quoted)
    if _is_echo(command):
        plain = plain.replace(_STATUS, "")
    return bool(set(plain) & set("$`\\!"))


def _is_echo(command: Command) -> bool:
    return command.words[:1] == ["echo"]


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
