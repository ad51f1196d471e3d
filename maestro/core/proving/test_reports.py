"""Which single tests a check ran, and how each ended, where the check can tell.

pytest is asked for a JUnit file by its own environment variable, a plain ``go test`` for its JSON lines, jest
and vitest for their JSON report; ``node --test`` and mocha get a reporter beside their own, unittest its ``-v``.
unittest and cargo are read from what they print. Of commands joined by ``&&`` or ``;`` each is asked by itself.
Nothing here changes what a check means: its exit code is its own. A check that tells nothing, or something that
can be understood in two ways, is compared by exit code.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from maestro.core.proving import go_reports, js_reports, node_reports, printed_reports
from maestro.core.proving.js_reports import JsonReport
from maestro.core.proving.node_reports import LinesReport
from maestro.core.proving.report import NOT_LOADED, UNCLEAR, TestReport, report_of

_MAX_REPORT_BYTES = 64_000_000
_SHELL = re.compile(r"[;&|<>`$()\n\\]")
_NOT_A_SEQUENCE = re.compile(r"[|<>`$()\n\\]")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
#: What the shell does itself: an assignment before these may outlast them.
_BUILTINS = frozenset({"export", "set", "unset", ".", "source", "eval", "exec", "cd", ":", "trap", "ulimit", "umask"})
_KEYWORDS = frozenset(
    {"if", "then", "elif", "else", "fi", "for", "while", "until", "do", "done", "case", "esac", "{", "}", "!"}
)
_JUNIT_REFUSED = re.compile(r"unrecognized arguments:.*--junitxml", re.DOTALL)
_JUNIT_LINE = re.compile(r"^-* ?generated xml file: (.*?) ?-*$\n?", re.MULTILINE)
_VERBOSE_NOTE = "[unittest was run with -v, so that each test is named]\n"


@dataclass(frozen=True, slots=True)
class Instrumented:
    """A check made to report single tests: what to run, with what beside its environment, what to read then."""

    command: str
    env: dict[str, str] = field(default_factory=dict)
    reports: tuple[Path | JsonReport | LinesReport, ...] = ()  # a plain path is a JUnit file
    go_json: bool = False
    prints: bool = False  # a part of it is a runner that is read from what it prints
    verbose: bool = False


def instrument(command: str, folder: Path, root: Path) -> Instrumented:
    """The same check, asked to report. ``folder`` is a temporary one outside the worktree, which is ``root``."""
    parts = _sequence(command)
    if len(parts) > 1:
        return _instrument_parts(parts, folder, root)
    words = _plain(command)
    if words[:2] == ["go", "test"]:
        go_json = "-json" not in command
        return Instrumented(command.replace("go test", "go test -json", 1) if go_json else command, go_json=go_json)
    return _instrument_one(command, words, folder, root, root)


def refused(output: str) -> bool:
    """Whether a runner cannot write the report that it was asked for; the check has to run without it then."""
    return _JUNIT_REFUSED.search(output) is not None or any(words in output for words in node_reports.REFUSED)


def read_report(asked: Instrumented, output: str, *, cut: bool) -> tuple[TestReport | None, str]:
    """What a finished check reported, and its output as it would have been without being asked.

    None where it told of no test, ``UNCLEAR`` where what it told can be understood in two ways.
    """
    if asked.go_json:
        return go_reports.read(output, verbose=" -v" in asked.command, cut=cut)
    written = _JUNIT_LINE.findall(output)
    clean = js_reports.without_notice(_JUNIT_LINE.sub("", output))
    told = (_VERBOSE_NOTE if asked.verbose else "") + clean
    if len(written) != len(set(written)):
        return UNCLEAR, told  # one pytest wrote over what another had said
    found = [report for source in asked.reports if (report := _read(source)) is not None]
    if asked.prints or not found:
        found += [r for parse in (printed_reports.unittest, printed_reports.libtest) if (r := parse(clean, cut=cut))]
    return _merged(found), told


def is_plain(command: str) -> bool:
    """Whether a command is one program and its arguments, so that its exit code is the program's own."""
    return bool(_plain(command))


def _plain(command: str) -> list[str]:
    """The words of a command that is nothing but one program and its arguments; else none."""
    return [] if _SHELL.search(command) else _words(command)


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return []


def _sequence(command: str) -> list[str]:
    """Commands and the ``&&`` and ``;`` between them, in turn; none where a shell does more than run one after another."""
    if _NOT_A_SEQUENCE.search(command):
        return []
    # Quoted text first, so that what looks like an operator inside it is none.
    pieces = re.findall(r"'[^']*'|\"[^\"]*\"|&&|[;&]|[^'\"&;]+|['\"]", command)
    parts, current = [], ""
    for piece in pieces:
        if piece in {"&&", ";"}:
            parts += [current.strip(), piece]
            current = ""
        elif piece == "&":
            return []
        else:
            current += piece
    parts.append(current.strip())
    words = [_words(part) for part in parts]
    return parts if all(w and w[0] not in _KEYWORDS for w in words) else []


def _instrument_parts(parts: Sequence[str], folder: Path, root: Path) -> Instrumented:
    asked: list[Instrumented] = []
    where: Path | None = root
    for number, part in enumerate(parts[::2]):
        words = _words(part)
        if words[0] in _BUILTINS or where is None:
            asked.append(Instrumented(part))
            where = where / words[1] if where and words[0] == "cd" and len(words) == 2 else where
            where = None if words[0] == "cd" and len(words) != 2 else where
            continue
        aside = folder / str(number)
        aside.mkdir()
        one = _instrument_one(part, words, aside, root, where)
        before = "".join(f"{name}={shlex.quote(value)} " for name, value in one.env.items())
        asked.append(Instrumented(before + one.command, {}, one.reports, prints=one.prints, verbose=one.verbose))
    text = asked[0].command
    for operator, one in zip(parts[1::2], asked[1:], strict=True):
        text += f" {operator} {one.command}" if operator == "&&" else f"{operator} {one.command}"
    reports = tuple(report for one in asked for report in one.reports)
    return Instrumented(
        text, {}, reports, prints=any(one.prints for one in asked), verbose=any(one.verbose for one in asked)
    )


def _instrument_one(command: str, words: list[str], folder: Path, root: Path, cwd: Path) -> Instrumented:
    """One program, in ``cwd``; ``words`` is empty where a command is more than that."""
    while words and _ASSIGNMENT.match(words[0]):
        words = words[1:]
    if words:
        javascript = js_reports.ask(words, command, folder, root, cwd)
        if javascript:
            return Instrumented(javascript[0], reports=(javascript[1],))
        node = node_reports.ask(words, command, folder, root, cwd)
        if node:
            return Instrumented(node.command, node.env, (node.report,))
        if words[0].rpartition("/")[2] == "cargo":
            return Instrumented(command, prints=True)
        if _is_unittest(words):
            verbose = words[-1] not in {"-v", "--verbose"}
            return Instrumented(f"{command} -v" if verbose else command, prints=True, verbose=verbose)
    # Whoever does not start pytest never looks at the variable.
    junit = folder / "junit.xml"
    return Instrumented(command, {"PYTEST_ADDOPTS": f"--junitxml={shlex.quote(str(junit))}"}, (junit,))


def _is_unittest(words: list[str]) -> bool:
    """Whether it is ``python -m unittest`` (behind ``uv run``, say), which takes options at its end."""
    first = words.index("-m") if "-m" in words else len(words)
    return words[first + 1 : first + 2] == ["unittest"] and "-c" not in words[:first] and "--" not in words


def _read(source: Path | JsonReport | LinesReport) -> TestReport | None:
    if isinstance(source, Path):
        return _junit(source)
    pairs = js_reports.read(source, NOT_LOADED) if isinstance(source, JsonReport) else node_reports.read(source)
    return None if pairs is None else report_of(pairs)


def _merged(found: list[TestReport]) -> TestReport | None:
    """One report of several runners; an unclear one where one of them does not name its tests."""
    if len(found) < 2:
        return found[0] if found else None
    if not all(report.complete for report in found):
        return UNCLEAR
    return report_of(pair for report in found for pair in report.outcomes.items())


def _junit(path: Path) -> TestReport | None:
    """A JUnit XML file: pytest's, or any other that follows the form."""
    try:
        if path.stat().st_size > _MAX_REPORT_BYTES:
            return None
        root = ElementTree.parse(path).getroot()  # noqa: S314 - expat refuses entity bombs; no entity is fetched
    except (OSError, ElementTree.ParseError):
        return None
    return report_of(_junit_cases(root))


def _junit_cases(root: ElementTree.Element) -> Iterable[tuple[str, str]]:
    for case in root.iter("testcase"):
        name = f"{case.get('classname') or ''}::{case.get('name') or ''}".removeprefix("::")
        kinds = {child.tag for child in case}
        outcome = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        error = case.find("error")
        not_loaded = error is not None and error.get("message") == "collection failure"
        yield f"{NOT_LOADED}{name}" if not_loaded else name, outcome
