"""What a run is worth against the base, and what is no test's result at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from maestro.core.proving import runner_errors, snapshots, steering, varying, verdicts
from maestro.core.proving.baseline import Baseline
from maestro.core.proving.reports.model import TestReport, report_of
from maestro.core.workspaces.run_command import CommandOutcome
from maestro.db.models import CheckRun


def ended(code: int | None, output: str = "") -> CommandOutcome:
    return CommandOutcome(code, 1.0, output, False, "time limit" if code is None else None)


def told(*, passed: str = "", failed: str = "") -> TestReport:
    return report_of([*((n, "passed") for n in passed), *((n, "failed") for n in failed)])


def based_on(command: str, code: int | None, report: TestReport, output: str = "") -> Baseline:
    summary = {**report.counts(), "complete": report.complete}
    run = CheckRun(
        session_id="s", phase="baseline", command=command, exit_code=code, passed=code == 0, tests=report.outcomes,
        tests_summary=summary, output=output,
    )  # fmt: skip
    return Baseline({command: run}, dict(report.outcomes))


COVERAGE = 'Jest: "global" coverage threshold for lines (90%) not met: 10%'


@pytest.mark.parametrize(
    ("command", "before", "now", "verdict"),
    [
        # exit codes that are the number of failed tests, or another one, never outvote the tests by name
        ("npx mocha", (3, told(passed="a", failed="xyz")), (2, told(passed="az", failed="xy")), "passed"),
        ("npm test", (3, told(passed="a", failed="xyz")), (2, told(passed="az", failed="xy")), "passed"),
        ("cd a && npx mocha", (3, told(passed="a", failed="xyz")), (2, told(passed="az", failed="xy")), "passed"),
        ("python -m pytest", (2, told(passed="a", failed="x")), (1, told(passed="a", failed="x")), "passed"),
        ("npx mocha", (0, told(passed="abc")), (2, told(passed="a", failed="bc")), "doubtful"),
        ("npx mocha", (0, told(passed="ab")), (2, told(passed="a", failed="bn")), "doubtful"),
        ("npx mocha", (0, told(passed="ab")), (1, told(passed="ab", failed="n")), "failed"),
        ("python -m pytest", (1, told(passed="a", failed="x")), (139, told(passed="a", failed="x")), "failed"),
        # all tests pass and the runner is red
        ("python -m pytest", (1, told(passed="a")), (1, told(passed="ab")), "passed"),
        ("npm test", (1, told(passed="a"), COVERAGE), (1, told(passed="ab"), COVERAGE), "passed"),
        ("npm test", (1, told(passed="a")), (1, told(passed="ab")), "besides"),
        ("python -m pytest", (0, told(passed="a")), (1, told(passed="ab")), "failed"),
        ("python -m pytest", (1, told(passed="a", failed="b")), (1, told(passed="ab")), "failed"),
        ("python -m pytest", (1, told(passed="a")), (2, told(passed="ab")), "failed"),
        # no test passed
        ("python -m pytest", (1, told(failed="x")), (1, told(failed="x")), "unproven"),
        ("python -m pytest | cat", (0, told(failed="x")), (0, told(failed="x")), "unproven"),
        ("python -m pytest", (1, told(passed="a", failed="x")), (1, told(failed="x")), "missing"),
        ("python -m pytest", (5, told()), (5, told()), "failed"),
        # an internal error is nobody's test, and a time-out nobody's result
        (
            "python -m pytest",
            (3, report_of([("a", "passed"), ("pytest::internal", "failed")])),
            (3, report_of([("a", "passed"), ("pytest::internal", "failed")])),
            "failed",
        ),
        ("python -m pytest", (None, told(passed="a", failed="x")), (None, told(passed="a", failed="x")), "failed"),
        ("python -m pytest", (None, told(passed="a")), (None, told(passed="a")), "failed"),
    ],
)  # fmt: skip
def test_a_run_is_judged_by_its_tests_and_by_its_exit_code_only_for_what_these_do_not_say(
    command: str, before: tuple[int | None, TestReport, str], now: tuple[int | None, TestReport, str], verdict: str
) -> None:
    base = based_on(command, before[0], before[1], *before[2:])
    found = verdicts.judge(command, ended(now[0], *now[2:]), now[1], base, set())
    assert found.passed is (verdict == "passed")
    if verdict == "missing":
        assert found.comparison.vanished
        assert not found.unproven
        return
    flags = {name for name in ("doubtful", "besides", "unproven") if getattr(found, name)}
    assert flags == ({verdict} - {"passed", "failed"})


@pytest.mark.parametrize(
    ("second", "passed", "flaky", "broken"),
    [
        (told(passed="abc"), True, ["b"], []),
        (told(passed="ab", failed="c"), True, ["b", "c"], []),
        (told(passed="ac", failed="b"), False, [], ["b"]),
        (told(passed="a", failed="bc"), False, ["c"], ["b"]),
    ],
)
def test_only_what_fails_twice_is_broken(second: TestReport, passed: bool, flaky: list[str], broken: list[str]) -> None:
    base = based_on("npx mocha", 0, told(passed="abc"))
    first = verdicts.judge("npx mocha", ended(1), told(passed="ac", failed="b"), base, set())
    found = verdicts.judge_again("npx mocha", ended(second.failed), second, base, set(), first)
    assert (found.passed, found.flaky, found.comparison.newly_failing) == (passed, flaky, broken)


@pytest.mark.parametrize(
    ("code", "output", "broke_off"),
    [
        (3, "INTERNALERROR> Traceback", True),
        (4, "ERROR: usage: pytest [options]\npython -m pytest: error: unrecognized arguments: --x", True),
        (4, "ImportError while loading conftest '/a/conftest.py'.", True),
        (4, "ERROR: /a/pyproject.toml: Unknown config option: x", True),
        (1, "● Validation Error:\n\n  Preset ts-jest not found", True),
        (1, "No tests found, exiting with code 1", True),
        (1, "No test files found, exiting with code 1", True),
        (1, "failed to load config from /a/vitest.config.ts", True),
        (1, "Error: Cannot find module '/a/node_modules/jest/bin/jest.js'", True),
        (101, "error: failed to parse manifest at `/a/Cargo.toml`", True),
        (1, "E   assert 1 == 2", False),
        (2, "app.py: error: unrecognized arguments: --x", False),
        (1, "Error: Cannot find module './calc'", False),
        (4, "ERROR: file or directory not found: tests/test_new.py", False),
    ],
)
def test_a_runner_that_broke_off_is_told_from_tests_that_fail(code: int, output: str, broke_off: bool) -> None:
    assert (runner_errors.broke_off(ended(code, output), None) is not None) is broke_off
    assert runner_errors.broke_off(ended(code, output), told(passed="a", failed="b")) is None


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("src/__snapshots__/a.test.js.snap", True),
        ("tests/__snapshots__/test_a.ambr", True),
        ("tests/__snapshots__/test_a/test_one.raw", True),
        ("src/snapshots/demo__adds.snap", True),
        ("src/snapshots/demo__adds.snap.new", True),
        ("e2e/a.spec.ts-snapshots/home-chromium.png", True),
        ("src/__image_snapshots__/a.png", True),
        ("pkg/testdata/a.golden", True),
        ("Tests/Report.approved.txt", True),
        ("Tests/Report.verified.xml", True),
        ("cassettes/get_user.yaml", True),
        ("src/snapshots/take.py", False),
        ("snapshots/orders.sql", False),
        ("src/golden.py", False),
        ("snapcraft.yaml", False),
    ],
)
def test_what_tests_compare_with_is_known_by_its_name(path: str, is_one: bool) -> None:
    assert snapshots.is_snapshot(path) is is_one


@pytest.mark.parametrize(
    ("path", "before", "after", "adds"),
    [
        (
            "a.snap",
            "// v1\n\nexports[`a 1`] = `1`;\n",
            "// v1\n\nexports[`a 1`] = `1`;\n\nexports[`b 1`] = `2`;\n",
            True,
        ),
        ("a.snap", "exports[`b 1`] = `1`;\n", "exports[`a 1`] = `0`;\n\nexports[`b 1`] = `1`;\n", True),
        ("a.snap", "exports[`a 1`] = `\n1\n`;\n", "exports[`a 1`] = `\n1\n2\n`;\n", False),
        ("a.snap", "exports[`a 1`] = `1`;\n", "exports[`b 1`] = `1`;\n", False),
        ("a.ambr", "# name: a\n  1\n# ---\n", "# name: a\n  1\n# ---\n# name: b\n  2\n# ---\n", True),
        ("a.ambr", "# name: a\n  1\n# ---\n", "# name: a\n  2\n# ---\n", False),
        ("a.golden", "1\n", "1\n2\n", False),
    ],
)
def test_entries_that_are_added_change_nothing_that_was_there(path: str, before: str, after: str, adds: bool) -> None:
    assert snapshots.only_adds(path, before, after) is adds


@pytest.mark.parametrize(
    ("path", "text", "steers"),
    [
        ("tests/__init__.py", "", False),
        ("tests/__init__.py", '"""Tests."""\n', False),
        ("tests/__init__.py", "import calc\ncalc.add = max\n", True),
        ("tests/calc.py", "x = 1\n", True),
        ("tests/helpers.py", "x = 1\n", False),
        ("tests/test_new.py", "def test_a(): pass\n", False),
        ("pytest.py", "", True),
        ("src/new.py", "x = 1\n", False),
    ],
)
def test_new_files_that_decide_how_old_tests_end_are_known(path: str, text: str, steers: bool) -> None:
    assert steering.steers(path, lambda _: text, lambda: ["calc.py", "tests/test_calc.py"]) is steers


def test_names_are_compared_without_what_varies_only_where_a_second_run_says_so() -> None:
    before = ["listens on 40123", "adds 12 and 13", "at Mon Nov 30 2026 01:02:03 GMT"]
    again = ["listens on 51999", "adds 12 and 13", "at Tue Dec 1 2026 04:05:06 GMT"]
    suspected = varying.suspects(before, ["listens on 3", "adds 1 and 2", "at Wed Dec 2 2026 01:01:01 GMT"])
    assert len(suspected) == 3
    vary = varying.that_vary(suspected, before, again)
    assert {varying.skeleton(name) for name in (before[0], before[2])} == vary
    mine = varying.steady({"listens on 7": "passed", "listens on 8": "failed", "adds 1 and 2": "passed"}, vary)
    assert mine == {"listens on #": "passed", "listens on # (2)": "failed", "adds 1 and 2": "passed"}
    here = varying.placed(
        report_of([("in /w/t1/a.py, <A object at 0x7f00aa11>, /x/tmp-1/b", "passed")]), Path("/w/t1"), "/x/tmp-1"
    )
    assert list(here.outcomes) == ["in <worktree>/a.py, <A object at <address>>, <temp>"]
