"""What new worktrees of a repository are given: offered, confirmed once, remembered, and offered again when it changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from maestro.api.site import build_site
from maestro.core.commands import environments
from maestro.core.kernel.runtime import open_runtime
from maestro.core.workspaces.repository_environment import parse_environment
from maestro.errors import InvalidInput
from maestro.settings import LoadedSettings
from tests.landing import bench, plan_of
from tests.repos import commit, make_repo, run_git, write_files

URL = "/api/repositories/environment"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[TestClient]:
    flags = {"data_dir": tmp_path / "data", "assistant": "demo"}
    rt = open_runtime(LoadedSettings(flags, environment={}, dotenv=None))
    with TestClient(build_site(rt), base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client
    rt.jobs.stop()
    rt.db.close()


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    made = make_repo(tmp_path / "shop", {"uv.lock": "", ".gitignore": ".env\n"})
    write_files(made, {".env": "KEY=1"})
    return made


def create(api: TestClient, repo: Path, **members: Any) -> dict[str, Any]:
    answer = api.post("/api/sessions", json={"repo_path": str(repo), **members})
    assert answer.status_code == 201, answer.text
    config: dict[str, Any] = answer.json()["agent_config"]
    return config


def look(api: TestClient, repo: Path, **query: str) -> dict[str, Any]:
    answer = api.get(URL, params={"path": str(repo), **query})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def news(view: dict[str, Any]) -> list[str]:
    return [f["value"] for f in view["found"] if f["new"]]


def test_what_is_found_is_only_offered_and_what_is_confirmed_is_used_by_new_sessions(
    api: TestClient, repo: Path, tmp_path: Path
) -> None:
    offer = look(api, repo)
    assert offer["remembered"] is None
    assert news(offer) == ["uv sync", "/.env"]
    assert offer["found"][0]["reason"] == "uv.lock is in the repository"
    assert create(api, repo) == {}

    chosen = {"setup": ["uv sync --frozen"], "copy_files": ["/.env"], "checks": []}
    kept = api.put(URL, params={"path": str(repo)}, json=chosen).json()
    assert kept["remembered"].items() >= chosen.items()
    assert news(kept) == []

    run_git(repo, "worktree", "add", "-q", "-b", "other", str(tmp_path / "linked"))
    session = api.post("/api/sessions", json={"repo_path": str(tmp_path / "linked")}).json()
    assert session["agent_config"] == {"setup": ["uv sync --frozen"], "copy_files": ["/.env"]}
    (told,) = api.get(f"/api/sessions/{session['id']}/logs").json()["items"]
    assert "uv sync --frozen" in told["message"]
    assert create(api, repo, agent_config={"setup": [], "max_workers": 2}) == {
        "copy_files": ["/.env"],
        "max_workers": 2,
    }


def test_a_session_is_remembered_only_when_it_says_so_and_a_template_comes_before_what_is_remembered(
    api: TestClient, repo: Path
) -> None:
    config = {"setup": ["make deps"], "max_workers": 2}
    create(api, repo, agent_config=config)
    assert create(api, repo) == {}
    create(api, repo, agent_config=config, remember_environment=True)
    assert create(api, repo) == {"setup": ["make deps"]}

    template = {"name": "bare", "title": "Bare", "agent_config": {"setup": ["true"]}}
    api.post("/api/templates", json=template).raise_for_status()
    assert create(api, repo, template="bare") == {"setup": ["true"]}


def test_a_repository_that_has_changed_is_offered_again_and_nothing_changes_by_itself(
    api: TestClient, repo: Path
) -> None:
    api.put(URL, params={"path": str(repo)}, json={"setup": ["uv sync"]}).raise_for_status()
    run_git(repo, "rm", "-q", "uv.lock")
    commit(repo, {"poetry.lock": "", ".gitignore": ".env*\n"})
    write_files(repo, {".env.local": "A=1"})
    changed = look(api, repo)
    assert news(changed) == ["poetry install", "/.env.local"]
    assert changed["gone"] == ["uv sync"]
    assert create(api, repo) == {"setup": ["uv sync"]}
    run_git(repo, "branch", "-q", "old", "HEAD~1")
    assert look(api, repo, base_branch="old")["gone"] == []


def test_what_is_remembered_can_be_forgotten_even_when_the_repository_is_gone(api: TestClient, repo: Path) -> None:
    api.put(URL, params={"path": str(repo)}, json={"checks": ["true"]}).raise_for_status()
    repo.rename(repo.with_name("elsewhere"))
    (kept,) = api.get("/api/repositories/environments").json()["items"]
    assert kept["repo_path"] == str(repo)
    assert api.delete(URL, params={"path": str(repo)}).status_code == 204
    assert api.delete(URL, params={"path": str(repo)}).status_code == 404
    assert api.get("/api/repositories/environments").json()["total"] == 0


def test_wrong_input_is_refused_with_the_field_that_is_wrong(api: TestClient, repo: Path, tmp_path: Path) -> None:
    for path in ("", "relative", "a\0b", "/no/such/folder", "/" + "x" * 5000, str(tmp_path)):
        for answer in (api.get(URL, params={"path": path}), api.put(URL, params={"path": path}, json={})):
            assert answer.status_code == 422, path
            assert list(answer.json()["fields"]) == ["path"], path
    wrong: list[tuple[Any, str]] = [
        ({"setup": ["x" * 5000]}, "setup.0"),
        ({"setup": ["  "]}, "setup.0"),
        ({"setup": ["x\0"]}, "setup.0"),
        ({"setup": ["true"] * 21}, "setup"),
        ({"copy_files": None}, "copy_files"),
        ({"colour": []}, "colour"),
        ([], "body"),
    ]
    for body, field in wrong:
        answer = api.put(URL, params={"path": str(repo)}, json=body)
        assert (answer.status_code, list(answer.json()["fields"])) == (422, [field]), body
    assert api.get(URL).status_code == 422
    assert api.get(URL, params={"path": str(repo), "base_branch": "--all"}).json()["fields"].keys() == {"base_branch"}
    assert look(api, repo)["remembered"] is None


def test_variables_are_remembered_by_name_and_reach_checks_and_set_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://a-value-never-stored")
    monkeypatch.setenv("SOME_SECRET", "not asked for")
    made = make_repo(tmp_path / "named", {"README.md": "Hello\n"})
    see = f'echo "$DATABASE_URL $SOME_SECRET" >> {tmp_path}/seen; true'
    with bench(tmp_path, made, plan_of({"id": "t1"}, checks=[see])) as b:
        chosen = parse_environment({"setup": [see], "pass_env": ["DATABASE_URL"]})
        environments.remember_environment(b.rt, str(made), chosen)
        b.another(plan_of({"id": "t1"}, checks=[see]))
        assert b.session.agent_config["pass_env"] == ["DATABASE_URL"]
        b.measure_baseline()
        assert b.work({"one.txt": "1\n"}).status == "completed"
    assert set((tmp_path / "seen").read_text().splitlines()) == {"postgres://a-value-never-stored "}
    stored = b"".join(file.read_bytes() for file in (tmp_path / "data").glob("maestro.db*"))
    assert b"DATABASE_URL" in stored
    assert b"postgres://a-value-never-stored" not in stored


def test_a_value_in_place_of_a_name_is_refused_with_the_reason() -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_environment({"pass_env": ["DATABASE_URL=postgres://x"]})
    assert "only the name" in refused.value.fields["pass_env.0"]
