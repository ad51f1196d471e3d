"""The plan and its approval."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from maestro.api.models import (
    Approve,
    ChangedPlan,
    Checks,
    Feedback,
    Gap,
    JsonObject,
    Limit,
    Listing,
    Offset,
    PlanComment,
    PlanFile,
    RowId,
    page_of,
)
from maestro.api.runtime import Rt
from maestro.api.text import CheckedRoute
from maestro.core import queries
from maestro.core.commands import check_trials, plan_changes, plan_comments, plans
from maestro.core.views import (
    PlanCommentView,
    PlanDiff,
    PlanProgress,
    PlanTrial,
    PlanVersionView,
    PlanView,
    SessionView,
)
from maestro.core.views.plan_changes import PlanChange

router = APIRouter(prefix="/sessions/{session_id}/plan", tags=["Plan"], route_class=CheckedRoute)


class MarkdownText(PlainTextResponse):
    """Text that says what it is."""

    media_type = "text/markdown"


@router.post("", status_code=202)
def request(rt: Rt, session_id: str) -> SessionView:
    """The idea is ready: generate a plan in the background."""
    plans.request_plan(rt, session_id)
    return queries.get_session(rt, session_id)


@router.get("")
def read(rt: Rt, session_id: str) -> PlanView:
    """The current plan."""
    return queries.get_plan(rt, session_id)


@router.put("")
def replace(rt: Rt, session_id: str, body: JsonObject, version: RowId | None = None) -> PlanView:
    """Replace the plan. ``version``: the one you edited; refused when another has come meanwhile."""
    return plans.replace_plan(rt, session_id, body, expected_version=version)


@router.post("/change")
def change(rt: Rt, session_id: str, body: ChangedPlan) -> PlanChange:
    """Change the plan of a session at work. Without ``hash``: what that would do; with it: approved and done."""
    if body.hash is None:
        return plan_changes.preview(rt, session_id, body.plan, expected_version=body.version)
    return plan_changes.apply(rt, session_id, body.plan, expected_hash=body.hash, expected_version=body.version)


@router.put("/checks")
def correct_checks(rt: Rt, session_id: str, body: Checks) -> PlanChange:
    """Give the whole plan of a session at work other checks."""
    return plan_changes.correct_checks(rt, session_id, body.checks)


@router.post("/regenerate", status_code=202)
def regenerate(rt: Rt, session_id: str, body: Feedback | None = None) -> SessionView:
    """Have the plan made anew, with feedback and the open comments, also for selected tasks only."""
    given = body or Feedback()
    plans.regenerate_plan(rt, session_id, given.feedback, tasks=given.tasks, comments=given.comments)
    return queries.get_session(rt, session_id)


@router.post("/gaps", status_code=202)
def close_gap(rt: Rt, session_id: str, body: Gap) -> SessionView:
    """Ask for a task that fulfils a requirement of the plan's ``trace`` with a gap."""
    plans.close_gap(rt, session_id, body.requirement)
    return queries.get_session(rt, session_id)


@router.get("/progress")
def progress(rt: Rt, session_id: str) -> PlanProgress:
    """How far the plan is that is being made: what was read, the tasks drafted; ``plan_drafting`` tells each step."""
    return queries.plan_progress(rt, session_id)


@router.get("/comments")
def list_comments(rt: Rt, session_id: str, limit: Limit = 50, offset: Offset = 0) -> Listing[PlanCommentView]:
    """The open comments on the plan."""
    return page_of(queries.get_plan(rt, session_id).comments, limit, offset)


@router.post("/comments", status_code=201)
def comment(rt: Rt, session_id: str, body: PlanComment) -> PlanCommentView:
    """Comment on a task, or on the plan; it goes into the next version that is asked for."""
    return plan_comments.add_comment(rt, session_id, body.text, body.task)


@router.delete("/comments/{comment_id}", status_code=204)
def remove_comment(rt: Rt, session_id: str, comment_id: str) -> None:
    """Remove a comment."""
    plan_comments.remove_comment(rt, session_id, comment_id)


@router.get("/versions")
def list_versions(rt: Rt, session_id: str, limit: Limit = 50, offset: Offset = 0) -> Listing[PlanVersionView]:
    """All versions of the plan, the newest first."""
    return page_of(queries.list_plan_versions(rt, session_id), limit, offset)


@router.get("/versions/{version}")
def read_version(rt: Rt, session_id: str, version: RowId) -> PlanVersionView:
    """One version, with its plan."""
    return queries.get_plan_version(rt, session_id, version)


@router.get("/versions/{old}/compare/{new}")
def compare(rt: Rt, session_id: str, old: RowId, new: RowId) -> PlanDiff:
    """Two versions by field: what was added, removed, changed."""
    return queries.compare_plans(rt, session_id, old, new)


@router.post("/versions/{version}/restore")
def restore(rt: Rt, session_id: str, version: RowId) -> PlanView:
    """Bring a version back, as the next one."""
    return plans.restore_version(rt, session_id, version)


@router.get("/markdown", response_class=MarkdownText)
def export(rt: Rt, session_id: str) -> MarkdownText:
    """The plan as a Markdown file."""
    return MarkdownText(queries.plan_as_markdown(rt, session_id))


@router.put("/markdown")
def import_(rt: Rt, session_id: str, body: PlanFile, version: RowId | None = None) -> PlanView:
    """Replace the plan by a Markdown file; 422 names the lines that are wrong."""
    return plans.import_markdown(rt, session_id, body.markdown, expected_version=version)


@router.post("/revise")
def revise(rt: Rt, session_id: str) -> SessionView:
    """Back to the brainstorm."""
    plans.revise_plan(rt, session_id)
    return queries.get_session(rt, session_id)


@router.post("/checks/try", status_code=202)
def try_checks(rt: Rt, session_id: str) -> PlanTrial:
    """Run the plan's checks on the untouched base, in a worktree of its own; ``plan_checks_tried`` tells how far it is.

    What they show stands beside each check of the plan (``checks[].tried``).
    """
    return check_trials.try_checks(rt, session_id)


@router.delete("/checks/try")
def stop_checks(rt: Rt, session_id: str) -> PlanTrial:
    """End the trial that runs; what it found so far stays."""
    return check_trials.stop_checks(rt, session_id)


@router.post("/approve")
def approve(rt: Rt, session_id: str, body: Approve | None = None) -> SessionView:
    """Approve the plan and, unless ``start`` is false, begin to execute it."""
    given = body or Approve()
    plans.approve_plan(rt, session_id, start=given.start, expected_hash=given.hash)
    return queries.get_session(rt, session_id)
