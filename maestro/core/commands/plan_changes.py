"""Changing an approved plan while its session is at work: a new version with an approval of its own; what is in stays."""

from __future__ import annotations

from typing import Any

from sqlmodel import col, select

from maestro.agents import factory
from maestro.core.approvals import asking
from maestro.core.commands import plans
from maestro.core.kernel import lookup, task_states
from maestro.core.kernel.agent_config import parse_check
from maestro.core.kernel.locks import branch_lock, cancel_work
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import State, allowed_events
from maestro.core.kernel.task_states import LANDING
from maestro.core.planning import changing, own_agent
from maestro.core.planning.generation import add_version
from maestro.core.planning.plan import Plan, parse_plan, plan_hash
from maestro.core.planning.plan_answer import checked_plan
from maestro.core.tasks import notes, transitions
from maestro.core.views.plan_changes import PlanChange
from maestro.db import models
from maestro.db.session import Transaction
from maestro.db.types import utcnow
from maestro.errors import Conflict, InvalidInput, NotAllowed

_IN = frozenset({State.EXECUTING, State.PAUSED, State.FAILED})
_OVER = frozenset({"completed", "skipped", "cancelled"})


def preview(rt: Runtime, session_id: str, data: Any, *, expected_version: int | None = None) -> PlanChange:
    """What a change of the plan amounts to, and the hash that approves it. Raises as ``apply`` does."""
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
        current = lookup.plan_row(db, session)
        rows = lookup.tasks_of(db, session_id)
    plan = _checked(session, data, current, expected_version)
    found = changing.steps(parse_plan(current.plan_json), plan, _begun(rows))
    return PlanChange(version=current.version, hash=plan_hash(plan), steps=found)


def apply(
    rt: Runtime, session_id: str, data: Any, *, expected_hash: str, expected_version: int | None = None
) -> PlanChange:
    """Approve a change by its hash and carry it out: tasks that have not begun are as the new plan has them, checks of
    others are corrected, and a failed task whose checks were corrected is checked again as it is.

    Raises NotAllowed where nothing is at work, InvalidInput naming what is wrong or can no longer change, and Conflict
    when the change is not the one with ``expected_hash``, or the plan is no longer the one that was changed.
    """
    with branch_lock(rt, session_id), rt.db.write() as tx:
        session = lookup.session_row(tx.db, session_id)
        current = lookup.plan_row(tx.db, session)
        plan = _checked(session, data, current, expected_version)
        if plan_hash(plan) != expected_hash:
            raise Conflict("This is not the change that you reviewed. Review it again, then approve it.")
        made, landing = _change(tx, session, current, plan)
    if landing:
        cancel_work(rt, session_id)  # checks that run are the old ones: they begin anew
    rt.wake()
    return made


def correct_checks(rt: Runtime, session_id: str, checks: list[str], *, task: str | None = None) -> PlanChange:
    """Give a task (id or key), or the plan as a whole, other checks; see ``apply``. Raises InvalidInput naming ``checks``."""
    wanted = list(dict.fromkeys(parse_check(command) for command in checks))
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
        current = lookup.plan_row(db, session)
        key = lookup.task_row(db, session_id, task).key if task is not None else None
    plan = current.plan_json
    if key is None:
        plan = plan | {"checks": wanted}
    elif key not in {t["id"] for t in plan["tasks"]}:
        raise InvalidInput(
            f"{key} was added by Maestro and runs the checks of the whole plan. Correct those.", {"task": "has no plan"}
        )
    else:
        plan = plan | {"tasks": [t | {"checks": wanted} if t["id"] == key else t for t in plan["tasks"]]}
    change = preview(rt, session_id, plan, expected_version=current.version)
    return apply(rt, session_id, plan, expected_hash=change.hash, expected_version=current.version)


def _checked(session: models.Session, data: Any, current: models.PlanVersion, expected_version: int | None) -> Plan:
    if session.status not in _IN:
        words = session.status.replace("_", " ")
        raise NotAllowed(
            f"A plan is changed like this while its session is at work; this one is {words}.",
            state=session.status,
            allowed=allowed_events(session.status),
        )
    if expected_version is not None and expected_version != current.version:
        raise Conflict(
            f"The plan was changed in the meantime: version {current.version} is current. Review it, then change it again."
        )
    plan = checked_plan(data)
    own_agent.refuse_unfit(plan, session)
    return plan


def _begun(rows: list[models.Task]) -> dict[str, str]:
    """Tasks that have begun, with their status. One that only waits for the yes to its start has not."""
    return {t.key: t.status for t in rows if t.status != "pending" and not (t.status == "waiting" and not t.attempt)}


def _change(
    tx: Transaction, session: models.Session, current: models.PlanVersion, plan: Plan
) -> tuple[PlanChange, bool]:
    """Store the version and bring the tasks in step with it; also whether a landing runs checks that it no longer has."""
    old, rows = parse_plan(current.plan_json), lookup.tasks_of(tx.db, session.id)
    found = changing.steps(old, plan, _begun(rows))
    if not found:
        return PlanChange(version=current.version, hash=current.hash, steps=[], applied=True), False
    version = add_version(tx, session, plan, "changed", "; ".join(step.words for step in found))
    version.approved_at = utcnow()
    session.updated_at = utcnow()
    tx.db.add(session)
    tx.db.flush()
    before = {row.key: _in_force(old, row) for row in rows}
    _bring_in_step(tx, session, old, plan, rows)
    landing = _recheck(tx, session, plan, lookup.tasks_of(tx.db, session.id), before)
    tx.emit("plan_updated", session.id, version=version.version, plan=version.plan_json)
    tx.emit("plan_changed", session.id, version=version.version, steps=[step.model_dump() for step in found])
    for step in found:
        tx.log(session.id, f"Plan version {version.version}: {step.words}.", source="you")
    return PlanChange(version=version.version, hash=version.hash, steps=found, applied=True), landing


def _bring_in_step(tx: Transaction, session: models.Session, old: Plan, plan: Plan, rows: list[models.Task]) -> None:
    """Rows of tasks that are new, gone, or have not begun."""
    by_key, begun = {row.key: row for row in rows}, _begun(rows)
    planned = {task.id for task in old.tasks}
    _remove(tx, session, [row for row in rows if row.key in planned and row.key not in {t.id for t in plan.tasks}])
    for position, task in enumerate(plan.tasks):
        row, columns = by_key.get(task.id), plans.columns_of(task)
        if row is None:
            tx.db.add(models.Task(session_id=session.id, key=task.id, position=position, **columns))
            continue
        if task.id not in planned:
            words = f"{task.id} is the id of a task that Maestro added; choose another"
            raise InvalidInput(f"The plan cannot be changed so: {words}.", {f"tasks.{position}.id": words})
        row.position = position
        if row.key in begun:
            row.checks = columns["checks"]
        elif any(getattr(row, name) != value for name, value in columns.items()):
            if row.status == "waiting":  # asked about as it was: it is asked about again as it is
                asking.expire(tx, session.id, task_id=row.id)
                task_states.move(tx, row, "release", progress_note=None)
            row.sqlmodel_update(columns)
        tx.db.add(row)
    kept = {task.id for task in plan.tasks} | {row.key for row in rows if row.key not in planned}
    for number, row in enumerate(row for row in rows if row.key not in planned):  # repairs come after all
        row.position = len(plan.tasks) + number
        row.depends_on = [key for key in row.depends_on if key in kept]
        tx.db.add(row)
    tx.db.flush()


def _remove(tx: Transaction, session: models.Session, rows: list[models.Task]) -> None:
    for row in rows:
        ran = tx.db.exec(select(models.Worker.id).where(models.Worker.task_id == row.id)).first()
        if ran is not None:
            words = f"{row.key} ran before a rollback, and what it cost stays with it: skip it instead"
            raise InvalidInput(f"The plan cannot be changed so: {words}.", {"tasks": words})
        asking.expire(tx, session.id, task_id=row.id)
        tx.db.delete(row)
    tx.db.flush()


def _in_force(plan: Plan, row: models.Task) -> list[str]:
    return list(row.checks or plan.checks)


def _recheck(
    tx: Transaction, session: models.Session, plan: Plan, rows: list[models.Task], before: dict[str, list[str]]
) -> bool:
    """Tasks under way whose checks are others now: the evidence says so, the agent hears of it, a failed one is checked."""
    landing, planned = False, {task.id for task in plan.tasks}
    commands = {*plan.checks, *(check for task in plan.tasks for check in task.checks)}
    for row in rows:
        if row.key not in planned and row.status not in _OVER:  # a repair runs what failed on the whole
            row.checks = [check for check in row.checks if check in commands]
            if not row.checks and row.status == "pending":
                _remove(tx, session, [row])  # what it was to mend is no longer asked for
                continue
        now = _in_force(plan, row)
        if now == before.get(row.key, now) or row.status in _OVER or not row.attempt:
            continue
        _mark(tx, session, row.id, [command for command in before[row.key] if command not in now])
        landing = landing or row.status in LANDING
        if row.status in {"running", "waiting"} and _hears(tx, session, row):
            listed = "\n".join(f"- `{command}`" for command in now) or "- none"
            notes.add(tx, session, row, f"I corrected the checks of this task. Maestro will run:\n{listed}")
        elif row.status == "failed" and session.status != State.FAILED:
            _check_again(tx, session, row)
    gone = {command for commands_of in before.values() for command in commands_of} - commands
    _mark(tx, session, None, sorted(gone))
    return landing


def _mark(tx: Transaction, session: models.Session, task_id: str | None, commands: list[str]) -> None:
    """What a check that is no longer run had found stays as evidence, and says why it counts no more."""
    if not commands:
        return
    query = select(models.CheckRun).where(
        models.CheckRun.session_id == session.id,
        models.CheckRun.task_id == task_id,
        models.CheckRun.phase != "baseline",
        col(models.CheckRun.passed).is_(False),
        col(models.CheckRun.command).in_(commands),
    )
    for run in tx.db.exec(query).all():
        run.note = "Corrected by you: this check is no longer run."
        tx.db.add(run)


def _check_again(tx: Transaction, session: models.Session, row: models.Task) -> None:
    """A failed task keeps its work: with other checks it may be done already."""
    asking.expire(tx, session.id, task_id=row.id)
    transitions.forget(tx, row)
    task_states.move(tx, row, "retry", attempt=1, interruptions=0, prompt=None, error_message=None, completed_at=None)
    transitions.check(tx, row)
    tx.log(session.id, f"Task {row.key}: checking again with the corrected checks.", task_id=row.id)


def _hears(tx: Transaction, session: models.Session, row: models.Task) -> bool:
    return factory.hears(lookup.agent_type(tx.db, session, row.key))
