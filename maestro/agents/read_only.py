"""Which shell commands plainly only look at things in the worktree."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from maestro.agents.shell import Command
from maestro.agents.shell_folders import Place

_LETTERS_OF_A_BUNDLE = re.compile(r"-[A-Za-z0-9]*")
_PERCENT_N = re.compile(r"%[-+ #0-9.*'hlLjzt]*n")


def paths_of(command: Command, skip: int = 0) -> Iterator[tuple[int, str]]:
    """What can be a path among the arguments, with its place; ``skip`` leading operands are no paths."""
    only_operands = False
    for index, word in enumerate(command.words[1:], start=1):
        if only_operands or word == "-" or not word.startswith("-"):
            skip -= 1
            if skip < 0:
                yield from ((index, path) for path in _in_operand(word))
        elif word.startswith("--"):
            only_operands = word == "--"
            path = word.partition("=")[2] or (word[word.index("/") :] if "/" in word else "")
            yield index, path
        else:
            yield from ((index, path) for path in _glued(word))


def _in_operand(word: str) -> Iterator[str]:
    yield word
    _, joined, value = word.partition("=")
    if joined:
        yield value


def _glued(word: str) -> Iterator[str]:
    """What can be a path in ``-o/etc/x``, ``-I../..``, ``-nflink``: letters of a bundle may stand before it."""
    letters = _LETTERS_OF_A_BUNDLE.match(word)
    for start in range(2, (letters.end() if letters else 1) + 1):
        yield word[start:].removeprefix("=")
    if "/" in word:
        yield word[word.index("/") :]


def stays_inside(command: Command, place: Place, skip: int = 0) -> bool:
    """Whether every argument that can be a path lies in the worktree, and no wildcard stands for an option."""
    return all(
        place.holds(path)
        and (index not in command.globbed or (".." not in path and place.holds_all(path) and _no_option(path, place)))
        for index, path in paths_of(command, skip)
    )


def _no_option(pattern: str, place: Place) -> bool:
    """Whether no name that a pattern stands for begins like an option (``-R``, ``--files0-from=x``)."""
    found = place.expanded(pattern) if pattern[:1] in "*?[" else []
    starts = [spot.relative_to(f).parts[:1] for spot in found or () for f in place.folders if spot.is_relative_to(f)]
    return found is not None and not any(part.startswith("-") for parts in starts for part in parts)


def is_read_only(command: Command, place: Place) -> bool:
    """Whether a command plainly only looks at things in the worktree."""
    arguments = command.arguments
    if command.program == "cd":
        return _cd(command, place)
    if arguments == ["--version"]:
        return command.program in _HAVE_VERSIONS
    if command.program == "echo":
        return all(place.holds_all(command.words[index]) for index in command.globbed)
    if command.program == "printf":
        return not command.globbed and _printf(arguments)
    if not place.holds("."):
        return False
    if command.program not in _HARMLESS:
        passes = _HARMLESS_IF.get(command.program)
        # A file that is named like an option could slip in through a wildcard.
        if passes is None or (command.globbed and passes not in (_no_list, _no_sums, _ends)) or not passes(arguments):
            return False
    patterns = _leading_patterns(command)
    if patterns and any(place.expanded(command.words[index]) != [] for index in command.globbed & _first(command)):
        return False  # the first name would be the pattern, and the others are searched
    if not stays_inside(command, place, skip=patterns):
        return False
    return not _follows_links(command) or place.links_stay(_searched(command, place, patterns))


def _cd(command: Command, place: Place) -> bool:
    if len(command.arguments) != 1 or command.globbed or command.arguments[0][:1] in ("-", "+"):
        return False  # ``cd -`` leads to where an earlier call has been
    if os.environ.get("CDPATH") and not re.match(r"\.{0,2}(/|$)", command.arguments[0]):
        return False  # the shell would look there first
    return all(folder.resolve().is_relative_to(place.worktree) for folder in place.after(command.arguments))


def _printf(arguments: list[str]) -> bool:
    # The name behind -v is evaluated, ``a[$(id)]`` with it; in zsh numbers are as well.
    return not (arguments and arguments[0].startswith("-v")) and not (
        any(set("$`") & set(word) or _PERCENT_N.search(word) for word in arguments)  # ``%n`` sets a variable
    )


def _follows_links(command: Command) -> bool:
    """Whether a search goes into every link that it comes upon."""
    arguments = command.arguments
    if command.program in ("grep", "egrep", "fgrep"):
        return _short(arguments, "R") or _long(arguments, "--dereference-recursive")
    if command.program == "rg":
        return _short(arguments, "L") or _long(arguments, "--follow")
    if command.program in ("ls", "du"):
        return _short(arguments, "LHD") or _long(arguments, "--dereference")
    return (
        command.program == "diff"  # of two folders it reads what links in them lead to
        or (command.program == "find" and bool({"-L", "-follow"} & {*arguments}))
        or (command.program == "tree" and _short(arguments, "l"))
    )


def _searched(command: Command, place: Place, patterns: int) -> list[Path]:
    """Where a search looks: its operands with wildcards expanded, and the folder itself where that is not sure."""
    options = [a for a in command.arguments if a.startswith("-")]
    plain = all(re.fullmatch(r"-[RrnIiHhlcowsEFGPvxqL]+|--[a-z-]+=.*", option) for option in options)
    operands = [i for i, word in enumerate(command.words) if i and not word.startswith("-")][patterns:]
    found: list[Path] = []
    for index in operands:
        word = command.words[index]
        spots = place.expanded(word) if index in command.globbed else None
        found += spots if spots is not None else [folder / word for folder in place.folders]
    sure = command.program == "diff" or (plain and command.program in ("grep", "egrep", "fgrep") and operands)
    return found if sure else [*found, *place.folders]


def _leading_patterns(command: Command) -> int:
    """How many operands at the front are search patterns, or a script that was understood, instead of paths."""
    if command.program == "sed":
        return 1
    if command.program not in ("grep", "egrep", "fgrep", "rg"):
        return 0
    given_otherwise = _short(command.arguments, "ef") or _long(
        command.arguments, "--regexp", "--file", "--files", "--exclude-from", "--ignore-file"
    )
    return 0 if given_otherwise else 1


def _first(command: Command) -> set[int]:
    """The index of the first word that is no option."""
    words = list(enumerate(command.words))[1:]
    return {next((i for i, word in words if word == "-" or not word.startswith("-")), 0)}


def _long(arguments: list[str], *options: str) -> bool:
    """Whether a long option is given, in full or abbreviated."""
    names = [a.partition("=")[0] for a in arguments if a.startswith("--") and len(a) > 2]
    return any(option.startswith(name) for name in names for option in options)


def _short(arguments: list[str], letters: str) -> bool:
    """Whether one of these letters stands in a short option or a bundle of them."""
    return any(set(letters) & set(a[1:]) for a in arguments if a.startswith("-") and not a.startswith("--"))


def _operands(arguments: list[str]) -> list[str]:
    return [a for a in arguments if not a.startswith("-")]


#: Lines that ``sed -n`` prints: by number, or between words that are no more than letters to any sed.
_LINE = r"(?:\d+|\$|/[\w .:=,<>@#'\"-]+/)"
_SHOWN = rf"{_LINE}(?:,{_LINE})?p"


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
    if command in _GIT_WITH:
        return _GIT_WITH[command].fullmatch(" ".join(rest)) is not None
    return command in _GIT_READ_ONLY and not (command == "grep" and _short(rest, "O"))


def _sed(arguments: list[str]) -> bool:
    return (
        len(arguments) >= 2
        and arguments[0] == "-n"
        and bool(re.fullmatch(rf"{_SHOWN}(; ?{_SHOWN})*", arguments[1]))
        and len(_operands(arguments[2:])) == len(arguments[2:])
    )


# fmt: off
_GIT_READ_ONLY = frozenset({
    "status", "diff", "log", "show", "rev-parse", "ls-files", "ls-tree", "blame", "describe", "shortlog",
    "cat-file", "merge-base", "rev-list", "grep", "show-ref", "for-each-ref", "name-rev", "count-objects", "check-ignore",
    "diff-tree", "whatchanged", "cherry", "show-branch", "version",
})
_WORD = r"[\w./@{}^~-]+"
#: Those that do more with other words: the words with which they only tell.
_GIT_WITH = {
    "tag": re.compile(rf"|(?:(?:-l|--list|-n\d*|--sort={_WORD}) ?)+(?:[\w.*/-]+)?"),
    "stash": re.compile(r"list"),
    "reflog": re.compile(rf"(?:show )?(?:-n ?\d+|-\d+)?(?:{_WORD})?(?<!expire)(?<!delete)(?<!exists)(?<!drop)"),
    "worktree": re.compile(r"list(?: --porcelain)?"),
    "symbolic-ref": re.compile(r"(?:(?:-q|--quiet|--short) )*HEAD"),
    "config": re.compile(r"--get (?:user\.(?:name|email)|core\.\w+|init\.defaultbranch)", re.IGNORECASE),
}
#: Not those that ask the project which program to be, before they say a word: yarn (``yarnPath``), rustup's (a tool chain by
#: its path), mvn and gradle (options of Java), dotnet, pnpm, poetry and pytest (plug-ins).
_HAVE_VERSIONS = frozenset({
    "python", "python3", "pip", "node", "npm", "git", "ruby", "java", "make", "uv", "ruff", "mypy", "php", "gcc", "g++", "clang",
    "cmake", "deno", "bun", "swift", "elixir", "perl", "docker", "jq", "rg", "bash", "curl",
})
#: Programs that only look, whatever their options.
_HARMLESS = frozenset({
    "ls", "cat", "head", "pwd", "true", "false", "which", "stat", "df",
    "cmp", "diff", "cut", "tr", "nl", "basename", "dirname", "realpath", "readlink",
    "grep", "egrep", "fgrep", "whoami", "uname", "comm", "paste", "rev", "fold", "expand", "unexpand", "od", "cksum",
    "column", "join", "nproc", "id", "groups", "arch", "uptime", "numfmt", "tsort",
})
# fmt: on


def _no_list(arguments: list[str]) -> bool:
    """Whether files are named in the arguments only, and none in a file."""
    return not _long(arguments, "--files0-from")


def _no_sums(arguments: list[str]) -> bool:
    return not (_short(arguments, "c") or _long(arguments, "--check"))


def _jq(arguments: list[str]) -> bool:
    """Whether a filter only picks members, without the environment, modules or further inputs; its files are paths as any."""
    words = [word for word in arguments if not word.startswith("-")]
    plain = all(
        re.fullmatch(r"-[rcMSseaj]+|--(?:raw-output|compact-output|sort-keys|exit-status)", w)
        for w in arguments
        if w not in words
    )
    return plain and bool(words) and _PICKS.fullmatch(words[0]) is not None and not _TELLS.search(words[0])


_PICKS = re.compile(r"[\w.\[\]|,:()? \"'=<>+-]+")
_TELLS = re.compile(
    r"\b(?:env|import|include|inputs?|input_filename|modulemeta|get_search_list|debug|stderr|halt\w*|repeat|range|until|while|recurse|limit|def|reduce|foreach)\b"
)


def _ends(arguments: list[str]) -> bool:
    """Whether ``tail`` ends by itself."""
    followed = _short(arguments, "fF") or _long(arguments, "--follow", "--retry")
    return not followed and not any(re.fullmatch(r"\+\d*[bcl]?[fF]", word) for word in arguments)


#: Programs that only look as long as their arguments pass.
_HARMLESS_IF: dict[str, Callable[[list[str]], bool]] = {
    "tree": lambda a: not (_short(a, "oR") or _long(a, "--output")),
    "sort": lambda a: (
        not (
            _short(a, "oT")
            or _long(a, "--output", "--compress-program", "--temporary-directory", "--files0-from", "--random-source")
        )
    ),
    # The second operand is written, whatever it looks like: only the last word may be one.
    "uniq": lambda a: all(word.startswith("-") and word not in ("-", "--") for word in a[:-1]),
    "test": lambda a: not any(set("[$`") & set(word) for word in a),  # ``-v 'a[$(id)]'`` runs id
    "rg": lambda a: not (_short(a, "z") or _long(a, "--pre", "--hostname-bin", "--search-zip")),
    "find": lambda a: not any(re.match(r"-(exec|ok|delete|fprint|fls|files0)", word) for word in a),
    "sed": _sed,
    "wc": _no_list,
    "tail": _ends,
    "du": _no_list,
    **dict.fromkeys(("md5sum", "sha1sum", "sha224sum", "sha256sum", "sha384sum", "sha512sum", "b2sum"), _no_sums),
    "file": lambda a: (
        not (_short(a, "CfmSzZ") or _long(a, "--compile", "--files-from", "--magic-file", "--uncompress"))
    ),
    "hostname": lambda a: not a,
    "sleep": lambda a: len(a) == 1 and re.fullmatch(r"\d{1,2}(\.\d+)?s?", a[0]) is not None,
    "seq": lambda a: all(re.fullmatch(r"[1-9]\d{0,4}", word) for word in a),
    "command": lambda a: a[:1] == ["-v"] and all(re.fullmatch(r"\w[\w.+-]*", word) for word in a[1:]),
    "type": lambda a: all(re.fullmatch(r"\w[\w.+-]*", word) for word in a),
    "jq": _jq,
    "date": lambda a: all(word == "-u" or word.startswith("+") for word in a),
    "git": _git,
}
