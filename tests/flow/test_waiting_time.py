"""The monitor's rows: time that waited for the user is not work, and what has ended keeps how and when."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from maestro.core import queries
from maestro.core.commands import control
from maestro.core.kernel.runtime import Runtime
from maestro.core.tasks import pausing
from maestro.core.views import ApprovalView
from maestro.db import models
from pages.dashboard.rows import minutes_left, read_running
from pages.monitor import snapshot, timeline
from pages.monitor.page import alive_words
from pages.plan.reading import work_times
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
    """Kind, tone, label and length in tens of seconds (None: goes on) of the first task's bars."""
    first = timeline.rows(snapshot.read(rt, row.id))[0]
    took = [b["to"] and round((b["to"] - b["from"]) / 1000, -1) for b in first["bars"]]  # rows are written one by one
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
            found = foretold(rt, row, asked)
            return found and round(found, 2)

        assert left("running", "pending") == 4.0  # two minutes of work each, one after the other
        assert left("running", "running") == 2.0
        assert left("waiting", "failed") is None
        assert left("failed", "pending") is None


def foretold(rt: Runtime, row: models.Session, asked: list[ApprovalView]) -> float | None:
    workers, pauses = queries.list_workers(rt, row.id), queries.list_pauses(rt, row.id)
    return minutes_left(queries.list_tasks(rt, row.id), workers, asked, pauses)


@pytest.mark.parametrize("failure", ["rate_limit", "overloaded", "network"])
def test_waiting_for_the_endpoint_is_drawn_as_waiting_and_counts_as_no_work(tmp_path: Path, failure: str) -> None:
    with seeding(tmp_path / "data") as rt:
        done = task("t1", "Write it", status="completed", attempt=1, started_at=ago(9000), completed_at=ago(100))
        row = session(rt, tmp_path, done, task("t2", "Two", status="running", attempt=1), status="executing")
        said = {"status": "ended", "outcome": "failed", "outcome_detail": "The limit is reached."}
        said["result_json"] = {"outcome": "failed", "failure": failure}
        run(rt, row, "t1", started_at=ago(9000), ended_at=ago(8800), **said)
        run(rt, row, "t1", started_at=ago(300), ended_at=ago(110), status="ended", outcome="success")
        run(rt, row, "t2", started_at=ago(90), ended_at=ago(60), **said)
        assert [b[1:] for b in bars(rt, row)] == [("pending", "1", 200), ("done", "", 190), ("paused", "", 8500)]
        first, second = timeline.rows(snapshot.read(rt, row.id))
        assert first["bars"][-1]["tip"] == "Waited 2 h 22 min for the model endpoint. The limit is reached."
        assert [(b["kind"], b["tone"], b["to"] is None) for b in second["bars"]] == [
            ("run", "pending", False),
            ("wait", "paused", True),
        ]
        assert work_times(rt, row.id, queries.list_tasks(rt, row.id)) == {"t1": pytest.approx(400, abs=9)}
        assert foretold(rt, row, []) == pytest.approx(400 / 60, abs=0.2)


def test_a_night_in_which_maestro_was_off_is_neither_work_nor_drawn(tmp_path: Path) -> None:
    """The run that was found dead in the morning ended when it was last heard of."""
    with seeding(tmp_path / "data") as rt:
        done = task("t1", "Write it", status="completed", attempt=1, started_at=ago(40_000), completed_at=ago(100))
        row = session(rt, tmp_path, done, status="executing")
        lost = {"status": "ended", "outcome": "lost", "last_event_at": ago(39_700)}
        run(rt, row, "t1", started_at=ago(40_000), ended_at=ago(700), **lost)
        run(rt, row, "t1", started_at=ago(690), ended_at=ago(110), status="ended", outcome="success")
        assert [(kind, took) for kind, _, _, took in bars(rt, row)] == [("run", 300), ("run", 580)]
        assert work_times(rt, row.id, queries.list_tasks(rt, row.id)) == {"t1": pytest.approx(890, abs=9)}


def pause(rt: Runtime, row: models.Session, began: float, ended: float | None, *, reason: str | None = None) -> None:
    """A session that was paused so many seconds ago, and resumed so many."""
    turns = [(began, "executing", "pause", "paused"), (ended, "paused", "resume", "executing")]
    for at, source, event, target in turns:
        if at is not None:
            names = {"from_state": source, "event": event, "to_state": target, "reason": reason}
            add(rt, models.SessionHistory(session_id=row.id, created_at=ago(at), **names))


def test_a_pause_is_drawn_as_one_and_counts_as_no_work(tmp_path: Path) -> None:
    with seeding(tmp_path / "data") as rt:
        done = task("t0", "Done", status="completed", started_at=ago(1000), completed_at=ago(100))
        row = session(rt, tmp_path, task("t1", "Write it", status="checking", attempt=1), done, task("t2", "Two"))
        run(rt, row, "t1", status="ended", outcome="success", started_at=ago(1000), ended_at=ago(600))
        pause(rt, row, 1200, 900)  # before the run began, and into it
        pause(rt, row, 500, 100, reason=pausing.BY_MAESTRO)
        answered = {"status": "allowed", "created_at": ago(501), "resolved_at": ago(100)}
        add(rt, models.Approval(session_id=row.id, kind="budget", title="Spent", **answered))
        pause(rt, row, 50, None)
        waits = [("wait", "paused", "", 100), ("wait", "waiting", "", 400), ("wait", "paused", "", None)]
        assert bars(rt, row)[1:] == waits  # and no check that goes on
        tips = [bar["tip"] for bar in timeline.rows(snapshot.read(rt, row.id))[0]["bars"][1:]]
        assert tips == ["Paused for 2 min", "Waited 7 min for you: Spent", "Paused"]
        (shown,) = read_running(rt)
        assert (shown.minutes_left, shown.blocked) == (None, "blocked until you resume")
        asked, tasks = queries.list_approvals(rt, status=None, session_id=row.id), queries.list_tasks(rt, row.id)
        add(rt, models.Approval(session_id=row.id, kind="tool", title="Push?", task_id=tasks[0].id))
        assert read_running(rt)[0].blocked == "blocked until you resume"  # an answer alone moves nothing
        add(rt, models.Approval(session_id=row.id, kind="budget", title="Spent", detail={"paused": True}))
        assert read_running(rt)[0].blocked == "blocked until you answer"
        left = foretold(rt, row, asked)
        assert 13 < (left or 0) < 13.7  # two tasks of 900 - 100 - 400 seconds


def test_a_question_about_the_whole_session_is_waiting_where_no_agent_runs(tmp_path: Path) -> None:
    with seeding(tmp_path / "data") as rt:
        first = task("t1", "Write it", status="checking", attempt=1, started_at=ago(900))
        row = session(rt, tmp_path, first, task("t2", "Two"), status="executing")
        run(rt, row, "t1", status="ended", outcome="success", started_at=ago(900), ended_at=ago(600))
        whole = {"session_id": row.id, "title": "Trust it?", "kind": "trust"}
        add(rt, models.Approval(**whole, created_at=ago(700), status="allowed", resolved_at=ago(500)))
        add(rt, models.Approval(**whole, created_at=ago(300)))
        assert bars(rt, row)[1:] == [("wait", "waiting", "", 100), ("wait", "waiting", "", None)]
        assert read_running(rt)[0].blocked == "blocked until you answer"


def test_final_checks_that_are_on_hold_do_not_go_on(tmp_path: Path) -> None:
    with seeding(tmp_path / "data") as rt:
        done = task("t1", "Write it", status="completed", started_at=ago(900), completed_at=ago(600))
        row = session(rt, tmp_path, done, status="validating")
        whole = {"session_id": row.id, "title": "The branch is gone", "kind": "infrastructure"}

        def final() -> list[tuple[str, str, bool]]:
            last = timeline.rows(snapshot.read(rt, row.id))[-1]
            return [(b["kind"], b["tone"], b["live"]) for b in last["bars"]]

        assert final() == [("check", "checking", True)]
        add(rt, models.Approval(**whole, created_at=ago(500), status="allowed", resolved_at=ago(400)))
        assert final() == [("wait", "waiting", False), ("check", "checking", True)]
        add(rt, models.Approval(**whole, created_at=ago(300)))
        assert final() == [("wait", "waiting", False), ("wait", "waiting", False)]


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
