"""What a plan may take: ranges, how workers share it, where tasks meet, and which one is the riskiest."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from maestro.core import queries
from maestro.core.commands import plans
from maestro.core.kernel import lookup
from maestro.core.planning.estimates import hot_spots, makespan, riskiest
from maestro.core.planning.plan import parse_plan
from maestro.db import models
from maestro.db.types import utcnow
from tests.browser.seeds import add, seed_session, seeding, tasks_of
from tests.repos import make_repo


def task(key: str, *needs: str, **more: Any) -> dict[str, Any]:
    return {"id": key, "title": key.upper(), "depends_on": list(needs), **more}


@pytest.mark.parametrize(
    ("workers", "minutes"), [(1, 60), (2, 40), (3, 30), (9, 30)]
)  # a → d, b, c of 10, 20, 10 and 20 minutes
def test_workers_share_the_time(workers: int, minutes: float) -> None:
    plan = parse_plan({"tasks": [task("a"), task("b"), task("c"), task("d", "a")]})
    assert makespan(plan, {"a": 10, "b": 20, "c": 10, "d": 20}, workers) == minutes


def test_hot_spots_are_tasks_side_by_side_on_one_file() -> None:
    plan = parse_plan(
        {
            "tasks": [
                task("a", files=["src/x.py"]),
                task("b", files=["src/x.py", "y.py"]),
                task("c", "a", files=["src/x.py"]),
                task("d", files=["src/**"]),
                task("e", files=["z.py"]),
            ]
        }
    )
    found = [(spot.tasks, spot.files) for spot in hot_spots(plan)]
    assert found == [
        (["a", "b"], ["src/x.py"]), (["a", "d"], ["src/x.py"]), (["b", "c"], ["src/x.py"]),
        (["b", "d"], ["src/x.py", "y.py"]), (["c", "d"], ["src/x.py"]),
    ]  # fmt: skip


def test_the_riskiest_task_is_named_with_its_reasons() -> None:
    plan = parse_plan({"tasks": [task("a", checks=["x"]), task("b", "a", checks=["x"]), task("c", "b", checks=["x"])]})
    found = riskiest(plan, [])
    assert found is not None
    assert (found.task, found.reasons) == ("a", ["2 tasks wait for it"])
    assert riskiest(parse_plan({"tasks": [task("a", checks=["x"])]}), []) is None


def test_ranges_come_from_the_repositorys_finished_tasks_and_stay_as_they_were_at_approval(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "shop", {"README.md": "# Shop\n"})
    with seeding(tmp_path / "data") as rt:
        plan = {"summary": "Two.", "tasks": [task("a", estimate_minutes=10), task("b", "a", estimate_minutes=30)]}
        new = seed_session(rt, repo, status="plan_review")
        with rt.db.write() as tx:
            row = lookup.plan_row(tx.db, lookup.session_row(tx.db, new.id))
            row.plan_json, row.approved_at = parse_plan(plan).model_dump(mode="json"), None
            tx.db.add(row)
        rough = queries.get_plan(rt, new.id).estimate
        assert rough is not None
        assert (rough.known, rough.minutes.low, rough.minutes.high, rough.cost_usd) == (0, 20, 80, None)
        assert rough.tokens.low < rough.tokens.high
        done = [
            {"key": f"t{n}", "title": "Old", "status": "completed", "cost_usd": n / 10, "input_tokens": n * 1000}
            for n in (1, 2, 3)
        ]
        old = seed_session(rt, repo, status="completed", tasks=done)
        began = utcnow()
        for n, row_ in enumerate(tasks_of(rt, old).values(), 1):
            ended = began + timedelta(minutes=n * 10)
            worker = {"name": f"W-{n}", "status": "ended", "started_at": began, "ended_at": ended}
            add(rt, models.Worker(session_id=old.id, task_id=row_.id, **worker))
        known = queries.get_plan(rt, new.id).estimate
        assert known is not None
        assert (known.known, known.minutes.low, known.minutes.high) == (3, 30, 50)
        assert known.cost_usd is not None
        assert (known.tokens.low, known.tokens.high) == (3000, 5000)
        assert (round(known.cost_usd.low, 6), round(known.cost_usd.high, 6)) == (0.3, 0.5)
        approved = plans.approve_plan(rt, new.id, start=False)
        assert approved.approved_at is not None
        with rt.db.write() as tx:
            for row_ in lookup.tasks_of(tx.db, old.id):
                tx.db.delete(row_)
            first = lookup.tasks_of(tx.db, new.id)[0]
            first.status, first.started_at, first.completed_at = "completed", began, began + timedelta(minutes=12)
            first.cost_usd, first.output_tokens = 0.25, 700
            tx.db.add(first)
        view = queries.get_plan(rt, new.id)
        assert view.estimate == known
        assert view.actual is not None
        assert (view.actual.minutes, view.actual.cost_usd, view.actual.tokens, view.actual.tasks) == (12, 0.25, 700, 1)
