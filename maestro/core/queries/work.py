"""The work of a session: its messages, plan, tasks, workers and logs."""

from __future__ import annotations

from typing import Any

from sqlmodel import col, func, select

from maestro.agents import factory
from maestro.core.brainstorm import branches
from maestro.core.guards import heartbeat, unpriced
from maestro.core.kernel import lookup, processes
from maestro.core.kernel.runtime import Runtime
from maestro.core.limits import spending
from maestro.core.views import (
    LogView,
    MessageView,
    PlanView,
    TaskView,
    Tokens,
    WorkerView,
    finite,
    readable,
)
from maestro.db import models
from maestro.monitoring import log_rows


def list_messages(rt: Runtime, session_id: str, *, limit: int = 500, offset: int = 0) -> tuple[list[MessageView], int]:
    """The conversation, oldest first; of its branches the one that one is on."""
    with rt.db.read() as db:
        lookup.session_row(db, session_id)
        query = select(models.Message).where(models.Message.session_id == session_id, col(models.Message.active))
        total = db.exec(select(func.count()).select_from(query.subquery())).one()
        rows = db.exec(query.order_by(col(models.Message.number)).limit(limit).offset(offset)).all()
        left = select(models.Message.id).where(
            models.Message.session_id == session_id, col(models.Message.active).is_(False)
        )
        wordings: dict[str, list[str]] = {}
        if db.exec(left.limit(1)).first() is not None:
            wordings = branches.wordings(branches.everything(db, session_id))
        return [MessageView.of(r, wordings.get(r.id, ())) for r in rows], total


def get_plan(rt: Runtime, session_id: str) -> PlanView:
    """The current plan. Raises NotFound when there is none."""
    from maestro.core.planning.estimates import with_estimate
    from maestro.core.planning.generation import plan_view
    from maestro.core.proving.plan_checks import with_checks
    from maestro.core.proving.trying_checks import with_tried

    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
        view = plan_view(db, session)
    view = with_estimate(rt, with_checks(view, session.repo_path, session.base_commit), session)
    return with_tried(rt, view, session)


def list_tasks(rt: Runtime, session_id: str) -> list[TaskView]:
    """A session's tasks, in plan order."""
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
        demo, going = session.demo, spending.going_on(db, [session_id])
        views = [TaskView.of(t) for t in lookup.tasks_of(db, session_id)]
        without_price = unpriced.found(db, [session])
        deaf = lookup.deaf_tasks(db, session, [view.key for view in views], factory.hears)
    for view in views:
        view.hears = view.key not in deaf
        view.cost_incomplete = view.id in without_price
        view.cost_usd += finite(spending.unbooked([w for w in going if w.task_id == view.id], demo=demo))
    return views


def list_workers(rt: Runtime, session_id: str) -> list[WorkerView]:
    """A session's workers, oldest first, their life looked up in the process table now."""
    with rt.db.read() as db:
        demo = lookup.session_row(db, session_id).demo
        query = select(models.Worker).where(models.Worker.session_id == session_id)
        rows = db.exec(query.order_by(col(models.Worker.started_at))).all()
    return [_worker_view(rt, r, demo=demo) for r in rows]


def list_logs(
    rt: Runtime,
    session_id: str,
    *,
    after: int | None = None,
    before: int | None = None,
    limit: int = 200,
    level: str | None = None,
    task: str | None = None,
    worker: str | None = None,
    kind: str | None = None,
    q: str | None = None,
) -> list[LogView]:
    """Log rows by increasing id: the first after ``after``, else the last before ``before``, else the last ones."""
    with rt.db.read() as db:
        lookup.session_row(db, session_id)
        if task:
            task = lookup.task_row(db, session_id, task).id
        wanted = log_rows.fitting(session_id, level=level, task=task, worker=worker, kind=kind, q=q)
        query = select(models.AgentLog).where(*wanted)
        if before is not None:
            query = query.where(col(models.AgentLog.id) < before)
        if after is not None:
            rows = db.exec(
                query.where(col(models.AgentLog.id) > after).order_by(col(models.AgentLog.id)).limit(limit)
            ).all()
        else:
            rows = db.exec(query.order_by(col(models.AgentLog.id).desc()).limit(limit)).all()[::-1]
        return [LogView.of(r) for r in rows]


def _worker_view(rt: Runtime, row: models.Worker, *, demo: bool) -> WorkerView:
    alive = row.status != "ended" and processes.alive(row)
    silent = heartbeat.watch(rt).silent_s(row.id) if alive else 0.0
    now: dict[str, Any] = {"alive": alive, "silent_s": round(silent, 1) if silent >= heartbeat.NOTICED_S else None}
    now["cost_usd"] = finite(row.cost_usd) + finite(spending.unbooked([row], demo=demo))
    failure = (row.result_json or {}).get("failure")
    now["failure"] = failure if isinstance(failure, str) else None
    return readable(WorkerView, row.model_dump(warnings=False) | now | {"tokens": Tokens.of(row)})
