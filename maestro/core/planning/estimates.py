"""What a plan may take: time, money and tokens as a range, where its tasks meet, and which one is the riskiest.

From finished tasks of the same repository, of the same model where there are enough; else from the plan's own estimates.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, quantiles
from typing import Any

from sqlmodel import Session as DbSession
from sqlmodel import col, select

from maestro.assistants.base import Usage
from maestro.assistants.pricing import cost_usd
from maestro.core.kernel.agent_config import EffectiveConfig, in_force
from maestro.core.kernel.runtime import Runtime
from maestro.core.planning.plan import Plan, PlanTask, overlap, parse_plan
from maestro.core.views import HotSpot, PlanActual, PlanEstimate, PlanView, Range, Risk, finite, whole
from maestro.db import models
from maestro.errors import InvalidInput

#: Fewer say nothing about the next; older ones were another project.
_FEWEST, _MOST = 3, 50
_USUAL_MINUTES = 10.0
#: Where nothing is known: how far work strays from a plan's estimates, and the tokens of a minute of work.
_SPREAD = (0.5, 2.0)
_TOKENS_A_MINUTE = (15_000.0, 60_000.0)
#: What the tokens of an agent's work usually are: read from the cache again, written to it, new, answered.
_MIX = (0.9, 0.07, 0.01, 0.02)
_MOST_SPOTS = 20


@dataclass(frozen=True, slots=True)
class Done:
    """A finished task: the minutes its agent worked, what it cost in USD, and its tokens."""

    minutes: float
    cost: float
    tokens: int
    model: str | None


def with_estimate(rt: Runtime, view: PlanView, session: models.Session) -> PlanView:
    """The plan with what it may take, as it was said at its approval, and with what it took so far."""
    with rt.db.read() as db:
        took = actual(db, session.id) if view.approved_at else None
        if view.estimate is not None and view.approved_at:
            return view.model_copy(update={"actual": took})
        try:
            config = in_force(session.agent_config, rt.settings)
        except InvalidInput:
            return view  # a configuration that cannot be read: nothing starts with it
        found = estimate(db, session, config, parse_plan(view.plan))
    return view.model_copy(update={"estimate": found, "actual": took})


def estimate(db: DbSession, session: models.Session, config: EffectiveConfig, plan: Plan) -> PlanEstimate:
    """What the plan may take in this session."""
    done = _history(db, session.repo_path, config.model)
    low, high = _task_minutes(plan, done)
    workers = config.max_workers
    minutes = Range(low=makespan(plan, low, workers), high=makespan(plan, high, workers))
    if done:
        tokens = _quartiles([d.tokens for d in done], len(plan.tasks))
        costs = [d.cost for d in done if d.cost > 0]
        cost = _quartiles(costs, len(plan.tasks)) if len(costs) >= _FEWEST else None
    else:
        tokens = Range(low=sum(low.values()) * _TOKENS_A_MINUTE[0], high=sum(high.values()) * _TOKENS_A_MINUTE[1])
        cost = _price(config.model, tokens)
    spots = hot_spots(plan)
    return PlanEstimate(
        minutes=minutes, cost_usd=cost, tokens=tokens, known=len(done), hot_spots=spots, riskiest=riskiest(plan, spots)
    )


def actual(db: DbSession, session_id: str) -> PlanActual | None:
    """What the finished tasks of a session took; None while there are none."""
    rows = db.exec(select(models.Task).where(models.Task.session_id == session_id)).all()
    begun = [t.started_at for t in rows if t.started_at]
    ended = [t.completed_at for t in rows if t.completed_at and t.status == "completed"]
    if not begun or not ended:
        return None
    return PlanActual(
        minutes=max((max(ended) - min(begun)).total_seconds(), 0) / 60,
        cost_usd=sum(finite(t.cost_usd) for t in rows),
        tokens=sum(_tokens(t) for t in rows),
        tasks=len(ended),
    )


def makespan(plan: Plan, minutes: dict[str, float], workers: int) -> float:
    """How long the plan takes with so many workers, each task as soon as what it needs is done."""
    waits = {task.id: set(task.depends_on) for task in plan.tasks}
    order = {task.id: (task.priority, place) for place, task in enumerate(plan.tasks)}
    running: list[tuple[float, str]] = []
    now = 0.0
    while waits or running:
        for key in sorted((k for k, needs in waits.items() if not needs), key=lambda k: order[k]):
            if len(running) >= max(workers, 1):
                break
            heapq.heappush(running, (now + minutes[key], key))
            del waits[key]
        now, ended = heapq.heappop(running)
        for needs in waits.values():
            needs.discard(ended)
    return now


def hot_spots(plan: Plan) -> list[HotSpot]:
    """Pairs of tasks that may change the same file at the same time: neither waits for the other."""
    reach = _reach(plan)
    found = []
    for at, one in enumerate(plan.tasks):
        for other in plan.tasks[at + 1 :]:
            if other.id in reach[one.id] or one.id in reach[other.id]:
                continue
            shared = _shared(one, other)
            if shared:
                found.append(HotSpot(tasks=[one.id, other.id], files=shared))
                if len(found) >= _MOST_SPOTS:
                    return found
    return found


def riskiest(plan: Plan, spots: Sequence[HotSpot]) -> Risk | None:
    """The task on which most depends, with the reasons; None where none stands out."""
    reach = _reach(plan)
    longest = max((t.estimate_minutes or 0 for t in plan.tasks), default=0)
    best: tuple[float, Risk] | None = None
    for task in plan.tasks:
        behind = sum(task.id in needed for needed in reach.values())
        met = sum(task.id in spot.tasks for spot in spots)
        silent = not task.checks
        long = len(plan.tasks) > 1 and bool(task.estimate_minutes) and task.estimate_minutes == longest
        score = behind + 2 * met + 2 * silent + long
        reasons = [f"{behind} {'task waits' if behind == 1 else 'tasks wait'} for it"] if behind else []
        reasons += ["it shares files with another task"] if met else []
        reasons += ["it has no check of its own"] if silent else []
        reasons += ["it is the longest"] if long else []
        if score >= 2 and (best is None or score > best[0]):
            best = score, Risk(task=task.id, reasons=reasons)
    return best[1] if best else None


def _shared(one: PlanTask, other: PlanTask) -> list[str]:
    same = [path for path in one.files if path in other.files]
    if same or not any("*" in path or "?" in path or path.endswith("/") for path in [*one.files, *other.files]):
        return same
    return one.files[:3] if overlap(one.files, other.files) else []


def _reach(plan: Plan) -> dict[str, set[str]]:
    """By task, all that it waits for, through others as well."""
    needs = {task.id: task.depends_on for task in plan.tasks}
    found: dict[str, set[str]] = {}

    def of(key: str) -> set[str]:
        if key not in found:
            found[key] = set()
            for need in needs[key]:
                found[key] |= {need} | of(need)
        return found[key]

    for key in needs:
        of(key)
    return found


def _task_minutes(plan: Plan, done: Sequence[Done]) -> tuple[dict[str, float], dict[str, float]]:
    own = {t.id: _USUAL_MINUTES if t.estimate_minutes is None else t.estimate_minutes for t in plan.tasks}
    if not done:
        return {k: m * _SPREAD[0] for k, m in own.items()}, {k: m * _SPREAD[1] for k, m in own.items()}
    one = _quartiles([d.minutes for d in done], 1)
    usual = mean(own.values()) or 1.0
    return {k: one.low * m / usual for k, m in own.items()}, {k: one.high * m / usual for k, m in own.items()}


def _quartiles(values: Sequence[float], times: int) -> Range:
    low, _middle, high = quantiles(values, n=4, method="inclusive")
    return Range(low=low * times, high=high * times)


def _price(model: str | None, tokens: Range) -> Range | None:
    """Dollars by the public price of the model; None where there is none."""

    def cost(count: float) -> float:
        read, written, new, answered = (int(count * share) for share in _MIX)
        usage = Usage(input_tokens=new, output_tokens=answered, cache_read_tokens=read, cache_write_tokens=written)
        return cost_usd(model or "", usage)

    found = Range(low=cost(tokens.low), high=cost(tokens.high))
    return found if found.high > 0 else None


def _history(db: DbSession, repo_path: str, model: str | None) -> list[Done]:
    query = (
        select(models.Task, models.Session.agent_config)
        .join(models.Session, col(models.Session.id) == models.Task.session_id)
        .where(models.Session.repo_path == repo_path, models.Task.status == "completed")
        .where(col(models.Session.demo).is_(False))
        .order_by(col(models.Task.completed_at).desc())
        .limit(_MOST)
    )
    rows = db.exec(query).all()
    worked = _worked(db, [task.id for task, _config in rows])
    found = [
        Done(worked.get(t.id, 0.0), finite(t.cost_usd), _tokens(t), _model(given))
        for t, given in rows
        if worked.get(t.id) and _tokens(t)
    ]
    same = [done for done in found if done.model == model]
    chosen = same if len(same) >= _FEWEST else found
    return chosen if len(chosen) >= _FEWEST else []


def _worked(db: DbSession, task_ids: list[str]) -> dict[str, float]:
    """Minutes of work by task, all attempts together."""
    query = select(models.Worker.task_id, models.Worker.started_at, models.Worker.ended_at).where(
        col(models.Worker.task_id).in_(task_ids), col(models.Worker.ended_at).is_not(None)
    )
    found: dict[str, float] = {}
    for task_id, began, ended in db.exec(query).all():
        if task_id and began and ended:
            found[task_id] = found.get(task_id, 0.0) + max((ended - began).total_seconds(), 0) / 60
    return found


def _model(config: Any) -> str | None:
    named = config.get("model") if isinstance(config, dict) else None
    return named if isinstance(named, str) else None


def _tokens(task: models.Task) -> int:
    counts = (task.input_tokens, task.output_tokens, task.cache_read_tokens, task.cache_write_tokens)
    return sum(whole(count) for count in counts)
