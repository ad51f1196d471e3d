"""Single tests of runners that are read from what they print: unittest and Rust's test harness."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from maestro.core.proving.report import NOT_LOADED, TestReport, report_of

_UT_TEST = re.compile(r"^(\S+) \(([\w.<>-]+)\)(.*)$")
_UT_END = re.compile(r"(ok|FAIL|ERROR|skipped .*|expected failure|unexpected success)$")
_UT_FAILED = re.compile(r"^(?:FAIL|ERROR|UNEXPECTED SUCCESS): (\S+) \(([\w.<>-]+)\)", re.MULTILINE)
_UT_RAN = re.compile(r"^Ran (\d+) tests? in [\d.]+s\s+^(OK|FAILED|NO TESTS RAN)(?: \(([^)]*)\))?\s*$", re.MULTILINE)


def unittest(output: str, *, cut: bool) -> TestReport | None:
    """What ``python -m unittest`` prints: every test with ``-v``, else the failed ones and the counts."""
    ran = list(_UT_RAN.finditer(output))
    if not ran:
        return None
    pairs = [*_unittest_lines(output)]
    named = {name for name, _ in pairs}
    failed = {_unittest_id(m[1], m[2]) for m in _UT_FAILED.finditer(output)}
    # unittest counts a module that it could not load as a test.
    total = sum(int(m[1]) for m in ran) - sum(name.startswith(NOT_LOADED) for name in named | failed)
    report = report_of([*pairs, *((name, "failed") for name in failed)])
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


def libtest(output: str, *, cut: bool) -> TestReport | None:
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
    report = report_of(pairs)
    passed, failed, skipped = (sum(column) for column in zip(*results, strict=True))
    complete = not cut and len(pairs) == passed + failed + skipped
    return TestReport(report.outcomes, passed, failed, skipped, complete)
