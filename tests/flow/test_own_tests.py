"""A task may add to the tests that its plan names; what it takes from them is asked about, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.landing import bench, plan_of
from tests.repos import make_repo

BUG = "def add(a, b):\n    return a - b\n"
GOOD = "def add(a, b):\n    return a + b\n"
ADD = "import calc\n\n\ndef test_add():\n    assert calc.add(2, 2) == 4\n"
ZERO = "\n\ndef test_zero():\n    assert calc.add(0, 0) == 0\n"
SUITE = "python -m pytest -q"
ONE = f"{SUITE} tests/test_calc.py"
IN_CLASS = "import calc\n\n\nclass TestCalc:\n    def test_add(self):\n        assert calc.add(2, 2) == 4\n"
NODE = "const t = require('node:test'); const a = require('assert'); const { add } = require('./calc');\n"
NODE_ADD = "t.test('adds', () => { a.strictEqual(add(2, 2), 4); });\n"
HOOK = "import pytest\n\n\n@pytest.hookimpl(tryfirst=True)\ndef pytest_pyfunc_call(pyfuncitem):\n    return True\n"

LIES = {
    "an assertion weakened in place": (ONE, {"tests/test_calc.py": ADD.replace("== 4", "== 0")}),
    "the test renamed and weakened": (ONE, {"tests/test_calc.py": ADD.replace("test_add", "test_sub").replace("4", "0")}),
    "skipped in words of another kind": (
        ONE, {"tests/test_calc.py": ADD.replace("    assert", "    if calc.add(1, 0) == 9:\n        assert") + ZERO}
    ),
    "a test of the same name further down": (ONE, {"tests/test_calc.py": ADD + "\n\ndef test_add():\n    assert calc\n"}),
    "a stand-in imported": (
        ONE, {"tests/test_calc.py": ADD.replace("import calc", "import fake as calc"), "fake.py": GOOD}
    ),
    "another test that changes the program": (
        ONE, {"tests/test_calc.py": "import calc\n\n\ndef test_a():\n    calc.add = lambda a, b: a + b\n" + ADD[12:]}
    ),
    "a single test named by the check": (
        f"{ONE}::test_add {ONE.split()[-1]}::test_zero", {"tests/test_calc.py": ADD.replace("== 4", "== 0") + ZERO}
    ),
    "the outcomes rewritten beside it": (ONE, {"tests/conftest.py": HOOK}),
    "by exit code only": ("sh tests/run.sh", {"tests/run.sh": "python -c 'import calc'\n"}),
}  # fmt: skip


def _repo(tmp_path: Path, program: str = BUG) -> Path:
    files: dict[str, str | bytes] = {
        "calc.py": program,
        "tests/test_calc.py": ADD,
        "tests/run.sh": "python -c 'import calc; assert calc.add(2, 2) == 4'\n",
        "calc.js": f"exports.add = (a, b) => a {'+' if program == GOOD else '-'} b;\n",
        "calc.test.js": NODE + NODE_ADD,
        ".gitignore": "__pycache__/\n.pytest_cache/\n",
        "pytest.ini": "[pytest]\npythonpath = .\naddopts = -p no:cacheprovider\n",
    }
    return make_repo(tmp_path / "repo", files)


@pytest.mark.parametrize("lie", LIES)
def test_a_named_test_that_says_less_than_it_did_is_asked_about(tmp_path: Path, lie: str) -> None:
    check, files = LIES[lie]
    plan = plan_of({"id": "t1", "files": ["calc.py", "fake.py", "tests/**"], "checks": [check]}, checks=[SUITE])
    with bench(tmp_path, _repo(tmp_path), plan) as b:
        b.measure_baseline()
        assert b.work({**files, "calc.py": BUG + "\n"}).status == "waiting"
        asked = b.asked()
        assert {a.kind for a in asked} <= {"check_changed", "tests_missing"}
        if asked[0].kind == "tests_missing":  # a renamed test is told by its name already
            return
        assert (
            "changed tests that its work would otherwise fail" in asked[0].title
            or "no longer test anything" in asked[0].title
        )
        assert asked[0].detail["diff"]
        b.answer("allow")
        assert b.land().status == "completed"


def test_a_test_in_another_language_is_no_exception(tmp_path: Path) -> None:
    check = "node --test calc.test.js"
    plan = plan_of({"id": "t1", "files": ["*.js"], "checks": [check]}, checks=[check])
    with bench(tmp_path, _repo(tmp_path), plan) as b:
        b.measure_baseline()
        work = {
            "calc.test.js": NODE + NODE_ADD.replace("4", "0"),
            "calc.js": "exports.add = (a, b) => a - b; // same\n",
        }
        assert b.work({**work}).status == "waiting"
        b.answer("deny")
        task = b.land()
        assert (task.status, task.attempt) == ("running", 2)
        assert "calc.test.js" in (task.prompt or "")
        work = {
            "calc.test.js": NODE + NODE_ADD + "t.test('adds none', () => { a.strictEqual(add(0, 0), 0); });\n",
            "calc.js": "exports.add = (a, b) => a + b;\n",
        }
        assert b.work({**work}).status == "completed"


HONEST = {
    "one more test": (ONE, ADD + ZERO),
    "one more test, named by the check": (f"{ONE}::test_zero", ADD + ZERO),
    "a new one beside an old one, named by the check": (f"{ONE}::test_add {ONE.split()[-1]}::test_zero", ADD + ZERO),
    "one more assertion": (ONE, ADD + "    assert calc.add(1, 2) == 3\n"),
    "parameters": (
        ONE,
        "import calc\nimport pytest\n\n\n@pytest.mark.parametrize('b', [2])\ndef test_add(b):\n    assert calc.add(2, b) == 4\n",
    ),
    "untouched": (ONE, ADD),
}  # fmt: skip


@pytest.mark.parametrize("kind", HONEST)
def test_tests_that_are_added_to_a_named_file_are_not_asked_about(tmp_path: Path, kind: str) -> None:
    check, text = HONEST[kind]
    plan = plan_of({"id": "t1", "files": ["calc.py", "tests/**"], "checks": [check]}, checks=["true"])
    with bench(tmp_path, _repo(tmp_path), plan) as b:
        b.measure_baseline()
        task = b.work({"calc.py": GOOD, "tests/test_calc.py": text})
        assert (task.status, [a.title for a in b.asked()]) == ("completed", [])


def test_new_helpers_for_new_tests_are_not_asked_about(tmp_path: Path) -> None:
    """Without the changed helper the new test cannot be loaded, which hides nothing."""
    repo = _repo(tmp_path)
    plan = plan_of(
        {"id": "t1", "files": ["tests/**"], "checks": [SUITE]},
        {"id": "t2", "files": ["calc.py", "tests/**"], "checks": [SUITE]},
        checks=[SUITE],
    )
    with bench(tmp_path, repo, plan) as b:
        b.measure_baseline()
        b.work({"tests/helper_test.py": "import calc\n\nTWO = 2\n\n\ndef test_helper():\n    assert TWO == 2\n"})
        more = "import calc\n\nTWO = 2\nONE = TWO - 1\n\n\ndef test_helper():\n    assert TWO == 2\n"
        new = "from helper_test import ONE\n\n\ndef test_new():\n    assert ONE == 1\n"
        task = b.work({"calc.py": GOOD, "tests/helper_test.py": more, "tests/test_new.py": new}, "t2")
        assert (task.status, [a.title for a in b.asked()]) == ("completed", [])
