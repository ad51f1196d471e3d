"""Money while runs go on: what is handed out together never exceeds what is left, and what is used is seen at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from maestro.assistants import factory
from maestro.assistants.base import Answer, Listener, Request, Usage
from maestro.core import queries
from maestro.core.brainstorm import replies
from maestro.core.brainstorm.assistant import check_budgets
from maestro.core.brainstorm.reply import add_message
from maestro.core.commands import conversation, plans, sessions
from maestro.core.execution import run_end
from maestro.core.kernel.agent_config import in_force
from maestro.core.kernel.runtime import Runtime, open_runtime
from maestro.core.limits import admission, amounts, budgets, spending
from maestro.db import models
from maestro.db.types import utcnow
from maestro.errors import OverBudget
from maestro.settings import LoadedSettings, Settings
from tests.app_process import wait_for
from tests.repos import make_repo, run_git

MODEL = "claude-sonnet-4-5"  # has a public price


@pytest.fixture
def rt(tmp_path: Path) -> Iterator[Runtime]:
    flags = {"data_dir": tmp_path / "data", "max_workers": 3, "min_free_memory_mb": 0, "day_budget_usd": 100}
    opened = open_runtime(LoadedSettings(flags=flags, environment={"ANTHROPIC_API_KEY": "sk-none"}, dotenv=None))
    yield opened
    opened.jobs.stop()
    opened.db.close()


def session(rt: Runtime, *, demo: bool = False, **config: Any) -> tuple[models.Session, list[models.Task]]:
    """An executing session with four running tasks that have no worker yet."""
    row = models.Session(
        status="executing", repo_path="/x", base_commit="0" * 40, session_branch="x", agent_config=config, demo=demo
    )
    tasks = [
        models.Task(session_id=row.id, key=f"t{n}", position=n, title="A task", status="running") for n in range(4)
    ]
    with rt.db.write() as tx:
        tx.db.add(row)
        tx.db.flush()
        tx.db.add_all(tasks)
    return row, tasks


def grant(rt: Runtime, row: models.Session, task: models.Task) -> spending.Grant:
    with rt.db.read() as db:
        return spending.grant(db, rt.settings, row, task, in_force(row.agent_config, rt.settings))


def begin(rt: Runtime, row: models.Session, task: models.Task, usd: float | None, **fields: Any) -> models.Worker:
    worker = models.Worker(
        session_id=row.id, task_id=task.id, name="W", spool_path="", status="running", reserved_usd=usd, **fields
    )
    with rt.db.write() as tx:
        tx.db.add(worker)
    return worker


def end(rt: Runtime, worker: models.Worker, task: models.Task, cost: float) -> None:
    with rt.db.write() as tx:
        run, row = tx.db.get(models.Worker, worker.id), tx.db.get(models.Task, task.id)
        assert run is not None
        assert row is not None
        run.status, run.ended_at, run.cost_usd, row.cost_usd = "ended", utcnow(), cost, cost
        tx.db.add(run)
        tx.db.add(row)


def test_runs_side_by_side_share_what_is_left_and_the_next_waits_until_one_gives_back(rt: Runtime) -> None:
    row, tasks = session(rt, session_budget_usd=6.0)
    given = []
    for task in tasks[:3]:
        one = grant(rt, row, task).usd
        given.append((begin(rt, row, task, one), one))
    assert [usd for _, usd in given] == [2.0, 2.0, 2.0]
    assert not admission.may_start(rt, row, tasks[3])
    with rt.db.read() as db:
        assert "have reserved the rest of the $6 for this session" in str(
            db.get(models.Task, tasks[3].id).progress_note
        )  # type: ignore[union-attr]
    end(rt, given[0][0], tasks[0], 0.5)
    with rt.db.write() as tx:
        done = tx.db.get(models.Task, tasks[0].id)
        assert done is not None
        done.status, done.cost_usd = "completed", 0.5
        tx.db.add(done)
    assert grant(rt, row, tasks[3]).usd == 1.5
    assert admission.may_start(rt, row, tasks[3])


def test_a_budget_of_the_day_is_shared_by_sessions_and_the_demo_uses_none_of_it(rt: Runtime) -> None:
    free, free_tasks = session(rt, demo=True)
    begin(rt, free, free_tasks[0], None, input_tokens=90_000_000, model=MODEL, model_calls=900, cost_usd=50.0)
    one, one_tasks = session(rt)
    other, other_tasks = session(rt)
    begin(rt, one, one_tasks[0], 97.0)
    assert grant(rt, free, free_tasks[1]) == spending.Grant()
    assert grant(rt, other, other_tasks[0]).usd == 1.0
    assert queries.overview(rt).tokens_today.input == 0


def test_what_a_run_uses_is_seen_before_it_ends(rt: Runtime) -> None:
    told: list[str] = []
    rt.bus.subscribe(lambda events: told.extend(str(e.payload.get("text")) for e in events if e.type == "notification"))
    row, tasks = session(rt, session_budget_usd=10.0, session_model_calls=25)
    worker = begin(rt, row, tasks[0], 10.0, input_tokens=2_000_000, output_tokens=160_000, model=MODEL, model_calls=20)
    for _ in range(2):
        budgets.check(rt, [row])
    assert told == [
        "$8.4 of $10 used for this session.",
        "20 of 25 model calls used for this session.",
    ]
    with rt.db.write() as tx:
        tx.db.merge(models.Worker(**worker.model_dump() | {"output_tokens": 300_000}))
    budgets.check(rt, [row])
    (asked,) = queries.list_approvals(rt, session_id=row.id)
    assert (asked.kind, queries.get_session(rt, row.id).status) == ("budget", "paused")
    with rt.db.read() as db:
        assert db.get(models.Worker, worker.id).status == "paused"  # type: ignore[union-attr]
        paused = db.exec(select(models.AgentLog).where(col(models.AgentLog.message).startswith("Paused."))).one()
    assert paused.source == "supervisor"  # not "you"


def test_what_a_run_has_cost_so_far_is_shown_wherever_money_is(rt: Runtime) -> None:
    """By the prices that book it when it ends, and never twice: then it is the same number, on the task."""

    def shown() -> list[float]:
        view, (task, *_) = queries.get_session(rt, row.id), queries.list_tasks(rt, row.id)
        (run,) = queries.list_workers(rt, row.id)
        proof, whole = queries.get_evidence(rt, row.id, "t0"), queries.get_evidence(rt, row.id)
        costs = [view, task, run, proof, whole]
        return [round(v.cost_usd, 4) for v in costs] + [round(queries.overview(rt).cost_today_usd, 4)]

    row, tasks = session(rt)
    worker = begin(rt, row, tasks[0], None, input_tokens=1_000_000, model=MODEL, model_calls=10, last_event_at=utcnow())
    assert shown() == [3.0] * 6
    run_end.close(rt, worker.id)
    assert shown() == [3.0] * 6


@pytest.mark.parametrize("model", ["qwen3-coder:30b", None])
def test_what_a_run_without_a_known_price_costs_is_not_made_up(rt: Runtime, model: str | None) -> None:
    row, tasks = session(rt)
    begin(rt, row, tasks[0], None, input_tokens=1_000_000, model=model, model_calls=10)
    assert queries.get_session(rt, row.id).cost_usd == 0.0
    assert queries.list_workers(rt, row.id)[0].cost_usd == 0.0


def test_the_demo_costs_nothing_while_it_runs(rt: Runtime) -> None:
    row, tasks = session(rt, demo=True)
    begin(rt, row, tasks[0], None, input_tokens=1_000_000, model=MODEL, model_calls=10)
    assert queries.get_session(rt, row.id).cost_usd == 0.0


def test_a_run_that_dies_without_a_word_has_cost_what_its_tokens_cost(rt: Runtime) -> None:
    row, tasks = session(rt)
    worker = begin(rt, row, tasks[0], None, input_tokens=1_000_000, model=MODEL, model_calls=10, last_event_at=utcnow())
    run_end.close(rt, worker.id)
    assert queries.get_session(rt, row.id).cost_usd == pytest.approx(3.0)


class Talker:
    """An assistant whose every call costs $2, and which looks what is booked before it says more."""

    def __init__(self, rt: Runtime, session_id: str) -> None:
        self._rt, self._id = rt, session_id
        self.booked: list[float] = []

    def converse(self, _request: Request, listener: Listener) -> Answer:
        listener.on_usage(Usage(input_tokens=10, cost_usd=2.0))
        self.booked.append(queries.get_session(self._rt, self._id).cost_usd)
        return Answer(text="Words.", stop_reason="end")


def test_what_the_assistant_uses_is_booked_at_once_on_the_day_of_the_call_until_a_budget_is_used_up(
    rt: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = make_repo(tmp_path / "repo", {"a.txt": "a\n"})
    with rt.db.write() as tx:
        row = models.Session(
            status="brainstorming", repo_path=str(repo), base_commit=run_git(repo, "rev-parse", "HEAD"),
            session_branch="x", agent_config={"session_budget_usd": 7}, created_at=utcnow() - timedelta(days=3),
        )  # fmt: skip
        tx.db.add(row)
    talker = Talker(rt, row.id)
    monkeypatch.setattr(factory, "choose", lambda *_a, **_k: talker)
    conversation.send_message(rt, row.id, "Hello")
    assert replies.wait_for_reply(rt, row.id, 30)
    assert talker.booked == [2.0]
    plans.request_plan(rt, row.id)  # its three answers are no plan
    wait_for(lambda: queries.get_session(rt, row.id).status == "brainstorming", 120, "the planner gives up")
    assert talker.booked == [2.0, 4.0, 6.0, 8.0]
    assert queries.overview(rt).cost_today_usd == 8.0
    assert queries.overview(rt).tokens_today.input == 40
    for refused in (
        lambda: conversation.send_message(rt, row.id, "More"),
        lambda: plans.request_plan(rt, row.id),
    ):
        with pytest.raises(OverBudget, match=r"\$8 of \$7 used for this session\. Raise session_budget_usd"):
            refused()
    assert queries.get_session(rt, row.id).status == "brainstorming"
    with rt.db.write() as tx:  # said just before the app stopped: the answer would begin with the next start
        add_message(tx, row.id, "user", "And?")
    replies.recover(rt)
    assert replies.wait_for_reply(rt, row.id, 30)
    last = queries.list_messages(rt, row.id)[0][-1]
    assert (last.status, "Raise session_budget_usd" in str(last.error)) == ("failed", True)
    sessions.update_session(rt, row.id, sessions.SessionChanges(agent_config={"session_budget_usd": 50}))
    conversation.send_message(rt, row.id, "More")
    assert replies.wait_for_reply(rt, row.id, 30)
    assert len(talker.booked) == 5


def test_a_deleted_session_has_cost_the_day_what_it_cost(rt: Runtime) -> None:
    row, tasks = session(rt)
    run = begin(rt, row, tasks[0], None, input_tokens=500, model=MODEL, model_calls=3)
    end(rt, run, tasks[0], 90.0)
    with rt.db.write() as tx:
        kept = tx.db.get(models.Session, row.id)
        assert kept is not None
        spending.count_assistant(tx.db, kept, Usage(output_tokens=7, cost_usd=10.0))
        kept.status = "failed"
    before = queries.overview(rt)
    sessions.delete_session(rt, row.id)
    after = queries.overview(rt)
    assert (after.cost_today_usd, after.tokens_today) == (100.0, before.tokens_today)
    other, _ = session(rt)
    with rt.db.read() as db, pytest.raises(OverBudget, match="continue tomorrow"):
        check_budgets(rt, db, other)
    with rt.db.read() as db:
        (day,) = spending.budgets_of(db, Settings(day_model_calls=5), other)
    assert day.used == 3


@pytest.mark.parametrize(
    ("words", "amount"),
    [
        ("1,000,000", 1_000_000), ("1,000,000 tokens", 1_000_000), ("50", 50), ("$2.50 please", 2.5), ("2,5", 2.5),
        ("raise it by 50 please", 50), ("Raised by 7.25 dollars", 7.25), ("500k", 500_000), ("5_000", 5000),
        ("ok, finish t2 first", None), ("2 of them first", None), ("1.000.000", None), ("0,500,000", None), ("", None),
        ("50%", 20), ("by 20 percent, please", 8), ("raise by 20 %", 8), ("150%", None), ("by 3 times", None), ("2x", None),
        ("by 5 March at the latest", None), ("by 10:30", None), ("by 5 to 10", None), ("by 5-10", None), ("by 50 cents", None),
        ("by $5 and go on", 5), ("Raise it by 5. Then finish.", 5), ("by 5 (no more)", 5), ("50$!", 50), ("by 5 $", 5),
    ],
)  # fmt: skip
def test_only_a_plain_amount_raises_by_a_number(words: str, amount: float | None) -> None:
    assert amounts.wanted(words, 40.0) == amount
