"""Every column of every table with values that are none: Maestro starts, all that asks is answered, others go on."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel import SQLModel

from maestro.api.app import build_api
from maestro.core.kernel.runtime import Runtime
from maestro.core.planning import past_costs
from maestro.core.supervisor import lifecycle
from maestro.db import models
from maestro.db.types import new_id, utcnow
from tests.flow.test_damaged_spools import Rows, add_work, opened
from tests.repos import make_repo

DEEP = '{"a":' * 400 + "1" + "}" * 400
VALUES: tuple[Any, ...] = (
    None, "", "{", "null", "[]", "{}", "[" * 100_000, DEEP, "x" * 1_000_000, '{"a": NaN, "b": 1e999}', 2**63 - 1, -(2**63), 1e308,
    float("inf"), float("-inf"), b"\xff\x00", "a\x00b", b"\xed\xa0\x80", '["\\ud800"]', "pondering", "--upload-pack=x", "../..",
    0, -1, 1.5, "2026-11-29T12:00:00Z", "true", '[{"a": 1}, 3, null]', "9" * 400, '{"checks": 5, "tasks": "x"}',
)  # fmt: skip

#: Of the installation, not of one session: each gets a few rows of nothing but odd values.
OF_ALL = (
    "account_pauses",
    "budget_marks",
    "day_usage",
    "deleted_sessions",
    "facts",
    "repository_environments",
    "templates",
)


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_repo(tmp_path_factory.mktemp("repo") / "repo", {"README.md": "Hello\n"})


def whole(rt: Runtime, repo: Path, status: str) -> Rows:
    """A session with a row in every table."""
    rows = add_work(rt, repo, status=status)
    about = {"session_id": rows.session_id, "task_id": rows.task_id}
    plan = {"summary": "S", "checks": ["true"], "tasks": [{"id": "t1", "title": "T", "checks": ["true"]}]}
    with rt.db.write() as tx:
        session = tx.db.get(models.Session, rows.session_id)
        assert session
        session.plan_version = 1
        tx.db.add(models.PlanVersion(session_id=rows.session_id, version=1, plan_json=plan, hash="x"))
        tx.db.add(models.SessionHistory(session_id=rows.session_id, from_state="idle", event="start", to_state=status))
        tx.db.add(models.Approval(**about, worker_id=rows.worker_id, request_id="1", kind="tool", title="Run it"))
        tx.db.add(models.CheckRun(**about, phase="task", command="true", passed=True, tests={"a": "passed"}))
        tx.db.add(models.Decision(**about, decision_type="library"))
        tx.db.add(models.Checkpoint(**about, number=0, commit="0" * 40, title="Start"))
        tx.db.add(models.Message(session_id=rows.session_id, number=1, role="user", content="Hello"))
        tx.db.add(models.Intent(session_id=rows.session_id, kind="merge", done_at=utcnow()))
        tx.db.add(models.BudgetMark(name=f"session:{rows.session_id}:usd", session_id=rows.session_id))
        tx.log(rows.session_id, "A line", task_id=rows.task_id, details={"tool": "Bash"})
        metric = {"metric_name": "cpu_percent", "metric_value": 2.0, "unit": "%"}
        tx.metrics([{"session_id": rows.session_id, "worker_id": rows.worker_id, **metric}])
        task = tx.db.get(models.Task, rows.task_id)
        assert task
        worker = tx.db.get(models.Worker, rows.worker_id)
        assert worker
        if status != "executing":  # each that has not ended is looked for among all processes
            worker.status, worker.ended_at = "ended", utcnow()
        tx.db.add(worker)
        task.cost_usd, task.status = 0.5, "completed" if status == "completed" else "running"
        tx.db.add(task)
    return rows


def damage(data: Path, sessions: list[str], rng: random.Random) -> None:
    """In each session two other columns of each table, the keys to other rows included."""
    with sqlite3.connect(data / "maestro.db") as db:
        for name, table in SQLModel.metadata.tables.items():
            columns = [c.name for c in table.columns if not c.primary_key]
            key = "id" if name == "sessions" else "session_id"
            if name in OF_ALL:
                some = [[rng.choice(VALUES) for _ in table.columns] for _ in range(4)]
                db.executemany(f"INSERT OR IGNORE INTO {name} VALUES ({','.join('?' * len(table.columns))})", some)
                continue
            if key not in {*columns, "id"}:
                continue
            for number, session in enumerate(2 * sessions):
                column = columns[number % len(columns)]
                stored = new_id() if column.endswith("_id") else rng.choice(VALUES)
                db.execute(f'UPDATE OR IGNORE {name} SET "{column}" = ? WHERE {key} = ?', (stored, session))
    db.close()


def paths(site: Any, session_id: str | None) -> Iterator[str]:
    """What can be asked for: of one session, or of the installation."""
    for path, ways in site.openapi()["paths"].items():
        path = path.removeprefix("/api")
        if "get" not in ways or "/repositories/" in path:
            continue
        if session_id and path.count("{") == 1 and "{session_id}" in path:
            yield path.replace("{session_id}", session_id)
        elif not session_id and "{" not in path:
            yield path


def test_no_value_of_any_column_keeps_maestro_from_starting_or_answering(tmp_path: Path, repo: Path) -> None:
    rng, data = random.Random(int(os.environ.get("MAESTRO_FUZZ_SEED", "2"))), tmp_path / "data"
    rt = opened(data)
    states = ["executing", "completed", "paused", "validating", "cancelled", "plan_review", "brainstorming", "failed"]
    well = [whole(rt, repo, status="completed").session_id for _ in range(3)]
    ill = [whole(rt, repo, status=states[n % len(states)]).session_id for n in range(21)]
    rt.db.close()
    damage(data, ill, rng)
    rt = opened(data)
    try:
        lifecycle.start(rt)
        site = build_api(rt)
        with TestClient(site, raise_server_exceptions=False) as client:
            asked = [path for session in (None, *well, *ill) for path in paths(site, session)]
            answers = {path: client.get(path) for path in asked}
            # git may say that it knows no such commit; everything else that fails is Maestro's own.
            broken = {
                path: a.text for path, a in answers.items() if a.status_code >= 500 and ":git-error" not in a.text
            }
            assert broken == {}
            assert all(answers[f"/sessions/{session}"].json()["status"] == "completed" for session in well)
            assert past_costs.of_repository(rt, str(repo)).known >= len(well)
            for session in ill:
                client.post(f"/sessions/{session}/cancel")
                gone = client.delete(f"/sessions/{session}")
                assert gone.status_code in {204, 404}, (session, gone.text)
            assert client.get("/sessions").json()["total"] == len(well)
    finally:
        lifecycle.stop(rt)
