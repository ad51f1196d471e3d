"""What a repository's worktrees would get is tried in a scratch worktree on request, and remembered as working or not."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from maestro.api.site import build_site
from maestro.core.kernel.runtime import Runtime, open_runtime
from maestro.settings import LoadedSettings
from maestro.worktrees import repository
from maestro.worktrees.deleting import delete_tree
from tests.app_process import wait_for
from tests.repos import commit, make_repo, run_git, write_files

URL = "/api/repositories/environment"
PYTEST = "python -m pytest -q"


@pytest.fixture
def rt(tmp_path: Path) -> Iterator[Runtime]:
    opened = open_runtime(
        LoadedSettings(
            {"data_dir": tmp_path / "data", "assistant": "demo", "permission_mode": "edits"},
            environment={},
            dotenv=None,
        )
    )
    yield opened
    opened.jobs.stop()
    opened.db.close()


@pytest.fixture
def api(rt: Runtime) -> Iterator[TestClient]:
    with TestClient(build_site(rt), base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    tests = "def test_a():\n    pass\n\n\ndef test_b():\n    import made\n"
    made = make_repo(tmp_path / "shop", {"test_shop.py": tests, "conftest.py": "", ".gitignore": ".env\nmade.py\n"})
    write_files(made, {".env": "KEY=1"})
    return made


@pytest.fixture
def attempt(rt: Runtime, api: TestClient, repo: Path) -> Callable[..., dict[str, Any]]:
    def ends(**chosen: Any) -> dict[str, Any]:
        begun = api.post(f"{URL}/try", params={"path": str(repo)}, json=chosen)
        assert begun.status_code == 202, begun.text
        assert rt.jobs.wait_for([f"try:{repository.inspect(str(repo)).git_dir}"], 200)
        found: dict[str, Any] = api.get(f"{URL}/try", params={"path": str(repo)}).json()
        assert run_git(repo, "worktree", "list", "--porcelain").count("worktree ") == 1
        assert not list((rt.data_dir / "worktrees").glob("*/*"))
        assert run_git(repo, "status", "--porcelain") == ""
        return found

    return ends


def tried(api: TestClient, repo: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(URL, params={"path": str(repo)}).json()["tried"]
    return found


def test_a_set_that_works_tells_its_time_its_size_and_the_tests_it_names_and_is_remembered(
    attempt: Callable[..., dict[str, Any]], api: TestClient, repo: Path
) -> None:
    setup = ["test -s .env && touch made.py", "head -c 3000000 /dev/urandom > .env.big && rm -f .env.none"]
    found = attempt(setup=setup, copy_files=["/.env"], checks=[PYTEST])
    assert (found["state"], found["reason"], found["tests"]) == ("works", "", 2)
    assert found["disk_mb"] >= 3
    assert found["seconds"] > 0
    steps = [(s["kind"], s["state"], s["tests"], s["passed"]) for s in found["steps"]]
    assert steps == [("setup", "passed", None, None), ("setup", "passed", None, None), ("checks", "passed", 2, 2)]
    assert [t["state"] for t in tried(api, repo)] == ["works"]


def test_failing_tests_that_ran_are_told_and_the_set_works(attempt: Callable[..., dict[str, Any]]) -> None:
    found = attempt(checks=[PYTEST])
    assert (found["state"], found["steps"][0]["state"]) == ("works", "failed")
    assert (found["steps"][0]["tests"], found["steps"][0]["passed"]) == (2, 1)


@pytest.mark.parametrize(
    ("chosen", "reason"),
    [
        ({"setup": ["echo no >&2; exit 3", "touch made.py"], "checks": [PYTEST]}, "The setup command `echo no"),
        ({"checks": ["no-such-runner --all"]}, "The check `no-such-runner --all` ended with exit code 127."),
        ({"checks": [f"{sys.executable} -m no_such_module"]}, "ended with exit code 1."),
    ],
)
def test_a_set_that_cannot_run_says_which_command_and_why(
    attempt: Callable[..., dict[str, Any]], api: TestClient, repo: Path, chosen: dict[str, Any], reason: str
) -> None:
    found = attempt(**chosen)
    assert found["state"] == "fails"
    assert reason in found["reason"]
    assert len(found["steps"]) == 1
    assert found["steps"][0]["output"]
    assert [t["reason"] for t in tried(api, repo)] == [found["reason"]]
    attempt(checks=["true"])
    attempt(**chosen)  # tried again: it takes the place of the earlier one
    assert [t["state"] for t in tried(api, repo)] == ["fails", "works"]


def test_tests_that_could_not_load_are_none_that_are_named(attempt: Callable[..., dict[str, Any]], repo: Path) -> None:
    commit(repo, {"test_broken.py": "import no_such_library\n"})
    found = attempt(checks=[PYTEST])
    assert (found["state"], found["tests"], found["steps"][0]["tests"]) == ("fails", 0, None)
    assert "no_such_library" in found["steps"][0]["output"]


def test_a_submodule_that_is_not_here_is_named(
    attempt: Callable[..., dict[str, Any]], repo: Path, tmp_path: Path
) -> None:
    other = make_repo(tmp_path / "other", {"data.txt": "1"})
    run_git(repo, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other), "parts")
    run_git(repo, "commit", "-qm", "parts")
    run_git(repo, "submodule", "deinit", "-q", "-f", "parts")
    delete_tree(repo / ".git/modules/parts")
    found = attempt(checks=["test -s parts/data.txt"])
    assert found["state"] == "fails"
    assert "git submodule update --init" in found["notes"][0]


def test_a_trial_can_be_stopped_and_only_one_runs_at_a_time(
    rt: Runtime, api: TestClient, repo: Path, tmp_path: Path
) -> None:
    began = tmp_path / "began"
    chosen = {"setup": [f"touch {began} && sleep 600"]}
    where = {"path": str(repo)}
    assert api.post(f"{URL}/try", params=where, json=chosen).status_code == 202
    wait_for(began.exists, 120, "the set-up")
    assert api.post(f"{URL}/try", params=where, json=chosen).status_code == 409
    running = api.get(f"{URL}/try", params=where).json()
    assert (running["state"], running["steps"][0]["state"]) == ("running", "running")
    assert api.delete(f"{URL}/try", params=where).status_code == 200
    assert rt.jobs.wait_for([f"try:{repository.inspect(str(repo)).git_dir}"], 200)
    assert api.get(f"{URL}/try", params=where).json()["state"] == "stopped"
    assert tried(api, repo) == []
    assert run_git(repo, "worktree", "list", "--porcelain").count("worktree ") == 1


def test_what_cannot_be_tried_is_refused(api: TestClient, repo: Path, tmp_path: Path) -> None:
    for path, chosen, field in (
        (repo, {}, "setup"),
        (repo, {"setup": [""]}, "setup.0"),
        (tmp_path / "none", {"checks": ["true"]}, "path"),
        (repo, {"checks": ["true"], "base_branch": "none"}, "base_branch"),
    ):
        answer = api.post(f"{URL}/try", params={"path": str(path)}, json=chosen)
        assert answer.status_code in (400, 422), answer.text
        assert any(name.endswith(field) for name in answer.json()["fields"]), answer.text
    assert api.get(f"{URL}/try", params={"path": str(repo)}).status_code == 404
