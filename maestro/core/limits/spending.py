"""What a session, a task and a day have used of their budgets, and what a run may be given of what is left.

An agent's own count of its money is known when its run ends. Until then what it was given counts as taken, so
that runs side by side are never given more than there is; and what it has used so far is told from its tokens
by public prices, so that a budget is noticed while the work goes on.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlmodel import Session as DbSession
from sqlmodel import col, select

from maestro.assistants import pricing
from maestro.assistants.base import Usage
from maestro.core.kernel import lookup
from maestro.core.kernel.agent_config import EffectiveConfig, in_force
from maestro.db import models
from maestro.db.keeping import DayUsage
from maestro.db.types import utcnow
from maestro.settings import Settings

#: The least a run gets when hardly anything is left, in USD: the CLI takes no zero.
_LEAST_USD = 0.001

#: With less than this (or this share of the budget) a run waits until others give back what they do not need.
_FLOOR_USD = 0.25
_FLOOR_SHARE = 0.05

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Budget:
    """One limit and what is used of it. ``limit`` holds the raises; ``held``: given to runs that still go on."""

    name: str
    measure: str  # usd, tokens, model_calls
    whose: str  # "this session", "task t1", "today"
    own: float  # the limit before any raise
    limit: float
    used: float
    task_id: str | None = None
    held: float = 0.0

    @property
    def share(self) -> float:
        """Used, as a share of the limit."""
        return self.used / self.limit

    def words(self) -> str:
        """As a sentence."""
        used = amount("usd", self.used) if self.measure == "usd" else f"{self.used:,.0f}"
        return f"{used} of {amount(self.measure, self.limit)} used for {self.whose}"


@dataclass(frozen=True, slots=True)
class Grant:
    """Money for one run, in USD; None: no limit. ``wait``: why it cannot be given now."""

    usd: float | None = None
    wait: str | None = None


@dataclass(frozen=True, slots=True)
class _Used:
    """What some rows and runs have come to."""

    usd: float
    tokens: float
    model_calls: float
    held: float


def amount(measure: str, value: float) -> str:
    """A number with its unit: "$1.25", "12,000 tokens", "40 model calls"."""
    return f"${value:,.4g}" if measure == "usd" else f"{value:,.0f} {measure.replace('_', ' ')}"


def budgets_of(db: DbSession, settings: Settings, session: models.Session) -> list[Budget]:
    """Every budget that has a limit and concerns this session, as it stands.

    The demo is scripted and free: it uses nothing of a day.
    """
    config = in_force(session.agent_config, settings)
    day_limits = {} if session.demo else _limits(settings, "day")
    session_limits, task_limits = _limits(config, "session"), _limits(config, "task")
    found: list[Budget] = []
    if session_limits or task_limits:
        tasks = lookup.tasks_of(db, session.id)
        runs = db.exec(select(models.Worker).where(models.Worker.session_id == session.id)).all()
        used = _used([session, *tasks], runs, demo=session.demo)
        found += _budgets(db, f"session:{session.id}", "this session", session_limits, used)
        for task in tasks if task_limits else []:
            mine = [w for w in runs if w.task_id == task.id]
            used = _used([task], mine, demo=session.demo)
            found += _budgets(db, f"task:{task.id}", f"task {task.key}", task_limits, used, task.id)
    if day_limits:
        days, runs = today(db)
        # A run counts on the day it began, whole; its task has no day.
        used = _used([*days, *runs], runs, demo=False, gone=days)
        found += _budgets(db, f"day:{day_of(utcnow())}", "today", day_limits, used)
    return found


def grant(
    db: DbSession, settings: Settings, session: models.Session, task: models.Task, config: EffectiveConfig
) -> Grant:
    """What one run of this task is given of all the money that it may spend: an even part of what is left."""
    own = run_limit(db, task, "usd", config.budget_usd)
    parts = [] if own is None else [own]
    slots = 0
    for budget in budgets_of(db, settings, session):
        if budget.measure != "usd" or budget.task_id not in {None, task.id}:
            continue
        left = budget.limit - budget.used - budget.held
        floor = min(_FLOOR_USD, budget.limit * _FLOOR_SHARE)
        if left < floor and budget.held > 0:
            words = f"{amount('usd', budget.limit)} for {budget.whose}"
            return Grant(wait=f"Waiting for budget: running workers have reserved the rest of the {words}.")
        slots = slots or _free_slots(db, session, config)
        parts.append(left if budget.task_id else max(left / slots, min(left, floor)))
    return Grant(max(min(parts), _LEAST_USD) if parts else None)


def run_limit(db: DbSession, task: models.Task, measure: str, own: float | None) -> float | None:
    """The limit of one run of a task with its raises; None: no limit."""
    return None if own is None else own + raised(db, run_name(task, measure))


def run_name(task: models.Task, measure: str) -> str:
    """What the budget of a task's runs is called."""
    return f"run:{task.id}:{measure}"


def raised(db: DbSession, name: str) -> float:
    """By how much the user has raised a budget."""
    mark = db.get(models.BudgetMark, name)
    return mark.raised_by if mark else 0.0


def _is_whole(worker: models.Worker) -> bool:
    """Whether a run's numbers can be read: what another program left in their place counts as nothing."""
    names = ("cost_usd", "model_calls", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    found: list[object] = [getattr(worker, name) for name in names]
    return all(isinstance(number, int | float) and math.isfinite(number) for number in found)


def so_far(worker: models.Worker, *, demo: bool) -> float:
    """What a run has cost, in USD: the agent's own count where it is there, else its tokens by public prices."""
    if not _is_whole(worker):
        return 0.0
    if demo or worker.model is None:
        return worker.cost_usd
    # By the average call: some models cost more a token in very long calls.
    calls = max(worker.model_calls, 1)
    usage = Usage(
        input_tokens=worker.input_tokens // calls,
        output_tokens=worker.output_tokens // calls,
        cache_read_tokens=worker.cache_read_tokens // calls,
        cache_write_tokens=worker.cache_write_tokens // calls,
    )
    return max(worker.cost_usd, calls * pricing.cost_usd(worker.model, usage))


def unbooked(runs: Iterable[models.Worker], *, demo: bool) -> float:
    """What the runs that still go on have cost beyond what is booked, in USD."""
    return sum(so_far(run, demo=demo) - run.cost_usd for run in runs if run.ended_at is None and _is_whole(run))


def going_on(db: DbSession, session_ids: Iterable[str]) -> list[models.Worker]:
    """The runs of these sessions that have not ended."""
    going = select(models.Worker).where(col(models.Worker.ended_at).is_(None))
    return list(db.exec(going.where(col(models.Worker.session_id).in_(list(session_ids)))).all())


def today(db: DbSession) -> tuple[list[DayUsage], list[models.Worker]]:
    """What assistants and deleted sessions used since midnight UTC, and the workers begun since then; not the demo's."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    workers = select(models.Worker).join(models.Session, col(models.Session.id) == col(models.Worker.session_id))
    workers = workers.where(col(models.Worker.started_at) >= midnight, models.Session.demo == False)  # noqa: E712  SQL
    days = select(DayUsage).where(DayUsage.day == day_of(midnight))
    return list(db.exec(days).all()), list(db.exec(workers).all())


def count_assistant(db: DbSession, session: models.Session, usage: Usage) -> None:
    """Add what the assistant has just used to its session (a row of the caller's transaction) and to today."""
    rows: list[models.Session | DayUsage] = [session]
    if not session.demo:
        rows.append(_day(db, session.id, day_of(utcnow())))
    for row in rows:
        _add(row, usage)
        row.cost_usd += usage.cost_usd
        db.add(row)


def keep_runs(db: DbSession, session: models.Session) -> None:
    """Before a session is deleted: what its runs used stays used on the day each began."""
    runs = db.exec(select(models.Worker).where(models.Worker.session_id == session.id)).all()
    for run in runs if not session.demo else ():
        row = _day(db, session.id, day_of(run.started_at))
        if not _is_whole(run):
            _log.warning("what run %s used cannot be read; it is not counted", run.id)
            continue
        _add(row, run)
        row.cost_usd += run.cost_usd + unbooked([run], demo=False)
        row.model_calls += run.model_calls
        db.add(row)


def day_of(moment: datetime) -> str:
    """The day that a moment counts on, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d}"


def _day(db: DbSession, session_id: str, day: str) -> DayUsage:
    row = db.get(DayUsage, (day, session_id)) or DayUsage(day=day, session_id=session_id)
    db.add(row)
    return row


def _add(row: models.Session | DayUsage, used: Usage | models.Worker) -> None:
    row.input_tokens += used.input_tokens
    row.output_tokens += used.output_tokens
    row.cache_read_tokens += used.cache_read_tokens
    row.cache_write_tokens += used.cache_write_tokens


def _limits(source: Settings | EffectiveConfig, whose: str) -> dict[str, float]:
    names = {"usd": f"{whose}_budget_usd", "tokens": f"{whose}_token_limit", "model_calls": f"{whose}_model_calls"}
    found = {measure: getattr(source, name) for measure, name in names.items()}
    return {measure: float(limit) for measure, limit in found.items() if limit is not None}


def _budgets(
    db: DbSession, base: str, whose: str, limits: dict[str, float], used: _Used, task_id: str | None = None
) -> Iterable[Budget]:
    for measure, own in limits.items():
        name = f"{base}:{measure}"
        held = used.held if measure == "usd" else 0.0
        yield Budget(name, measure, whose, own, own + raised(db, name), getattr(used, measure), task_id, held)


def _used(rows: Iterable[Any], runs: Iterable[models.Worker], *, demo: bool, gone: Iterable[DayUsage] = ()) -> _Used:
    """Rows hold what is booked; a run that goes on has used more than that, and was given more still.

    ``gone``: rows that hold the model calls of runs that are no more.
    """
    rows, runs = list(rows), list(runs)
    usd = sum(row.cost_usd for row in rows) + unbooked(runs, demo=demo)
    held = sum(max((r.reserved_usd or 0.0) - so_far(r, demo=demo), 0.0) for r in runs if r.ended_at is None)
    tokens = sum(r.input_tokens + r.output_tokens + r.cache_read_tokens + r.cache_write_tokens for r in rows)
    calls = sum(run.model_calls for run in runs) + sum(day.model_calls for day in gone)
    return _Used(float(usd), float(tokens), float(calls), held)


def _free_slots(db: DbSession, session: models.Session, config: EffectiveConfig) -> int:
    """How many runs may soon go on beside those that do, this one among them."""
    living = {w.task_id for w in lookup.live_workers(db, session.id) if w.ended_at is None}
    over = {"completed", "skipped", "cancelled", "failed"}
    waiting = sum(1 for t in lookup.tasks_of(db, session.id) if t.status not in over and t.id not in living)
    return max(1, min(config.max_workers - len(living), waiting))
