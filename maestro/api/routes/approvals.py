"""Questions to the user."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter

from maestro.api.models import Answer, Limit, Listing, Offset, Short
from maestro.api.runtime import Rt
from maestro.api.text import CheckedRoute
from maestro.core import queries
from maestro.core.commands import approvals
from maestro.core.views import ApprovalView, SettingView

router = APIRouter(prefix="/approvals", tags=["Approvals"], route_class=CheckedRoute)


@router.get("")
def list_approvals(
    rt: Rt,
    status: Literal["pending", "allowed", "denied", "expired"] | None = None,
    session_id: Short | None = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> Listing[ApprovalView]:
    """Questions, oldest first; of all states unless ``status`` names one."""
    items, total = queries.page_of_approvals(rt, status=status, session_id=session_id, limit=limit, offset=offset)
    return Listing(items=items, total=total)


@router.get("/{approval_id}")
def read(rt: Rt, approval_id: str) -> ApprovalView:
    """One question."""
    return queries.get_approval(rt, approval_id)


@router.post("/{approval_id}")
def answer(rt: Rt, approval_id: str, body: Answer) -> ApprovalView:
    """Answer a question. The first answer counts; ``allow_session`` covers the like for the whole session.

    ``allow_fresh`` tries a failed task again in a fresh conversation, which is told what was done.
    ``allow_setup`` adds the set-up that a question about a check offers (``detail.missing_setup``) and tries again.
    ``allow_network`` lets checks (or set-up) of the repository reach ``detail.network_hosts``, and tries again.
    ``allow_sandboxed`` answers a question of kind ``trust``: the repository's programs run in the sandbox only.
    """
    return approvals.decide(rt, approval_id, body.decision, body.message, corrected=body.command)


@router.post("/{approval_id}/always")
def always(rt: Rt, approval_id: str) -> SettingView:
    """Take the rule that was proposed with an answer (``proposal``, after three answers alike) into the policy."""
    return approvals.always(rt, approval_id)
