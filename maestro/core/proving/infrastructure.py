"""Telling what the agent did wrong from what its surroundings did.

A check that cannot run, or fails just as it did on the untouched base, says nothing about the work. It must
not cost attempts: the train stops once, with one question.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from maestro.core.kernel import watch_mode
from maestro.core.proving import machine
from maestro.core.proving.baseline import Baseline
from maestro.core.proving.reports.model import TestReport
from maestro.core.proving.runner_errors import broke_off
from maestro.core.workspaces.run_command import WATCH_MODE, CommandOutcome
from maestro.db import models
from maestro.worktrees import repository

#: Alike failures of a check in a row after which the user is asked.
BREAKER = 3

_TAIL = 3000
_NOISE = (
    (re.compile(r"\x1b\[[0-9;]*[A-Za-z]"), ""),
    # Places in files, as compilers and linters write them: an old error that a change above has moved is the same one.
    (re.compile(r"(\.[A-Za-z]\w{0,4})(?:(?::\d+){1,2}(?=[:\s]|$)|\(\d+,\d+\)(?=:))"), r"\1:<line>"),
    (re.compile(r"^([ \t]+)\d+:\d+(?=[ \t]+(?:error|warning)\b)", re.MULTILINE), r"\1<line>"),
    (re.compile(r"\b\d+(?:\.\d+)? (?:c?usr|c?sys|CPU|wallclock)\b"), "<time>"),
    (re.compile(r"\bchecked \d+ source files?"), "checked"),
    (re.compile(r"0x[0-9a-fA-F]+"), "<address>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d+)?)?Z?\b|\b\d\d:\d\d:\d\d([.,]\d+)?\b"), "<time>"),
    (re.compile(r"\b\d+(\.\d+)?\s?(ms|µs|us|ns|s|sec|secs|seconds?|m)\b"), "<time>"),
    (re.compile(rf"(?:/tmp|{re.escape(str(Path(tempfile.gettempdir()).resolve()))})/\S+"), "<temp>"),
    (re.compile(r"<time>(?: <time>)+|\b\d\d:\d\d\.\d+\b"), "<time>"),
    (re.compile(r"\bMemory: [\d.]+ ?[KMG]i?B"), "<memory>"),
    (
        re.compile(
            r"\bpid[ =:]*\d+|\(node:\d+\)|^==\d+==|\bgoroutine \d+|(?<=')(?: \(\d+\))? panicked",
            re.IGNORECASE | re.MULTILINE,
        ),
        "<pid>",
    ),
    (re.compile(r"\b(?:randomly-seed|seed|shuffle)\b[ :=]*-?\d+", re.IGNORECASE), "<seed>"),
    (re.compile(r"\b(localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]):\d{4,5}\b"), r"\1:<port>"),
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "<uuid>"),
)
#: What rustc and ruff write below "--> file:line:column", up to an empty line, and what of it is the code around it.
_BLOCK = re.compile(r"(?<=\n)[ \t]*--> \S+\n(?:.+\n?)*")
_CODE = re.compile(r"^[ \t]*\d*[ \t]*[|+-](?:[ \t].*)?(?:\n|\Z)", re.MULTILINE)
#: As dash, bash and env say it, of a program on PATH and of a script.
_NOT_FOUND = re.compile(
    r"(?:^|: |‘|')([^\s:'‘’]+)(?:'|’)?: (?:(?:command )?not found|No such file or directory|Permission denied)",
    re.MULTILINE,
)
_NO_INTERPRETER = re.compile(r"bad interpreter|env: .*: No such file or directory|cannot execute")
_NO_MODULE = re.compile(r"No module named '?([\w.]+)'?")
_RUNNER_MISSING = re.compile(r"python[\d.]*: No module named (\S+)")
#: Files of version managers and direnv that the user has not trusted at this path, and the command that does.
_UNTRUSTED = (
    (
        re.compile(r"mise.*(?:are|is) not trusted|Trust (?:it|them) with `?mise trust", re.DOTALL),
        "mise",
        "mise trust --yes",
    ),
    (re.compile(r"direnv: error .*is blocked|Run `direnv allow`"), "direnv", "direnv allow ."),
)
#: They end with the code of a missing command, and say why.
_VERSION_MANAGER = re.compile(r"No version is set for command|is not installed \(set by")
_DISK = re.compile(r"No space left on device|Disk quota exceeded|Read-only file system")
_NETWORK = re.compile(
    r"Could not resolve host|Temporary failure in name resolution|Name or service not known|Network is unreachable"
    r"|getaddrinfo (ENOTFOUND|EAI_AGAIN)|No route to host|Failed to establish a new connection|no such host"
    r"|Couldn't resolve host|TLS handshake timeout|CERTIFICATE_VERIFY_FAILED|unable to get local issuer certificate",
    re.IGNORECASE,
)
#: What a check itself writes: the base need not hold it.
_WRITTEN = re.compile(
    r"(?:>>?|\btee(?: -a)?|\s-o|-coverprofile|--cov-report=?\s?\w+:?|--(?:test-)?reporter-destination"
    r"|--(?:out(?:put|file)?|output-?[fF]ile|junit-?xml|junitfile|log-junit|report|coverprofile))[\s=:]*([\w.@+/-]+)"
)
#: Folders of what is installed: git has none of it, on the base as little as now.
_INSTALLED = frozenset({".venv", "venv", "node_modules"})
_FILE = re.compile(r"[\w.@+-]+(/[\w.@+-]+)+|[\w@+-]+\.[A-Za-z]{1,5}")


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a check could not run. ``certain``: no look at the base is needed to believe it. ``lacks``: what is not installed."""

    reason: str
    certain: bool = False
    lacks: str = ""


def signature(command: str, exit_code: int | None, output: str, worktrees: Path) -> str:
    """What makes two failures the same one: command, exit code and the end of the output without its noise."""
    return f"{command}\n{exit_code}\n{normalised(output, worktrees)}"


def normalised(output: str, worktrees: Path) -> str:
    """The end of an output without times, addresses, line numbers and the place where it ran."""
    return _without_noise(output, worktrees)[-_TAIL:]


def says_the_same(output: str, other: str, worktrees: Path) -> bool:
    """Whether two outputs are the same from beginning to end, but for their noise."""
    return _without_noise(output, worktrees) == _without_noise(other, worktrees)


def _without_noise(output: str, worktrees: Path) -> str:
    text = output
    for below in sorted({str(worktrees), str(worktrees.resolve())}, key=len, reverse=True):
        text = re.sub(re.escape(below) + r"/[^/\s:'\"]+", "<worktree>", text)
    for pattern, word in _NOISE:
        text = pattern.sub(word, text)
    text = _BLOCK.sub(lambda block: _CODE.sub("", block[0]), text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines() if line.strip())


def could_not_run(outcome: CommandOutcome, report: TestReport | None = None) -> Cause | None:
    """Signs in a failed run that its surroundings are at fault; None where there are none."""
    if outcome.stopped == WATCH_MODE:
        return Cause(watch_mode.reason(outcome.output), certain=True)
    tail = outcome.output[-_TAIL:]
    if _DISK.search(tail):
        return Cause("The disk is full or cannot be written.", certain=True)
    for pattern, tool, command in _UNTRUSTED:
        if pattern.search(tail):
            return Cause(
                f"{tool} does not trust this worktree's files. If you do, add `{command}` as the first setup command."
            )
    if outcome.exit_code in {126, 127} and not _VERSION_MANAGER.search(tail):
        return _missing_command(tail)
    runner = _RUNNER_MISSING.search(tail)
    if runner:
        return Cause(f"Python has no module {runner[1]}.", lacks=runner[1])
    if _NO_INTERPRETER.search(tail) and outcome.exit_code not in {0, 1}:
        return Cause("The program that runs it is missing.")
    if _NETWORK.search(tail):
        return Cause("The network could not be reached.")
    lacks = machine.lacks(tail) if report is None or not report.total else None
    if lacks is not None:
        return Cause(lacks)
    broken = broke_off(outcome, report)
    return Cause(broken) if broken else None


def _missing_command(tail: str) -> Cause | None:
    named = _NOT_FOUND.findall(tail)
    name = named[-1] if named else ""
    # A script of the repository's own is the work's business; a program of the machine is not.
    if "/" in name and not name.startswith("/"):
        return None
    return Cause(f"The command {name} was not found." if name else "The command could not be started.", lacks=name)


def fails_as_before(
    session: models.Session,
    command: str,
    outcome: CommandOutcome,
    base: Baseline,
    worktrees: Path,
    planned: Sequence[str],
) -> bool:
    """Whether a check without single tests fails just as it did on the untouched base.

    Not when what it runs did not exist there yet: such a check is meant to fail until the work is done.
    """
    run = base.runs.get(command)
    if run is None or run.passed or run.tests is not None or run.exit_code != outcome.exit_code:
        return False
    if outcome.exit_code is None:
        return False  # it was stopped: nobody knows how it would have ended
    before = normalised(run.output, worktrees)
    if not before or before != normalised(outcome.output, worktrees):
        return False
    return not is_new(session, command, run.output, planned)


def is_new(session: models.Session, command: str, output: str, planned: Sequence[str]) -> bool:
    """Whether a check is about something that the base does not hold."""
    tracked = repository.list_files(Path(session.repo_path), session.base_commit)
    folders = {str(parent) for path in tracked for parent in PurePosixPath(path).parents}
    known = {*tracked, *folders, *(PurePosixPath(path).name for path in tracked)}
    written = {_plain(match[1]) for match in _WRITTEN.finditer(command)}
    named = (
        {_plain(match[0]) for match in _FILE.finditer(command) if not _is_elsewhere(command, match)} - written - {""}
    )
    if any(name not in known and not name.replace(".", "").isdigit() for name in named):
        return True
    missing = _NO_MODULE.search(output)
    if missing is None or _RUNNER_MISSING.search(output):
        return False
    top = missing[1].split(".")[0]
    stems = {part.removesuffix(".py") for path in planned for part in PurePosixPath(path).parts}
    return top in stems or re.search(rf"\b{re.escape(top)}\b", command) is not None


def _plain(path: str) -> str:
    """A path as git names it; ``./...``, as Go writes it, is the whole."""
    plain = path.removesuffix("...").removesuffix("/").removeprefix("./")
    return "" if plain == "." else plain


def _is_elsewhere(command: str, match: re.Match[str]) -> bool:
    """Whether what looks like a file of the repository lies outside of it, or among what is installed."""
    return command[: match.start()].endswith(("/", "~")) or bool(_INSTALLED & {*match[0].split("/")})
