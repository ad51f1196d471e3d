"""Sessions over REST: creating, finding, changing and deleting them; bad input leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from maestro.api.site import build_site
from maestro.core.kernel.runtime import Runtime, open_runtime
from maestro.settings import LoadedSettings
from tests.repos import make_repo, run_git

PROBLEM = "application/problem+json"


@pytest.fixture
def rt(tmp_path: Path) -> Iterator[Runtime]:
    flags = {"data_dir": tmp_path / "data", "assistant": "demo"}
    runtime = open_runtime(LoadedSettings(flags, environment={}, dotenv=None))
    yield runtime
    runtime.jobs.stop()
    runtime.db.close()


@pytest.fixture
def api(rt: Runtime) -> Iterator[TestClient]:
    with TestClient(build_site(rt), base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "a répo 🎈", {"README.md": "hello\n"})


def create(api: TestClient, repo: Path, **members: Any) -> dict[str, Any]:
    answer = api.post("/api/sessions", json={"repo_path": str(repo), **members})
    assert answer.status_code == 201, answer.text
    session: dict[str, Any] = answer.json()
    return session


def test_a_session_has_the_contracts_members(api: TestClient, repo: Path) -> None:
    session = create(api, repo, title="Export", description="Write CSV", agent_config={"max_workers": 2})

    promised = {
        "id", "title", "description", "status", "repo_path", "base_branch", "base_commit", "session_branch", "agent_type",
        "agent_config", "created_at", "updated_at", "completed_at", "error_message", "progress", "tokens", "cost_usd",
        "plan_version", "merged",
    }  # fmt: skip
    assert promised <= session.keys()
    assert set(session["tokens"]) == {"input", "output", "cache_read", "cache_write"}
    assert session["status"] == "idle"
    assert session["repo_path"] == str(repo)
    assert session["base_commit"] == run_git(repo, "rev-parse", "HEAD")
    assert session["agent_config"] == {"max_workers": 2}
    assert session["created_at"].endswith(("Z", "+00:00"))
    assert api.get(f"/api/sessions/{session['id']}").json() == session


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"repo_path": None}, "repo_path"),
        ({"repo_path": 5}, "repo_path"),
        ({"repo_path": ""}, "repo_path"),
        ({"repo_path": "relative/path"}, "repo_path"),
        ({"repo_path": "/no/such/folder"}, "repo_path"),
        ({"repo_path": "/etc"}, "repo_path"),
        ({"repo_path": "/tmp/\x00"}, "repo_path"),
        ({"repo_path": "/" + "x" * 5000}, "repo_path"),
        ({"base_branch": "no-such-branch"}, "base_branch"),
        ({"base_branch": "--upload-pack=touch /tmp/x"}, "base_branch"),
        ({"base_branch": "-"}, "base_branch"),
        ({"base_branch": "main\x00"}, "base_branch"),
        ({"title": "x" * 256}, "title"),
        ({"title": "\x00"}, "title"),
        ({"description": "x" * 200_001}, "description"),
        ({"description": ["a"]}, "description"),
        ({"template": "no-such-template"}, "template"),
        ({"agent_type": "no-such-agent"}, "agent_type"),
        ({"agent_config": {"max_workers": 0}}, "agent_config.max_workers"),
        ({"agent_config": {"permission_mode": "anything"}}, "agent_config.permission_mode"),
        ({"agent_config": {"checks": ["a\x00b"]}}, "agent_config.checks.0"),
        ({"agent_config": {"unknown": 1}}, "agent_config.unknown"),
        ({"agent_config": []}, "agent_config"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_bad_input_names_its_field_and_creates_nothing(
    api: TestClient, repo: Path, members: dict[str, Any], field: str
) -> None:
    refs = run_git(repo, "for-each-ref")
    answer = api.post("/api/sessions", json={"repo_path": str(repo), **members})

    assert answer.status_code == 422
    assert answer.headers["content-type"] == PROBLEM
    problem = answer.json()
    assert {"type", "title", "status", "detail"} <= problem.keys()
    assert field in problem["fields"]
    assert api.get("/api/sessions").json() == {"items": [], "total": 0}
    assert run_git(repo, "for-each-ref") == refs
    assert not (repo.parent / "data" / "worktrees").exists()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"repo_path": NaN}',
        b'{"repo_path": ' + b"1" * 5000 + b"}",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_a_body_that_is_no_json_object_is_refused(api: TestClient, body: bytes) -> None:
    answer = api.post("/api/sessions", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["fields"]


def test_half_a_character_anywhere_in_a_body_is_refused(api: TestClient, repo: Path) -> None:
    bodies = {
        "/api/sessions": '{"repo_path": "/x", "agent_config": {"command": ["a", "\\ud800"]}}',
        "/api/templates": '{"name": "x", "title": "t", "agent_config": {"\\udc00": 1}}',
    }
    for path, body in bodies.items():
        answer = api.post(path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422, path
    stored = api.put(
        "/api/settings", content='{"notify_urls": ["\\ud800"]}', headers={"Content-Type": "application/json"}
    )
    assert (stored.status_code, list(stored.json()["fields"])) == (422, ["notify_urls.0"])
    assert create(api, repo, title="whole ones are fine: 🎈")["title"] == "whole ones are fine: 🎈"


def test_lists_come_in_pages_with_the_total(api: TestClient, repo: Path) -> None:
    ids = [create(api, repo, title=f"Session {n:02}")["id"] for n in range(7)][::-1]  # the last changed first

    def page(**query: Any) -> dict[str, Any]:
        answer: dict[str, Any] = api.get("/api/sessions", params=query).json()
        return answer

    assert [s["id"] for s in page()["items"]] == ids
    assert [s["id"] for s in page(limit=3, offset=2)["items"]] == ids[2:5]
    assert page(limit=3, offset=2)["total"] == 7
    assert page(limit=0) == {"items": [], "total": 7}
    assert page(offset=100) == {"items": [], "total": 7}
    for wrong in ({"limit": 501}, {"limit": -1}, {"limit": "x"}, {"offset": -1}, {"offset": 10**30}):
        answer = api.get("/api/sessions", params=wrong)
        assert answer.status_code == 422
        assert list(answer.json()["fields"]) == list(wrong)


def test_sessions_are_found_by_state_and_words(api: TestClient, repo: Path) -> None:
    create(api, repo, title="100% coverage")
    cancelled = create(api, repo, title="Other", description="CSV export")["id"]
    api.post(f"/api/sessions/{cancelled}/cancel").raise_for_status()

    def titles(**query: str) -> list[str]:
        return [s["title"] for s in api.get("/api/sessions", params=query).json()["items"]]

    assert titles(status="cancelled") == ["Other"]
    assert set(titles(status="idle,cancelled")) == {"100% coverage", "Other"}
    assert titles(q="csv") == ["Other"]
    assert titles(q="100%") == ["100% coverage"]
    assert titles(q="%") == ["100% coverage"]
    assert api.get("/api/sessions", params={"status": "nonsense"}).status_code == 422


def test_a_session_is_renamed_and_only_what_is_given_changes(api: TestClient, repo: Path) -> None:
    session = create(api, repo, title="Before", description="stays")
    path = f"/api/sessions/{session['id']}"

    assert api.patch(path, json={"title": "After"}).json()["title"] == "After"
    assert api.patch(path, json={}).json()["description"] == "stays"
    for wrong in ({"title": ""}, {"status": "completed"}, {"agent_config": {"max_turns": "many"}}):
        assert api.patch(path, json=wrong).status_code == 422
    assert api.get(path).json()["title"] == "After"
    api.patch(path, json={"agent_config": {"permission_mode": "ask", "budget_usd": 5}})
    changed = api.patch(path, json={"agent_config": {"max_workers": 2, "budget_usd": None}}).json()
    assert changed["agent_config"] == {"permission_mode": "ask", "max_workers": 2}


def test_a_deleted_session_is_gone(api: TestClient, repo: Path) -> None:
    path = f"/api/sessions/{create(api, repo)['id']}"

    answer = api.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert api.get(path).status_code == 404
    assert api.delete(path).status_code == 404


CALLS = [
    "GET ", "PATCH ", "DELETE ", "POST /start", "GET /messages", "POST /messages", "POST /messages/retry", "POST /messages/stop",
    "PATCH /idea-card", "POST /plan", "GET /plan", "PUT /plan", "POST /plan/regenerate", "POST /plan/revise",
    "POST /plan/approve", "POST /execute", "POST /pause", "POST /resume", "POST /cancel", "POST /fail", "POST /retry",
    "POST /tasks/t1/retry", "POST /tasks/t1/skip", "POST /rollback", "GET /merge/preview", "POST /merge", "POST /unmerge",
    "GET /tasks", "GET /workers", "GET /checkpoints", "GET /decisions", "GET /evidence", "GET /evidence/x", "GET /diff",
    "GET /logs", "GET /metrics", "GET /limits",
]  # fmt: skip
BODIES: dict[str, dict[str, Any]] = {"/messages": {"content": "hello"}, "/rollback": {"checkpoint": 1}}


@pytest.mark.parametrize("session_id", ["00000000-0000-4000-8000-000000000000", "not-a-uuid", "%2e%2e", "💥"])
def test_every_call_on_an_unknown_session_is_a_404(api: TestClient, session_id: str) -> None:
    for call in CALLS:
        method, _, path = call.partition(" ")
        body = {} if method == "GET" else {"json": BODIES.get(path, {})}
        answer = api.request(method, f"/api/sessions/{session_id}{path}", **body)  # type: ignore[arg-type]
        assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM), call


def test_what_the_state_does_not_allow_names_the_state_and_the_way_on(api: TestClient, repo: Path) -> None:
    path = f"/api/sessions/{create(api, repo)['id']}"

    for call in (
        "/execute",
        "/pause",
        "/resume",
        "/plan",
        "/plan/approve",
        "/plan/revise",
        "/plan/regenerate",
        "/retry",
    ):
        answer = api.post(path + call)  # without a body: all its members may be left out
        assert answer.status_code == 409, call
        assert answer.json()["state"] == "idle", call
        assert answer.json()["allowed"] == ["start", "cancel"], call
    preview = api.get(f"{path}/merge/preview")
    assert (preview.status_code, preview.json()["state"]) == (409, "idle")
    assert api.post(f"{path}/rollback", json={"checkpoint": True}).status_code == 422
    assert api.get(path).json()["status"] == "idle"


def test_a_message_is_stored_and_answered_later(api: TestClient, repo: Path) -> None:
    path = f"/api/sessions/{create(api, repo)['id']}"
    assert api.post(f"{path}/messages", json={"content": "too early"}).status_code == 409
    assert api.post(f"{path}/start").json()["status"] == "brainstorming"

    for wrong in (
        {},
        {"content": ""},
        {"content": " \n"},
        {"content": "x" * 200_001},
        {"content": "a\x00"},
        {"content": 5},
    ):
        assert api.post(f"{path}/messages", json=wrong).status_code == 422
    assert api.get(f"{path}/messages").json()["total"] == 0
    answer = api.post(f"{path}/messages", json={"content": "hello"})
    assert answer.status_code == 202
    assert {"id", "role", "content", "status", "created_at"} <= answer.json().keys()
    first = api.get(f"{path}/messages", params={"limit": 1}).json()["items"][0]
    assert (first["role"], first["content"]) == ("user", "hello")
