"""Sessions: the list, one of them, and the overview of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from sqlmodel import Session as DbSession
from sqlmodel import col, func, select

from maestro.core.guards import unpriced
from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import allowed_events
from maestro.core.limits import spending
from maestro.core.queries import attention
from maestro.core.views import (
    Overview,
    SessionView,
    TaskCounts,
    Tokens,
    finite,
    readable,
)
from maestro.db import models


def list_sessions(
    rt: Runtime,
    *,
    status: str | None = None,
    q: str | None = None,
    limit: int = 50,
    offset: int = 0,
    order: Literal["changed", "attention"] = "changed",
) -> tuple[list[SessionView], int]:
    """Sessions with the total; ``status`` may be several, comma-separated; each word of ``q`` must occur.

    ``order``: the last changed first, or what needs the user first and then by when the work last moved.
    """
    query = select(models.Session)
    if status:
        query = query.where(col(models.Session.status).in_([s.strip() for s in status.split(",")]))
    if q:
        query = query.where(attention.worded(q))
    by = attention.by_attention() if order == "attention" else (col(models.Session.updated_at).desc(),)
    with rt.db.read() as db:
        total = db.exec(select(func.count()).select_from(query.subquery())).one()
        rows = db.exec(query.order_by(*by).limit(limit).offset(offset)).all()
        return _session_views(db, rows), total


def get_session(rt: Runtime, session_id: str) -> SessionView:
    """One session. Raises NotFound."""
    with rt.db.read() as db:
        return _session_views(db, [lookup.session_row(db, session_id)])[0]


def overview(rt: Runtime) -> Overview:
    """The dashboard's numbers. "Today" begins at midnight UTC; the demo does not count."""
    with rt.db.read() as db:
        rows = db.exec(select(models.Session.status, func.count()).group_by(models.Session.status)).all()
        by_status = {str(status): count for status, count in rows}
        pending = db.exec(select(func.count()).where(models.Approval.status == "pending")).one()
        live = db.exec(select(func.count()).where(models.Worker.status != "ended")).one()
        days, workers = spending.today(db)
    return Overview(
        sessions=sum(by_status.values()),
        by_status=by_status,
        pending_approvals=pending,
        live_workers=live,
        tokens_today=Tokens.of(*workers, *days),
        cost_today_usd=sum(finite(w.cost_usd) for w in workers)
        + sum(finite(d.cost_usd) for d in days)
        + finite(spending.unbooked(workers, demo=False)),
    )


def _session_views(db: DbSession, rows: Sequence[models.Session]) -> list[SessionView]:
    ids = [r.id for r in rows]
    tasks: dict[str, list[models.Task]] = {i: [] for i in ids}
    for task in db.exec(select(models.Task).where(col(models.Task.session_id).in_(ids))).all():
        tasks[task.session_id].append(task)
    pending = _count(db, models.Approval, models.Approval.status == "pending", ids)
    live = _count(db, models.Worker, models.Worker.status != "ended", ids)
    moved = attention.times(db, ids)
    going: dict[str, list[models.Worker]] = {i: [] for i in ids}
    for run in spending.going_on(db, ids):
        going[run.session_id].append(run)
    more = {row.id: spending.unbooked(going[row.id], demo=row.demo) for row in rows}
    views = [
        _session_view(r, tasks[r.id], pending.get(r.id, 0), live.get(r.id, 0), moved.get(r.id), more[r.id])
        for r in rows
    ]
    without_price = unpriced.found(db, rows)
    for view in views:
        view.cost_incomplete = view.id in without_price
    return views


def _session_view(
    row: models.Session,
    tasks: list[models.Task],
    pending: int,
    live: int,
    moved: datetime | None,
    unbooked: float,
) -> SessionView:
    data = row.model_dump(warnings=False)
    return readable(
        SessionView,
        data
        | {
            "progress": _progress(row, tasks),
            "tasks": TaskCounts(total=len(tasks), by_status=dict(Counter(str(t.status) for t in tasks))),
            "tokens": Tokens.of(row, *tasks),
            "cost_usd": finite(row.cost_usd) + sum(finite(t.cost_usd) for t in tasks) + finite(unbooked),
            "merged": row.merge_json is not None,
            "merge": row.merge_json,
            "result": row.result_json,
            "source": _source(row.source_json),
            "pending_approvals": pending,
            "live_workers": live,
            "active_at": moved or row.updated_at,
            "allowed_events": allowed_events(row.status),
        },
    )


def _source(stored: dict[str, Any] | None) -> dict[str, Any] | None:
    """The issue that a session began with, without all that was written there."""
    if not stored:
        return None
    comments = stored.get("comments")
    short = {name: value for name, value in stored.items() if name not in {"body", "comments"}}
    return short | {"comments": len(comments) if isinstance(comments, list) else 0}


def _progress(row: models.Session, tasks: list[models.Task]) -> float:
    if row.status == "completed":
        return 1.0
    if not tasks:
        return 0.0
    done = sum(1.0 if t.status in {"completed", "skipped"} else min(finite(t.progress), 0.95) for t in tasks)
    return round(min(done / len(tasks), 0.99), 4)


def _count(db: DbSession, model: Any, condition: Any, ids: list[str]) -> dict[str, int]:
    query = (
        select(model.session_id, func.count()).where(condition, model.session_id.in_(ids)).group_by(model.session_id)
    )
    return dict(db.exec(query).all())
