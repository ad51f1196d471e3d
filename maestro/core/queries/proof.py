"""What the proof of a task or a session consists of, and what stands in its way; read through ``core.queries``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlmodel import Session as DbSession
from sqlmodel import col, select

from maestro.core import queries
from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime
from maestro.core.limits import spending
from maestro.core.queries.delivery import diff_base
from maestro.core.views import ApprovalView, CheckRunView, Tokens
from maestro.core.views.proof import ConflictView, EvidenceView
from maestro.db import models
from maestro.errors import NotFound
from maestro.worktrees import diffs, history, threeway
from maestro.worktrees.refs import branch_ref, ref_commit

_SIDE_BYTES = 200_000
_TAIL = 4000


def evidence(rt: Runtime, session_id: str, task: str | None = None) -> EvidenceView:
    """See ``queries.get_evidence``."""
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
        row = lookup.task_row(db, session_id, task) if task is not None else None
        tasks = lookup.tasks_of(db, session_id)
        workers = _workers(db, session_id, row)
    runs = queries.list_evidence(rt, session_id, row.id if row else None, tail=_TAIL)
    answers = [a for a in queries.list_approvals(rt, status=None, session_id=session_id) if _belongs(a, row)]
    about: models.Task | models.Session = row or session
    proven, why = _proven_task(row, runs) if row else _proven_session(session)
    began = row.started_at if row else min((t.started_at for t in tasks if t.started_at), default=None)
    ended = about.completed_at
    return EvidenceView(
        session_id=session_id,
        task_id=row.id if row else None,
        task_key=row.key if row else None,
        status=about.status,
        proven=proven,
        why=why,
        attempts=row.attempt if row else session.validation_attempt,
        interruptions=row.interruptions if row else sum(t.interruptions for t in tasks),
        runs=len(workers),
        checks=runs,
        answers=answers,
        diff=_diff(session, row),
        duration_s=(ended - began).total_seconds() if began and ended else None,
        tokens=Tokens.of(row) if row else Tokens.of(session, *tasks),
        cost_usd=(row.cost_usd if row else session.cost_usd + sum(t.cost_usd for t in tasks))
        + spending.unbooked(workers, demo=session.demo),
    )


def conflict(rt: Runtime, session_id: str, task: str) -> ConflictView:
    """See ``queries.get_conflict``."""
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
        row = lookup.task_row(db, session_id, task)
    repo = Path(session.repo_path)
    head = ref_commit(repo, branch_ref(row.branch)) if row.branch else None
    if head is None or row.status == "completed":
        raise NotFound(f"Task {row.key} has no work waiting to be integrated.")
    tip = lookup.session_tip(session)
    found = threeway.rebase_conflict(repo, history.merge_base(repo, tip, head), head, tip, _SIDE_BYTES)
    files = [asdict(f) for f in found.files] if found else []
    detail = {"subject": found.subject if found else "", "detail": found.detail if found else "", "files": files}
    sides = {"ours": tip, "theirs": head, "session_branch": session.session_branch, "branch": row.branch}
    return ConflictView.model_validate({"task_id": row.id, "task_key": row.key} | sides | detail)


def _workers(db: DbSession, session_id: str, task: models.Task | None) -> list[models.Worker]:
    query = select(models.Worker).where(models.Worker.session_id == session_id)
    if task is not None:
        query = query.where(models.Worker.task_id == task.id)
    return list(db.exec(query.order_by(col(models.Worker.started_at))).all())


def _belongs(approval: ApprovalView, task: models.Task | None) -> bool:
    return task is None or approval.task_id == task.id


def _proven_task(task: models.Task, runs: list[CheckRunView]) -> tuple[bool, str]:
    if task.status != "completed":
        return False, f"The task is {task.status}."
    last = [r for r in runs if r.commit == task.result_commit]
    if not last:
        return False, "No check was run on the integrated work: neither the task nor the plan has one."
    commands = {r.command: r for r in last}
    notes = [f"`{r.command}`: {r.note}" for r in commands.values() if r.note]
    words = f"{len(commands)} check{'s' if len(commands) != 1 else ''} passed on the integrated commit."
    return all(r.passed for r in commands.values()), " ".join([words, *notes])


def _proven_session(session: models.Session) -> tuple[bool, str]:
    result = session.result_json or {}
    if session.status != "completed":
        return False, f"The session is {session.status.replace('_', ' ')}."
    number = result.get("checks", 0)
    if not number:
        return False, "The plan has no final checks."
    words = f"{number} final check{'s' if number != 1 else ''} passed on {str(result.get('commit'))[:10]}."
    return bool(result.get("proven")), " ".join([words, *result.get("proven_but", [])])


def _diff(session: models.Session, task: models.Task | None) -> dict[str, Any] | None:
    if task is not None:
        known = task.result_json or {}
        return {name: known[name] for name in ("files", "insertions", "deletions")} if "files" in known else None
    if session.session_commit is None or session.session_commit == session.base_commit:
        return None
    seen = diffs.diff_summary(Path(session.repo_path), diff_base(session), session.session_commit)
    return {"files": seen.files, "insertions": seen.insertions, "deletions": seen.deletions}
