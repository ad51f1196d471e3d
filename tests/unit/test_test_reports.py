"""Single tests are read from what runners say, and only what they say."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import playwright
import pytest

from maestro.core.proving.js_reports import JsonReport
from maestro.core.proving.report import UNCLEAR
from maestro.core.proving.test_reports import Instrumented, instrument, is_plain, read_report, refused

CARGO = """\
   Compiling demo v0.1.0 (/tmp/rs)
     Running unittests src/lib.rs (target/debug/deps/demo-8348ca7a80742723)

running 4 tests
test tests::later ... ignored
test tests::adds ... ok
test tests::panics - should panic ... ok
test tests::wrong ... FAILED

failures:
    tests::wrong

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.23s

   Doc-tests demo

running 1 test
test src/lib.rs - add (line 2) ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.50s
"""

VERBOSE = """\
test_bad (test_u.T.test_bad) ... FAIL
test_doc (test_u.T.test_doc)
Says what it does. ... ok
test_later (test_u.T.test_later) ... skipped 'not now'
test_loud (test_u.T.test_loud) ... shouting
ok
test_old (test_u.T) ... ok

======================================================================
FAIL: test_bad (test_u.T.test_bad)
----------------------------------------------------------------------
Traceback (most recent call last):
AssertionError: no

----------------------------------------------------------------------
Ran 5 tests in 0.001s

FAILED (failures=1, skipped=1)
"""

QUIET = """\
.E.s
======================================================================
ERROR: test_bad (test_u.T.test_bad)
----------------------------------------------------------------------
Ran 4 tests in 0.001s

FAILED (errors=1, skipped=1)
"""

JUNIT = """<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite name="pytest">
<testcase classname="tests.test_a.TestA" name="test_one[1]"/>
<testcase classname="tests.test_a" name="test_two"><failure message="no">no</failure></testcase>
<testcase classname="tests.test_a" name="test_three"><skipped type="pytest.xfail"/></testcase>
<testcase classname="tests.test_a" name="test_four"/>
<testcase classname="tests.test_a" name="test_four"><error message="failed on teardown">no</error></testcase>
</testsuite></testsuites>"""


def plain(output: str, *, cut: bool = False):
    return read_report(Instrumented("whatever"), output, cut=cut)[0]


def test_cargo_tests_are_named_by_target_and_documentation_tests_without_their_line() -> None:
    report = plain(CARGO)
    assert report.outcomes == {
        "src/lib.rs::tests::later": "skipped",
        "src/lib.rs::tests::adds": "passed",
        "src/lib.rs::tests::panics": "passed",
        "src/lib.rs::tests::wrong": "failed",
        "doc demo::src/lib.rs - add": "passed",
    }
    assert report.counts() == {"passed": 3, "failed": 1, "skipped": 1, "total": 5}
    assert report.complete


def test_verbose_unittest_names_every_test_whatever_is_printed_between() -> None:
    report = plain(VERBOSE)
    names = {"test_bad": "failed", "test_doc": "passed", "test_later": "skipped"}
    names |= {"test_loud": "passed", "test_old": "passed"}
    assert report.outcomes == {f"test_u.T.{name}": outcome for name, outcome in names.items()}
    assert report.complete


def test_quiet_unittest_names_what_failed_and_counts_the_rest() -> None:
    report = plain(QUIET)
    assert report.outcomes == {"test_u.T.test_bad": "failed"}
    assert report.counts() == {"passed": 2, "failed": 1, "skipped": 1, "total": 4}
    assert not report.complete


def test_a_cut_output_is_not_taken_for_all_there_was() -> None:
    assert not plain(CARGO, cut=True).complete
    assert not plain(VERBOSE, cut=True).complete


def test_a_junit_file_gives_the_worst_outcome_of_each_test(tmp_path: Path) -> None:
    asked = instrument("make test", tmp_path, tmp_path)
    assert asked.command == "make test"
    (junit,) = asked.reports
    assert isinstance(junit, Path)
    junit.write_text(JUNIT)
    said = f"1 failed\n- generated xml file: {junit} -\ndone\n"
    report, output = read_report(asked, said, cut=False)
    assert report is not None
    assert report.outcomes == {
        "tests.test_a.TestA::test_one[1]": "passed",
        "tests.test_a::test_two": "failed",
        "tests.test_a::test_three": "skipped",
        "tests.test_a::test_four": "failed",
    }
    assert output == "1 failed\ndone\n"
    # A second pytest wrote over what the first had said: then nobody knows.
    assert read_report(asked, said + said, cut=False)[0] is UNCLEAR


@pytest.mark.parametrize("content", ["", "<testsuites>", "not xml", "<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"])
def test_a_broken_report_says_nothing_or_no_test(tmp_path: Path, content: str) -> None:
    asked = instrument("pytest", tmp_path, tmp_path)
    (junit,) = asked.reports
    assert isinstance(junit, Path)
    junit.write_text(content)
    report, _ = read_report(asked, "hello\n", cut=False)
    assert report is None or report.total == 0


def test_go_is_asked_for_json_and_its_words_are_given_back(tmp_path: Path) -> None:
    asked = instrument("go test ./...", tmp_path, tmp_path)
    assert asked.command == "go test -json ./..."
    lines = [
        {"Action": "run", "Package": "ex/a", "Test": "TestGood"},
        {"Action": "output", "Package": "ex/a", "Test": "TestGood", "Output": "=== RUN   TestGood\n"},
        {"Action": "output", "Package": "ex/a", "Test": "TestGood", "Output": "--- PASS: TestGood (0.00s)\n"},
        {"Action": "pass", "Package": "ex/a", "Test": "TestGood"},
        {"Action": "output", "Package": "ex/a", "Test": "TestBad", "Output": "=== RUN   TestBad\n"},
        {"Action": "output", "Package": "ex/a", "Test": "TestBad", "Output": "    a_test.go:3: wrong\n"},
        {"Action": "output", "Package": "ex/a", "Test": "TestBad", "Output": "--- FAIL: TestBad (0.00s)\n"},
        {"Action": "fail", "Package": "ex/a", "Test": "TestBad"},
        {"Action": "output", "Package": "ex/a", "Output": "FAIL\tex/a\t0.003s\n"},
        {"Action": "fail", "Package": "ex/a"},
        {"Action": "fail", "Package": "ex/b"},
    ]
    output = "# ex/b\nb.go:1: broken\n" + "".join(json.dumps(line) + "\n" for line in lines)
    report, text = read_report(asked, output, cut=False)
    assert report is not None
    assert report.outcomes == {"ex/a.TestGood": "passed", "ex/a.TestBad": "failed", "ex/b": "failed"}
    assert text == ("# ex/b\nb.go:1: broken\n    a_test.go:3: wrong\n--- FAIL: TestBad (0.00s)\nFAIL\tex/a\t0.003s\n")


@pytest.mark.parametrize("command", ["cd x && go test ./...", "go test ./... | tee log", "go vet ./..."])
def test_only_a_plain_go_test_is_changed(tmp_path: Path, command: str) -> None:
    assert "-json" not in instrument(command, tmp_path, tmp_path).command


def test_words_about_tests_are_no_tests() -> None:
    assert plain("all good, 14 passed\n") is None
    assert plain("Ran 3 tests in total\nOK\n") is None


def test_a_pytest_without_its_junit_plugin_is_recognised() -> None:
    assert refused("ERROR: usage: pytest\npytest: error: unrecognized arguments: --junitxml=/tmp/x\n")
    assert not refused("unrecognized arguments: --wrong\n")


def test_a_command_is_plain_when_its_exit_code_is_its_own() -> None:
    assert is_plain("python -m pytest -q 'a b'")
    assert not any(is_plain(c) for c in ["a && b", "a; b", "a | b", "a $(b)", "a 'unclosed"])


@pytest.mark.parametrize(
    ("script", "command", "becomes"),
    [
        ("jest", "npm test", "npm test -- --json --outputFile={}"),
        ("vitest run", "pnpm run test", "pnpm run test --reporter=default --reporter=json --outputFile.json={}"),
        (None, "npx jest src", "npx jest src --json --outputFile={}"),
        (
            None,
            "node_modules/.bin/vitest",
            "node_modules/.bin/vitest --reporter=default --reporter=json --outputFile.json={}",
        ),
        ("tsc && jest", "npm test", "npm test"),
        ("jest --json", "npm test", "npm test"),
        (None, "npx vitest bench", "npx vitest bench"),
        (None, "npm test", "npm test"),
    ],
)
def test_jest_and_vitest_are_asked_where_they_are_plainly_run(
    tmp_path: Path, script: str | None, command: str, becomes: str
) -> None:
    if script:
        (tmp_path / "package.json").write_text(json.dumps({"scripts": {"test": script}}))
    aside = Path("/aside")
    assert instrument(command, aside, tmp_path).command == becomes.format("/aside/report.json")


def test_a_jest_report_names_tests_by_file_and_files_that_could_not_be_loaded(tmp_path: Path) -> None:
    asked = instrument("npx jest", tmp_path, tmp_path)
    (report_file,) = asked.reports
    assert isinstance(report_file, JsonReport)
    tests = [
        {"fullName": "calc adds", "status": "passed"},
        {"fullName": "calc is wrong", "status": "failed"},
        {"fullName": "calc later", "status": "pending"},
    ]
    files = [
        {"name": str(tmp_path / "src" / "a.test.js"), "status": "failed", "assertionResults": tests},
        {"name": str(tmp_path / "b.test.js"), "status": "failed", "assertionResults": []},
    ]
    report_file.path.write_text(json.dumps({"testResults": files}))
    report, output = read_report(asked, "Tests: 1 failed\nTest results written to: ../x.json\n", cut=False)
    assert report is not None
    assert report.outcomes == {
        "src/a.test.js::calc adds": "passed",
        "src/a.test.js::calc is wrong": "failed",
        "src/a.test.js::calc later": "skipped",
        "not loaded: b.test.js": "failed",
    }
    assert output == "Tests: 1 failed\n"


@pytest.mark.parametrize(
    ("command", "becomes"),
    [
        ("python -m unittest -q", "python -m unittest -q -v"),
        ("uv run python -m unittest discover -s tests", "uv run python -m unittest discover -s tests -v"),
        ("python -m unittest -v", "python -m unittest -v"),
        ("python -m pytest -m unittest", "python -m pytest -m unittest"),
        ("sh -c 'python -m unittest'", "sh -c 'python -m unittest'"),
    ],
)
def test_unittest_is_asked_to_name_its_tests(tmp_path: Path, command: str, becomes: str) -> None:
    assert instrument(command, tmp_path, tmp_path).command == becomes


@pytest.mark.parametrize(
    "command",
    ["pytest || true", "if true; then pytest; fi", "pytest & wait", "pytest; ! false", "pytest | tee x", "a 'x && y'"],
)
def test_what_is_more_than_one_command_after_another_is_left_as_it_is(tmp_path: Path, command: str) -> None:
    assert instrument(command, tmp_path, tmp_path).command == command


def run(command: str, tmp_path: Path) -> tuple[dict[str, str] | None, str]:
    aside = tmp_path / "aside"
    aside.mkdir()
    asked = instrument(command, aside, tmp_path)
    # Not every machine has a node; the one that drives the browser tests is there.
    node = Path(playwright.__file__).parent / "driver"
    env = {"PATH": f"{node}{os.pathsep}{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1", **asked.env}
    done = subprocess.run(["/bin/sh", "-c", asked.command], cwd=tmp_path, env=env, capture_output=True, check=False)
    report, text = read_report(asked, (done.stdout + done.stderr).decode(), cut=False)
    return report.outcomes if report else None, text


def test_of_commands_one_after_another_each_names_its_tests(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text("def test_a():\n    pass\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "test_b.py").write_text(
        "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_b(self):\n        self.skipTest('no')\n"
    )
    own = "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 python -m pytest -q -p no:cacheprovider test_a.py"
    outcomes, text = run(f"{own} && cd sub && python -m unittest -q; true", tmp_path)
    assert outcomes == {"test_a::test_a": "passed", "test_b.T.test_b": "skipped"}, text
    assert "junit" not in text


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node")
def test_node_names_its_tests_by_file_and_group(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text(json.dumps({"scripts": {"test": "node --test"}}))
    (tmp_path / "a.test.js").write_text(
        "const {test, describe, it} = require('node:test');\n"
        "test('adds', () => {}); test.skip('later', () => {});\n"
        "describe('group', () => { it('inner', () => { throw new Error('no') }); it('inner', () => {}) });\n"
    )
    (tmp_path / "b.test.js").write_text("syntax error here(\n")
    outcomes, text = run("node --test", tmp_path)
    assert outcomes == {
        "a.test.js::adds": "passed",
        "a.test.js::later": "skipped",
        "a.test.js::group > inner": "failed",
        "a.test.js::group > inner (2)": "passed",
        "not loaded: b.test.js": "failed",
    }, text
    assert instrument("npm test", tmp_path, tmp_path).env["NODE_OPTIONS"].startswith('"--test-reporter=spec"')
    assert not instrument("node --test --test-reporter=tap", tmp_path, tmp_path).env.get("NODE_OPTIONS")


def test_mocha_gets_a_reporter_that_names_its_tests(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text(json.dumps({"scripts": {"test": "NODE_ENV=test mocha --exit"}}))
    asked = instrument("npm test", tmp_path, tmp_path)
    assert asked.command == f"npm test -- --reporter '{tmp_path}/mocha.cjs'"
    line = {"file": f"{tmp_path}/test/a.js", "names": ["A", "one"], "outcome": "failed"}
    Path(asked.env["MAESTRO_TEST_REPORT"]).write_text(json.dumps(line) + "\n")
    report, _ = read_report(asked, "1 failing\n", cut=False)
    assert report is not None
    assert report.outcomes == {"test/a.js::A > one": "failed"}
    assert instrument("npx mocha -R tap", tmp_path, tmp_path).command == "npx mocha -R tap"
