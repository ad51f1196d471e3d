"""Which single tests a check ran, and how each ended, where the check can tell.

pytest is asked for a JUnit file by its own environment variable, a plain ``go test`` for its JSON lines, jest
and vitest for their JSON report; unittest and cargo are read from what they print. Nothing here changes what
a check means: its exit code is its own. A check that tells nothing is compared by exit code.
"""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from maestro.core.proving import js_reports
from maestro.core.proving.js_reports import JsonReport

#: More tests than this are counted but not named.
MAX_NAMED = 20_000

#: How a module is named that could not be loaded: it stands for tests that nobody has seen, and is none itself.
NOT_LOADED = "not loaded: "
_MAX_REPORT_BYTES = 64_000_000
_WORST = {"passed": 0, "skipped": 1, "failed": 2}
_SHELL = re.compile(r"[;&|<>`$()\n\\]")
_JUNIT_REFUSED = re.compile(r"unrecognized arguments:.*--junitxml", re.DOTALL)
_JUNIT_LINE = re.compile(r"^-* ?generated xml file: .*\n?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class TestReport:
    """How single tests ended: ``passed``, ``failed`` or ``skipped`` by test id.

    ``complete`` is off when not every test is named (a quiet runner names only what failed, a long output
    was cut): then nothing can be said about tests that are missing.
    """

    __test__ = False  # not a test class, whatever pytest takes its name for

    outcomes: dict[str, str]
    passed: int
    failed: int
    skipped: int
    complete: bool = True

    @property
    def total(self) -> int:
        """All tests that were looked at."""
        return self.passed + self.failed + self.skipped

    @property
    def failing(self) -> set[str]:
        """The named tests that failed."""
        return {name for name, outcome in self.outcomes.items() if outcome == "failed"}

    def counts(self) -> dict[str, int]:
        """The numbers, for evidence."""
        return {"passed": self.passed, "failed": self.failed, "skipped": self.skipped, "total": self.total}


@dataclass(frozen=True, slots=True)
class Instrumented:
    """A check made to report single tests: what to run, with what beside its environment."""

    command: str
    env: dict[str, str] = field(default_factory=dict)
    junit: Path | None = None
    go_json: bool = False
    json: JsonReport | None = None


def instrument(command: str, folder: Path, root: Path) -> Instrumented:
    """The same check, asked to report. ``folder`` is a temporary one outside the worktree, which is ``root``."""
    words = _plain(command)
    if words[:2] == ["go", "test"]:
        go_json = "-json" not in command
        return Instrumented(command.replace("go test", "go test -json", 1) if go_json else command, go_json=go_json)
    javascript = js_reports.ask(words, command, folder, root) if words else None
    if javascript:
        return Instrumented(javascript[0], json=javascript[1])
    # Whoever does not start pytest never looks at the variable.
    junit = folder / "junit.xml"
    return Instrumented(command, {"PYTEST_ADDOPTS": f"--junitxml={shlex.quote(str(junit))}"}, junit)


def refused(output: str) -> bool:
    """Whether pytest cannot write the report that it was asked for; the check has to run without it then."""
    return _JUNIT_REFUSED.search(output) is not None


def read_report(asked: Instrumented, output: str, *, cut: bool) -> tuple[TestReport | None, str]:
    """What a finished check reported, and its output as it would have been without being asked."""
    if asked.go_json:
        return _go(output, verbose=" -v" in asked.command, cut=cut)
    if asked.json:
        pairs = js_reports.read(asked.json, NOT_LOADED)
        return (None if pairs is None else _report(pairs)), js_reports.without_notice(output)
    found = _junit(asked.junit) if asked.junit else None
    clean = _JUNIT_LINE.sub("", output)
    for parse in (_unittest, _libtest):
        found = found or parse(clean, cut=cut)
    return found, clean


def _plain(command: str) -> list[str]:
    """The words of a command that is nothing but one program and its arguments; else none."""
    if _SHELL.search(command):
        return []
    try:
        return shlex.split(command)
    except ValueError:
        return []


def is_plain(command: str) -> bool:
    """Whether a command is one program and its arguments, so that its exit code is the program's own."""
    return bool(_plain(command))


def _report(pairs: Iterable[tuple[str, str]], *, complete: bool = True) -> TestReport | None:
    outcomes: dict[str, str] = {}
    for name, outcome in pairs:
        if _WORST[outcome] >= _WORST.get(outcomes.get(name, "passed"), 0):
            outcomes[name] = outcome
    numbers = Counter(outcomes.values())
    if len(outcomes) > MAX_NAMED:
        outcomes = {name: o for name, o in outcomes.items() if o != "passed"}
        complete = False
    return TestReport(outcomes, numbers["passed"], numbers["failed"], numbers["skipped"], complete)


def _junit(path: Path) -> TestReport | None:
    """A JUnit XML file: pytest's, or any other that follows the form."""
    try:
        if path.stat().st_size > _MAX_REPORT_BYTES:
            return None
        root = ElementTree.parse(path).getroot()  # noqa: S314 - expat refuses entity bombs; no entity is fetched
    except (OSError, ElementTree.ParseError):
        return None
    return _report(_junit_cases(root))


def _junit_cases(root: ElementTree.Element) -> Iterable[tuple[str, str]]:
    for case in root.iter("testcase"):
        name = f"{case.get('classname') or ''}::{case.get('name') or ''}".removeprefix("::")
        kinds = {child.tag for child in case}
        outcome = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        error = case.find("error")
        not_loaded = error is not None and error.get("message") == "collection failure"
        yield f"{NOT_LOADED}{name}" if not_loaded else name, outcome


_UT_TEST = re.compile(r"^(\S+) \(([\w.<>-]+)\)(.*)$")
_UT_END = re.compile(r"(ok|FAIL|ERROR|skipped .*|expected failure|unexpected success)$")
_UT_FAILED = re.compile(r"^(?:FAIL|ERROR|UNEXPECTED SUCCESS): (\S+) \(([\w.<>-]+)\)", re.MULTILINE)
_UT_RAN = re.compile(r"^Ran (\d+) tests? in [\d.]+s\s+^(OK|FAILED|NO TESTS RAN)(?: \(([^)]*)\))?\s*$", re.MULTILINE)


def _unittest(output: str, *, cut: bool) -> TestReport | None:
    """What ``python -m unittest`` prints: every test with ``-v``, else the failed ones and the counts."""
    ran = list(_UT_RAN.finditer(output))
    if not ran:
        return None
    pairs = [*_unittest_lines(output)]
    named = {name for name, _ in pairs}
    failed = {_unittest_id(m[1], m[2]) for m in _UT_FAILED.finditer(output)}
    # unittest counts a module that it could not load as a test.
    total = sum(int(m[1]) for m in ran) - sum(name.startswith(NOT_LOADED) for name in named | failed)
    report = _report([*pairs, *((name, "failed") for name in failed)])
    assert report is not None
    if not cut and len(named) >= total > 0:
        return report
    told = Counter[str]()
    for match in ran:
        for word, number in re.findall(r"([a-z ]+)=(\d+)", match[3] or ""):
            told[word.strip()] += int(number)
    skipped = told["skipped"] + told["expected failures"]
    bad = told["failures"] + told["errors"] + told["unexpected successes"]
    if skipped > total:
        skipped = 0  # skipped subtests, each counted: they say nothing about tests
    return TestReport(report.outcomes, max(total - bad - skipped, 0), bad, skipped, complete=False)


def _unittest_lines(output: str) -> Iterable[tuple[str, str]]:
    open_test: str | None = None
    for line in output.splitlines():
        start = _UT_TEST.match(line)
        if start and (not start[3].strip() or " ... " in start[3] or start[3].endswith("...")):
            open_test = _unittest_id(start[1], start[2])
        end = _UT_END.search(line)
        # The outcome may follow on a later line, after a docstring or what the test printed.
        if open_test and end and (" ... " in line or line == end[1]):
            yield open_test, _unittest_outcome(end[1])
            open_test = None


def _unittest_id(name: str, where: str) -> str:
    if where.startswith("unittest.loader._FailedTest"):
        return NOT_LOADED + name
    # Python 3.11 repeats the test's name in the brackets.
    return where if where.endswith(f".{name}") else f"{where}.{name}"


def _unittest_outcome(word: str) -> str:
    if word == "ok":
        return "passed"
    return "skipped" if word.startswith(("skipped", "expected")) else "failed"


_RUST_TARGET = re.compile(r"^\s+(?:Running (?:unittests )?(\S+) \(|Doc-tests (\S+))")
_RUST_TEST = re.compile(r"^test (.+?) \.\.\. (ok|FAILED|ignored)\b")
_RUST_RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;", re.MULTILINE)
_RUST_WORDS = {"ok": "passed", "FAILED": "failed", "ignored": "skipped"}


def _libtest(output: str, *, cut: bool) -> TestReport | None:
    """What Rust's test harness prints under ``cargo test``."""
    results = [[int(n) for n in found] for found in _RUST_RESULT.findall(output)]
    if not results:
        return None
    target, pairs = "", []
    for line in output.splitlines():
        place, test = _RUST_TARGET.match(line), _RUST_TEST.match(line)
        if place:
            target = place[1] or f"doc {place[2]}"
        elif test:
            # A documentation test is named with its line, which any edit above it changes.
            name = re.sub(r"( - should panic)$", "", re.sub(r" \(line \d+\)", "", test[1]))
            pairs.append((f"{target}::{name}", _RUST_WORDS[test[2]]))
    report = _report(pairs)
    assert report is not None
    passed, failed, skipped = (sum(column) for column in zip(*results, strict=True))
    complete = not cut and len(pairs) == passed + failed + skipped
    return TestReport(report.outcomes, passed, failed, skipped, complete)


_GO_WORDS = {"pass": "passed", "fail": "failed", "skip": "skipped"}


def _go(output: str, *, verbose: bool, cut: bool) -> tuple[TestReport | None, str]:
    """``go test -json``: the tests, and the text that ``go test`` alone would have printed."""
    ended: dict[tuple[str, str], str] = {}
    lines: list[tuple[tuple[str, str], str]] = []
    for raw in output.splitlines():
        entry = _go_entry(raw)
        if entry is None:
            lines.append((("", ""), raw + "\n"))
            continue
        key = (str(entry.get("Package") or entry.get("ImportPath") or ""), str(entry.get("Test") or ""))
        if entry.get("Action") in _GO_WORDS:
            ended[key] = _GO_WORDS[str(entry["Action"])]
        elif "Output" in entry:
            lines.append((key, str(entry["Output"])))
    text = "".join(
        words for key, words in lines
        if verbose or (not key[1] and words != "PASS\n") or (ended.get(key, "failed") == "failed" and _tells(words))
    )  # fmt: skip
    tests = {key: outcome for key, outcome in ended.items() if key[1]}
    broken = {package for package, test in tests if tests[(package, test)] == "failed"}
    for (package, test), outcome in ended.items():
        if not test and outcome == "failed" and package not in broken:
            tests[(package, "")] = "failed"  # it did not build
    if not tests:
        return None, text
    pairs = ((f"{package}.{test}".rstrip("."), outcome) for (package, test), outcome in tests.items())
    return _report(pairs, complete=not cut), text


def _tells(words: str) -> bool:
    return not words.lstrip().startswith(("=== RUN", "=== PAUSE", "=== CONT"))


def _go_entry(line: str) -> dict[str, object] | None:
    if not line.startswith("{"):
        return None
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and "Action" in entry else None
