"""A module that could not be loaded before the work stands for no test: its tests appearing later lose nothing."""

from __future__ import annotations

from pathlib import Path

from maestro.core.proving.baseline import Baseline, compare
from maestro.core.proving.reports.collect import Instrumented, read_report
from maestro.core.proving.reports.model import NOT_LOADED, TestReport
from maestro.db import models

BEFORE = """\
E.....
======================================================================
ERROR: tests.test_count (unittest.loader._FailedTest.tests.test_count)
----------------------------------------------------------------------
ModuleNotFoundError: No module named 'tests.test_count'

----------------------------------------------------------------------
Ran 6 tests in 0.030s

FAILED (errors=1, skipped=174)
"""
AFTER = """\
......
----------------------------------------------------------------------
Ran 6 tests in 0.027s

OK (skipped=174)
"""
JUNIT = """\
<testsuites><testsuite name="pytest">
<testcase classname="" name="tests.test_count"><error message="collection failure">ImportError</error></testcase>
<testcase classname="tests.test_a" name="test_x" />
</testsuite></testsuites>
"""


def read(output: str, junit: Path | None = None) -> TestReport:
    asked = Instrumented("check", folder=junit.parent, root=junit.parent) if junit else Instrumented("check")
    report, _text = read_report(asked, output, cut=False)
    assert report is not None
    return report


def base(report: TestReport) -> Baseline:
    summary = {**report.counts(), "complete": report.complete}
    run = models.CheckRun(
        session_id="s", phase="baseline", command="check", tests=report.outcomes, tests_summary=summary
    )
    return Baseline({"check": run}, report.outcomes)


def test_unittest_a_missing_module_that_appears_is_no_vanished_test_and_subtests_are_no_tests() -> None:
    before, after = read(BEFORE), read(AFTER)
    assert before.total == 5
    assert before.failing == {f"{NOT_LOADED}tests.test_count"}
    assert (after.passed, after.total) == (6, 6)
    assert compare(after, "check", base(before)).missing == []


def test_pytest_a_missing_module_that_appears_is_no_vanished_test(tmp_path: Path) -> None:
    (tmp_path / "junit.xml").write_text(JUNIT)
    before = read("", tmp_path / "junit.xml")
    assert before.failing == {f"{NOT_LOADED}tests.test_count"}
    after = TestReport({"tests.test_a::test_x": "passed", "tests.test_count::test_y": "passed"}, 2, 0, 0)
    assert compare(after, "check", base(before)).missing == []
    assert compare(TestReport({}, 0, 0, 0), "check", base(before)).vanished == ["tests.test_a::test_x"]
