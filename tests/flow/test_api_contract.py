"""The REST API as a whole: its description, its errors, settings, templates, logs and metrics."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

from maestro.api.site import build_site
from maestro.core import queries
from maestro.core.commands import templates
from maestro.core.kernel.runtime import Runtime, open_runtime
from maestro.db import models
from maestro.errors import MaestroError
from maestro.settings import LoadedSettings
from tests.repos import make_repo

PROBLEM = "application/problem+json"


@pytest.fixture
def rt(tmp_path: Path) -> Iterator[Runtime]:
    flags = {"data_dir": tmp_path / "data", "assistant": "demo"}
    runtime = open_runtime(LoadedSettings(flags, environment={"ANTHROPIC_API_KEY": "sk-ant-secret-value"}, dotenv=None))
    yield runtime
    runtime.jobs.stop()
    runtime.db.close()


@pytest.fixture
def api(rt: Runtime) -> Iterator[TestClient]:
    with TestClient(build_site(rt), base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def path(api: TestClient, tmp_path: Path) -> str:
    repo = make_repo(tmp_path / "repo", {"a.txt": "a"})
    return "/api/sessions/" + str(api.post("/api/sessions", json={"repo_path": str(repo)}).json()["id"])


# -- description and errors ----------------------------------------------------------------------------------------------


def test_the_description_is_valid_and_has_every_call_of_the_contract(api: TestClient) -> None:
    description = api.get("/api/openapi.json").json()

    assert re.fullmatch(r"3\.1\.\d", description["openapi"])
    assert description["servers"] == [{"url": "/api"}]
    session = "/sessions/{session_id}"
    promised = {
        "/sessions": {"get", "post"},
        session: {"get", "patch", "delete"},
        f"{session}/messages": {"get", "post"},
        f"{session}/plan": {"get", "put", "post"},
        "/approvals": {"get"},
        "/approvals/{approval_id}": {"post"},
        "/templates": {"get", "post"},
        "/settings": {"get", "put"},
        "/health": {"get"},
    } | {
        f"{session}/{call}": {"post"}
        for call in (
            "start", "plan/regenerate", "plan/revise", "plan/approve", "execute", "pause", "resume", "cancel", "retry",
            "rollback", "merge", "unmerge",
        )
    } | {
        f"{session}/{call}": {"get"}
        for call in ("tasks", "checkpoints", "workers", "decisions", "diff", "evidence", "logs", "metrics")
    }  # fmt: skip
    for call, methods in promised.items():
        assert methods <= description["paths"][call].keys(), call


def test_every_schema_and_reference_of_the_description_holds(api: TestClient) -> None:
    description = api.get("/api/openapi.json").json()
    operations = [o for methods in description["paths"].values() for o in methods.values()]

    for schema in description["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', api.get("/api/openapi.json").text))
    assert references <= description["components"]["schemas"].keys()
    ids = [o["operationId"] for o in operations]
    assert len(ids) == len(set(ids))
    assert all(o.get("description") for o in operations)


def test_the_page_of_the_description_needs_nothing_from_elsewhere(api: TestClient) -> None:
    page = api.get("/api/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", page.text)
    assert api.get("/api", follow_redirects=False).headers["location"] == "/api/docs"


@pytest.mark.parametrize("unknown", ["/api/nowhere", "/api/sessions/x/nowhere", "/api/../etc/passwd", "/api//sessions"])
def test_unknown_paths_are_problem_documents(api: TestClient, unknown: str) -> None:
    for method in ("GET", "POST", "DELETE", "PATCH"):
        answer = api.request(method, unknown)
        if not unknown.startswith("/api/.."):
            assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM), method


def test_a_wrong_method_is_a_problem_document(api: TestClient) -> None:
    answer = api.put("/api/sessions")
    assert (answer.status_code, answer.headers["content-type"]) == (405, PROBLEM)
    assert answer.json()["status"] == 405
    assert answer.headers["allow"] == "GET, POST"


def test_a_mistake_of_ours_tells_nothing_of_the_inside(
    api: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_args: Any, **_named: Any) -> None:
        raise ZeroDivisionError("internal detail")

    monkeypatch.setattr(queries, "list_sessions", broken)
    with caplog.at_level(logging.ERROR):
        answer = TestClient(api.app, base_url="http://localhost").get("/api/sessions")  # nothing is raised past the API
    assert (answer.status_code, answer.headers["content-type"]) == (500, PROBLEM)
    assert "internal detail" in caplog.text  # the log has the traceback
    assert "internal detail" not in answer.text
    assert "ZeroDivisionError" not in answer.text


# -- the rest ------------------------------------------------------------------------------------------------------------


def test_settings_show_where_they_come_from_and_never_a_secret(api: TestClient) -> None:
    answer = api.get("/api/settings")
    settings = {s["name"]: s for s in answer.json()["items"]}

    assert "sk-ant-secret-value" not in answer.text
    assert settings["anthropic_api_key"]["value"] is True
    assert settings["anthropic_api_key"]["origin"] == "environment"
    assert settings["assistant"]["origin"] == "flag"

    changed = api.put("/api/settings", json={"max_workers": 5, "notify_on": ["failed"]})
    assert {s["name"]: s["value"] for s in changed.json()["items"]}["max_workers"] == 5
    for wrong, field in (
        ({"anthropic_api_key": "two words"}, "anthropic_api_key"),
        ({"max_workers": 0}, "max_workers"),
        ({"nonsense": 1}, "nonsense"),
        ({"data_dir": "/elsewhere"}, "data_dir"),
    ):
        refused = api.put("/api/settings", json=wrong)
        assert (refused.status_code, list(refused.json()["fields"])) == (422, [field])
    assert {s["name"]: s["value"] for s in api.get("/api/settings").json()["items"]}["max_workers"] == 5
    assert api.put("/api/settings", json={"max_workers": None}).status_code == 200


def test_templates_are_listed_and_added_once(api: TestClient) -> None:
    mine = {"name": "mine", "title": "Mine", "idea": "What?"}

    assert any(t["shipped"] for t in api.get("/api/templates").json()["items"])
    assert api.post("/api/templates", json=mine).status_code == 201
    assert api.post("/api/templates", json=mine).status_code == 409


def test_a_template_that_no_session_could_use_is_refused_and_the_list_stays_readable(
    api: TestClient, rt: Runtime
) -> None:
    deep: dict[str, Any] = {}
    for _ in range(300):
        deep = {"a": deep}
    for number, config in enumerate(({"bogus": deep}, {"max_workers": "lots"})):
        refused = api.post("/api/templates", json={"name": f"t{number}", "title": "T", "agent_config": config})
        field = f"agent_config.{next(iter(config))}"
        assert (refused.status_code, list(refused.json()["fields"])) == (422, [field])
        assert next(iter(config)) in refused.json()["detail"]
    assert api.get("/api/templates").status_code == 200

    together = Barrier(4)

    def create(_number: int) -> int:
        together.wait()
        try:
            templates.create_template(rt, {"name": "same", "title": "Same"})
        except MaestroError as error:
            return error.status
        return 201

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(create, range(4))) == [201, 409, 409, 409]


def test_all_questions_are_counted_and_can_be_paged_to_the_last(api: TestClient, rt: Runtime, path: str) -> None:
    asked = datetime(2026, 1, 1, tzinfo=UTC)
    with rt.db.write() as tx:
        for n in range(503):
            at = asked + timedelta(seconds=n)
            row = models.Approval(session_id=path.rsplit("/", 1)[1], kind="tool", title=f"q{n}", created_at=at)
            tx.db.add(row)
    last = api.get("/api/approvals", params={"status": "pending", "limit": 2, "offset": 502}).json()
    assert (last["total"], [a["title"] for a in last["items"]]) == (503, ["q502"])
    assert [queries.list_approvals(rt)[place].title for place in (0, -1)] == ["q3", "q502"]
    assert api.post("/api/templates", json={"name": "../x", "title": "T"}).json()["fields"].keys() == {"name"}


def test_an_unknown_approval_is_a_404_and_a_wrong_answer_a_422(api: TestClient) -> None:
    assert api.get("/api/approvals").json() == {"items": [], "total": 0}
    assert api.get("/api/approvals/x").status_code == 404
    assert api.post("/api/approvals/x", json={"decision": "allow"}).status_code == 404
    assert api.post("/api/approvals/x", json={"decision": "perhaps"}).status_code == 422
    assert api.get("/api/approvals?status=perhaps").status_code == 422


def test_log_rows_are_paged_by_id_and_filtered(api: TestClient, rt: Runtime, path: str) -> None:
    session_id = path.rsplit("/", 1)[1]
    with rt.db.write(durable=False) as tx:
        tx.logs(
            [
                {"session_id": session_id, "message": f"line {n}", "level": "warn" if n % 10 == 0 else "info"}
                for n in range(200)
            ]
        )

    def rows(**query: Any) -> list[str]:
        return [r["message"] for r in api.get(f"{path}/logs", params=query).json()["items"]]

    whole = api.get(f"{path}/logs").json()
    assert [r["message"] for r in whole["items"]] == [f"line {n}" for n in range(150, 200)]
    assert whole["total"] == 200
    first = whole["items"][0]["id"]
    assert rows(before=first, limit=2) == ["line 148", "line 149"]
    assert rows(after=first, limit=2) == ["line 151", "line 152"]
    assert rows(after=first + 49) == []
    assert rows(level="warn", limit=3) == ["line 170", "line 180", "line 190"]
    assert rows(q="line 19", limit=2) == ["line 198", "line 199"]
    assert api.get(f"{path}/logs", params={"level": "warn,error"}).json()["total"] == 20
    assert api.get(f"{path}/logs", params={"q": "%"}).json()["total"] == 0
    for wrong in ({"after": -1}, {"after": 2**63}, {"limit": 501}):
        assert api.get(f"{path}/logs", params=wrong).status_code == 422
    assert api.get(f"{path}/logs", params={"task": "unknown"}).status_code == 404


def measure(rt: Runtime, session_id: str, count: int, worker: str | None, began: datetime) -> None:
    rows = [
        {
            "session_id": session_id, "worker_id": worker, "metric_name": "cpu_percent", "unit": "%",
            "metric_value": float(n), "timestamp": began + timedelta(seconds=n),
        }
        for n in range(count)
    ]  # fmt: skip
    with rt.db.write(durable=False) as tx:
        tx.metrics(rows)


def test_metric_series_are_thinned_out_to_means(api: TestClient, rt: Runtime, path: str) -> None:
    session_id, began = path.rsplit("/", 1)[1], datetime(2026, 1, 1, tzinfo=UTC)
    measure(rt, session_id, 1000, "worker-a", began)
    measure(rt, session_id, 3, None, began)

    found = api.get(f"{path}/metrics", params={"points": 10}).json()
    assert found["total"] == 2
    own, worker = found["items"]
    assert [v for _, v in own["points"]] == [0, 1, 2]
    assert own["worker_id"] is None
    assert (worker["name"], worker["unit"], worker["worker_id"]) == ("cpu_percent", "%", "worker-a")
    assert [v for _, v in worker["points"]] == pytest.approx([49.5 + 100 * n for n in range(10)])
    times = [datetime.fromisoformat(t) for t, _ in worker["points"]]
    assert [(t - began).total_seconds() for t in times] == pytest.approx([49.5 + 100 * n for n in range(10)])

    some = api.get(
        f"{path}/metrics",
        params={
            "worker": "worker-a",
            "since": "2026-01-01T00:00:10",
            "until": "2026-01-01T00:00:12Z",
            "name": "cpu_percent",
        },
    ).json()["items"]
    assert [[v for _, v in s["points"]] for s in some] == [[10, 11, 12]]
    assert api.get(f"{path}/metrics", params={"name": "nothing"}).json() == {"items": [], "total": 0}
    for wrong in ({"points": 0}, {"points": 10**9}, {"since": "yesterday"}):
        assert api.get(f"{path}/metrics", params=wrong).status_code == 422


def test_a_long_series_is_thinned_out(api: TestClient, rt: Runtime, path: str) -> None:
    measure(rt, path.rsplit("/", 1)[1], 50_000, "worker-a", datetime(2026, 1, 1, tzinfo=UTC))

    points = api.get(f"{path}/metrics").json()["items"][0]["points"]
    assert len(points) == 500


def test_one_check_run_comes_whole_and_a_list_without_the_length(api: TestClient, rt: Runtime, path: str) -> None:
    session_id = path.rsplit("/", 1)[1]
    run = models.CheckRun(
        session_id=session_id, phase="baseline", command="make", passed=True, output="x" * 100 + "end"
    )
    with rt.db.write() as tx:
        tx.db.add(run)
        tx.db.flush()
        check_id = run.id

    assert api.get(f"{path}/evidence", params={"tail": 3}).json()["items"][0]["output"] == "end"
    assert len(api.get(f"{path}/evidence/{check_id}").json()["output"]) == 103
    assert api.get(f"{path}/evidence/unknown").status_code == 404
