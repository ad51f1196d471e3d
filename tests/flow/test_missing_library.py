"""A check that only a task has, or a test that only the work has, cannot load for a library that the repository needs.

No run on the base tells that: it is asked about with the set-up offered, and costs no attempt. What the work itself has
broken, or takes in without naming it, goes back to the agent.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.landing import bench, plan_of
from tests.repos import make_repo, run_git

ADD = "const {one} = require('left');\nexports.add = (a, b) => a + b + one - 1;\n"
TEST = (
    "const {test} = require('node:test');\nconst {add} = require('./add.js');\n"
    "test('adds', () => { if (add(1, 2) !== 3) throw 1; });\n"
)
NODE: dict[str, str | bytes] = {
    "package.json": json.dumps({"scripts": {"test": "node --test"}, "dependencies": {"left": "file:./left"}}),
    "left/package.json": json.dumps({"name": "left", "version": "1.0.0", "main": "index.js"}),
    "left/index.js": "exports.one = 1;\n",
    "add.js": ADD,
    "add.test.js": TEST,
    ".gitignore": "node_modules\n",
}
PLAIN_NODE = NODE | {"add.js": "exports.add = (a, b) => a + b;\n"}
CALC: dict[str, str | bytes] = {
    "calc.py": "def add(a, b):\n    return a + b\n",
    "test_calc.py": "from calc import add\n\ndef test_add():\n    assert add(1, 2) == 3\n",
}
SRC: dict[str, str | bytes] = {
    "pyproject.toml": "[project]\nname = 'mypkg'\nversion = '1'\n",
    "src/mypkg/__init__.py": "def add(a, b):\n    return a + b\n",
    "tests/test_a.py": "from mypkg import add\n\ndef test_add():\n    assert add(1, 2) == 3\n",
}
NEW_TEST = "from sub import x\n\ndef test_x():\n    assert x\n"
ANY: dict[str, str | None] = {"notes.txt": "done\n"}


@pytest.mark.parametrize(
    ("files", "check", "work", "lacks"),
    [
        (NODE, "node --test", ANY, "left"),
        (NODE, "node add.test.js", ANY, "left"),
        (NODE, "node --test new.test.js", {"new.test.js": TEST}, "left"),
        (
            NODE,
            "node --test",
            {"new.test.js": TEST, "ok.test.js": "require('node:test').test('ok', () => {});\n"},
            "left",
        ),
        (SRC, "python -m unittest discover -s tests", ANY, "mypkg"),
        (
            {"requirements.txt": "", **CALC},
            "python -m pytest -q test_sub.py",
            {"requirements.txt": "lib_not_here\n", "sub.py": "import lib_not_here\nx = 1\n", "test_sub.py": NEW_TEST},
            "lib_not_here",
        ),
    ],
)
def test_a_missing_library_is_asked_about(
    tmp_path: Path, files: dict[str, str | bytes], check: str, work: dict[str, str | None], lacks: str
) -> None:
    repo = make_repo(tmp_path / "repo", files)
    with bench(tmp_path, repo, plan_of({"id": "t1", "checks": [check]})) as b:
        task = b.work(work)
        (question,) = b.asked("infrastructure")
        assert f"`{lacks}`" in question.title
        assert (task.status, task.attempt) == ("waiting", 1)
        b.answer("deny")  # it is the work's after all: then it goes back, and is not asked about again
        task = b.land()
        assert (task.attempt, b.asked()) == (2, [])


@pytest.mark.parametrize(
    ("files", "check", "work"),
    [
        (CALC, "python -m pytest -q", {"test_sub.py": NEW_TEST}),
        (
            CALC,
            "python -m unittest test_calc",
            {"calc.py": None, "test_calc.py": "from calc import add\nimport unittest\n"},
        ),
        (PLAIN_NODE, "node --test", {"add.js": "require('undeclared');\nexports.add = (a, b) => a + b;\n"}),
        (PLAIN_NODE, "node --test", {"add.test.js": TEST.replace("./add.js", "./nope.js")}),
    ],
)
def test_what_the_work_broke_itself_goes_back_to_it(
    tmp_path: Path, files: dict[str, str | bytes], check: str, work: dict[str, str | None]
) -> None:
    repo = make_repo(tmp_path / "repo", files)
    with bench(tmp_path, repo, plan_of({"id": "t1", "checks": [check]})) as b:
        task = b.work(work)
        assert (task.status, task.attempt, b.asked()) == ("running", 2, [])


def test_the_set_up_of_the_answer_lets_the_task_land(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", NODE)
    with bench(tmp_path, repo, plan_of({"id": "t1", "checks": ["node --test add.test.js"]})) as b:
        b.work(ANY)
        b.answer("allow_setup")
        task = b.land()
        assert (task.status, task.attempt) == ("completed", 1)


def test_a_submodule_that_is_empty_in_the_checkout_is_named_with_the_way_on(tmp_path: Path) -> None:
    cases = make_repo(tmp_path / "cases", {"list.txt": "1\n"})
    files: dict[str, str | bytes] = {
        "test_a.py": "ALL = open('data/cases/list.txt').read()\n\ndef test_a():\n    assert ALL\n",
    }
    made = make_repo(tmp_path / "made", files)
    run_git(made, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(cases), "data/cases")
    run_git(made, "commit", "--quiet", "-m", "Cases")
    run_git(tmp_path, "clone", "--quiet", str(made), "repo")
    with bench(tmp_path, tmp_path / "repo", plan_of({"id": "t1"}, checks=["python -m pytest -q"])) as b:
        b.measure_baseline()
        assert b.work(ANY).status == "waiting"
        (asked,) = b.asked()
        assert "Nothing was proven here" in asked.title
        assert "`git submodule update --init data/cases`" in asked.title
        run_git(b.repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init", "data/cases")
        b.answer("allow")
        assert b.land().status == "completed", b.logs()
