"""JUnit files that a build tool writes into the worktree count where this very run wrote them, and agree with its words."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from maestro.core.proving.reports.collect import Instrumented, instrument, read_report
from maestro.core.proving.reports.model import TestReport
from tests.repos import make_repo, run_git

SUREFIRE = Path(__file__).parent / "recorded" / "TEST-x.CalcTest.xml"
SAID = "[ERROR] Tests run: 4, Failures: 1, Errors: 1, Skipped: 1\n"
CALC = {
    "x.CalcTest::adds": "passed",
    "x.CalcTest::wrong": "failed",
    "x.CalcTest::later": "skipped",
    "x.CalcTest::breaks": "failed",
}
ONE = '<testsuite name="a"><testcase classname="a" name="one"/></testsuite>'


def asked(tmp_path: Path, command: str = "mvn test") -> Instrumented:
    root = tmp_path / "w"
    if not root.exists():
        make_repo(root, {"README.md": "x\n"})
    shutil.rmtree(tmp_path / "aside", ignore_errors=True)
    return instrument(command, tmp_path / "aside", root, {})


def write(path: Path, text: str) -> None:
    """As a program does that runs a while after the check began."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    later = path.stat().st_mtime_ns + 10_000_000
    os.utime(path, ns=(later, later))


def read(one: Instrumented, output: str = "") -> TestReport | None:
    return read_report(one, output, cut=False)[0]


def test_surefires_reports_of_all_modules_are_read(tmp_path: Path) -> None:
    one = asked(tmp_path)
    write(tmp_path / "w" / "core" / "target" / "surefire-reports" / "TEST-x.CalcTest.xml", SUREFIRE.read_text())
    write(tmp_path / "w" / "web" / "target" / "surefire-reports" / "TEST-a.xml", ONE)
    report = read(one, SAID + "[INFO] Tests run: 1, Failures: 0, Errors: 0, Skipped: 0\n")
    assert report is not None
    assert report.outcomes == CALC | {"a::one": "passed"}
    assert report.complete


def test_a_report_of_an_earlier_run_or_a_committed_one_says_nothing(tmp_path: Path) -> None:
    old = tmp_path / "w" / "target" / "surefire-reports" / "TEST-old.xml"
    make_repo(tmp_path / "w", {"target/surefire-reports/TEST-old.xml": ONE, "junit.xml": ONE})
    os.utime(old, ns=(1, 1))
    os.utime(tmp_path / "w" / "junit.xml", ns=(1, 1))
    assert read(asked(tmp_path), "BUILD SUCCESS\n") is None


def test_more_passed_tests_in_the_files_than_maven_printed_are_not_believed(tmp_path: Path) -> None:
    one = asked(tmp_path)
    write(tmp_path / "w" / "target" / "surefire-reports" / "TEST-x.CalcTest.xml", SUREFIRE.read_text())
    write(tmp_path / "w" / "target" / "surefire-reports" / "TEST-made-up.xml", ONE)
    report = read(one, SAID)
    assert report is not None
    assert (report.outcomes, report.complete) == ({}, False)


def test_a_junit_file_of_anybody_is_held_against_what_any_runner_printed(tmp_path: Path) -> None:
    one = asked(tmp_path, "npm test")
    write(
        tmp_path / "w" / "junit.xml", ONE.replace("</testsuite>", '<testcase classname="a" name="gone"/></testsuite>')
    )
    report = read(one, "      Tests  1 passed (1)\n")
    assert report is not None
    assert (report.outcomes, report.complete) == ({}, False)
    report = read(one, "      Tests  2 passed (2)\n")
    assert report is not None
    assert report.total == 2


def test_gradle_runs_its_tests_again_and_tells_of_them(tmp_path: Path) -> None:
    make_repo(tmp_path / "w", {"build.gradle": "", ".gitignore": "build/\n"})
    results = tmp_path / "w" / "build" / "test-results" / "test" / "TEST-a.xml"
    write(results, ONE)
    one = asked(tmp_path, "./gradlew test")
    assert not results.exists()  # else Gradle takes the tests for up to date and runs none
    write(results, ONE)
    report = read(one, "BUILD SUCCESSFUL in 1s\n")
    assert report is not None
    assert report.outcomes == {"a::one": "passed"}


def test_a_committed_report_below_gradles_folder_is_left_alone(tmp_path: Path) -> None:
    make_repo(tmp_path / "w", {"build.gradle": "", "build/test-results/TEST-a.xml": ONE})
    asked(tmp_path, "gradle test")
    assert run_git(tmp_path / "w", "status", "--porcelain") == ""


def test_any_new_junit_file_is_read_where_nothing_else_told_of_tests(tmp_path: Path) -> None:
    one = asked(tmp_path, "./ci.sh")
    write(tmp_path / "w" / "out" / "results.xml", ONE)
    write(tmp_path / "w" / "node_modules" / "x" / "junit.xml", ONE.replace("one", "two"))
    write(tmp_path / "w" / "other.xml", "<project><testcase name='no'/></project>")
    report = read(one)
    assert report is not None
    assert report.outcomes == {"a::one": "passed"}
    (tmp_path / "aside" / "pytest-1.xml").write_text(ONE.replace("one", "three"))
    told = read(one, "1 passed in 0.1s\n")
    assert told is not None
    assert told.outcomes == {"a::three": "passed"}  # a second report of the same run, in another's names
