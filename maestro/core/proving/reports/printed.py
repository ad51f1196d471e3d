"""Single tests of runners that are read from what they print: unittest and Rust's test harness."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from maestro.core.proving.reports.model import NOT_LOADED, TestReport, report_of

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


_NEXTEST = re.compile(
    r"^\s+(PASS|FAIL|SIG\w+|ABORT|LEAK|TIMEOUT|FLAKY [\d/]+)\s+\[[^\]]*\](?: +\([^)]*\))? +(\S.*)$", re.MULTILINE
)
_NEXTEST_SUMMARY = re.compile(r"^\s+Summary \[[^\]]*\] +(\d+)(?:/\d+)? tests? run: (.*)$", re.MULTILINE)


def nextest(output: str, *, cut: bool) -> TestReport | None:
    """What ``cargo nextest run`` prints: a line for each test, and the numbers."""
    summaries = list(_NEXTEST_SUMMARY.finditer(output))
    if not summaries:
        return None
    told = Counter[str]()
    for match in summaries:
        for number, word in re.findall(r"(\d+) ([a-z ]+?)(?: \(|,|\)|$)", match[2]):
            told[word] += int(number)
    pairs = [
        (m[2].strip(), "passed" if m[1].startswith(("PASS", "LEAK", "FLAKY")) else "failed")
        for m in _NEXTEST.finditer(output)
    ]
    report = report_of(pairs)
    ran = sum(int(match[1]) for match in summaries)
    passed = told["passed"]
    complete = not cut and len(report.outcomes) == ran
    return TestReport(report.outcomes, passed, ran - passed, told["skipped"], complete)


_CTEST = re.compile(r"^\s*\d+/\d+ Test +#\d+: (.+?) \.{2,}\s*(.*?)\s+[\d.]+ sec(?:\s.*)?$", re.MULTILINE)
_CTEST_SUMMARY = re.compile(r"^\d+% tests passed, (\d+) tests? failed out of (\d+)", re.MULTILINE)


def ctest(output: str, *, cut: bool) -> TestReport | None:
    """What ctest prints: a line for each test, and how many failed."""
    summaries = [(int(failed), int(total)) for failed, total in _CTEST_SUMMARY.findall(output)]
    if not summaries:
        return None
    report = report_of((name, _ctest_outcome(how)) for name, how in _CTEST.findall(output))
    failed, total = (sum(column) for column in zip(*summaries, strict=True))
    ran = [name for name, how in _CTEST.findall(output) if "(Disabled)" not in how]
    return (
        report
        if not cut and len(ran) == total and report.failed == failed
        else TestReport(report.outcomes, total - failed, failed, 0, complete=False)
    )


def _ctest_outcome(how: str) -> str:
    if how == "Passed":
        return "passed"
    return "skipped" if "***Skipped" in how or "(Disabled)" in how else "failed"


_AVA = re.compile(r"^ +(✔|✘|√|×|-) (?:\[(skip|todo|fail|expected fail)\]:? )?(.+?)(?: \([\d.]+m?s\))?$", re.MULTILINE)
_AVA_COUNT = re.compile(
    r"^ +(\d+) (?:tests? (passed|failed|skipped|todo)|known (failures?)|(uncaught) .*)$", re.MULTILINE
)


def ava(output: str, *, cut: bool) -> TestReport | None:
    """What AVA prints: a line for each test, and the numbers."""
    counts = Counter[str]()
    for number, word, known, _uncaught in _AVA_COUNT.findall(output):
        counts["known" if known else word or "uncaught"] += int(number)
    # Below the first rule it explains what failed.
    lines = [
        (mark, word, name) for mark, word, name in _AVA.findall(re.split(r"^ +─+$", output, flags=re.MULTILINE)[0])
    ]
    if not lines or not counts:
        return None
    # With more than one file each name begins with its file's; a second file must not rename the tests of the first.
    several = all(" › " in name for _, _, name in lines)
    pairs = [(name.partition(" › ")[2] if several else name, _ava_outcome(mark, word)) for mark, word, name in lines]
    seen, named = Counter[str](), []
    for name, outcome in pairs:
        seen[name] += 1
        named.append((name if seen[name] == 1 else f"{name} ({seen[name]})", outcome))
    report = report_of(named)
    skipped = counts["skipped"] + counts["todo"] + counts["known"]
    passed = counts.get("passed", report.passed)  # told only where nothing failed
    failed = counts["failed"] + counts["uncaught"]
    if not cut and (report.passed, report.failed, report.skipped) == (passed, failed, skipped):
        return report
    return TestReport(report.outcomes, passed, failed, skipped, complete=False)


def _ava_outcome(mark: str, word: str) -> str:
    if mark == "-" or word == "expected fail":
        return "skipped"
    return "failed" if word == "fail" or mark in "✘×" else "passed"


#: Runners that only print numbers, and what they fail: total, failed and skipped by name, passed where it is told.
_NUMBERS = (
    re.compile(r"^  Total: +(?P<total>\d+)\s+Passed: +(?P<passed>\d+)\s+Skipped: +(?P<skipped>\d+)", re.MULTILINE),
    re.compile(
        r"^(?:Passed|Failed|Skipped)! +- Failed: +(?P<failed>\d+), Passed: +(?P<passed>\d+), "
        r"Skipped: +(?P<skipped>\d+), Total: +(?P<all>\d+)",
        re.MULTILINE,
    ),
    re.compile(
        r"^(?P<total>\d+) tests?, (?P<failed>\d+) failures?(?:, \d+ excluded)?(?:, (?P<skipped>\d+) skipped)?$",
        re.MULTILINE,
    ),
)


def numbers(output: str, *, cut: bool) -> TestReport | None:  # noqa: ARG001 - one form for all that read
    """What uvu, ``dotnet test`` and ExUnit print: how many tests ran, and no names."""
    passed = failed = skipped = 0
    found = [match.groupdict() for pattern in _NUMBERS for match in pattern.finditer(output)]
    for told in found:
        skipped += int(told.get("skipped") or 0)
        total = int(told.get("total") or 0)
        bad = int(told["failed"]) if told.get("failed") else total - int(told["passed"])
        failed += bad
        passed += int(told["passed"]) if told.get("passed") else total - bad - int(told.get("skipped") or 0)
    return TestReport({}, passed, failed, skipped, complete=False) if found else None


#: What runners that end with 0 say in place of results where they find no test; each is all that was said.
_NO_TESTS = re.compile(
    r"(?:\?\s+\S+\s+\[no test files\]\s*)+|(?:g?make(?:\[\d+\])?: .*\n)*g?make: (?:Nothing to be done for )?['`]test['`]"
    r"(?: is up to date)?\.\s*|Files=0, Tests=0, [^\n]*\nResult: NOTESTS\s*"
)


def nothing(output: str, *, cut: bool) -> TestReport | None:
    """That no test ran, where go, prove or make say so and nothing else."""
    return TestReport({}, 0, 0, 0) if not cut and _NO_TESTS.fullmatch(output) else None


_DENO = re.compile(r"^(\S.*?) \.\.\. (?:\S+ )?(ok|FAILED|ignored)\b(?: \([\d.]+\S*\))?.*$", re.MULTILINE)
_DENO_FILE = re.compile(r"^running \d+ tests? from (\S+)$")
_DENO_SUMMARY = re.compile(
    r"^(?:ok|FAILED) \| (\d+) passed(?: \(\d+ steps?\))? \| (\d+) failed(?: \(\d+ steps?\))?(?: \| (\d+) ignored)?",
    re.MULTILINE,
)


def deno(output: str, *, cut: bool) -> TestReport | None:
    """What ``deno test`` prints: a line for each test, below its file."""
    summary = _DENO_SUMMARY.search(output)
    if summary is None:
        return None
    file, pairs = "", []
    for line in output.splitlines():
        place, test = _DENO_FILE.match(line), _DENO.match(line)
        if place:
            file = place[1]
        elif test:
            pairs.append((f"{file}::{test[1]}", _RUST_WORDS[test[2]]))
    report = report_of(pairs)
    told = (int(summary[1]), int(summary[2]), int(summary[3] or 0))
    if not cut and told == (report.passed, report.failed, report.skipped):
        return report
    return TestReport(report.outcomes, *told, complete=False)


_BUN_FILE = re.compile(r"^(\S+\.[cm]?[jt]sx?):$")
_BUN_TEST = re.compile(r"^\((pass|fail|skip|todo)\) (.+?)(?: \[[\d.]+m?s\])?$")
_BUN_TOTAL = re.compile(r"^Ran (\d+) tests? across \d+ files?\.", re.MULTILINE)
_BUN_WORDS = {"pass": "passed", "fail": "failed"}


def bun(output: str, *, cut: bool) -> TestReport | None:
    """What ``bun test`` prints: a line for each test, below its file, and how many ran."""
    totals = _BUN_TOTAL.findall(output)
    if not totals:
        return None
    file, pairs = "", []
    for line in output.splitlines():
        place, test = _BUN_FILE.match(line), _BUN_TEST.match(line)
        if place:
            file = place[1]
        elif test:
            pairs.append((f"{file}::{test[2]}", _BUN_WORDS.get(test[1], "skipped")))
    report = report_of(pairs)
    if not cut and len(pairs) == sum(int(total) for total in totals):
        return report
    return TestReport(report.outcomes, report.passed, report.failed, report.skipped, complete=False)
