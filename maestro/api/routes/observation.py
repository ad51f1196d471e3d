"""What happened in a session: tasks, workers, logs, metrics, evidence, diff."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query

from maestro.api.models import Limit, Listing, Offset, RowId, Search, SeriesView, Short, page_of
from maestro.api.runtime import Rt
from maestro.api.text import CheckedRoute
from maestro.core import queries
from maestro.core.queries import metrics
from maestro.core.queries.limits import LimitsView
from maestro.core.views import (
    CheckpointView,
    CheckRunView,
    DecisionView,
    DiffView,
    LogView,
    TaskView,
    WorkerView,
)
from maestro.core.views.proof import ConflictView, EvidenceView
from maestro.monitoring import log_rows

router = APIRouter(prefix="/sessions/{session_id}", tags=["Observation"], route_class=CheckedRoute)

_ALL_DECISIONS = 10_000


@router.get("/tasks")
def list_tasks(rt: Rt, session_id: str, limit: Limit = 50, offset: Offset = 0) -> Listing[TaskView]:
    """Tasks, in plan order."""
    return page_of(queries.list_tasks(rt, session_id), limit, offset)


@router.get("/workers")
def list_workers(rt: Rt, session_id: str, limit: Limit = 50, offset: Offset = 0) -> Listing[WorkerView]:
    """Workers, oldest first."""
    return page_of(queries.list_workers(rt, session_id), limit, offset)


@router.get("/limits")
def limits(rt: Rt, session_id: str) -> LimitsView:
    """What limits the session now, and how much of its budgets is used."""
    return queries.limits_in_force(rt, session_id)


@router.get("/checkpoints")
def list_checkpoints(rt: Rt, session_id: str, limit: Limit = 50, offset: Offset = 0) -> Listing[CheckpointView]:
    """Where the session branch can go back to, by number."""
    return page_of(queries.list_checkpoints(rt, session_id), limit, offset)


@router.get("/decisions")
def list_decisions(rt: Rt, session_id: str, limit: Limit = 50, offset: Offset = 0) -> Listing[DecisionView]:
    """Choices that were made, newest first."""
    return page_of(queries.list_decisions(rt, session_id, limit=_ALL_DECISIONS), limit, offset)


@router.get("/evidence")
def list_evidence(
    rt: Rt,
    session_id: str,
    task: Short | None = None,
    tail: Annotated[
        int | None, Query(ge=0, le=1_000_000, description="Maximum number of characters of each output.")
    ] = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> Listing[CheckRunView]:
    """Check runs of the session, or of one task (id or key), oldest first."""
    return page_of(queries.list_evidence(rt, session_id, task, tail=tail), limit, offset)


@router.get("/evidence/{check_id}")
def read_evidence(rt: Rt, session_id: str, check_id: str) -> CheckRunView:
    """One check run with its whole output."""
    return queries.get_check_run(rt, session_id, check_id)


@router.get("/proof")
def read_proof(rt: Rt, session_id: str, task: Short | None = None) -> EvidenceView:
    """All that proves the session, or one task (id or key): checks, answers, diff, attempts, cost."""
    return queries.get_evidence(rt, session_id, task)


@router.get("/tasks/{task}/conflict")
def read_conflict(rt: Rt, session_id: str, task: str) -> ConflictView:
    """Where a task's work conflicts with the session branch as it is now: each file in its versions."""
    return queries.get_conflict(rt, session_id, task)


@router.get("/diff")
def diff(rt: Rt, session_id: str, task: Short | None = None) -> DiffView:
    """What the session branch, or one task (id or key), changes."""
    return queries.get_diff(rt, session_id, task=task)


@router.get("/logs")
def list_logs(
    rt: Rt,
    session_id: str,
    after: RowId | None = None,
    before: RowId | None = None,
    limit: Limit = 50,
    level: Short | None = None,
    task: Short | None = None,
    worker: Short | None = None,
    kind: Short | None = None,
    q: Search = None,
) -> Listing[LogView]:
    """Log rows by increasing id: the next after ``after``, else the last (before ``before``).

    ``level`` and ``kind`` may name several, separated by commas. ``total`` counts all rows that fit, whatever
    ``after`` and ``before`` are.
    """
    rows = queries.list_logs(
        rt, session_id, after=after, before=before, limit=limit, level=level, task=task, worker=worker, kind=kind, q=q
    )
    total = log_rows.count(rt.db, session_id, level=level, task=task, worker=worker, kind=kind, q=q)
    return Listing(items=rows, total=total)


@router.get("/metrics")
def list_metrics(
    rt: Rt,
    session_id: str,
    name: Short | None = None,
    worker: Short | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    points: Annotated[int, Query(ge=1, le=5000, description="Maximum number of points per series.")] = 500,
) -> Listing[SeriesView]:
    """Metric series, each down-sampled to at most ``points`` means over equal spans of time."""
    queries.get_session(rt, session_id)
    wanted = metrics.Wanted(name, worker, _utc(since), _utc(until), points)
    found = metrics.list_metrics(rt, session_id, wanted)
    items = [
        SeriesView(
            name=s.name,
            unit=s.unit,
            worker_id=s.worker_id,
            worker_name=s.worker_name,
            points=[(t.isoformat(), v) for t, v in s.points],
        )
        for s in found
    ]
    return Listing(items=items, total=len(items))


def _utc(moment: datetime | None) -> datetime | None:
    """A time without a zone is meant in UTC, as all times here."""
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
