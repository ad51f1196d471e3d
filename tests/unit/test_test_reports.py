"""Single tests are read from what runners say, and only what they say."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import playwright
import pytest

from maestro.core.proving.reports.collect import Instrumented, instrument, is_plain, read_report, refused
from maestro.core.proving.reports.model import UNCLEAR, TestReport

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
    asked = instrument("make test", tmp_path / "aside", tmp_path, {})
    assert asked.command == "make test"
    junit = Path(asked.env["PYTEST_ADDOPTS"].removeprefix("--junitxml="))
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
    asked = instrument("pytest", tmp_path / "aside", tmp_path, {})
    (tmp_path / "aside" / "junit.xml").write_text(content)
    report, _ = read_report(asked, "hello\n", cut=False)
    assert report is None or report.total == 0


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
    "command",
    ["npm test", "go test ./...", "tsc && jest", "pytest || true", "pytest | tee x", "npx mocha -R tap", "a 'x && y'"],
)
def test_a_check_is_asked_by_its_environment_and_stays_as_it_is(tmp_path: Path, command: str) -> None:
    asked = instrument(command, tmp_path / "aside", tmp_path, {"PATH": "/bin", "NODE_OPTIONS": "--trace-warnings"})
    assert asked.command == command
    assert asked.env["NODE_OPTIONS"].endswith(" --trace-warnings")
    assert asked.env["PATH"].endswith(":/bin")


def test_what_the_user_passes_on_is_joined_not_lost(tmp_path: Path) -> None:
    own = {"TOX_OVERRIDE": "testenv.x=1", "PYTEST_ADDOPTS": "-x", "RUBYOPT": "-w", "PHP_INI_SCAN_DIR": "/etc/own"}
    env = instrument("tox", tmp_path / "aside", tmp_path, own).env
    assert env["TOX_OVERRIDE"].startswith("testenv.pass_env+=PYTEST_ADDOPTS,")
    assert env["TOX_OVERRIDE"].endswith(";testenv.x=1")
    assert env["PYTEST_ADDOPTS"].endswith(" -x")
    assert env["RUBYOPT"].endswith(" -w")
    assert env["PHP_INI_SCAN_DIR"].startswith("/etc/own:")


def run(command: str, tmp_path: Path, **more: str) -> tuple[TestReport | None, str, int]:
    """A check run for real; the programs of this machine, and the node that drives the browser tests."""
    driver = Path(playwright.__file__).parent / "driver"
    path = os.pathsep.join([str(Path(sys.executable).parent), str(driver), os.environ["PATH"]])
    environ = {"PATH": path, "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **more}
    with_hooks = instrument(command, tmp_path / "aside", tmp_path, environ)
    words = ["/bin/sh", "-c", with_hooks.command]
    done = subprocess.run(words, cwd=tmp_path, env=environ | with_hooks.env, capture_output=True, check=False)
    report, text = read_report(with_hooks, (done.stdout + done.stderr).decode(), cut=False)
    shutil.rmtree(tmp_path / "aside")
    return report, text, done.returncode


PYTEST = "python -m pytest -q -p no:cacheprovider"


@pytest.fixture
def python_tests(tmp_path: Path) -> Path:
    (tmp_path / "test_a.py").write_text("def test_a():\n    pass\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "test_b.py").write_text(
        "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_b(self):\n        self.skipTest('no')\n"
        "    def test_c(self):\n        pass\n    def test_sub(self):\n"
        "        with self.subTest(n=1):\n            self.fail('no')\n"
    )
    return tmp_path


NAMED = {"test_b.T.test_b": "skipped", "test_b.T.test_c": "passed", "test_b.T.test_sub": "failed"}


@pytest.mark.parametrize(
    "command",
    [
        f"{PYTEST} test_a.py && cd sub && python -m unittest -q; true",
        "make -s",
        "sh -c 'cd sub && PYTHONPATH=. python -m unittest; cd ..; sh run.sh'",
    ],
)
def test_of_commands_one_after_another_each_names_its_tests_however_deep(python_tests: Path, command: str) -> None:
    (python_tests / "Makefile").write_text(
        f"all: sub\n\t{PYTEST} test_a.py\n.PHONY: sub\nsub:\n\t-cd sub && python -m unittest -q\n"
    )
    (python_tests / "run.sh").write_text(f"{PYTEST} test_a.py\n")
    report, text, _ = run(command, python_tests)
    assert report is not None
    assert report.outcomes == {"test_a::test_a": "passed", **NAMED}, text
    assert report.complete
    assert "junit" not in text


@pytest.mark.parametrize(
    "said",
    [
        "?   \texample.org/x\t[no test files]\n?   \texample.org/x/sub\t[no test files]\n",
        "make: Nothing to be done for 'test'.\n",
        "make[1]: Entering directory '/x'\nmake: 'test' is up to date.\n",
        "Files=0, Tests=0,  1 wallclock secs ( 0.00 usr +  0.00 sys =  0.00 CPU)\nResult: NOTESTS\n",
    ],
)
def test_that_no_test_ran_is_told_from_saying_nothing(tmp_path: Path, said: str) -> None:
    report, _ = read_report(Instrumented("make test"), said, cut=False)
    assert report == TestReport({}, 0, 0, 0)
    for more in (f"{said}built\n", said.replace("test", "build"), ""):
        assert read_report(Instrumented("make test"), more, cut=False)[0] != report or "NOTESTS" in more


#: A runner that makes its own kind of result, without room for anything else, as those of nose2 and trial do.
_OWN_RUNNER = """\
import unittest


class {name}:
    __slots__ = ("options",)

    def _makeResult(self):
        return unittest.TestResult()

    def run(self, suite, until_failure=False):
        result = self._makeResult()
        suite.run(result)
        return result
"""


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("nose2.runner", "PluggableTestRunner"),
        ("twisted.trial.runner", "TrialRunner"),
        ("twisted.trial._dist.disttrial", "DistTrialRunner"),
    ],
)
def test_runners_of_unittests_kind_name_their_tests_too(python_tests: Path, module: str, name: str) -> None:
    place = python_tests / f"{module.replace('.', '/')}.py"
    place.parent.mkdir(parents=True)
    place.write_text(_OWN_RUNNER.format(name=name))
    (python_tests / "sub" / "test_c.py").write_text("import not_there\n")
    (python_tests / "start.py").write_text(
        f"import unittest\nfrom {module} import {name}\n{name}().run(unittest.defaultTestLoader.discover('sub'))\n"
    )
    report, text, _ = run("python start.py", python_tests)
    assert report is not None, text
    assert report.outcomes == {**NAMED, "not loaded: test_c": "failed"}


def test_two_runs_of_pytest_do_not_write_over_each_other(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"test_{name}.py").write_text(f"def test_{name}():\n    pass\n")
    report, text, code = run(f"{PYTEST} test_a.py && {PYTEST} test_b.py", tmp_path)
    assert report is not None
    assert report.outcomes == {"test_a::test_a": "passed", "test_b::test_b": "passed"}, text
    assert code == 0


def test_what_a_test_runs_is_the_tests_own_affair(tmp_path: Path) -> None:
    (tmp_path / "inner_test.py").write_text("def test_inner():\n    assert 0\n")
    (tmp_path / "test_outer.py").write_text(
        "import subprocess, sys\n\n\ndef test_outer():\n"
        "    done = subprocess.run([sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', 'inner_test.py'])\n"
        "    assert done.returncode == 1\n"
    )
    report, text, _ = run(f"{PYTEST} test_outer.py", tmp_path)
    assert report is not None
    assert report.outcomes == {"test_outer::test_outer": "passed"}, text


def test_a_sitecustomize_of_the_repository_is_loaded_as_ever(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "sitecustomize.py").write_text("print('own customization')\n")
    command = "python -c 'import sys; print([p for p in sys.path if \"hooks\" in p])'"
    _, text, code = run(command, tmp_path, PYTHONPATH=str(tmp_path / "own"))
    assert (text, code) == ("own customization\n[]\n", 0)


def test_a_report_that_tells_of_more_than_the_runner_printed_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text("def test_a():\n    pass\n")
    (tmp_path / "conftest.py").write_text(
        "import os\nimport sys\nfrom pathlib import Path\n\n\ndef pytest_unconfigure(config):\n"
        "    junit = Path(config.option.xmlpath)\n"
        "    text = junit.read_text().replace('<testcase', '<testcase classname=\"test_a\" name=\"test_gone\"/><testcase')\n"
        "    junit.write_text(text)\n"
    )
    report, text, code = run(f"{PYTEST} test_a.py", tmp_path)
    assert report is not None
    assert (report.outcomes, report.total, report.complete, code) == ({}, 0, False, 0), text


NODE = (
    "const {test, describe, it} = require('node:test');\n"
    "test('adds', () => {}); test.skip('later', () => {});\n"
    "describe('group', () => { it('inner', () => { throw new Error('no') }); it('inner', () => {}) });\n"
)
NODE_NAMED = {
    "a.test.js::adds": "passed",
    "a.test.js::later": "skipped",
    "a.test.js::group > inner": "failed",
    "a.test.js::group > inner (2)": "passed",
}


@pytest.mark.parametrize(
    "command",
    [
        "node --test",
        "node --test --test-reporter=tap a.test.js b.test.js",
        "NODE_OPTIONS=--no-warnings sh -c 'true && node --test'",
    ],
)
def test_node_names_its_tests_by_file_and_group(tmp_path: Path, command: str) -> None:
    (tmp_path / "a.test.js").write_text(NODE)
    (tmp_path / "b.test.js").write_text("syntax error here(\n")
    report, text, code = run(command, tmp_path)
    assert report is not None
    assert report.outcomes == NODE_NAMED | {"not loaded: b.test.js": "failed"}, text
    assert code == 1


def test_a_file_of_node_tests_run_without_the_option_names_them_too(tmp_path: Path) -> None:
    (tmp_path / "a.test.js").write_text(NODE)
    report, text, _ = run("node a.test.js", tmp_path)
    assert report is not None
    assert report.outcomes == NODE_NAMED, text


@pytest.mark.parametrize(
    ("config", "command", "asked"),
    [
        ("", "run", "run --reporter=default --reporter=json"),
        ("reporters: ['verbose', 'dot'],", "", "--reporter=verbose --reporter=dot --reporter=json"),
        ("reporters: process.env.CI ? 'dot' : 'verbose',", "run", "run --reporter=default --reporter=json"),
        ("reporters: ['default', ['junit', { outputFile: 'x.xml' }]],", "run", "run"),
        ("reporters: ['dot'],", "run --reporter=tap", "run --reporter=tap --reporter=json"),
        ("coverage: { reporter: ['text', 'lcov'] },", "run", "run --reporter=default --reporter=json"),
        (
            "coverage: { reporter: 'lcov' }, reporters: ['dot'],",
            "run",
            "run --reporter=dot --reporter=json",
        ),
        ("", "bench", "bench"),
        ("", "run --outputFile=x.json --reporter=json", "run --outputFile=x.json --reporter=json"),
    ],
)
def test_vitest_keeps_the_reporters_of_its_configuration(tmp_path: Path, config: str, command: str, asked: str) -> None:
    program = tmp_path / "node_modules" / "vitest" / "vitest.mjs"
    program.parent.mkdir(parents=True)
    program.write_text(
        "console.log(process.argv.slice(2).filter((word) => !word.startsWith('--outputFile.json')).join(' '));\n"
    )
    (tmp_path / "vitest.config.ts").write_text(f"export default {{ test: {{ {config} globals: true }} }}\n")
    _, text, _ = run(f"node node_modules/vitest/vitest.mjs {command}", tmp_path)
    assert text == f"{asked}\n"


def test_what_a_build_remembers_of_a_programs_place_is_there_after_the_check(tmp_path: Path) -> None:
    driver = Path(playwright.__file__).parent / "driver"
    environ = {"PATH": f"{driver}:/usr/bin:/bin"}
    first = instrument("make", tmp_path / "a", tmp_path, environ, tmp_path / "shims")
    second = instrument("make", tmp_path / "b", tmp_path, environ, tmp_path / "shims")
    assert first.env["PATH"] == second.env["PATH"]
    shutil.rmtree(tmp_path / "a")
    node = Path(first.env["PATH"].partition(":")[0]) / "node"
    words = [str(node), "-p", "process.env.NODE_OPTIONS || 'nothing asked'"]
    for env in ({}, {"MAESTRO_REPORTS": str(tmp_path / "a")}):
        assert subprocess.run(words, env=env, capture_output=True, check=True).stdout == b"nothing asked\n"
    assert (
        instrument("make", tmp_path / "c", tmp_path, first.env, tmp_path / "shims")
        .env["PATH"]
        .startswith(first.env["PATH"].partition(":")[0])
    )


def test_a_program_of_node_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text(
        "console.log(process.argv.slice(2).join(), process.execArgv.join()); process.exit(3)\n"
    )
    report, text, code = run("node a.js --test x", tmp_path)
    assert (report, text, code) == (None, "--test,x \n", 3)
