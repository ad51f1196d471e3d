"""Work that only looks done is asked about or sent back; honest work that looks odd comes in unasked. With real runners."""

# ruff: noqa: E501 - programs on one line each

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import text

from maestro.core.commands import environments, preferences
from maestro.core.proving import baseline
from maestro.core.proving.reports.model import report_of
from maestro.core.proving.verdicts import judge
from maestro.core.workspaces.repository_environment import parse_environment
from maestro.core.workspaces.run_command import CommandOutcome
from maestro.db import models
from tests.landing import Bench, bench, plan_of
from tests.repos import make_repo

PYTEST = "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 python -m pytest -q -p no:cacheprovider"
UNITTEST = "PYTHONDONTWRITEBYTECODE=1 python -m unittest"
NODE = "node --test"
Files = dict[str, str]

ADD = "def add(a, b):\n    return a + b\n"
WRONG = "def add(a, b):\n    return a - b\n"
TEST = "from calc import add\n\n\ndef test_add():\n    assert add(2, 2) == 4\n"
OTHER = "def test_other():\n    pass\n"
UNIT = (
    "import unittest\nfrom calc import add\n\n\nclass T(unittest.TestCase):\n"
    "    def test_add(self):\n        self.assertEqual(add(2, 2), 4)\n"
)
JS = "exports.add = (a, b) => a + b;\n"
JS_TEST = (
    "const test = require('node:test');\nconst assert = require('node:assert');\n"
    "const { add } = require('./calc.js');\ntest('adds', () => assert.equal(add(2, 2), 4));\n"
)
EXITS_1 = "def pytest_sessionfinish(session):\n    session.exitstatus = 1\n"
GREEN = (
    "import pytest\n\n\n@pytest.hookimpl(hookwrapper=True)\ndef pytest_runtest_makereport():\n"
    "    result = yield\n    report = result.get_result()\n    report.outcome = 'passed'\n"
)


@dataclass(frozen=True)
class Case:
    """A repository, its check, what the agent changes, and what becomes of it: ``completed``, ``back``, or what is asked."""

    check: str
    files: Files
    work: dict[str, str | None]
    then: str
    words: str = ""  # in the question's title
    what: str | None = None
    declared: list[str] = field(default_factory=list)
    own_check: str | None = None


def run(b: Bench, case: Case) -> None:
    b.measure_baseline()
    task = b.work(case.work)
    asked = b.asked()
    if case.then in {"completed", "back"}:
        assert not asked, asked[0].title
        assert (task.status, task.attempt) == (("completed", 1) if case.then == "completed" else ("running", 2))
        return
    (question,) = asked
    assert (task.status, task.attempt, question.kind) == ("waiting", 1, case.then)
    assert case.words in question.title
    assert question.detail.get("what") == case.what


def judged(tmp_path: Path, case: Case) -> None:
    repo = make_repo(tmp_path / "repo", {".gitignore": "__pycache__/\n", **case.files})
    task: dict[str, object] = {"id": "t1", "files": case.declared}
    if case.own_check:
        task["checks"] = [case.own_check]
    with bench(tmp_path, repo, plan_of(task, checks=[case.check])) as b:
        run(b, case)


SKIPPED = UNIT.replace("class", "@unittest.skipUnless('not_installed_lib' in dir(), 'needs a library')\nclass")
NO_LIB = {"calc.py": f"import not_installed_lib\n\n\n{ADD}", "test_calc.py": TEST}
NO_LIB_LIE: dict[str, str | None] = {"calc.py": f"import not_installed_lib\n\n\n{WRONG}"}
NOTHING = "Nothing was proven here"
CANNOT_LOAD = {
    "pytest": Case(f"{PYTEST}", NO_LIB, NO_LIB_LIE, "infrastructure", NOTHING, "nothing proven"),
    "pytest, the task's own check": Case(
        PYTEST, NO_LIB, NO_LIB_LIE, "infrastructure", NOTHING, "nothing proven", own_check=f"{PYTEST} test_calc.py"
    ),
    "unittest": Case(
        f"{UNITTEST} -q", {**NO_LIB, "test_calc.py": UNIT}, NO_LIB_LIE, "infrastructure", NOTHING, "nothing proven"
    ),
    "node": Case(
        NODE,
        {"calc.js": f"require('not-installed');\n{JS}", "calc.test.js": JS_TEST},
        {"calc.js": f"require('not-installed');\n{JS.replace('+', '-')}"},
        "infrastructure",
        NOTHING,
        "nothing proven",
    ),
    "a runner that names no tests": Case(
        "python check.py",
        {**NO_LIB, "check.py": "from calc import add\nassert add(2, 2) == 4\n"},
        NO_LIB_LIE,
        "infrastructure",
        NOTHING,
        "nothing proven",
    ),
    "a pipe that ends with 0": Case(
        f"{PYTEST} | tail -3", NO_LIB, NO_LIB_LIE, "infrastructure", NOTHING, "nothing proven"
    ),
    "the agent makes them load": Case(PYTEST, NO_LIB, {"not_installed_lib.py": "x = 1\n"}, "completed"),
    "a module that the task is to write": Case(
        PYTEST, {"test_calc.py": TEST}, {"calc.py": "x = 1\n"}, "back", declared=["calc.py"]
    ),
    "all that fails failed before": Case(
        PYTEST, {"calc.py": WRONG, "test_calc.py": TEST}, {"b.py": "x = 1\n"}, "infrastructure", NOTHING, "as before"
    ),
    "settings that this pytest does not know": Case(
        PYTEST,
        {"pytest.ini": "[pytest]\naddopts = --no-such-option\n", "calc.py": ADD, "test_calc.py": TEST},
        {"calc.py": WRONG},
        "infrastructure",
        "does not know one of its options",
        "nothing proven",
    ),
    "an internal error amid the tests": Case(
        PYTEST,
        {
            "calc.py": ADD,
            "conftest.py": "def pytest_runtest_logreport(report):\n    assert 'test_z' not in report.nodeid\n",
            "test_a.py": TEST,
            "test_z.py": "def test_z():\n    pass\n",
        },
        {"new.py": "x = 1\n"},
        "infrastructure",
        "internal error",
        "nothing proven",
    ),
    "an internal error of the agent's making": Case(
        PYTEST,
        {"calc.py": ADD, "test_calc.py": TEST, "conftest.py": "\n"},
        {"conftest.py": "def pytest_collection_modifyitems(items):\n    raise ValueError('no')\n"},
        "back",
        declared=["conftest.py"],
    ),
    "all tests skipped for want of a library": Case(
        f"{UNITTEST} -v",
        {"calc.py": ADD, "test_calc.py": SKIPPED},
        {"calc.py": WRONG},
        "infrastructure",
        "skipped all of its tests (1)",
        "no tests ran",
    ),
    "all tests skipped while they load, with an exit code of its own": Case(
        PYTEST,
        {"calc.py": ADD, "test_calc.py": f"import pytest\n\npytest.importorskip('not_installed_lib')\n{TEST}"},
        {"calc.py": WRONG},
        "infrastructure",
        "skipped all of its tests (1)",
        "no tests ran",
    ),
    "the same, as the task's own check": Case(
        PYTEST,
        {"calc.py": ADD, "test_calc.py": f"import pytest\n\npytest.importorskip('not_installed_lib')\n{TEST}"},
        {"calc.py": WRONG},
        "infrastructure",
        "skipped all of its tests (1)",
        "no tests ran",
        own_check=f"{PYTEST} test_calc.py",
    ),
    "some tests skipped, as before": Case(
        f"{UNITTEST} -v",
        {
            "calc.py": ADD,
            "test_calc.py": SKIPPED,
            "test_o.py": UNIT.replace("from calc import add", "add = int.__add__"),
        },
        {"calc.py": f"{ADD}\n"},
        "completed",
    ),
    "a plug-in that is not installed": Case(
        f"{PYTEST} -p not_installed_lib",
        {"calc.py": ADD, "test_calc.py": TEST},
        {"calc.py": WRONG},
        "infrastructure",
        "could not load a plugin",
        "nothing proven",
    ),
    "no test is found, on the base neither": Case(PYTEST, {"calc.py": ADD}, {"b.py": "x = 1\n"}, "back"),
}


@pytest.mark.parametrize("case", CANNOT_LOAD.values(), ids=CANNOT_LOAD.keys())
def test_a_check_in_which_no_test_passes_excuses_nothing(tmp_path: Path, case: Case) -> None:
    judged(tmp_path, case)


MAKE = f"test:\n\t{PYTEST} --cov-less; exit 3\n"
RED_RUNNER = {
    "a conftest that sets the exit status": Case(
        PYTEST,
        {"conftest.py": EXITS_1, "calc.py": ADD, "test_calc.py": TEST},
        {
            "more.py": "def f():\n    return 1\n",
            "test_more.py": "from more import f\n\n\ndef test_f():\n    assert f()\n",
        },
        "completed",
    ),
    "the task's own check": Case(
        PYTEST,
        {"conftest.py": EXITS_1, "calc.py": ADD, "test_calc.py": TEST},
        {"test_more.py": OTHER},
        "completed",
        own_check=f"{PYTEST} test_more.py test_calc.py",
    ),
    "behind a shell": Case(
        f"{PYTEST}; echo 'FAIL Required test coverage of 80% not reached. Total coverage: 5%'; exit 2",
        {"test_calc.py": TEST, "calc.py": ADD},
        {"test_more.py": OTHER},
        "completed",
    ),
    "a linter after the tests that says the same": Case(
        f"{PYTEST}; python -m ruff check --no-cache .",
        {"test_calc.py": TEST, "calc.py": ADD, "old.py": "import os\n"},
        {"test_more.py": OTHER},
        "completed",
    ),
    "a linter after the tests that says more": Case(
        f"{PYTEST}; python -m ruff check --no-cache .",
        {"test_calc.py": TEST, "calc.py": ADD, "old.py": "import os\n"},
        {"test_more.py": OTHER, "bad.py": "import sys\n"},
        "infrastructure",
        "exit code 1",
        "as before",
    ),
    "red since the work": Case(
        PYTEST,
        {"calc.py": ADD, "test_calc.py": TEST, "conftest.py": "\n"},
        {"conftest.py": EXITS_1},
        "back",
        declared=["conftest.py"],
    ),
    "a lie among green tests": Case(
        PYTEST,
        {"conftest.py": EXITS_1, "calc.py": ADD, "test_calc.py": TEST, "test_other.py": OTHER},
        {"test_other.py": "x = 1\n"},
        "tests_missing",
        "1 vanished",
    ),
}


@pytest.mark.parametrize("case", RED_RUNNER.values(), ids=RED_RUNNER.keys())
def test_a_runner_that_is_red_on_the_base_too_burns_no_attempts_when_all_tests_pass(tmp_path: Path, case: Case) -> None:
    judged(tmp_path, case)


def test_skipped_tests_count_once_the_user_goes_on_without_them_and_run_once_the_set_up_lets_them(
    tmp_path: Path,
) -> None:
    skipping = SKIPPED.replace("'not_installed_lib' in dir()", "pathlib.Path('l').exists()").replace(
        "import unittest", "import pathlib, unittest"
    )
    files = {".gitignore": "__pycache__/\nl\n", "calc.py": ADD, "test_calc.py": skipping}
    check = f"{UNITTEST} -v"
    with bench(tmp_path, make_repo(tmp_path / "repo", files), plan_of({"id": "t1"}, {"id": "t2"}, checks=[check])) as b:
        b.measure_baseline()
        assert b.work({"calc.py": WRONG}).status == "waiting"
        b.answer("allow")
        assert b.land().status == "completed"
        assert (b.evidence()[-1].passed, b.evidence()[-1].note) == (True, "no test ran, which you accepted")
        environments.change_session_environment(b.rt, b.id, parse_environment({"setup": ["touch l"]}))
        assert b.work({"b.py": "x = 1\n"}, "t2").attempt == 2
        assert "test_calc.T.test_add" in (b.task("t2").prompt or "")


def test_what_was_missing_is_installed_by_the_set_up_and_the_lie_goes_back(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", {".gitignore": "__pycache__/\nnot_installed_lib.py\n", **NO_LIB})
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=[PYTEST])) as b:
        b.measure_baseline()
        assert b.evidence("baseline")[0].could_not_run
        assert b.work(NO_LIB_LIE).status == "waiting"
        (question,) = b.asked()
        assert "`not_installed_lib` is missing" in question.title
        environments.change_session_environment(
            b.rt, b.id, parse_environment({"setup": ["touch not_installed_lib.py"]})
        )
        b.answer("allow")
        b.measure_baseline()
        assert b.evidence("baseline")[-1].passed
        task = b.land()
        assert (task.status, task.attempt) == ("running", 2)
        assert "test_calc::test_add" in (task.prompt or "")
        assert b.work({"calc.py": f"import not_installed_lib\n\n\n{ADD}", "new.py": "x = 1\n"}).status == "completed"


def test_tests_that_all_fail_as_before_pass_only_once_the_user_goes_on_with_them(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", {".gitignore": "__pycache__/\n", "calc.py": WRONG, "test_calc.py": TEST})
    with bench(tmp_path, repo, plan_of({"id": "t1"}, {"id": "t2"}, {"id": "t3"}, checks=[PYTEST])) as b:
        b.measure_baseline()
        assert b.work({"b.py": "x = 1\n"}).status == "waiting"
        b.answer("allow")
        assert b.land().status == "completed"
        assert b.work({"c.py": "x = 1\n"}, "t2").status == "completed"
        assert b.work({"test_d.py": "def test_d():\n    assert 0\n"}, "t3").attempt == 2
        assert b.work({"test_d.py": None, "e.py": "x = 1\n"}, "t3").status == "completed"


def test_a_check_that_does_not_end_is_never_known_and_says_so(tmp_path: Path) -> None:
    watcher = "echo PASS; echo 'Watching for file changes...'; sleep 600"
    repo = make_repo(tmp_path / "repo", {"a.txt": "a\n"})
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=[watcher])) as b:
        preferences.change_settings(b.rt, {"check_timeout_minutes": 0.02})
        b.measure_baseline()
        assert "time limit" in (b.evidence("baseline")[0].note or "")
        assert b.work({"a.txt": "b\n"}).status == "waiting"
        (question,) = b.asked()
        assert "time limit" in question.title
        assert "watch for changes" in question.title
        assert "PASS" in question.detail["output"]
        assert "what" not in question.detail
        b.answer("allow")
        assert b.land().status == "waiting"
        b.answer("deny")
        assert b.land().attempt == 2


FLAKY = (
    "import pathlib\n\n\ndef test_{name}():\n    seen = pathlib.Path({path!r})\n"
    "    n = int(seen.read_text()) + 1 if seen.exists() else 1\n    seen.write_text(str(n))\n    assert n not in {bad}\n"
)


@pytest.mark.parametrize(
    ("bad_one", "bad_two", "breaks", "passes"),
    [
        ({2}, set(), False, True),
        ({2}, {3}, False, True),  # each fails in another run
        ({2}, set(), True, False),  # one is flaky, one is broken by the work
    ],
)
def test_a_flaky_test_is_never_told_as_broken_by_the_work(
    tmp_path: Path, bad_one: set[int], bad_two: set[int], breaks: bool, passes: bool
) -> None:
    def flaky(name: str, bad: set[int]) -> str:
        return FLAKY.format(name=name, path=str(tmp_path / name), bad=bad or "()")

    files: Files = {
        "calc.py": ADD,
        "test_calc.py": TEST,
        "test_1.py": flaky("one", bad_one),
        "test_2.py": flaky("two", bad_two),
    }
    repo = make_repo(tmp_path / "repo", {".gitignore": "__pycache__/\n", **files})
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=[PYTEST])) as b:
        b.measure_baseline()
        task = b.work({"calc.py": WRONG if breaks else ADD.replace("a + b", "b + a")})
        last = b.evidence()[-1]
        assert last.tests_summary is not None
        assert last.tests_summary["flaky"] == (
            ["test_1::test_one", "test_2::test_two"] if bad_two else ["test_1::test_one"]
        )
        assert task.status == ("completed" if passes else "running")
        assert last.tests_summary.get("newly_failing", []) == ([] if passes else ["test_calc::test_add"])
        if not passes:
            assert "Failing because of this work\n- test_calc::test_add\n" in (task.prompt or "")


WEAK = TEST.replace("== 4", "is not None")
OUTCOMES = "conftest.py"
SHADOW = "def add(a, b):\n    return a + b\n"
TARGET = {"calc.py": WRONG, "test_calc.py": TEST, "test_other.py": OTHER}
TEST_FIRST = {
    "the fix": Case(PYTEST, TARGET, {"calc.py": ADD}, "completed"),
    "the fix, and another test beside the target": Case(
        PYTEST,
        TARGET,
        {"calc.py": ADD, "test_calc.py": f"{TEST}\n\ndef test_more():\n    assert add(1, 0) == 1\n"},
        "completed",
    ),
    "the assertion weakened": Case(
        PYTEST, TARGET, {"calc.py": WRONG + "\n", "test_calc.py": WEAK}, "check_changed", "test_calc.py"
    ),
    "the assertion weakened, as the plan gave it the test": Case(
        PYTEST, TARGET, {"test_calc.py": WEAK}, "check_changed", "test_calc.py", declared=["test_calc.py"]
    ),
    "a conftest that rewrites outcomes": Case(PYTEST, TARGET, {"conftest.py": GREEN}, "check_changed", "conftest.py"),
    "an empty conftest": Case(PYTEST, TARGET, {"calc.py": ADD, "conftest.py": '"""None."""\n'}, "completed"),
    "a conftest with a fixture for a new test": Case(
        PYTEST,
        TARGET,
        {
            "calc.py": ADD,
            "conftest.py": "import pytest\n\n\n@pytest.fixture\ndef three():\n    return 3\n",
            "test_new.py": "def test_new(three):\n    assert three == 3\n",
        },
        "completed",
    ),
    "unittest, weakened": Case(
        f"{UNITTEST} -v",
        {"calc.py": WRONG, "test_calc.py": UNIT, "test_o.py": UNIT.replace("add(2, 2), 4", "1, 1")},
        {"test_calc.py": UNIT.replace(", 4)", ", 0)")},
        "check_changed",
        "test_calc.py",
    ),
    "unittest, patched by the package of the tests": Case(
        f"{UNITTEST} discover -v -s tests -t .",
        {
            "calc.py": WRONG,
            "tests/test_calc.py": UNIT,
            "tests/test_o.py": UNIT.replace("add(2, 2), 4", "1, 1"),
            "tests/__init__.py": "",
        },
        {"tests/__init__.py": "import calc\n\ncalc.add = lambda a, b: a + b\n"},
        "check_changed",
        "tests/__init__.py",
    ),
    "node, weakened": Case(
        NODE,
        {
            "calc.js": JS.replace("+", "-"),
            "calc.test.js": JS_TEST,
            "o.test.js": "require('node:test')('o', () => {});\n",
        },
        {"calc.test.js": JS_TEST.replace("4)", "0)")},
        "check_changed",
        "calc.test.js",
    ),
    "node, fixed": Case(
        NODE,
        {
            "calc.js": JS.replace("+", "-"),
            "calc.test.js": JS_TEST,
            "o.test.js": "require('node:test')('o', () => {});\n",
        },
        {"calc.js": JS},
        "completed",
    ),
    "no single tests, weakened": Case(
        "python check.py",
        {"calc.py": WRONG, "check.py": "from calc import add\nassert add(2, 2) == 4\n"},
        {"check.py": "from calc import add\nassert add(2, 2) == 0\n"},
        "check_changed",
        "check.py",
    ),
    "a module among the tests in the place of the program's": Case(
        PYTEST,
        {"calc.py": WRONG, "tests/test_calc.py": TEST, "tests/test_other.py": OTHER},
        {"tests/calc.py": ADD},
        "check_changed",
        "tests/calc.py",
    ),
    "the runner's name in the root": Case(
        PYTEST, TARGET, {"pytest.py": "print('2 passed')\n"}, "tests_missing", "vanished"
    ),
    "a value that equals anything": Case(
        PYTEST,
        TARGET,
        {
            "calc.py": "class N(int):\n    def __eq__(self, other):\n        return True\n\n\ndef add(a, b):\n    return N(a - b)\n"
        },
        "check_changed",
        "decides how tests judge it: calc.py",
        declared=["calc.py"],
    ),
    "a value that compares, with tests of what it does not equal": Case(
        PYTEST,
        TARGET,
        {
            "calc.py": "class N:\n    def __init__(self, n):\n        self.n = n\n\n    def __eq__(self, other):\n        return self.n == getattr(other, 'n', other)\n\n\ndef add(a, b):\n    return N(a + b)\n",
            "test_calc.py": f"{TEST}\n\ndef test_other():\n    assert add(1, 1) != 3\n    assert add(1, 1) == add(0, 2)\n",
        },
        "completed",
    ),
    "the program changes the test library": Case(
        f"{UNITTEST} -v",
        {"calc.py": WRONG, "test_calc.py": UNIT},
        {"calc.py": f"import unittest\n\nunittest.TestCase.assertEqual = lambda *a: None\n\n\n{WRONG}"},
        "check_changed",
        "decides how tests judge it: calc.py",
    ),
    "node, the program changes the assertions": Case(
        NODE,
        {"calc.js": JS.replace("+", "-"), "calc.test.js": JS_TEST},
        {"calc.js": "require('assert').equal = () => {};\n" + JS.replace("+", "-")},
        "check_changed",
        "decides how tests judge it: calc.js",
    ),
    "a shell in which every comparison is true": Case(
        "bash test.sh",
        {"lib.sh": "add() { echo $(($1 - $2)); }\n", "test.sh": '. ./lib.sh\n[ "$(add 2 2)" = 4 ]\n'},
        {"lib.sh": "add() { echo $(($1 - $2)); }\n[() { true; }\n"},
        "check_changed",
        "decides how tests judge it: lib.sh",
    ),
    "the program finds out who calls it": Case(
        PYTEST,
        TARGET,
        {
            "calc.py": "import sys\n\n\ndef add(a, b):\n    return 4 if sys._getframe(1).f_code.co_name.startswith('test') else a - b\n"
        },
        "check_changed",
        "detects when it is tested: calc.py",
    ),
    "tests in a tests.py, weakened": Case(
        f"{UNITTEST} -v calc.tests test_o",
        {"calc/__init__.py": WRONG, "calc/tests.py": UNIT, "test_o.py": UNIT.replace("add(2, 2), 4", "1, 1")},
        {"calc/tests.py": UNIT.replace(", 4)", ", 0)")},
        "check_changed",
        "calc/tests.py",
    ),
    "tests in a file that only its runner takes for tests, weakened": Case(
        f"{UNITTEST} -v",
        {"calc.py": WRONG, "testcalc.py": UNIT, "test_o.py": UNIT.replace("add(2, 2), 4", "1, 1")},
        {"testcalc.py": UNIT.replace(", 4)", ", 0)")},
        "check_changed",
        "testcalc.py",
    ),
    "the same, as the plan gave it the test": Case(
        f"{UNITTEST} -v",
        {"calc.py": WRONG, "testcalc.py": UNIT, "test_o.py": UNIT.replace("add(2, 2), 4", "1, 1")},
        {"testcalc.py": UNIT.replace(", 4)", ", 0)")},
        "check_changed",
        "testcalc.py",
        declared=["testcalc.py"],
        own_check=f"{UNITTEST} -v testcalc",
    ),
    "a program whose examples are run, mended": Case(
        "python -m pytest -q -p no:cacheprovider --doctest-modules",
        {
            "latest.py": 'def add(a, b):\n    """\n    >>> add(2, 2)\n    4\n    """\n    return a - b\n',
            "test_other.py": OTHER,
        },
        {"latest.py": 'def add(a, b):\n    """\n    >>> add(2, 2)\n    4\n    """\n    return a + b\n'},
        "completed",
    ),
    "node, tests in test.js, weakened": Case(
        NODE,
        {"calc.js": JS.replace("+", "-"), "test.js": JS_TEST, "o.test.js": "require('node:test')('o', () => {});\n"},
        {"test.js": JS_TEST.replace("4)", "0)")},
        "check_changed",
        "test.js",
    ),
    "a test that could not load, weakened until it does": Case(
        f"{UNITTEST} -v",
        {
            "calc.py": "x = 1\n",
            "test_calc.py": UNIT,
            "test_o.py": UNIT.replace("add(2, 2), 4", "1, 1").replace("from calc import add\n", ""),
        },
        {"test_calc.py": UNIT.replace("from calc import add\n", "").replace("add(2, 2)", "4")},
        "check_changed",
        "test_calc.py",
    ),
}


@pytest.mark.parametrize("case", TEST_FIRST.values(), ids=TEST_FIRST.keys())
def test_what_a_task_has_to_turn_green_turns_green_with_the_tests_as_they_were(tmp_path: Path, case: Case) -> None:
    judged(tmp_path, case)


SNAP = """\
import os, pathlib, unittest
from calc import say

def check(name, value):
    snap = pathlib.Path(__file__).parent / '__snapshots__' / 'test_say.py.snap'
    held = snap.read_text() if snap.exists() else ''
    mine = f"exports[`{name} 1`] = `{value}`;\\n"
    if f'exports[`{name} 1`]' in held:
        assert mine in held, held
    elif UPDATES:
        snap.parent.mkdir(exist_ok=True)
        snap.write_text(held + mine)
    else:
        raise AssertionError('no snapshot')

class T(unittest.TestCase):
    def test_a(self):
        check('a', say('a'))
"""
CI_SNAP, WRITES = (SNAP.replace("UPDATES", how) for how in ("not os.environ.get('CI')", "True"))
ALWAYS = WRITES.replace("in held:\n", "in held and False:\n")
SAY, LOUD = "def say(x):\n    return x\n", "def say(x):\n    return x.upper()\n"
KEPT = {"calc.py": SAY, "tests/__snapshots__/test_say.py.snap": "exports[`a 1`] = `a`;\n", "tests/__init__.py": ""}
IN_TESTS = f"{UNITTEST} discover -v -s tests -t ."
B_ENTRY = "exports[`a 1`] = `a`;\nexports[`b 1`] = `b`;\n"
B_TEST = "    def test_b(self):\n        check('b', say('b'))\n"
SNAPSHOTS = {
    "deleted, and written anew": Case(
        IN_TESTS,
        {**KEPT, "tests/test_say.py": WRITES},
        {"calc.py": LOUD, "tests/__snapshots__/test_say.py.snap": None},
        "check_changed",
        ".snap",
    ),
    "rewritten": Case(
        IN_TESTS,
        {**KEPT, "tests/test_say.py": CI_SNAP},
        {"calc.py": LOUD, "tests/__snapshots__/test_say.py.snap": "exports[`a 1`] = `A`;\n"},
        "check_changed",
        ".snap",
    ),
    "deleted, and missed": Case(
        IN_TESTS,
        {**KEPT, "tests/test_say.py": CI_SNAP},
        {"calc.py": LOUD, "tests/__snapshots__/test_say.py.snap": None},
        "back",
    ),
    "rewritten by the check itself": Case(
        IN_TESTS,
        {**KEPT, "tests/test_say.py": ALWAYS},
        {"calc.py": LOUD, "tests/__snapshots__/test_say.py.snap": "exports[`a 1`] = `A`;\n"},
        "check_changed",
        ".snap",
    ),
    "an entry for a new test": Case(
        IN_TESTS,
        {**KEPT, "tests/test_say.py": CI_SNAP},
        {"calc.py": SAY + "\n", "tests/test_say.py": CI_SNAP + B_TEST, "tests/__snapshots__/test_say.py.snap": B_ENTRY},
        "completed",
    ),
    "a new one for a new test": Case(
        IN_TESTS,
        {
            "calc.py": SAY,
            "tests/__init__.py": "",
            "tests/test_o.py": UNIT.replace("add(2, 2), 4", "1, 1").replace("from calc import add\n", ""),
        },
        {"tests/test_say.py": CI_SNAP, "tests/__snapshots__/test_say.py.snap": "exports[`a 1`] = `a`;\n"},
        "completed",
    ),
    "one that nothing needs any more": Case(
        IN_TESTS,
        {**KEPT, "tests/test_say.py": CI_SNAP, "tests/__snapshots__/test_gone.py.snap": "exports[`z 1`] = `z`;\n"},
        {"tests/__snapshots__/test_gone.py.snap": None},
        "completed",
    ),
    "a golden file beside the code": Case(
        "python -c \"from calc import say; assert say('a') == open('pkg/testdata/a.golden').read().strip()\"",
        {"calc.py": SAY, "pkg/testdata/a.golden": "a\n"},
        {"calc.py": LOUD, "pkg/testdata/a.golden": "A\n"},
        "check_changed",
        "a.golden",
    ),
}


@pytest.mark.parametrize("case", SNAPSHOTS.values(), ids=SNAPSHOTS.keys())
def test_a_snapshot_that_is_deleted_or_rewritten_counts_like_a_changed_test(tmp_path: Path, case: Case) -> None:
    judged(tmp_path, case)


VARIES = {
    "a port": "'listens on port %d' % random.randrange(20000, 60000)",
    "a time": "'at ' + time.strftime('%a %b %d %Y ') + str(time.time())",
    "a process": "'pid %d' % os.getpid()",
    "a uuid": "str(uuid.uuid4())",
    "a temporary path": "tempfile.mkdtemp()",
    "an object": "repr(object())",
    "where it runs": "os.getcwd()",
}


@pytest.mark.parametrize("title", VARIES.values(), ids=VARIES.keys())
def test_names_that_are_other_ones_at_each_run_are_no_lost_tests_and_a_lost_one_among_them_is_missed(
    tmp_path: Path, title: str
) -> None:
    some = (
        "import os, random, tempfile, time, uuid\nimport pytest\n\n\n"
        f"@pytest.mark.parametrize('n', [{title}, {title}])\ndef test_it(n):\n    pass\n\n\ndef test_steady():\n    pass\n"
    )
    repo = make_repo(tmp_path / "repo", {".gitignore": "__pycache__/\n", "test_some.py": some})
    with bench(tmp_path, repo, plan_of({"id": "t1"}, {"id": "t2"}, {"id": "t3"}, checks=[PYTEST])) as b:
        b.measure_baseline()
        assert b.work({"a.py": "x = 1\n"}).status == "completed", b.asked()[0].detail
        assert b.work({"b.py": "x = 1\n"}, "t2").status == "completed", b.asked()[0].detail
        one = some.replace(f"[{title}, {title}]", f"[{title}]")
        assert b.work({"test_some.py": one}, "t3").status == "waiting"
        assert b.asked("tests_missing")[0].detail["vanished"]


def test_titles_of_other_runners_that_hold_a_port_are_no_lost_tests(tmp_path: Path) -> None:
    js = "const test = require('node:test');\ntest(`port ${40000 + process.pid % 9999}`, () => {});\ntest('steady', () => {});\n"
    case = Case(NODE, {"a.test.js": js, "a.js": "\n"}, {"a.js": JS}, "completed")
    judged(tmp_path, case)


def test_a_steady_number_in_a_title_that_changes_is_another_test(tmp_path: Path) -> None:
    js = "require('node:test')('port 8000', () => {});\n"
    judged(
        tmp_path,
        Case(NODE, {"a.test.js": js}, {"a.test.js": js.replace("8000", "9000")}, "tests_missing", "1 vanished"),
    )


def test_an_exchanged_test_is_missed_among_more_tests_than_anybody_lists(tmp_path: Path) -> None:
    many = 24_000
    names = [f"suite_{n % 97}/a_test_with_a_name_of_usual_length_{n}" for n in range(many)]
    report = report_of((name, "passed") for name in names)
    assert report.complete
    assert (report.total, len(report.outcomes)) == (many, many)
    repo = make_repo(tmp_path / "repo", {"a.txt": "a\n"})
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=["true"])) as b:
        with b.rt.db.write() as tx:
            tx.db.add(
                models.CheckRun(
                    session_id=b.id, phase="baseline", command="true", passed=True, exit_code=0, output="",
                    tests=report.outcomes, tests_summary={**report.counts(), "complete": True},
                )
            )  # fmt: skip
        with b.rt.db.read() as db:
            (size,) = db.exec(text("SELECT length(tests) FROM check_runs")).one()  # type: ignore[call-overload]
        assert size < 12 * many
        exchanged = report_of((name, "passed") for name in [*names[1:], "suite_0/an_empty_one"])
        verdict = judge("true", CommandOutcome(0, 1.0, "", False), exchanged, baseline.load(b.rt, b.id), set())
        assert verdict.missing == [names[0]]


@pytest.mark.parametrize(
    ("work", "lands"),
    [
        ({"calc.py": "# nothing mended\ndef add(a, b):\n    return a - b\n\n\ndef one():\n    return 1\n"}, False),
        ({"calc.py": "def add(a, b):\n    return a + b\n\n\ndef one():\n    return 1\n"}, True),
        ({"test_new.py": "from calc import one\n\n\ndef test_new():\n    assert one() == 1\n"}, True),
    ],
    ids=["nothing mended", "mended", "a new test that passes"],
)
def test_a_tasks_own_check_that_stays_as_red_as_before_is_asked_about(
    tmp_path: Path, work: dict[str, str | None], lands: bool
) -> None:
    repo = make_repo(
        tmp_path / "repo",
        {
            "calc.py": "def add(a, b):\n    return a - b\n\n\ndef one():\n    return 1\n",
            "test_calc.py": "from calc import add, one\n\n\ndef test_add():\n    assert add(2, 3) == 5\n\n\n"
            "def test_one():\n    assert one() == 1\n",
            ".gitignore": "__pycache__/\n",
        },
    )
    own = "python -m pytest -q -p no:cacheprovider ."
    plan = plan_of({"id": "t1", "checks": [own]}, checks=["python -m pytest -q -p no:cacheprovider"])
    with bench(tmp_path, repo, plan) as b:
        b.measure_baseline()
        task = b.work(work)
        assert task.status == ("completed" if lands else "waiting")
        if not lands:
            (question,) = b.asked("tests_missing")
            assert "fails as it did before the work" in question.title
            b.answer("allow")
            assert b.land().status == "completed"
