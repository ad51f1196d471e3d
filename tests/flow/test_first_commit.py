"""A folder without a commit: what a first one would hold is told, and it is made only when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from maestro.api.site import build_site
from maestro.core.kernel.runtime import open_runtime
from maestro.settings import LoadedSettings
from tests.repos import make_repo, run_git, write_files

FILES: dict[str, str | bytes] = {
    "app.py": "print(1)\n", ".env": "KEY=1\n", ".env.example": "KEY=\n", "x.log": "x\n", ".gitignore": "*.log\n",
}  # fmt: skip


@pytest.fixture
def api(tmp_path: Path) -> Iterator[TestClient]:
    rt = open_runtime(LoadedSettings({"data_dir": tmp_path / "data", "assistant": "demo"}, environment={}, dotenv=None))
    with TestClient(build_site(rt), base_url="http://localhost") as client:
        yield client
    rt.jobs.stop()
    rt.db.close()


def _unborn(path: Path, files: dict[str, str | bytes]) -> Path:
    path.mkdir()
    run_git(path, "init", "-q", "-b", "trunk")
    write_files(path, files)
    return path


def _refused(api: TestClient, path: Path) -> dict[str, object]:
    answer = api.post("/api/sessions", json={"repo_path": str(path)})
    assert answer.status_code == 422
    problem: dict[str, object] = answer.json()
    return problem


def _make(api: TestClient, path: Path, **body: object) -> dict[str, object]:
    answer = api.post("/api/repositories/first-commit", params={"path": str(path)}, json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, object] = answer.json()
    return made


def _told(api: TestClient, path: Path) -> dict[str, object]:
    told: dict[str, object] = api.get("/api/repositories/first-commit", params={"path": str(path)}).json()
    return told


def test_what_is_there_is_committed_as_it_was_told_and_a_session_can_begin(api: TestClient, tmp_path: Path) -> None:
    repo = _unborn(tmp_path / "new\nproject", FILES)
    make_repo(repo / "inner", {"a": "a"})
    run_git(repo, "config", "commit.gpgSign", "true")
    for name in ("pre-commit", "commit-msg", "reference-transaction"):
        (repo / ".git/hooks").mkdir(exist_ok=True)
        (repo / ".git/hooks" / name).write_text(f"#!/bin/sh\ntouch '{tmp_path}/ran'\nexit 1\n")
        (repo / ".git/hooks" / name).chmod(0o755)

    refused = _refused(api, repo)
    assert refused["first_commit"] == {"repo_path": str(repo), "init": False}
    assert "maestro first-commit" in str(refused["detail"])
    told = _told(api, repo)
    assert told["names"] == [".env", ".env.example", ".gitignore", "app.py"]
    assert (told["files"], told["branch"], told["secrets"], told["nested"]) == (4, "trunk", [".env"], ["inner"])
    assert not (repo / ".git/index").exists()

    made = _make(api, repo, content="files")
    assert (made["branch"], made["dirty_files"]) == ("trunk", 1)  # the nested repository
    assert run_git(repo, "ls-tree", "-r", "--name-only", "trunk").splitlines() == told["names"]
    assert run_git(repo, "log", "-1", "--format=%an %s") == "Maestro First commit"
    assert not (tmp_path / "ran").exists()
    assert api.post("/api/sessions", json={"repo_path": str(repo)}).status_code == 201


def test_a_plain_folder_becomes_a_repository_only_when_that_was_said(api: TestClient, tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    write_files(folder, FILES)
    assert _refused(api, folder)["first_commit"] == {"repo_path": str(folder), "init": True}
    assert _told(api, folder)["files"] == 4
    silent = api.post("/api/repositories/first-commit", params={"path": str(folder)}, json={"content": "files"})
    assert silent.status_code == 422
    assert "init" in silent.json()["fields"]
    assert not (folder / ".git").exists()
    assert _make(api, folder, content="files", init=True)["branch"] == "main"
    assert run_git(folder, "status", "--porcelain") == ""


def test_an_empty_first_commit_leaves_files_and_index_alone(api: TestClient, tmp_path: Path) -> None:
    repo = _unborn(tmp_path / "new", FILES)
    run_git(repo, "add", "app.py")
    run_git(repo, "config", "user.name", "Grace")
    run_git(repo, "config", "user.email", "grace@example.org")
    index = (repo / ".git/index").read_bytes()
    _make(api, repo, content="empty")
    assert run_git(repo, "ls-tree", "-r", "trunk") == ""
    assert run_git(repo, "log", "-1", "--format=%an") == "Grace"
    assert (repo / ".git/index").read_bytes() == index
    again = api.post("/api/repositories/first-commit", params={"path": str(repo)}, json={"content": "files"})
    assert again.status_code == 422
    assert "already has a commit" in again.json()["detail"]


def test_no_first_commit_is_offered_where_it_would_be_wrong(api: TestClient, tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "r", {"a": "a"})
    run_git(repo, "checkout", "-q", "--orphan", "fresh")
    elsewhere = _refused(api, repo)
    assert "other branches have" in str(elsewhere["detail"])
    home = _refused(api, Path.home())
    assert "folder of one project" in str(home["detail"])
    hostile = _unborn(tmp_path / "hostile", FILES | {".gitattributes": "* filter=evil\n"})
    run_git(hostile, "config", "filter.evil.clean", f"touch '{tmp_path}/ran'; cat")
    _told(api, hostile)
    answer = api.post("/api/repositories/first-commit", params={"path": str(hostile)}, json={"content": "files"})
    assert "filter.evil.clean" in answer.json()["detail"]
    assert not (tmp_path / "ran").exists()
    assert "first_commit" not in elsewhere | home
