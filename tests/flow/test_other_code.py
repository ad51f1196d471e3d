"""Checks that would test the user's checkout instead of the worktree are asked about before anything is measured."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from maestro.core.proving import other_code
from maestro.core.supervisor import steps
from tests.landing import Bench, bench, plan_of
from tests.repos import commit, make_repo, write_files

_TEST = """import unittest

from calc import add


class T(unittest.TestCase):
    def test_add(self):
        assert add(1, 1) == 2
"""
_FILES: dict[str, str | bytes] = {
    "src/calc/__init__.py": "def add(a, b):\n    return a + b\n",
    "tests/test_calc.py": _TEST,
    "pyproject.toml": '[project]\nname = "my-calc"\nversion = "1"\n',
    ".gitignore": ".venv/\nnode_modules/\n__pycache__/\n",
}
_UNITTEST = "python -m unittest discover -s tests"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", _FILES)


def _venv(place: Path) -> Path:
    """A new environment; its site-packages."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    return next(place.glob("lib/python3*/site-packages"))


def _pth(site: Path, repo: Path) -> None:
    (site / "my_calc.pth").write_text(f"{repo}/src\n")


def _finder(site: Path, repo: Path) -> None:
    """As setuptools writes an editable install that is no plain path."""
    code = (
        "import sys\nfrom importlib.machinery import PathFinder\nfrom importlib.util import spec_from_file_location\n"
        f"MAPPING = {{'calc': '{repo}/src/calc'}}\n"
        "class F:\n    @classmethod\n    def find_spec(cls, name, path=None, target=None):\n"
        "        if name in MAPPING:\n            return spec_from_file_location(name, MAPPING[name] + '/__init__.py')\n"
        "def install():\n    sys.meta_path.append(F)\n"
    )
    write_files(site, {"__editable___my_calc_1_finder.py": code})
    (site / "__editable__.my_calc-1.pth").write_text("import __editable___my_calc_1_finder as f; f.install()")


def _egg_link(site: Path, repo: Path) -> None:
    (site / "my-calc.egg-link").write_text(f"{repo}/src\n../")
    (site / "easy-install.pth").write_text(f"{repo}/src\n")


def _copy(site: Path, repo: Path) -> None:
    write_files(site, {"calc/__init__.py": (repo / "src/calc/__init__.py").read_text()})
    info = {"METADATA": "Name: my_calc\nVersion: 1\n", "RECORD": "calc/__init__.py,,\n", "top_level.txt": "calc\n"}
    write_files(site, {f"my_calc-1.dist-info/{name}": text for name, text in info.items()})
    (site / "my_calc-1.dist-info/direct_url.json").write_text(f'{{"url": "file://{repo}", "dir_info": {{}}}}')


def _asked(b: Bench) -> str:
    """What is asked before the baseline; nothing is measured then."""
    b.measure_baseline()
    if not b.asked():
        return ""
    (question,) = b.asked("infrastructure")
    assert question.detail["what"] == "other code"
    assert b.evidence("baseline") == []
    return str(question.detail["reason"])


def _use(monkeypatch: pytest.MonkeyPatch, venv: Path) -> None:
    """As a shell does in which the environment is active."""
    monkeypatch.setenv("PATH", f"{venv}/bin:/usr/local/bin:/usr/bin:/bin")


@pytest.mark.parametrize("install", [_pth, _finder, _egg_link, _copy])
def test_an_install_of_the_checkout_on_the_path_is_asked_about(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch, install
) -> None:
    install(_venv(tmp_path / "venv"), repo)
    _use(monkeypatch, tmp_path / "venv")
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=[_UNITTEST])) as b:
        reason = _asked(b)
        assert f"`{_UNITTEST}` finds `calc`" in reason
        assert "Worktree setup…" in reason
        assert "pip install -e" in reason
        assert b.work({"src/calc/__init__.py": "def add(a, b):\n    return a - b\n"}).status != "completed"


def test_an_activated_environment_of_the_checkout_is_asked_about(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pth(_venv(repo / ".venv"), repo)
    _use(monkeypatch, repo / ".venv")
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=[_UNITTEST])) as b:
        assert f"{repo}/src/calc, your own checkout" in _asked(b)


def test_pytest_by_its_script_is_asked_as_its_own_interpreter(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = _venv(tmp_path / "venv")
    _pth(site, repo)
    (site / "theirs.pth").write_text(f"{Path(pytest.__file__).parents[1]}\n")
    script = tmp_path / "venv/bin/pytest"
    script.write_text(f"#!{tmp_path}/venv/bin/python\nimport pytest\nraise SystemExit(pytest.console_main())\n")
    script.chmod(0o755)
    _use(monkeypatch, tmp_path / "venv")
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=["pytest -q"])) as b:
        assert "`pytest -q` finds `calc`" in _asked(b)
    commit(repo, {"pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["src"]\n'})
    with bench(tmp_path / "b", repo, plan_of({"id": "t1"}, checks=["pytest -q"])) as b:
        assert _asked(b) == ""
        assert [run.passed for run in b.evidence("baseline")] == [True]


CHECKS = {
    "PYTHONPATH={repo}/src python3 -m unittest discover -s tests": "names a path of your own checkout",
    "export PYTHONPATH={repo}/src; python3 -m unittest discover -s tests": "names a path of your own checkout",
    "{repo}/.venv/bin/python -m unittest discover -s tests": "names a path of your own checkout",
    ". {repo}/.venv/bin/activate && python -m unittest discover -s tests": "names a path of your own checkout",
    "cd {repo} && python3 -m unittest discover -s tests": "names a path of your own checkout",
    "make test": "Makefile names your own checkout",
    "export PYTHONPATH=$HOME/mine; python3 -m unittest discover -s tests": "finds `calc`",
    "PYTHONPATH=$HOME/mine python3 -m unittest discover -s tests": "finds `calc`",
}


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_that_goes_to_the_checkout_is_asked_about(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch, check: str
) -> None:
    commit(repo, {"Makefile": f"test:\n\tPYTHONPATH={repo}/src python3 -m unittest discover -s tests\n"})
    (tmp_path / "home").mkdir()
    (tmp_path / "home/mine").symlink_to(repo / "src")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    if check != "make test":
        (repo / "Makefile").unlink()
        commit(repo, {})
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=[check.format(repo=repo)])) as b:
        assert CHECKS[check] in _asked(b)


def test_a_copy_that_the_set_up_installs_is_asked_about(tmp_path: Path, repo: Path) -> None:
    set_up = [
        "python3 -m venv --without-pip .venv",
        "cp -r src/calc .venv/lib/python3*/site-packages/",
    ]
    check = ".venv/bin/python -m unittest discover -s tests"
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=[check]), setup=set_up) as b:
        assert "installed as a copy in .venv/lib/" in _asked(b)


def test_an_install_of_the_worktree_and_a_check_that_puts_it_first_are_no_question(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pth(_venv(tmp_path / "venv"), repo)
    _use(monkeypatch, tmp_path / "venv")
    set_up = [
        "python3 -m venv --without-pip .venv",
        'for site in .venv/lib/python3*/site-packages; do echo "$PWD/src" > $site/x.pth; done',
    ]
    own = ".venv/bin/python -m unittest discover -s tests"
    first = f"PYTHONPATH=src {_UNITTEST}"
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=[own, first]), setup=set_up) as b:
        assert _asked(b) == ""
        assert [run.passed for run in b.evidence("baseline")] == [True, True]


def test_a_flat_layout_is_the_worktrees_own_with_m(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = make_repo(tmp_path / "repo", {"calc.py": "def add(a, b):\n    return a + b\n", "test_calc.py": _TEST})
    site = _venv(tmp_path / "venv")
    (site / "x.pth").write_text(f"{repo}\n")
    _use(monkeypatch, tmp_path / "venv")
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=["python -m unittest"])) as b:
        assert _asked(b) == ""
        assert [run.passed for run in b.evidence("baseline")] == [True]


def test_a_yes_looks_again_and_a_no_goes_on(tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = _venv(tmp_path / "venv")
    _pth(site, repo)
    _use(monkeypatch, tmp_path / "venv")
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=[_UNITTEST])) as b:
        assert _asked(b)
        b.answer("allow")
        assert _asked(b), "it is as it was"
        b.answer("deny")
        b.measure_baseline()
        assert not b.asked()
        assert [run.passed for run in b.evidence("baseline")] == [True]


def test_a_tasks_own_checks_are_looked_at_before_its_agent_starts(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = _venv(tmp_path / "venv")
    _pth(site, repo)
    _use(monkeypatch, tmp_path / "venv")
    with bench(tmp_path, repo, plan_of({"id": "t1", "checks": [_UNITTEST]})) as b:
        worktree = b.begin()
        steps.start_worker(b.rt, b.task().id)
        (question,) = b.asked("infrastructure")
        assert "finds `calc`" in question.detail["reason"]
        assert not worktree.exists()
        assert b.task().assigned_worker_id is None
        b.answer("allow")
        (site / "my_calc.pth").unlink()
        assert other_code.review(b.rt, b.session, b.begin(), [_UNITTEST], lambda: False) is None


@pytest.mark.parametrize(
    "set_up",
    [
        "mkdir node_modules && ln -s {repo}/packages/core node_modules/core",
        "mkdir -p node_modules/@me && ln -s {repo}/packages/core node_modules/@me/core",
        "ln -s {repo}/node_modules node_modules",
        "mkdir node_modules && ln -s {repo}/../global/core node_modules/core",
        "cp -a {repo}/node_modules . && cp -a {repo}/packages/app/node_modules packages/app/",
        "mkdir -p vendor/me && ln -s {repo}/packages/core vendor/me/core",
    ],
)
def test_packages_linked_to_sources_of_the_checkout_are_asked_about(tmp_path: Path, set_up: str) -> None:
    files: dict[str, str | bytes] = {
        "package.json": "{}", "packages/core/index.js": "1", "packages/app/package.json": "{}",
        ".gitignore": "node_modules/\nnode_modules\nvendor\n",
    }  # fmt: skip
    repo = make_repo(tmp_path / "repo", files)
    (repo / "node_modules").mkdir()
    (repo / "node_modules/core").symlink_to("../packages/core")
    (repo / "packages/app/node_modules").mkdir()
    (repo / "packages/app/node_modules/core").symlink_to(repo / "packages/core")
    (tmp_path / "global").mkdir()
    (tmp_path / "global/core").symlink_to(repo / "packages/core")
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=["true"]), setup=[set_up.format(repo=repo)]) as b:
        assert f"is a link to {repo}/packages/core, your own checkout" in _asked(b)


def test_a_manifest_that_names_the_checkout_is_asked_about(tmp_path: Path) -> None:
    repo = make_repo(
        tmp_path / "repo", {"go.mod": f"module x\n\nreplace y => {tmp_path}/repo/y\n", "README.md": f"{tmp_path}/repo/"}
    )
    (repo / ".env").write_text(f"PYTHONPATH={repo}/src\nDB={repo}/db.sqlite\n")
    commit(repo, {".gitignore": ".env\n"})
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=["true"]), copy_files=[".env"]) as b:
        assert _asked(b).count("names your own checkout") == 2
