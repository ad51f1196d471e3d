"""Asking for a plan, changing it, and approving it."""

from __future__ import annotations

from typing import Any

from maestro.core.brainstorm import replies
from maestro.core.brainstorm.assistant import check_budgets
from maestro.core.kernel.agent_config import in_force
from maestro.core.kernel.lookup import plan_row, repository, session_row, tasks_of
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import State, allowed_events, move
from maestro.core.planning import estimates, generation, own_agent, wishes
from maestro.core.planning.generation import plan_view
from maestro.core.planning.plan import OPTIONAL, Plan, PlanTask, parse_plan, plan_hash
from maestro.core.planning.plan_answer import checked_plan
from maestro.core.planning.plan_markdown import from_markdown
from maestro.core.planning.tracing import request_for
from maestro.core.planning.wishes import Wish
from maestro.core.proving import trying_checks
from maestro.core.proving.plan_checks import with_checks
from maestro.core.queries.plan_versions import version_row
from maestro.core.views import PlanView
from maestro.db import models
from maestro.db.session import Transaction
from maestro.db.types import utcnow
from maestro.errors import Conflict, InvalidInput, NotAllowed, NotFound

MAX_FEEDBACK = 20_000


def request_plan(rt: Runtime, session_id: str) -> None:
    """BRAINSTORMING to PLANNING; the plan is made in the background (events tell how it ends).

    A reply that is under way is heard to its end first. Raises NotAllowed, OverBudget.
    """
    with rt.db.write() as tx:
        session = session_row(tx.db, session_id)
        move(tx, session, "idea_ready")
        wishes.put(tx, session, None)
        if not (session.description.strip() or session.idea_card or replies.conversation(tx.db, session_id)):
            raise NotAllowed(
                "First describe what to build.", state=State.BRAINSTORMING, allowed=allowed_events(State.BRAINSTORMING)
            )
        check_budgets(rt, tx.db, session)
    generation.start_generation(rt, session_id)


def regenerate_plan(
    rt: Runtime, session_id: str, feedback: str | None = None, *, tasks: list[str] | None = None, comments: bool = True
) -> None:
    """PLAN_REVIEW back to PLANNING, with the user's words on what should be different, and the open comments.

    ``tasks``: only these may change (and new ones come); none of them: only new ones come. Raises NotAllowed,
    InvalidInput, OverBudget.
    """
    words = _checked_feedback(feedback)
    with rt.db.write() as tx:
        session = session_row(tx.db, session_id)
        move(tx, session, "regenerate", reason=words)
        if tasks is not None:
            known = [task.id for task in parse_plan(plan_row(tx.db, session).plan_json).tasks]
            unknown = [task for task in tasks if task not in known]
            if unknown:
                raise InvalidInput(f"The plan has no task {', '.join(unknown)}.", {"tasks": "are not in the plan"})
        said = wishes.comments(tx.db, session_id) if comments else []
        chosen = [c.id for c in said if tasks is None or not c.task or c.task in tasks]
        wishes.put(tx, session, Wish(feedback=words, tasks=tasks, comments=chosen))
        check_budgets(rt, tx.db, session)
    generation.start_generation(rt, session_id)


def close_gap(rt: Runtime, session_id: str, requirement: str) -> None:
    """Ask for a task (or a check) for a requirement that nothing fulfils; ``requirement``: its id, or a goal's words.

    Raises NotFound where there is no such gap; what ``regenerate_plan`` raises.
    """
    with rt.db.read() as db:
        view = plan_view(db, session_row(db, session_id))
    row = next((row for row in view.trace if row.gap and requirement in {row.id, row.text} - {""}), None)
    if row is None:
        raise NotFound("The plan has no such gap.")
    tasks = row.tasks if row.gap == "no_check" else []
    regenerate_plan(rt, session_id, request_for(row), tasks=tasks, comments=False)


def restore_version(rt: Runtime, session_id: str, version: int) -> PlanView:
    """Bring an earlier version back, as the next one. Raises NotFound, and what ``replace_plan`` raises."""
    with rt.db.read() as db:
        data = version_row(db, session_id, version).plan_json
    return replace_plan(rt, session_id, data, origin="restored")


def import_markdown(rt: Runtime, session_id: str, text: str, *, expected_version: int | None = None) -> PlanView:
    """Replace the plan by what a Markdown file holds. Raises InvalidInput naming lines, and what ``replace_plan`` raises."""
    plan = from_markdown(text).model_dump(mode="json")
    return replace_plan(rt, session_id, plan, expected_version=expected_version, origin="imported")


def revise_plan(rt: Runtime, session_id: str) -> None:
    """PLAN_REVIEW back to BRAINSTORMING; the plan stays as the version to start from. Raises NotAllowed."""
    with rt.db.write() as tx:
        move(tx, session_row(tx.db, session_id), "revise")


def replace_plan(
    rt: Runtime, session_id: str, data: Any, *, expected_version: int | None = None, origin: str = "edited"
) -> PlanView:
    """Store an edited plan as the next version; an approved plan needs approval again after it.

    Raises NotAllowed outside PLAN_REVIEW and APPROVED, InvalidInput naming what is wrong, and Conflict when
    the version the user edited is no longer the current one.
    """
    with rt.db.write() as tx:
        session = session_row(tx.db, session_id)
        if session.status not in {State.PLAN_REVIEW, State.APPROVED}:
            raise NotAllowed(
                f"The plan can only be changed during review; this session is {session.status.replace('_', ' ')}.",
                state=session.status,
                allowed=allowed_events(session.status),
            )
        plan = checked_plan(data)
        own_agent.refuse_unfit(plan, session)
        current = plan_row(tx.db, session)
        if expected_version is not None and expected_version != current.version:
            raise Conflict(
                f"The plan was changed in the meantime: version {current.version} is current. Review it, then edit again."
            )
        if plan_hash(plan) != current.hash:
            _take_edit(tx, session, plan, origin)
        view, repo, base = plan_view(tx.db, session), session.repo_path, session.base_commit
    return with_checks(view, repo, base)


def approve_plan(rt: Runtime, session_id: str, *, start: bool = True, expected_hash: str | None = None) -> PlanView:
    """Freeze the current plan, make its tasks, and (unless ``start`` is off) begin to execute it.

    Raises NotAllowed outside PLAN_REVIEW, and Conflict when the plan is not the one with ``expected_hash`` or the
    repository is gone.
    """
    trying_checks.stop(rt, session_id)  # the workers come first
    with rt.db.write() as tx:
        session = session_row(tx.db, session_id)
        if start:
            repository(session)  # before anything is frozen: without it nothing could begin
        move(tx, session, "approved", approved=True)
        row = plan_row(tx.db, session)
        if expected_hash is not None and expected_hash != row.hash:
            raise Conflict("The plan has changed since you reviewed it. Review it again, then approve.")
        row.approved_at = session.plan_approved_at = utcnow()
        row.about = (row.about or {}) | {"estimate": _estimate(rt, tx, session, row)}
        tx.db.add(row)
        _drop_tasks(tx, session_id)
        _make_tasks(tx, session_id, parse_plan(row.plan_json))
        tx.db.flush()
        view, repo, base = plan_view(tx.db, session), session.repo_path, session.base_commit
    if start:
        from maestro.core.commands import control

        control.execute(rt, session_id)
    return with_checks(view, repo, base)


def _take_edit(tx: Transaction, session: models.Session, plan: Plan, origin: str) -> None:
    row = generation.add_version(tx, session, plan, origin)
    if session.status == State.APPROVED:
        session.plan_approved_at = None
        _drop_tasks(tx, session.id)
        move(tx, session, "edited")
    session.updated_at = utcnow()
    tx.db.flush()
    tx.emit("plan_updated", session.id, version=row.version, plan=row.plan_json)


def _estimate(rt: Runtime, tx: Transaction, session: models.Session, row: models.PlanVersion) -> dict[str, Any] | None:
    """What the plan may take, kept to be compared with what it took."""
    try:
        config = in_force(session.agent_config, rt.settings)
    except InvalidInput:
        return None
    return estimates.estimate(tx.db, session, config, parse_plan(row.plan_json)).model_dump(mode="json")


def _drop_tasks(tx: Transaction, session_id: str) -> None:
    """Tasks of an approval that was taken back; none of them has run, for execution never leads back here."""
    for task in tasks_of(tx.db, session_id):
        tx.db.delete(task)
    tx.db.flush()


def _make_tasks(tx: Transaction, session_id: str, plan: Plan) -> None:
    for position, task in enumerate(plan.tasks):
        tx.db.add(models.Task(session_id=session_id, key=task.id, position=position, **columns_of(task)))


def columns_of(task: PlanTask) -> dict[str, Any]:
    """What a task's row takes over from the plan, besides its id and place."""
    return task.model_dump(exclude={"id", "description"} | OPTIONAL) | {"description": _told(task)}


def _told(task: PlanTask) -> str:
    """What the agent is told of a task: its description, and what the plan says besides."""
    parts = [task.description]
    for title, lines in (
        ("Requirements", task.requirements),
        ("Follow these patterns", task.patterns),
        ("Not part of this task", task.scope_out),
    ):
        parts += [f"## {title}\n" + "\n".join(f"- {line}" for line in lines)] if lines else []
    return "\n\n".join(part for part in parts if part)


def _checked_feedback(feedback: str | None) -> str | None:
    words = (feedback or "").strip()
    if len(words) > MAX_FEEDBACK:
        reason = f"is longer than {MAX_FEEDBACK:,} characters"
    elif "\0" in words:
        reason = "contains a NUL character"
    else:
        return words or None
    raise InvalidInput(f"The feedback {reason}.", {"feedback": reason})
