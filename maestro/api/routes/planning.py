"""The plan and its approval."""

from __future__ import annotations

from fastapi import APIRouter

from maestro.api.models import Approve, Feedback, JsonObject, RowId
from maestro.api.runtime import Rt
from maestro.api.text import CheckedRoute
from maestro.core import queries
from maestro.core.commands import check_trials, plans
from maestro.core.views import PlanTrial, PlanView, SessionView

router = APIRouter(prefix="/sessions/{session_id}/plan", tags=["Plan"], route_class=CheckedRoute)


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


@router.post("/regenerate", status_code=202)
def regenerate(rt: Rt, session_id: str, body: Feedback | None = None) -> SessionView:
    """Have the plan made anew, with feedback."""
    plans.regenerate_plan(rt, session_id, (body or Feedback()).feedback)
    return queries.get_session(rt, session_id)


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
