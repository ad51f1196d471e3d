"""Which shell commands plainly only look at things in the worktree."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from maestro.agents.places import Place
from maestro.agents.shell import Command


def paths_of(command: Command, skip: int = 0) -> Iterator[tuple[int, str]]:
    """What can be a path among the arguments, with its place; ``skip`` leading operands are no paths."""
    for index, word in enumerate(command.words[1:], start=1):
        if not word.startswith("-") and skip > 0:
            skip -= 1
            continue
        path = word.partition("=")[2] if word.startswith("-") else word
        if word.startswith("-") and not path and "/" in word:
            path = word[word.index("/") :]
        yield index, path


def stays_inside(command: Command, place: Place, skip: int = 0) -> bool:
    """Whether every argument that can be a path lies in the worktree."""
    return all(
        place.holds(path) and (index not in command.globbed or (".." not in path and place.holds_all(path)))
        for index, path in paths_of(command, skip)
    )


def is_read_only(command: Command, place: Place) -> bool:
    """Whether a command plainly only looks at things in the worktree."""
    arguments = command.arguments
    if command.program == "cd":
        return _cd(command, place)
    if arguments == ["--version"]:
        return command.program in _HAVE_VERSIONS
    if command.program == "echo":
        return True
    if command.program == "printf":
        return not command.globbed and _printf(arguments)
    if not place.holds("."):
        return False
    if command.program not in _HARMLESS:
        passes = _HARMLESS_IF.get(command.program)
        # A file that is named like an option could slip in through a wildcard.
        if passes is None or command.globbed or not passes(arguments):
            return False
    patterns = _leading_patterns(command)
    if not stays_inside(command, place, skip=patterns):
        return False
    return not _follows_links(command) or place.links_stay(_searched(command)[patterns:] or ["."])


def _cd(command: Command, place: Place) -> bool:
    if len(command.arguments) != 1 or command.globbed or command.arguments[0][:1] in ("-", "+"):
        return False  # ``cd -`` leads to where an earlier call has been
    return all(folder.resolve().is_relative_to(place.worktree) for folder in place.after(command.arguments))


def _printf(arguments: list[str]) -> bool:
    # The name behind -v is evaluated, ``a[$(id)]`` with it; in zsh numbers are as well.
    return not (arguments and arguments[0].startswith("-v")) and not any(set("$`") & set(word) for word in arguments)


def _follows_links(command: Command) -> bool:
    """Whether a search goes into every link that it comes upon."""
    if command.program in ("grep", "egrep", "fgrep"):
        return _short(command.arguments, "R") or _long(command.arguments, "--dereference-recursive")
    if command.program == "rg":
        return _short(command.arguments, "L") or _long(command.arguments, "--follow")
    return (command.program == "find" and bool({"-L", "-follow"} & {*command.arguments})) or (
        command.program == "tree" and _short(command.arguments, "l")
    )


def _searched(command: Command) -> list[str]:
    """The operands of a search; none where one of them could as well be an option's value."""
    options = [a for a in command.arguments if a.startswith("-")]
    plain = all(re.fullmatch(r"-[RrnIiHhlcowsEFGPvxqL]+|--[a-z-]+=.*", option) for option in options)
    return _operands(command.arguments) if plain and command.program in ("grep", "egrep", "fgrep") else []


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
        and bool(re.fullmatch(r"\d+(,(\d+|\$))?p(; ?\d+(,(\d+|\$))?p)*", arguments[1]))
        and len(_operands(arguments[2:])) == len(arguments[2:])
    )


# fmt: off
_GIT_READ_ONLY = frozenset({
    "status", "diff", "log", "show", "rev-parse", "ls-files", "ls-tree", "blame", "describe", "shortlog",
    "cat-file", "merge-base", "rev-list", "grep",
})
_HAVE_VERSIONS = frozenset({
    "python", "python3", "pip", "node", "npm", "git", "cargo", "go", "ruby", "java", "make", "uv", "ruff",
    "mypy", "pytest", "rustc", "php", "dotnet", "gcc", "g++", "clang", "cmake", "deno", "bun", "pnpm", "yarn",
    "poetry", "mvn", "gradle", "swift", "elixir", "perl",
})
#: Programs that only look, whatever their options.
_HARMLESS = frozenset({
    "ls", "cat", "head", "tail", "wc", "pwd", "true", "false", "which", "stat", "du", "df",
    "cmp", "diff", "cut", "tr", "nl", "basename", "dirname", "realpath", "readlink", "md5sum", "sha1sum",
    "sha256sum", "grep", "egrep", "fgrep", "whoami", "uname",
})
# fmt: on

#: Programs that only look as long as their arguments pass.
_HARMLESS_IF: dict[str, Callable[[list[str]], bool]] = {
    "tree": lambda a: not (_short(a, "oR") or _long(a, "--output")),
    "sort": lambda a: not (_short(a, "oT") or _long(a, "--output", "--compress-program", "--temporary-directory")),
    # The second operand is written, whatever it looks like: only the last word may be one.
    "uniq": lambda a: all(word.startswith("-") and word not in ("-", "--") for word in a[:-1]),
    "test": lambda a: not any(set("[$`") & set(word) for word in a),  # ``-v 'a[$(id)]'`` runs id
    "rg": lambda a: not (_short(a, "z") or _long(a, "--pre", "--hostname-bin", "--search-zip")),
    "find": lambda a: not any(re.match(r"-(exec|ok|delete|fprint|fls|files0)", word) for word in a),
    "sed": _sed,
    "date": lambda a: all(word == "-u" or word.startswith("+") for word in a),
    "git": _git,
}
