"""Everything a page, the REST API or the CLI may read about sessions. Nothing here changes anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import ColumnElement
from sqlalchemy.orm import defer
from sqlmodel import Session as DbSession
from sqlmodel import case, col, func, select

from maestro.core import attention, lookup, processes
from maestro.core.guards import account, limit_views, pauses, signs, spending, unpriced
from maestro.core.guards.account import AccountState
from maestro.core.guards.limit_views import LimitsView
from maestro.core.keeping import checkpoints, deleted, digest, going_back, storage_health
from maestro.core.keeping.deleted import DeletedView, RecoveredView
from maestro.core.keeping.digest import Digest
from maestro.core.keeping.going_back import RollbackPreview
from maestro.core.keeping.storage_health import StorageProblem
from maestro.core.proving.proof_views import ConflictView, EvidenceView
from maestro.core.runtime import Runtime
from maestro.core.state_machine import allowed_events
from maestro.core.views import (
    ApprovalView,
    BeginningView,
    CheckpointView,
    CheckRunView,
    DecisionView,
    DiffView,
    FileChange,
    LogView,
    MessageView,
    Overview,
    PauseView,
    PlanView,
    RepositoryView,
    SessionView,
    TaskCounts,
    TaskView,
    Tokens,
    WorkerView,
    finite,
    readable,
)
from maestro.db import models
from maestro.errors import NotFound
from maestro.monitoring import log_rows
from maestro.terminal_text import SPARE, end_of
from maestro.worktrees import diffs, first_commit, integration
from maestro.worktrees import repository as repositories

_READ_APPROVALS = 500
_DIFF_LIMIT_BYTES = 2_000_000


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


def list_messages(rt: Runtime, session_id: str, *, limit: int = 500, offset: int = 0) -> tuple[list[MessageView], int]:
    """The conversation, oldest first."""
    with rt.db.read() as db:
        lookup.session_row(db, session_id)
        query = select(models.Message).where(models.Message.session_id == session_id)
        total = db.exec(select(func.count()).select_from(query.subquery())).one()
        rows = db.exec(query.order_by(col(models.Message.number)).limit(limit).offset(offset)).all()
        return [MessageView.of(r) for r in rows], total


def get_plan(rt: Runtime, session_id: str) -> PlanView:
    """The current plan. Raises NotFound when there is none."""
    from maestro.core.planning.planning_engine import plan_view
    from maestro.core.proving.plan_checks import with_checks

    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
        view = plan_view(db, session)
    return with_checks(view, session.repo_path, session.base_commit)


def list_tasks(rt: Runtime, session_id: str) -> list[TaskView]:
    """A session's tasks, in plan order."""
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
        demo, going = session.demo, spending.going_on(db, [session_id])
        views = [TaskView.of(t) for t in lookup.tasks_of(db, session_id)]
        without_price = unpriced.found(db, [session])
    for view in views:
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


def list_checkpoints(rt: Runtime, session_id: str) -> list[CheckpointView]:
    """Where the session branch can go back to, by number."""
    with rt.db.read() as db:
        lookup.session_row(db, session_id)
        query = select(models.Checkpoint).where(models.Checkpoint.session_id == session_id)
        return [CheckpointView.of(r) for r in db.exec(query.order_by(col(models.Checkpoint.number))).all()]


def list_decisions(rt: Runtime, session_id: str | None = None, *, limit: int = 200) -> list[DecisionView]:
    """Choices made in a session, or in all, newest first."""
    with rt.db.read() as db:
        query = select(models.Decision, models.Session.title).join(models.Session)
        if session_id is not None:
            lookup.session_row(db, session_id)
            query = query.where(models.Decision.session_id == session_id)
        rows = db.exec(query.order_by(col(models.Decision.created_at).desc()).limit(limit)).all()
        return [readable(DecisionView, d.model_dump(warnings=False) | {"session_title": title}) for d, title in rows]


def list_evidence(
    rt: Runtime, session_id: str, task: str | None = None, *, tail: int | None = None
) -> list[CheckRunView]:
    """The check runs of a session, or of one task (id or key), oldest first; with ``tail`` only the end of each output."""
    output = _tail(models.CheckRun.output, tail + SPARE) if tail is not None else col(models.CheckRun.output)
    with rt.db.read() as db:
        lookup.session_row(db, session_id)
        heavy = (defer(models.CheckRun.output, raiseload=True), defer(models.CheckRun.tests, raiseload=True))  # type: ignore[arg-type]
        query = select(models.CheckRun, output).options(*heavy)
        query = query.where(models.CheckRun.session_id == session_id)
        if task is not None:
            query = query.where(models.CheckRun.task_id == lookup.task_row(db, session_id, task).id)
        rows = db.exec(query.order_by(col(models.CheckRun.created_at))).all()
        ends = [o if tail is None or not isinstance(o, str) else end_of(o, tail) for _, o in rows]
        return [
            readable(CheckRunView, r.model_dump(exclude={"output", "tests"}, warnings=False) | {"output": o})
            for (r, _), o in zip(rows, ends, strict=True)
        ]


def get_evidence(rt: Runtime, session_id: str, task: str | None = None) -> EvidenceView:
    """All that proves a task (id or key), or the session as a whole. Raises NotFound."""
    from maestro.core.proving import proof

    return proof.evidence(rt, session_id, task)


def get_conflict(rt: Runtime, session_id: str, task: str) -> ConflictView:
    """Both sides of each file in which a task's work conflicts with the session branch as it is now.

    Raises NotFound when the task has nothing that waits to come in.
    """
    from maestro.core.proving import proof

    return proof.conflict(rt, session_id, task)


def get_check_run(rt: Runtime, session_id: str, check_id: str) -> CheckRunView:
    """One check run with its whole output. Raises NotFound."""
    with rt.db.read() as db:
        row = db.get(models.CheckRun, check_id)
        if row is None or row.session_id != session_id:
            raise NotFound(f"There is no check run {check_id} in this session.")
        return CheckRunView.of(row)


def list_approvals(rt: Runtime, *, status: str | None = "pending", session_id: str | None = None) -> list[ApprovalView]:
    """Questions to the user, oldest first; the newest ones, where there are more than anybody reads."""
    with rt.db.read() as db:
        total = _count_approvals(db, status, session_id)
        return _approvals(db, status, session_id, _READ_APPROVALS, max(total - _READ_APPROVALS, 0))


def list_pauses(rt: Runtime, session_id: str) -> list[PauseView]:
    """When a session was paused, oldest first."""
    with rt.db.read() as db:
        return pauses.spans(db, session_id)


def page_of_approvals(
    rt: Runtime, *, status: str | None, session_id: str | None, limit: int, offset: int
) -> tuple[list[ApprovalView], int]:
    """A part of all questions, oldest first, with the total."""
    with rt.db.read() as db:
        return _approvals(db, status, session_id, limit, offset), _count_approvals(db, status, session_id)


def _approvals(
    db: DbSession, status: str | None, session_id: str | None, limit: int, offset: int
) -> list[ApprovalView]:
    query = (
        select(models.Approval, models.Session.title, models.Task.key)
        .join(models.Session, col(models.Session.id) == col(models.Approval.session_id))
        .outerjoin(models.Task, col(models.Task.id) == col(models.Approval.task_id))
        .where(*_these_approvals(status, session_id))
    )
    order = (col(models.Approval.created_at), col(models.Approval.id))
    return [
        readable(ApprovalView, a.model_dump(warnings=False) | {"session_title": title, "task_key": key})
        for a, title, key in db.exec(query.order_by(*order).limit(limit).offset(offset)).all()
    ]


def _count_approvals(db: DbSession, status: str | None, session_id: str | None) -> int:
    counted = select(func.count()).select_from(models.Approval).where(*_these_approvals(status, session_id))
    return db.exec(counted).one()


def _these_approvals(status: str | None, session_id: str | None) -> list[ColumnElement[bool]]:
    wanted = ((models.Approval.status, status), (models.Approval.session_id, session_id))
    return [col(column) == value for column, value in wanted if value]


def get_approval(rt: Runtime, approval_id: str) -> ApprovalView:
    """One question. Raises NotFound."""
    with rt.db.read() as db:
        row = lookup.approval_row(db, approval_id)
        session = lookup.session_row(db, row.session_id)
        task = db.get(models.Task, row.task_id) if row.task_id else None
        names = {"session_title": session.title, "task_key": task.key if task else None}
        return readable(ApprovalView, row.model_dump(warnings=False) | names)


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


def get_diff(rt: Runtime, session_id: str, *, task: str | None = None) -> DiffView:
    """What the session branch (or one task's commits) changes. Raises NotFound before anything ran."""
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
        base, head = session.base_commit, session.session_commit
        if task is not None:
            row = lookup.task_row(db, session_id, task)
            done = (row.result_json or {}).get("integrated_from")
            base, head = done or row.start_commit or base, row.result_commit
    if head is None:
        raise NotFound("No changes yet.")
    repo = lookup.repository(session)
    files = [FileChange(path=p, insertions=i, deletions=d) for p, i, d in diffs.changed_lines(repo, base, head)]
    text, cut = integration.diff_text(repo, base, head, _DIFF_LIMIT_BYTES)
    return DiffView(
        base=base,
        head=head,
        files=files,
        insertions=sum(f.insertions for f in files),
        deletions=sum(f.deletions for f in files),
        text=text,
        text_cut=cut,
    )


def list_recovered(rt: Runtime, session_id: str) -> list[RecoveredView]:
    """What rollbacks, cancels and clean-ups of a session took away and is kept; ``restorable`` with one click."""
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
        done = [i for i in checkpoints.rollbacks_of(db, session_id) if i.done_at and "kept" in i.detail]
        undone = {str(i.detail["kept"]): i.detail["to"] for i in done}
    at = session.session_commit
    restorable = frozenset(ref for ref, to in undone.items() if to == at)
    return deleted.recovered(Path(session.repo_path), session_id, restorable)


def list_deleted(rt: Runtime) -> list[DeletedView]:
    """Recently deleted sessions, the last first, with what is kept of each and until when."""
    return deleted.list_deleted(rt)


def rollback_preview(rt: Runtime, session_id: str, checkpoint: str) -> RollbackPreview:
    """What going back to a checkpoint would take away. Raises NotFound."""
    return going_back.preview(rt, session_id, checkpoint)


def account_state(rt: Runtime, *, demo: bool = False) -> AccountState | None:
    """Why no worker starts on the model account now (a limit, a refused key), until when; None while it takes work."""
    return account.account_state(rt, demo=demo)


def limits_in_force(rt: Runtime, session_id: str) -> LimitsView:
    """What limits a session now: budgets with what is used of them, and what else holds. Raises NotFound."""
    return limit_views.limits_in_force(rt, session_id)


def storage_problem(rt: Runtime) -> StorageProblem | None:
    """Why all work stands still now (disk full, read-only, locked), with what to do; None when all is well."""
    return storage_health.health(rt).problem


def last_digest(rt: Runtime) -> Digest | None:
    """While you were away: what happened between the last stop (or crash) and this start; None: nothing."""
    return digest.of_last_start(rt)


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
            "pending_approvals": pending,
            "live_workers": live,
            "active_at": moved or row.updated_at,
            "allowed_events": allowed_events(row.status),
        },
    )


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


def _worker_view(rt: Runtime, row: models.Worker, *, demo: bool) -> WorkerView:
    alive = row.status != "ended" and processes.alive(row)
    silent = signs.watch(rt).silent_s(row.id) if alive else 0.0
    now = {"alive": alive, "silent_s": round(silent, 1) if silent >= signs.NOTICED_S else None}
    now["cost_usd"] = finite(row.cost_usd) + finite(spending.unbooked([row], demo=demo))
    return readable(WorkerView, row.model_dump(warnings=False) | now | {"tokens": Tokens.of(row)})


def _tail(column: Any, length: int) -> Any:
    """The last ``length`` characters of a text column."""
    return func.substr(column, case((func.length(column) > length, func.length(column) - length + 1), else_=1))


def repository(_rt: Runtime, path: str) -> RepositoryView:
    """Look at the repository at ``path`` as the creation of a session does. Raises InvalidInput, with what to do."""
    return RepositoryView.model_validate(asdict(repositories.inspect(path)))


def beginning(_rt: Runtime, path: str) -> BeginningView:
    """What a first commit at ``path`` would hold. Raises InvalidInput where none can be made."""
    folder, is_repository = repositories.beginning_of(path)
    return BeginningView.model_validate(asdict(first_commit.outlook(folder, is_repository=is_repository)))
