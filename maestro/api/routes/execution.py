"""Control of a running session, and its delivery."""

from __future__ import annotations

from fastapi import APIRouter

from maestro.api.models import (
    Checks,
    Listing,
    Merge,
    MergeMethod,
    Reason,
    Restore,
    Retry,
    Rollback,
    Say,
    Short,
    TaskRetry,
)
from maestro.api.runtime import Rt
from maestro.api.text import CheckedRoute
from maestro.core import queries
from maestro.core.commands import control, delivery, notes, plan_changes
from maestro.core.commands.retries import AnotherAgent
from maestro.core.integration.retention import RecoveredView
from maestro.core.queries.going_back import RollbackPreview
from maestro.core.views import MergePreviewView, NoteView, SessionView
from maestro.core.views.plan_changes import PlanChange

router = APIRouter(prefix="/sessions/{session_id}", tags=["Execution"], route_class=CheckedRoute)


@router.post("/execute")
def execute(rt: Rt, session_id: str) -> SessionView:
    """Begin to execute an approved plan."""
    return control.execute(rt, session_id)


@router.post("/pause")
def pause(rt: Rt, session_id: str) -> SessionView:
    """Stop all workers of the session where they are."""
    return control.pause(rt, session_id)


@router.post("/resume")
def resume(rt: Rt, session_id: str) -> SessionView:
    """Go on after a pause."""
    return control.resume(rt, session_id)


@router.post("/cancel")
def cancel(rt: Rt, session_id: str, body: Reason | None = None) -> SessionView:
    """End the session; what its workers did stays reachable."""
    return control.cancel(rt, session_id, (body or Reason()).reason)


@router.post("/fail")
def fail(rt: Rt, session_id: str, body: Reason | None = None) -> SessionView:
    """Give up a session whose tasks cannot go on."""
    return control.fail_session(rt, session_id, (body or Reason()).reason)


@router.post("/retry")
def retry(rt: Rt, session_id: str, body: Retry | None = None) -> SessionView:
    """Try what failed once more."""
    given = body or Retry()
    return control.retry(rt, session_id, task=given.task, hint=given.hint, fresh=given.fresh)


@router.post("/tasks/{task}/retry")
def retry_task(rt: Rt, session_id: str, task: str, body: TaskRetry | None = None) -> SessionView:
    """Try one task (id or key) once more, also in a new conversation or by another agent."""
    given = body or TaskRetry()
    another = AnotherAgent(given.model, given.effort, given.agent)
    return control.retry(rt, session_id, task=task, hint=given.hint, fresh=given.fresh, another=another)


@router.post("/tasks/{task}/skip")
def skip_task(rt: Rt, session_id: str, task: str) -> SessionView:
    """Go on without a task (id or key)."""
    return control.skip_task(rt, session_id, task)


@router.put("/tasks/{task}/checks")
def correct_checks(rt: Rt, session_id: str, task: str, body: Checks) -> PlanChange:
    """Give a task (id or key) other checks; a failed one is checked again with them as it is."""
    return plan_changes.correct_checks(rt, session_id, body.checks, task=task)


@router.get("/notes")
def list_notes(rt: Rt, session_id: str, task: Short | None = None) -> Listing[NoteView]:
    """What was said to the agents (of one task, if named), and when they took it up."""
    items = queries.list_notes(rt, session_id, task=task)
    return Listing(items=items, total=len(items))


@router.post("/notes", status_code=202)
def send_note(rt: Rt, session_id: str, body: Say) -> Listing[NoteView]:
    """Say something to the agent of a task, or to all agents at work; each reads it at its next turn."""
    items = notes.send_note(rt, session_id, body.text, task=body.task, interrupt=body.interrupt)
    return Listing(items=items, total=len(items))


@router.post("/rollback")
def rollback(rt: Rt, session_id: str, body: Rollback) -> SessionView:
    """Set the session branch back to a checkpoint; later tasks become pending."""
    return control.rollback(rt, session_id, str(body.checkpoint))


@router.get("/rollback/preview")
def preview_rollback(rt: Rt, session_id: str, checkpoint: Short) -> RollbackPreview:
    """What going back to a checkpoint (id or number) would take away: tasks, commits, files."""
    return queries.rollback_preview(rt, session_id, checkpoint)


@router.get("/recovered")
def recovered(rt: Rt, session_id: str) -> Listing[RecoveredView]:
    """Work that was taken away and is kept; what is ``restorable`` goes back into the session."""
    items = queries.list_recovered(rt, session_id)
    return Listing(items=items, total=len(items))


@router.post("/restore")
def restore(rt: Rt, session_id: str, body: Restore) -> SessionView:
    """Bring back what a rollback took away."""
    return control.restore(rt, session_id, body.ref)


@router.get("/merge/preview", tags=["Delivery"])
def preview_merge(
    rt: Rt, session_id: str, target: Short | None = None, method: MergeMethod = "merge"
) -> MergePreviewView:
    """What a merge would do, and what stands in its way."""
    return delivery.preview_merge(rt, session_id, target=target, method=method)


@router.post("/merge", tags=["Delivery"])
def merge(rt: Rt, session_id: str, body: Merge | None = None) -> SessionView:
    """Integrate the session branch into a branch of yours."""
    given = body or Merge()
    return delivery.merge(rt, session_id, target=given.target, method=given.method)


@router.post("/unmerge", tags=["Delivery"])
def unmerge(rt: Rt, session_id: str) -> SessionView:
    """Take the merge back."""
    return delivery.unmerge(rt, session_id)
