"""The monitor's rows: time that waited for the user is not work, and what has ended keeps how and when."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from maestro.core import queries
from maestro.core.commands import control
from maestro.core.runtime import Runtime
from maestro.db import models
from pages.dashboard_rows import minutes_left
from pages.monitor import snapshot, timeline
from pages.monitor.page import alive_words
from tests.browser.seeds import add, ago, seed_session, seeding, task, tasks_of
from tests.repos import make_repo


def session(rt: Runtime, folder: Path, *tasks: dict[str, Any], status: str = "paused") -> models.Session:
    return seed_session(rt, make_repo(folder / "repo", {"a": "a"}), status=status, tasks=list(tasks))


def run(rt: Runtime, row: models.Session, key: str, **columns: Any) -> models.Worker:
    given = {"session_id": row.id, "task_id": tasks_of(rt, row)[key].id, "name": "W", "attempt": 1}
    worker = models.Worker(**given | columns)
    add(rt, worker)
    return worker


def ask(rt: Runtime, worker: models.Worker, **columns: Any) -> None:
    given = {"session_id": worker.session_id, "task_id": worker.task_id, "worker_id": worker.id, "kind": "tool"}
    add(rt, models.Approval(**given | {"title": "Push?"} | columns))


def bars(rt: Runtime, row: models.Session) -> list[tuple[str, str, str, int | None]]:
    """Kind, tone, label and length in seconds (None: goes on) of the first task's bars."""
    first = timeline.rows(snapshot.read(rt, row.id))[0]
    took = [b["to"] and round((b["to"] - b["from"]) / 1000) for b in first["bars"]]
    return [(b["kind"], b["tone"], b["label"], t) for b, t in zip(first["bars"], took, strict=True)]


def test_waiting_for_the_user_has_bars_of_its_own(tmp_path: Path) -> None:
    with seeding(tmp_path / "data") as rt:
        row = session(rt, tmp_path, task("t1", "Write it", status="waiting", attempt=1, started_at=ago(900)))
        worker = run(rt, row, "t1", status="waiting", started_at=ago(900))
        answered = {"status": "approved", "resolved_at": ago(200)}
        ask(rt, worker, created_at=ago(800), **answered)
        ask(rt, worker, created_at=ago(700), **answered | {"resolved_at": ago(500)})  # within the first
        ask(rt, worker, created_at=ago(60))
        (kind, tone, label, ends), *waits = bars(rt, row)
        assert (kind, label, ends) == ("run", "1", None)
        assert tone != "waiting"
        assert waits == [("wait", "waiting", "", 600), ("wait", "waiting", "", None)]


def test_an_attempt_that_was_interrupted_is_numbered_once(tmp_path: Path) -> None:
    with seeding(tmp_path / "data") as rt:
        row = session(rt, tmp_path, task("t1", "Write it", status="running", attempt=2))
        ended = {"status": "ended", "outcome": "interrupted"}
        run(rt, row, "t1", started_at=ago(90), ended_at=ago(80), **ended)
        run(rt, row, "t1", started_at=ago(70), ended_at=ago(60), **ended | {"outcome": "lost"})
        run(rt, row, "t1", started_at=ago(50), ended_at=ago(40), **ended | {"outcome": "success"})
        run(rt, row, "t1", started_at=ago(30), ended_at=ago(20), **ended | {"outcome": "success"}, attempt=2)
        assert [label for _, _, label, _ in bars(rt, row)] == ["1", "", "", "2"]


@pytest.mark.parametrize(("status", "notes"), [("failed", ["not started"] * 2), ("paused", ["next", "after t1"])])
def test_nothing_is_next_where_nothing_goes_on(tmp_path: Path, status: str, notes: list[str]) -> None:
    with seeding(tmp_path / "data") as rt:
        row = session(rt, tmp_path, task("t1", "One"), task("t2", "Two", depends_on=["t1"]), status=status)
        assert [r["note"] for r in timeline.rows(snapshot.read(rt, row.id))] == notes


def test_a_worker_that_waits_is_not_counted_as_running(tmp_path: Path) -> None:
    with seeding(tmp_path / "data") as rt:
        row = session(rt, tmp_path, task("t1", "Write it"))
        for status in ("running", "waiting", "running", "paused", "parked", "ended"):
            run(rt, row, "t1", status=status)
        assert alive_words(queries.list_workers(rt, row.id)) == "2 running, 1 waiting for you, 2 paused"


def test_no_time_is_foretold_while_all_waits_and_waiting_does_not_lengthen_it(tmp_path: Path) -> None:
    with seeding(tmp_path / "data") as rt:
        done = task("t1", "Done", status="completed", started_at=ago(1000), completed_at=ago(280))
        others = [task("t2", "Two", status="running"), task("t3", "Three")]
        row = session(rt, tmp_path, done, *others)
        ask(rt, run(rt, row, "t1"), created_at=ago(900), status="approved", resolved_at=ago(300))

        def left(*states: str) -> float | None:
            with rt.db.write() as tx:
                for key, state in zip(("t2", "t3"), states, strict=True):
                    t = tasks_of(rt, row)[key]
                    t.status = state
                    tx.db.merge(t)
            asked = queries.list_approvals(rt, status=None, session_id=row.id)
            found = minutes_left(queries.list_tasks(rt, row.id), asked)
            return found and round(found, 2)

        assert left("running", "pending") == 4.0  # two minutes of work each, one after the other
        assert left("running", "running") == 2.0
        assert left("waiting", "failed") is None
        assert left("failed", "pending") is None


def test_cancelling_leaves_what_has_failed_as_it_ended(tmp_path: Path) -> None:
    with seeding(tmp_path / "data") as rt:
        failed = task(
            "t1", "Broken", status="failed", started_at=ago(60), completed_at=ago(48), error_message="2 failed"
        )
        row = session(rt, tmp_path, failed, task("t2", "Two"))
        control.cancel(rt, row.id)
        one, two = queries.list_tasks(rt, row.id)
        assert (one.status, one.error_message, two.status) == ("failed", "2 failed", "cancelled")
        assert one.started_at is not None
        assert one.completed_at is not None
        assert round((one.completed_at - one.started_at).total_seconds()) == 12
