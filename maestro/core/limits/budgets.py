"""Money and tokens: a notice at 80 %, at 100 % a pause and one question, "raise or stop".

What is used and what a run may be given is told by ``spending``; here it is compared, told and asked about.
"""

from __future__ import annotations

import contextlib
from typing import Any

from sqlmodel import Session as DbSession

from maestro.core.approvals import asking
from maestro.core.kernel import lookup
from maestro.core.kernel.agent_config import EffectiveConfig, in_force
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import State
from maestro.core.limits import amounts, spending
from maestro.core.tasks import pausing, prompts, transitions
from maestro.db import models
from maestro.db.session import Transaction
from maestro.db.types import utcnow
from maestro.errors import NotAllowed
from maestro.settings import Settings

_NOTICE = 0.8


def check(rt: Runtime, sessions: list[models.Session]) -> None:
    """Compare the budgets of executing sessions with what is used. Cheap where no budget is set."""
    for session in sessions:
        if session.status != State.EXECUTING:
            continue
        with rt.db.read() as db:
            near = [b for b in spending.budgets_of(db, rt.settings, session) if b.share >= _NOTICE - 1e-9]
        for budget in near:
            if budget.share >= 1 - 1e-9:
                _reached(rt, session.id, budget)
            else:
                _notice(rt, session.id, budget)


def run_reached(tx: Transaction, settings: Settings, session: models.Session, task: models.Task, measure: str) -> bool:
    """A run ended at its own budget (``usd`` or ``model_calls``): ask. False when it was another budget's rest."""
    config = in_force(session.agent_config, settings)
    own = config.budget_usd if measure == "usd" else config.run_model_calls
    if own is None:
        return False
    name = spending.run_name(task, measure)
    limit = own + spending.raised(tx.db, name)
    worker = tx.db.get(models.Worker, task.assigned_worker_id) if task.assigned_worker_id else None
    used = float((worker.cost_usd if measure == "usd" else worker.model_calls) if worker else 0.0)
    if used < limit * _NOTICE:
        return False
    transitions.wait_for_answer(tx, task)
    budget = spending.Budget(name, measure, f"one run of task {task.key}", float(own), limit, used, task.id)
    _ask(tx, session, task, budget)
    return True


def calls_used_up(db: DbSession, config: EffectiveConfig, task: models.Task, worker: models.Worker) -> bool:
    """Whether this run has made as many model calls as it may."""
    limit = spending.run_limit(db, task, "model_calls", config.run_model_calls)
    return limit is not None and worker.model_calls >= limit


def notice_run(
    rt: Runtime, session: models.Session, config: EffectiveConfig, task: models.Task, worker: models.Worker
) -> None:
    """Say once that a run has nearly used up its own budget; what follows at its end is ``run_reached``'s."""
    if config.budget_usd is None and config.run_model_calls is None:
        return
    near = []
    with rt.db.read() as db:
        for measure, own in (("usd", config.budget_usd), ("model_calls", config.run_model_calls)):
            limit = spending.run_limit(db, task, measure, own)
            if own is None or limit is None:
                continue
            used = spending.so_far(worker, demo=session.demo) if measure == "usd" else worker.model_calls
            whose = f"one run of task {task.key}"
            name = spending.run_name(task, measure)
            near.append(spending.Budget(name, measure, whose, float(own), limit, float(used), task.id))
    for budget in near:
        if budget.share >= _NOTICE - 1e-9:
            _notice(rt, session.id, budget)


def apply_answer(tx: Transaction, session: models.Session, approval: models.Approval) -> None:
    """Raise by the number in the answer, else by the same amount again; or leave everything as it stands."""
    name = str(approval.detail.get("budget", ""))
    task = tx.db.get(models.Task, approval.task_id) if approval.task_id else None
    of_run = name.startswith("run:")
    if approval.status != "allowed":
        if of_run and task is not None and task.status == "waiting":
            transitions.task_failed(tx, session, task, f"Stopped at its budget: {approval.detail.get('reason')}")
        return
    by = _wanted(approval)
    mark = tx.db.get(models.BudgetMark, name)
    if mark is not None and (mark.reached_at is not None or of_run):
        mark.raised_by += by
        mark.noticed_at = mark.reached_at = None
        tx.db.add(mark)
        words = f"The budget is raised by {spending.amount(str(approval.detail.get('measure')), by)}."
        tx.log(session.id, words, source="you", task_id=approval.task_id)
    if of_run and task is not None and task.status == "waiting":
        transitions.resume_run(tx, task, prompt=prompts.RESUMED, progress_note="The budget is raised")


def _notice(rt: Runtime, session_id: str, budget: spending.Budget) -> None:
    with rt.db.write() as tx:
        mark = _mark(tx, budget.name, session_id)
        if mark.noticed_at is not None:
            return
        mark.noticed_at = utcnow()
        tx.db.add(mark)
        tx.log(session_id, f"{budget.words()}.", level="warn", task_id=budget.task_id)
        tx.emit("notification", session_id, level="warn", title="A budget is nearly used up", text=f"{budget.words()}.")


def _reached(rt: Runtime, session_id: str, budget: spending.Budget) -> None:
    """Ask, then pause. A crash in between is mended by the next look: while the question is open, nothing runs."""
    with rt.db.write() as tx:
        session = lookup.session_row(tx.db, session_id)
        if session.status != State.EXECUTING:
            return
        open_ones = [a for a in lookup.pending_approvals(tx.db, session_id) if a.kind == "budget"]
        if not any(a.detail.get("budget") == budget.name for a in open_ones):
            task = tx.db.get(models.Task, budget.task_id) if budget.task_id else None
            _ask(tx, session, task, budget)
    with contextlib.suppress(NotAllowed):
        pausing.pause(rt, session_id, source="supervisor")


def _ask(tx: Transaction, session: models.Session, task: models.Task | None, budget: spending.Budget) -> None:
    mark = _mark(tx, budget.name, session.id)
    mark.reached_at = mark.noticed_at = utcnow()
    tx.db.add(mark)
    reason = f"{budget.words()}."
    again = spending.amount(budget.measure, budget.own)
    detail: dict[str, Any] = {
        "reason": reason,
        "budget": budget.name,
        "measure": budget.measure,
        "limit": budget.limit,
        "used": budget.used,
        "raise_by": budget.own,
        "paused": not budget.name.startswith("run:"),
        "allow": f"raise by {again}, or by the amount in your message, and continue",
        "deny": "keep it stopped",
    }
    title = f"The budget for {budget.whose} is used up"
    asking.ask(tx, session, task, kind="budget", title=title, detail=detail)
    tx.log(session.id, f"{title}: {reason}", level="warn", kind="gate", task_id=budget.task_id)


def _wanted(approval: models.Approval) -> float:
    by = amounts.wanted(approval.message or "", float(approval.detail.get("limit") or 0.0)) or 0.0
    return by if by > 0 else float(approval.detail.get("raise_by") or 0.0)


def _mark(tx: Transaction, name: str, session_id: str) -> models.BudgetMark:
    mark = tx.db.get(models.BudgetMark, name)
    # A day belongs to no session: it must outlive the one that met it.
    return mark or models.BudgetMark(name=name, session_id=None if name.startswith("day:") else session_id)
