"""A tool call held against the user's policy (``maestro.policy``): which rows it is of, and what they answer.

Denies and asks take a call by its text, rather too often than too seldom. Allows take what is read to the last word: a
plain install, push or delete, a command word for word, or one whose wildcards stand for files of the worktree. What tools
and git obey is never free by a row.
"""

from __future__ import annotations

import fnmatch
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from maestro.agents import plain_commands
from maestro.agents.shell import BLANKS, Command, parse
from maestro.agents.shell_folders import Place
from maestro.policy import NAMES, Answer, Policy, Row, Rule

#: A command of a line, where it runs, and its kind (``gates.Kind``).
Part = tuple[Command, Place, str]

#: Kinds of command lines that nothing here allows: they leave the sandbox, or write what tools obey.
_ASKED = frozenset({"other", "shell_settings"})
_FREE_KINDS = frozenset({"shell_read", "shell_check", "shell_tool", "shell_edit"})
_BY_TEXT: dict[Row, re.Pattern[str]] = {
    "push": re.compile(
        r"\bgit\b[^;&|\n]*\b(?:push|send-pack|http-push)\b|\b(?:npm|pnpm|yarn|bun|cargo|poetry|uv|hatch|flit|pdm)\b[^;&|\n]*\bpublish\b"
        r"|\bgem\b[^;&|\n]*\bpush\b|\b(?:docker|podman|helm|nix)\b[^;&|\n]*\bpush\b|\btwine\b[^;&|\n]*\bupload\b"
        r"|\bgh\b[^;&|\n]*\b(?:release|pr|repo|gist)\b[^;&|\n]*\b(?:create|upload|merge|sync)\b|\bmvn\b[^;&|\n]*\bdeploy\b"
    ),
    "install": re.compile(
        r"\b(?:pip[\d.]*|npm|pnpm|yarn|bun|cargo|gem|bundle|bundler|composer|go|uv|pipx|poetry|pdm|conda|mamba|brew|apt|apt-get|dnf|yum|apk"
        r"|pacman|port|snap|mix|nix-env|rustup|dotnet|nuget|easy_install|playwright)\b[^;&|\n]*?\s(?:-S\w*|install|i|in|isntall|add|ci|clean-install"
        r"|update|upgrade|up|sync|get|require|restore|deps\.get|download|mod)(?=[\s;&|)]|$)|\b(?:npx|uvx|bunx|pnpx|easy_install)\b|\bdlx\b|\byarn\s*(?:$|[;&|\n])"
    ),
    "delete": re.compile(
        r"(?:^|[\s/;&|(`])(?:rm|rmdir|unlink|shred|srm|trash|del)(?=\s|$)|\bgit\b[^;&|\n]*\b(?:rm|clean)\b|\bfind\b[^;&|\n]*\s-delete\b"
        r"|\brsync\b[^;&|\n]*--del|\b(?:os\.(?:remove|unlink|rmdir|removedirs)|rmtree|unlinkSync|rmSync|File\.delete|rm_rf)\b"
    ),
    "network": re.compile(
        r"\b(?:curl|wget|ssh|scp|sftp|nc|ncat|netcat|socat|telnet|ftp|aria2c|httpie|http|xh)\b"
        r"|\brsync\b[^;&|\n]*\w:|\bgit\b[^;&|\n]*\b(?:clone|fetch|pull|push|ls-remote|submodule)\b|/dev/(?:tcp|udp)/"
    ),
}  # fmt: skip

_ASKED_ANYWAY = frozenset({"network", "read_outside", "edit_outside"})
#: Programs whose operands are files that they read, and that they write.
_PLAIN_READERS = frozenset(
    {
        "cat",
        "head",
        "tail",
        "less",
        "more",
        "grep",
        "rg",
        "cp",
        "strings",
        "xxd",
        "od",
        "base64",
        "nl",
        "sort",
        "source",
    }
)
_PLAIN_WRITERS = frozenset({"cp", "mv", "tee", "touch", "mkdir", "ln", "install", "truncate"})
_WRITES_OUTSIDE = re.compile(r">[>|&]*[ \t]*(?:~|/(?!dev/(?:null|std)|tmp/))")
#: Characters: a longer command is taken for everything that a row could ask about or deny.
_MOST_TEXT = 20_000


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call as far as a policy looks at it."""

    tool: str
    kind: str
    text: str = ""  # a command line as given
    host: str = ""  # ``host:port`` of a connection; "any" stands for all ports
    path: Path | None = None  # where it would read or write, links followed
    parts: Sequence[Part] = field(default=())  # the commands of a line that is understood; else none
    place: Place | None = None
    private: Sequence[Path] = ()  # folders that no rule opens: Maestro's own
    ordered: bool = True  # no command moves what a later one is judged by

    def readable(self) -> bool:
        """Whether this is a line of which every command is understood."""
        return bool(self.parts) and self.ordered


@dataclass(frozen=True, slots=True)
class Answered:
    """What a policy answers, and which row or rule it was."""

    answer: Answer
    why: str


def decide(policy: Policy, call: Call) -> Answered | None:
    """What a policy says to a call; None where it says nothing. A deny wins over an ask, an ask over an allow."""
    if policy.says_nothing() or call.kind in ("own", "read", "shell_read"):
        return None
    said = [*_rows(policy, call), *_rules(policy.rules, call)]
    for wanted in ("deny", "ask", "allow"):
        found = next((each for each in said if each.answer == wanted), None)
        if found is not None:
            return found
    may_be = call.tool == "Bash" and call.kind not in _ASKED and call.readable()
    allowed = may_be and all(_part_allowed(policy, part) for part in call.parts)
    return Answered("allow", "your policy allows all of its commands") if allowed else None


def _rows(policy: Policy, call: Call) -> Iterable[Answered]:
    """The answers of the rows that a call is of; an allow only where nothing else is in it."""
    for row in _rows_of(call):
        answer = policy.answer(row)
        if answer == "allow" and not _row_allows(row, call):
            continue
        if answer == "ask" and row in _ASKED_ANYWAY and call.tool == "Bash":
            continue  # outside of the sandbox such a command asks anyway, and inside the sandbox holds it
        if answer:
            yield Answered(answer, NAMES[row].lower())


def _rows_of(call: Call) -> Iterable[Row]:
    if call.tool == "Bash":
        text = _plain_text(call)
        yield from (row for row, pattern in _BY_TEXT.items() if len(text) > _MOST_TEXT or pattern.search(text))
        if _leads_outside(call, _PLAIN_READERS):
            yield "read_outside"
        if _leads_outside(call, _PLAIN_WRITERS) or (not call.parts and _WRITES_OUTSIDE.search(text)):
            yield "edit_outside"
        if call.kind == "shell_edit":
            yield "edit_inside"
        if call.kind in ("shell", "shell_tool", "shell_settings"):
            yield "command"
    elif call.kind in ("edit", "edit_settings", "edit_git"):
        yield "edit_inside"
    elif call.kind in ("edit_outside", "read_outside"):
        yield "edit_outside" if call.kind == "edit_outside" else "read_outside"
    elif call.kind == "web":
        yield "network"
    elif call.tool.startswith("mcp__"):
        yield "mcp"


def _leads_outside(call: Call, programs: frozenset[str]) -> bool:
    """Whether one of these programs is given a path that is neither in the worktree nor a temporary one."""
    return any(
        command.program.rpartition("/")[2] in programs
        and not all(place.holds(word) or _is_temporary(word) for word in command.arguments)
        for command, place, kind in call.parts
        if kind == "shell"
    )


def _is_temporary(path: str) -> bool:
    return path.startswith(("/tmp/", "/dev/")) and not Path(path).is_relative_to(Path.home())  # noqa: S108


def _row_allows(row: Row, call: Call) -> bool:
    if call.tool == "Bash":
        return row == "edit_inside"  # its kind is "shell_edit"; the others are looked at command by command
    if row == "edit_inside":
        return call.kind == "edit"
    if row in ("edit_outside", "read_outside"):
        return call.path is not None and _is_plain(call.path, call.private)
    return row != "network" or bool(call.host) or call.tool == "WebSearch"


def _is_plain(path: Path, private: Sequence[Path]) -> bool:
    """Whether a path is the user's own and no setting, key, or file that git and tools obey: those begin with a dot."""
    mine = any(path.is_relative_to(top) for top in (Path.home(), Path(tempfile.gettempdir()).resolve()))
    hidden = any(part.startswith(".") for part in path.parts)
    return mine and not hidden and not any(path.is_relative_to(folder) for folder in private)


def _rules(rules: Iterable[Rule], call: Call) -> Iterable[Answered]:
    for rule in rules:
        if _FITS[rule.row](rule, call):
            yield Answered(rule.answer, f"the rule “{rule.line()}”")


def _fits_host(rule: Rule, call: Call) -> bool:
    if call.kind == "web":
        return bool(call.host) and host_fits(rule, call.host)
    if call.tool != "Bash" or rule.answer == "allow":
        return False
    text = _plain_text(call)
    if rule.match in ("*", "*:*"):
        return bool(_BY_TEXT["network"].search(text))
    host = re.escape(rule.match.rpartition(":")[0] or rule.match).replace(r"\*", r"[\w.-]*")
    return bool(re.search(rf"(?<![\w-]){host}(?![\w-])", text, re.IGNORECASE))


def host_fits(rule: Rule, where: str) -> bool:
    """A rule without a port means the usual ones where it allows, all where it does not."""
    host, _, port = where.rpartition(":")
    wanted, separator, wanted_port = rule.match.rpartition(":")
    if not separator:
        wanted, wanted_port = rule.match, "*"
        if rule.answer == "allow" and port not in ("80", "443"):
            return False
    right_port = wanted_port in ("*", port) or (rule.answer != "allow" and not port.isdigit())
    return right_port and (wanted == "*" or fnmatch.fnmatchcase(host.lower().rstrip("."), wanted.rstrip(".")))


def _fits_tool(rule: Rule, call: Call) -> bool:
    server, _, name = call.tool.removeprefix("mcp__").partition("__")
    if not call.tool.startswith("mcp__") or call.kind == "own":
        return False
    wanted_server, separator, wanted = rule.match.partition(":")
    if separator and "__" in name and rule.answer == "allow":
        return False  # where the server's name ends cannot be told
    fits = fnmatch.fnmatchcase
    return fits(server, wanted_server) and fits(name, wanted) if separator else fits(call.tool, rule.match)


def _fits_command(rule: Rule, call: Call) -> bool:
    if call.tool != "Bash":
        return False
    if rule.answer == "allow":
        if call.kind in _ASKED:
            return False
        at_root = call.place is not None and call.place.folders == (call.place.worktree,)
        return at_root and call.text.strip(BLANKS) == rule.match
    if len(text := _plain_text(call)) > _MOST_TEXT:
        return True
    words = [re.escape(word).replace(r"\*", r"\S*").replace(r"\?", r"\S") for word in rule.match.split()]
    while len(words) > 1 and words[-1] == r"\S*":
        words.pop()
    between = r"(?=[\s=])[^;&|\n]*?[\s=]"
    return bool(re.search(r"(?:^|[\s/;&|(`=])" + between.join(words) + r"(?=$|[\s;&|)`])", text))


_FITS = {"command": _fits_command, "network": _fits_host, "mcp": _fits_tool}


def _part_allowed(policy: Policy, part: Part) -> bool:
    """Whether one command of a line is free, or allowed by a row or a rule of its own."""
    command, place, kind = part
    if kind in _FREE_KINDS:
        return True
    if not place.holds("."):
        return False
    plain: dict[Row, bool] = {
        "install": policy.install == "allow" and plain_commands.installs(command),
        "push": policy.push == "allow" and plain_commands.pushes(command),
        "delete": policy.delete == "allow" and plain_commands.deletes(command, place),
    }
    return any(plain.values()) or any(
        rule.row == "command" and rule.answer == "allow" and _wide_enough(rule.match, command, place)
        for rule in policy.rules
    )


def _wide_enough(pattern: str, command: Command, place: Place) -> bool:
    """Whether a rule allows one command: word for word, or with files of the worktree for its wildcards."""
    known = parse(pattern)
    if known is None or len(known) != 1:
        return False
    if not known[0].globbed:
        return place.folders == (place.worktree,) and known[0].shape()[1:] == command.shape()[1:]
    wanted, given = list(known[0].words), list(command.words)
    if command.globbed:
        return False
    many = wanted[-1] == "*"
    if many:
        wanted.pop()
    if len(given) < len(wanted) or (len(given) > len(wanted) and not many):
        return False
    wild = [word for want, word in zip(wanted, given, strict=False) if set("*?[") & set(want)]
    return all(fnmatch.fnmatchcase(word, want) for want, word in zip(wanted, given, strict=False)) and all(
        not word.startswith("-") and "=" not in word and ":" not in word and place.edit_kind(word) == "edit"
        for word in [*wild, *given[len(wanted) :]]
    )


def _plain_text(call: Call) -> str:
    """A command line for a look at its words: quotes, backslashes and unusual blanks away, words of messages left out."""
    if call.parts:
        return " ; ".join(" ".join(_telling_words(command)) for command, _place, _kind in call.parts)
    text = re.sub(r"\$\{?IFS\}?|\\\n", " ", call.text)
    return re.sub(r"[\"'\\]|\$(?=['\"])", "", re.sub(r"[^\S\n]+", " ", text))


def _telling_words(command: Command) -> list[str]:
    if command.program in ("echo", "printf"):
        return []
    return command.words[:2] if command.words[:2] == ["git", "commit"] else command.words


def like(tool: str, text: str, signature: str) -> str:
    """The line of a policy, without its answer, that covers a call like this one; empty where a rule would be too wide."""
    kind, _, what = signature.partition(":")
    if kind in ("Network", "WebFetch") and re.fullmatch(r"[a-z0-9.-]+:\d+", what):
        return f"network {what}"
    if tool.startswith("mcp__") and tool.count("__") == 2 and re.fullmatch(r"[\w.-]+", tool):
        return f"mcp {tool.removeprefix('mcp__').replace('__', ':')}"
    if signature == "Write:worktree":
        return "edit_inside"
    if tool != "Bash" or "\n" in text or not (text.isascii() and text.isprintable()) or len(text) > _LONGEST:
        return ""
    commands = parse(text)
    if commands and all(plain_commands.installs(c) for c in commands):
        return "install"
    if commands and all(plain_commands.pushes(c) for c in commands):
        return "push"
    return "" if set("*?[;") & set(text) else f"command {text.strip()}"


#: Characters: no rule is proposed for a longer command.
_LONGEST = 200
