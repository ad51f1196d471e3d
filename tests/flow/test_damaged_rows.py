"""One bad row makes one session say what is wrong: Maestro starts, shows its lists, and the others go on."""

from __future__ import annotations

import json
import random
import sqlite3
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from maestro.core import queries
from maestro.core.commands import control, sessions
from maestro.core.integration import retention
from maestro.core.kernel.runtime import Runtime
from maestro.core.planning import past_costs, trust
from maestro.core.supervisor import lifecycle
from maestro.db import models
from maestro.db.keeping import Fact
from maestro.monitoring import metric_series
from maestro.templates import loader
from tests import fuzz
from tests.flow.test_damaged_spools import add_work, as_the_api_writes, opened
from tests.repos import make_repo

#: What a damaged file, another program or another version may leave in a column, whatever its type.
ODD_STORED: tuple[Any, ...] = (
    "", "{", '{"a":' * 300 + "1" + "}" * 300, "[1, {}]", "null", "nonsense", '{"max_workers": "many"}', '{"a": NaN}', "[" * 5000,
    b"\xff\xfe", 2**62, -1, 1.5,
    float("inf"), "2026-11-29T12:00:00Z", "x" * 5000, "\x00",
)  # fmt: skip

#: Keys and what they point to: SQLite itself refuses others there.
KEYS = {"id", "session_id", "task_id", "worker_id", "seq", "account", "name", "git_dir"}


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_repo(tmp_path_factory.mktemp("repo") / "repo", {"README.md": "Hello\n"})


def store(data: Path, table: str, column: str, stored: Any, where: str) -> None:
    """As another program would, past all that Maestro checks."""
    with sqlite3.connect(data / "maestro.db") as db:
        db.execute(f'UPDATE {table} SET "{column}" = ? WHERE id = ?', (stored, where))
    db.close()


def lists(rt: Runtime) -> None:
    """What the pages and the API list."""
    found = queries.list_sessions(rt, limit=500)[0]
    as_the_api_writes(found)
    as_the_api_writes(queries.list_approvals(rt, status=None))
    as_the_api_writes(queries.list_decisions(rt))
    as_the_api_writes([queries.overview(rt)])
    for session in found:
        for read in (
            queries.list_tasks,
            queries.list_workers,
            queries.list_logs,
            queries.list_evidence,
            queries.list_checkpoints,
        ):
            as_the_api_writes(read(rt, session.id))
        as_the_api_writes(queries.list_messages(rt, session.id)[0])


COLUMNS = {
    "sessions": (
        "agent_config",
        "allowances",
        "idea_card",
        "result_json",
        "merge_json",
        "status",
        "created_at",
        "cost_usd",
    ),
    "tasks": ("depends_on", "files", "checks", "care", "result_json", "status", "retry_at", "priority", "progress"),
    "workers": (
        "result_json",
        "checkout_before",
        "status",
        "started_at",
        "pid",
        "spool_offset",
        "spool_path",
        "cost_usd",
    ),
    "approvals": ("detail", "status", "kind", "created_at", "resolved_at", "risk"),
}


@pytest.mark.parametrize("table", COLUMNS)
def test_a_column_of_odd_content_keeps_nothing_from_starting_and_no_list_from_showing(
    tmp_path: Path, repo: Path, table: str
) -> None:
    data = tmp_path / "data"
    rt = opened(data)
    damage = [(column, stored) for column in COLUMNS[table] for stored in ODD_STORED]
    ids = []
    for number in range(len(damage)):
        rows = add_work(rt, repo, status="executing" if number % 8 == 0 else "completed")
        with rt.db.write() as tx:
            approval = models.Approval(session_id=rows.session_id, task_id=rows.task_id, kind="tool", title="Run it")
            tx.db.add(approval)
            if number % 8:  # only some have a worker that recovery looks for
                tx.db.delete(tx.db.get(models.Worker, rows.worker_id))
        ids.append(
            {"sessions": rows.session_id, "tasks": rows.task_id, "workers": rows.worker_id, "approvals": approval.id}
        )
    rt.db.close()
    for row, (column, stored) in zip(ids, damage, strict=True):
        store(data, table, column, stored, row[table])
    rt = opened(data)
    try:
        lifecycle.start(rt)
        lists(rt)
        assert queries.list_sessions(rt)[1] == len(damage)
    finally:
        lifecycle.stop(rt)


@settings(max_examples=3, derandomize=True, phases=[Phase.generate], deadline=None)
@given(number=st.integers(0, 2**32))
def test_a_database_full_of_odd_values_starts_and_shows_its_lists(
    tmp_path_factory: pytest.TempPathFactory, repo: Path, number: int
) -> None:
    rng, data = random.Random(number), tmp_path_factory.mktemp("data")
    rt = opened(data)
    states = ["executing", "paused", "validating", "cancelled", "brainstorming", "planning", "completed"]
    work = [add_work(rt, repo, status=rng.choice(states)) for _ in range(12)]
    with rt.db.write() as tx:
        for rows in work:
            about = {"session_id": rows.session_id, "task_id": rows.task_id}
            tx.db.add(models.Approval(**about, worker_id=rows.worker_id, request_id="1", kind="tool", title="Run it"))
            tx.db.add(models.CheckRun(**about, phase="baseline", command="true"))
            tx.db.add(models.Decision(**about, decision_type="library"))
            tx.db.add(models.Message(session_id=rows.session_id, number=1, role="user", content="Hello"))
            tx.db.add(models.Intent(session_id=rows.session_id, kind=rng.choice(["rollback", "merge", "restore"])))
            tx.log(rows.session_id, "A line", task_id=rows.task_id, details={"tool": "Bash"})
    rt.db.close()
    damage(data, rng)
    rt = opened(data)
    try:
        lifecycle.start(rt)
        lists(rt)
    finally:
        lifecycle.stop(rt)


def damage(data: Path, rng: random.Random) -> None:
    """A third of all values of all rows."""
    tables = (
        "sessions",
        "tasks",
        "workers",
        "approvals",
        "check_runs",
        "decisions",
        "messages",
        "intents",
        "agent_logs",
    )
    with sqlite3.connect(data / "maestro.db") as db:
        for table in tables:
            columns = [c[1] for c in db.execute(f"PRAGMA table_info({table})").fetchall() if c[1] not in KEYS]
            for (row,) in db.execute(f"SELECT id FROM {table}").fetchall():
                for column in rng.sample(columns, len(columns) // 3):
                    stored = rng.choice([*ODD_STORED, json.dumps(fuzz.value(rng))])
                    db.execute(f'UPDATE OR IGNORE {table} SET "{column}" = ? WHERE id = ?', (stored, row))
    db.close()


@pytest.mark.parametrize(
    ("table", "column", "stored"),
    [
        ("workers", "model_calls", "many"),
        ("workers", "output_tokens", b"\xff"),
        ("workers", "cost_usd", "dear"),
        ("workers", "started_at", "yesterday"),
        ("sessions", "session_branch", b"\xff\xfe"),
        ("sessions", "session_branch", "maestro/" + "x" * 3_000_000),
        ("sessions", "session_branch", "maestro/a\0b/main"),
        ("sessions", "session_branch", "maestro/../../main"),
        ("sessions", "session_commit", "{"),
    ],
)
def test_a_session_with_a_damaged_row_can_be_deleted(
    tmp_path: Path, repo: Path, table: str, column: str, stored: Any
) -> None:
    rt = opened(tmp_path / "data")
    rows = add_work(rt, repo, status="cancelled")
    store(tmp_path / "data", table, column, stored, rows.session_id if table == "sessions" else rows.worker_id)
    try:
        sessions.delete_session(rt, rows.session_id)
        assert queries.list_sessions(rt)[1] == 0
    finally:
        rt.jobs.stop()
        rt.db.close()


@pytest.mark.parametrize("stored", ["dear", b"\xff", float("inf"), "1e999", 2**62])
def test_a_number_that_is_none_in_one_session_breaks_nothing_of_the_others(
    tmp_path: Path, repo: Path, stored: Any
) -> None:
    rt = opened(tmp_path / "data")
    found = [add_work(rt, repo, status="completed") for _ in range(4)]
    rt.db.close()
    with sqlite3.connect(tmp_path / "data" / "maestro.db") as db:
        db.execute("UPDATE tasks SET status = 'completed', cost_usd = 0.5")
        db.execute(
            "UPDATE tasks SET cost_usd = ?, attempt = ?, output_tokens = ? WHERE id = ?",
            (*[stored] * 3, found[0].task_id),
        )
        db.execute("UPDATE check_runs SET passed = ?", ("no",))
    db.close()
    rt = opened(tmp_path / "data")
    costs = past_costs.of_repository(rt, str(repo))
    assert costs.low == 0.5
    task = replace(found[0], rt=rt).task()
    assert isinstance(task.attempt + task.output_tokens, int)
    with rt.db.write() as tx:
        row = tx.db.get(models.Task, task.id)
        assert row
        row.cost_usd, row.output_tokens = row.cost_usd + 1, row.output_tokens + 1
        tx.db.add(row)
    rt.db.close()


def test_a_state_that_nobody_knows_can_be_cancelled_and_deleted(tmp_path: Path, repo: Path) -> None:
    rt = opened(tmp_path / "data")
    rows = add_work(rt, repo, status="pondering")
    assert queries.get_session(rt, rows.session_id).allowed_events == ["cancel"]
    control.cancel(rt, rows.session_id)
    sessions.delete_session(rt, rows.session_id)
    assert queries.list_sessions(rt)[1] == 0
    rt.db.close()


def test_a_task_in_a_state_that_nobody_knows_can_be_skipped(tmp_path: Path, repo: Path) -> None:
    rt = opened(tmp_path / "data")
    rows = add_work(rt, repo)
    with rt.db.write() as tx:
        tx.db.get_one(models.Task, rows.task_id).status = "pondering"
    control.skip_task(rt, rows.session_id, rows.task_id)
    assert [task.status for task in queries.list_tasks(rt, rows.session_id)] == ["skipped"]
    rt.db.close()


REMEMBERED = (
    *ODD_STORED[::3],
    1e308,
    '{"key": "zz", "unsealed": 3, "git_dir": 1, "answer": "x", "tables": 5}',
    "[[1]]",
)


@pytest.mark.parametrize("stored", REMEMBERED, ids=range(len(REMEMBERED)))
def test_what_the_installation_remembers_may_be_damaged_too(tmp_path: Path, repo: Path, stored: Any) -> None:
    rt = opened(tmp_path / "data")
    rows = add_work(rt, repo, status="completed")
    with rt.db.write() as tx:
        for name in ("stopped_at", "digest", "boot", "due", "channel", "worktree-places", "trust:x", "words_cleaned"):
            tx.db.merge(Fact(name=name, value="x"))
        tx.db.add(models.TemplateRow(name="own", title="Own", body={}))
        tx.db.add(models.StoredSetting(name="max_workers", value=1))
        tx.db.add(models.Intent(session_id=rows.session_id, kind="merge", detail={}))
        tx.db.add(models.Intent(session_id=rows.session_id, kind="rollback", detail={}))
    rt.db.close()
    with sqlite3.connect(tmp_path / "data" / "maestro.db") as db:
        for table, column in (("facts", "value"), ("templates", "body"), ("settings", "value"), ("intents", "detail")):
            db.execute(f"UPDATE OR IGNORE {table} SET {column} = ?", (stored,))
        db.execute("UPDATE sessions SET idea_card = ?, repo_path = ?", (stored, stored))
    db.close()
    rt = opened(tmp_path / "data")
    try:
        lifecycle.start(rt)
        lists(rt)
        queries.last_digest(rt)
        trust.decided_on(rt)
        retention.expire(rt)
        loader.all_templates(rt.db)
    finally:
        lifecycle.stop(rt)


@pytest.mark.parametrize("column", ["metric_name", "metric_value", "unit", "timestamp", "worker_id"])
def test_a_damaged_measurement_is_no_point_and_the_others_are_shown(tmp_path: Path, repo: Path, column: str) -> None:
    rt = opened(tmp_path / "data")
    rows = add_work(rt, repo, status="completed")
    about = {"session_id": rows.session_id, "worker_id": rows.worker_id, "metric_name": "cpu_percent", "unit": "%"}
    with rt.db.write() as tx:
        for _ in (*ODD_STORED, None):
            tx.db.add(models.Metric(**about, metric_value=2.0))
    with sqlite3.connect(tmp_path / "data" / "maestro.db") as db:
        for number, stored in enumerate(ODD_STORED, start=1):
            db.execute(f'UPDATE OR IGNORE metrics SET "{column}" = ? WHERE id = ?', (stored, number))
    db.close()
    try:
        for points in (500, 2):
            found = metric_series.series(rt.db, rows.session_id, metric_series.Wanted(points=points))
            json.dumps([asdict(one) for one in found], allow_nan=False, default=str).encode()
            whole = [s for s in found if (s.name, s.worker_id) == ("cpu_percent", rows.worker_id)]
            assert [value for one in whole for _moment, value in one.points]
    finally:
        rt.jobs.stop()
        rt.db.close()
