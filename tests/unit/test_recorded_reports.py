"""Reports and output of real test runners, recorded from the tools themselves (2026-11), and what is read from them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from maestro.core.proving.reports.collect import Instrumented, read_report
from maestro.core.proving.reports.model import TestReport

RECORDED = Path(__file__).parent / "recorded"
REPO = Path("/repo")


def written(tmp_path: Path, *names: str, output: str = "") -> TestReport:
    for name in names:
        shutil.copy(RECORDED / name, tmp_path / name)
    report, _text = read_report(Instrumented("make test", folder=tmp_path, root=REPO), output, cut=False)
    assert report is not None
    return report


def printed(name: str, command: str = "make test") -> TestReport:
    report, _text = read_report(Instrumented(command), (RECORDED / name).read_text(), cut=False)
    assert report is not None
    return report


CALC = {"calc adds": "passed", "calc wrong": "failed", "calc later": "skipped"}


@pytest.mark.parametrize(
    ("name", "outcomes"),
    [
        (
            "jest-1.jsonl",
            {f"jest/a.test.js::{n}": o for n, o in {**CALC, "calc some day": "skipped"}.items()}
            | {"not loaded: jest/b.test.js": "failed"},
        ),
        ("vitest-1.json", {f"vitest/a.test.mjs::{n}": o for n, o in {**CALC, "calc some day": "skipped"}.items()}),
        (
            "mocha-1.jsonl",
            {
                "mocha/a.spec.js::calc > adds": "passed",
                "mocha/a.spec.js::calc > wrong": "failed",
                "mocha/a.spec.js::calc > later": "skipped",
                "mocha/a.spec.js::calc > pending": "skipped",
            },
        ),
        (
            "bun-1.xml",
            {
                "a.test.ts::calc::adds": "passed",
                "a.test.ts::calc::wrong": "failed",
                "a.test.ts::calc::later": "skipped",
                "a.test.ts::calc::some day": "skipped",
            },
        ),
        (
            "deno-1.xml",
            {
                "./a.test.ts::adds": "passed",
                "./a.test.ts::wrong": "failed",
                "./a.test.ts::later": "skipped",
                "./a.test.ts::steps": "passed",
                "./a.test.ts::steps > one": "passed",
            },
        ),
        (
            "phpunit-1.xml",
            {
                "ATest::testOk": "passed",
                "ATest::testBad": "failed",
                "ATest::testLater": "skipped",
                'ATest::testP with data set "one"': "passed",
                'ATest::testP with data set "two"': "failed",
            },
        ),
        (
            "rspec-1.jsonl",
            {
                "spec/a_spec.rb::calc adds": "passed",
                "spec/a_spec.rb::calc wrong": "failed",
                "spec/a_spec.rb::calc later": "skipped",
                "spec/a_spec.rb::calc pending": "skipped",
                "spec/a_spec.rb::calc deep is expected to eq 1": "passed",
            },
        ),
        (
            "minitest-1.jsonl",
            {
                "test/a_test.rb::A#test_ok": "passed",
                "test/a_test.rb::A#test_bad": "failed",
                "test/a_test.rb::A#test_later": "skipped",
                "test/a_test.rb::thing#test_works": "passed",
            },
        ),
        (
            "ctest-1.xml",
            {
                "good": "passed",
                "bad": "failed",
                "has": "failed",
                "later": "skipped",
                "off": "skipped",
                "absent": "failed",
                "crash": "failed",
                "known": "passed",
            },
        ),
    ],
)
def test_what_a_runner_wrote_names_every_test(tmp_path: Path, name: str, outcomes: dict[str, str]) -> None:
    report = written(tmp_path, name)
    assert report.outcomes == outcomes
    assert report.complete


@pytest.mark.parametrize(
    ("name", "outcomes"),
    [
        (
            "ctest.txt",
            {
                "good": "passed",
                "bad": "failed",
                "has": "failed",
                "later": "skipped",
                "off": "skipped",
                "absent": "failed",
                "crash": "failed",
                "known": "passed",
            },
        ),
        (
            "bun.txt",
            {
                "a.test.ts::calc > adds": "passed",
                "a.test.ts::calc > wrong": "failed",
                "a.test.ts::calc > later": "skipped",
                "a.test.ts::calc > some day": "skipped",
            },
        ),
        (
            "pnpm-tape.txt",
            {
                "packages/c::adds > should be strictly equal": "passed",
                "packages/c::adds > one is two": "failed",
                "packages/c::later": "skipped",
            },
        ),
        (
            "deno.txt",
            {
                "./a.test.ts::adds": "passed",
                "./a.test.ts::wrong": "failed",
                "./a.test.ts::later": "skipped",
                "./a.test.ts::steps": "passed",
            },
        ),
        ("nextest.txt", {"demo tests::adds": "passed", "demo tests::wrong": "failed"}),
        (
            "ava.txt",
            {
                "adds": "passed",
                "adds (2)": "passed",
                "wrong": "failed",
                "known": "skipped",
                "later": "skipped",
                "some day": "skipped",
            },
        ),
        (
            "tap.txt",
            {
                "tap/a.test.js > adds": "passed",
                "tap/a.test.js > group > wrong": "failed",
                "tap/a.test.js > later": "skipped",
            },
        ),
        (
            "tape.txt",
            {"adds > should be strictly equal": "passed", "adds > one is two": "failed", "later": "skipped"},
        ),
        ("bats.txt", {"adds": "passed", "wrong": "failed", "later": "skipped"}),
        ("qunit.txt", {"m > adds": "passed", "m > wrong": "failed", "m > later": "skipped"}),
        ("perl-a.t", {"adds": "passed", "wrong": "failed", "test 3": "skipped", "sub": "passed"}),
    ],
)
def test_what_a_runner_printed_names_every_test(name: str, outcomes: dict[str, str]) -> None:
    report = printed(name)
    assert report.outcomes == outcomes
    assert report.complete


def test_a_runner_that_prints_numbers_only_is_counted() -> None:
    report = printed("uvu.txt")
    assert (report.counts(), report.complete) == ({"passed": 2, "failed": 1, "skipped": 1, "total": 4}, False)


def test_reports_of_several_runners_are_one(tmp_path: Path) -> None:
    report = written(tmp_path, "mocha-1.jsonl", "phpunit-1.xml", "bun-1.xml")
    assert report.total == 13
    assert report.complete


def test_a_script_that_runs_two_runners_is_read_for_both(tmp_path: Path) -> None:
    root, aside = tmp_path / "root", tmp_path / "aside"
    root.mkdir()
    aside.mkdir()
    (root / "package.json").write_text('{"scripts": {"test": "mocha && npm run tape", "tape": "tape test/*.js"}}')
    shutil.copy(RECORDED / "mocha-1.jsonl", aside)
    said = "\n  1 passing (4ms)\n" + (RECORDED / "tape.txt").read_text()
    report, _text = read_report(Instrumented("npm test", folder=aside, root=root), said, cut=False)
    assert report is not None
    assert report.total == 7
    assert report.complete


def test_names_added_to_a_written_report_are_not_believed(tmp_path: Path) -> None:
    assert written(tmp_path, "mocha-1.jsonl", output="\n  1 passing (4ms)\n  2 pending\n  1 failing\n").total == 4
    with (tmp_path / "mocha-1.jsonl").open("a") as out:
        out.write('{"file": "/repo/mocha/a.spec.js", "names": ["calc", "gone"], "outcome": "passed"}\n')
    asked = Instrumented("npm test", folder=tmp_path, root=REPO)
    report, _text = read_report(asked, "\n  1 passing (4ms)\n  2 pending\n  1 failing\n", cut=False)
    assert report is not None
    assert (report.outcomes, report.complete) == ({}, False)
