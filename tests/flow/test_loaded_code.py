"""However a check gets to its interpreter, code of another checkout that ran in it is noticed, and proves nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.landing import Bench, bench, plan_of
from tests.repos import commit, make_repo

_TEST = """import unittest

from calc import add


class T(unittest.TestCase):
    def test_add(self):
        assert add(1, 1) == 2
"""
_FILES: dict[str, str | bytes] = {
    "src/calc/__init__.py": "def add(a, b):\n    return a + b\n",
    "src/calc.js": "exports.add = (a, b) => a + b;\n",
    "tests/test_calc.py": _TEST,
    "check.js": "require('assert').strictEqual(require('calc').add(1, 1), 2);\n",
    # Not run by its name, so that nothing can be read from the check.
    "go": '#!/bin/sh\nexec "$@"\n',
}
_UNITTEST = "python -m unittest discover -s tests"


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose sources are reached by ``~/mine`` as well, and launchers that use an environment with them."""
    repo = make_repo(tmp_path / "repo", _FILES)
    home, venv = tmp_path / "home", tmp_path / "venv"
    (home / "bin").mkdir(parents=True)
    (home / "mine").symlink_to(repo / "src")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    (next(venv.glob("lib/python3*/site-packages")) / "mine.pth").write_text(f"{repo}/src\n")
    for name in ("poetry", "uv", "hatch", "pdm", "pipenv"):
        program = home / "bin" / name
        program.write_text(f'#!/bin/sh\nshift\nPATH={venv}/bin:$PATH exec "$@"\n')
        program.chmod(0o755)
    tox = home / "bin/tox"
    tox.write_text(f"#!/bin/sh\nexec {venv}/bin/{_UNITTEST}\n")
    tox.chmod(0o755)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", f"{home}/bin:/usr/local/bin:/usr/bin:/bin")
    return repo


def _asked(b: Bench) -> str:
    b.measure_baseline()
    assert b.evidence("baseline") == []
    (question,) = b.asked("infrastructure")
    assert question.detail["what"] == "other code"
    return str(question.detail["reason"])


@pytest.mark.parametrize(
    ("check", "named"),
    [
        (f"poetry run {_UNITTEST}", "calc"),
        (f"uv run {_UNITTEST}", "calc"),
        (f"hatch run {_UNITTEST}", "calc"),
        (f"pdm run {_UNITTEST}", "calc"),
        (f"pipenv run {_UNITTEST}", "calc"),
        ("tox", "calc"),
        (f"sh go poetry run {_UNITTEST}", "calc"),
        ("sh go env NODE_PATH=$HOME/mine node check.js", "calc.js"),
    ],
)
def test_code_of_the_checkout_behind_any_launcher_is_asked_about(
    tmp_path: Path, repo: Path, check: str, named: str
) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=[check])) as b:
        reason = _asked(b)
        assert f"`{check}` finds `{named.partition('.')[0]}` in {repo}/src/{named}, your own checkout" in reason
        assert "Worktree setup…" in reason


@pytest.mark.parametrize(
    "check",
    [
        f"sh go env PYTHONPATH=src poetry run {_UNITTEST}",
        "sh go env NODE_PATH=src node check.js",
    ],
)
def test_the_worktrees_own_code_is_no_question(tmp_path: Path, repo: Path, check: str) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=[check])) as b:
        b.measure_baseline()
        assert b.asked() == []
        assert [run.passed for run in b.evidence("baseline")] == [True]


def test_an_install_that_comes_while_the_work_goes_on_does_not_let_it_land(tmp_path: Path, repo: Path) -> None:
    (mine,) = (tmp_path / "venv").glob("lib/python3*/site-packages/mine.pth")
    mine.write_text("")
    check = "poetry run python -m unittest discover -s tests"
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=[f"PYTHONPATH=$PYTHONPATH:src {check}"])) as b:
        b.measure_baseline()
        assert [run.passed for run in b.evidence("baseline")] == [True]
        mine.write_text(f"import sys; sys.path.insert(0, '{repo}/src')\n")
        assert b.work({"src/calc/__init__.py": "def add(a, b):\n    return a - b\n"}).status == "waiting"
        (question,) = b.asked("infrastructure")
        assert f"finds `calc` in {repo}/src/calc, your own checkout" in question.detail["reason"]
        assert b.evidence("task") == []
        mine.write_text("")
        b.answer("allow")
        task = b.land()
        assert (task.status, task.attempt) == ("running", 2), "its own code is tested, and wrong"


def test_that_it_is_meant_so_is_said_once(tmp_path: Path, repo: Path) -> None:
    checks = [f"poetry run {_UNITTEST}", "tox"]
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=checks)) as b:
        for _ in checks:
            b.measure_baseline()
            b.answer("deny", "infrastructure")
        b.measure_baseline()
        assert b.asked() == []
        assert [run.passed for run in b.evidence("baseline")] == [True, True]


_MAKE = "python3 -m venv --without-pip .venv"
_COPY = "cp -r src/calc .venv/lib/python3*/site-packages/"


@pytest.mark.parametrize("launcher", ["uv run", "sh go uv run", "pdm run"])
def test_a_copy_that_the_set_up_installed_is_asked_about_behind_a_launcher_too(
    tmp_path: Path, repo: Path, launcher: str
) -> None:
    for name in ("uv", "pdm"):
        (tmp_path / "home/bin" / name).write_text('#!/bin/sh\nshift\nPATH=$PWD/.venv/bin:$PATH exec "$@"\n')
    check = f"{launcher} {_UNITTEST}"
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=[check]), setup=[_MAKE, _COPY]) as b:
        reason = _asked(b)
        assert f"`{check}` finds `calc` installed as a copy in .venv/lib/" in reason


def test_a_copy_that_the_check_itself_installs_is_the_work(tmp_path: Path, repo: Path) -> None:
    (tmp_path / "home/bin/tox").write_text(f"#!/bin/sh\n{_MAKE} && {_COPY} && exec .venv/bin/{_UNITTEST}\n")
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=["tox"])) as b:
        b.measure_baseline()
        assert b.asked() == []
        assert [run.passed for run in b.evidence("baseline")] == [True]
        task = b.work({"src/calc/__init__.py": "def add(a, b):\n    return a - b\n"})
        assert (task.status, task.attempt) == ("running", 2)


def test_a_copy_elsewhere_of_the_projects_own_is_asked_about_and_anothers_of_the_same_name_is_not(
    tmp_path: Path, repo: Path
) -> None:
    (site,) = (tmp_path / "venv").glob("lib/python3*/site-packages")
    (site / "mine.pth").unlink()
    subprocess.run(["cp", "-r", str(repo / "src/calc"), str(site)], check=True)
    commit(repo, {"pyproject.toml": '[project]\nname = "my.calc"\nversion = "1"\n'})
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=["tox"])) as b:
        b.measure_baseline()
        assert b.asked() == []
    (site / "my_calc-1.dist-info").mkdir()
    with bench(tmp_path / "again", repo, plan_of({"id": "t1"}, checks=["tox"])) as b:
        assert f"finds `calc` installed as a copy in {site}" in _asked(b)
