"""What belongs to the installation, not to a session: templates, settings, health."""

from __future__ import annotations

import os
import time

from fastapi import APIRouter, Request

from maestro import __version__
from maestro.api.models import Branch, Health, JsonObject, Limit, Listing, Offset, Restore, page_of
from maestro.api.runtime import Rt
from maestro.api.text import CheckedRoute
from maestro.core import queries
from maestro.core.commands import decisions, limits, preferences
from maestro.core.commands.decisions import OutcomeChange
from maestro.core.execution.digest import Digest
from maestro.core.integration import retention
from maestro.core.integration.retention import DeletedView
from maestro.core.kernel import endpoint
from maestro.core.limits import account
from maestro.core.limits.account import AccountState
from maestro.core.views import DecisionView, Overview, SettingView, TemplateView
from maestro.templates import loader

router = APIRouter(tags=["Installation"], route_class=CheckedRoute)

_ALL_DECISIONS = 10_000
_STARTED = time.monotonic()


@router.get("/health")
def health(rt: Rt, request: Request) -> Health:
    """Whether Maestro is well; open to everybody, with more to tell for who is signed in."""
    answer = Health(version=__version__, instance_id=rt.instance_id)
    if request.scope.get("maestro.signed_in"):
        answer.assistant = endpoint.describe(rt.settings)
        answer.data_dir = str(rt.data_dir)
        answer.pid = os.getpid()
        answer.uptime_s = round(time.monotonic() - _STARTED, 1)
        answer.live_workers = queries.overview(rt).live_workers
        if problem := queries.storage_problem(rt):
            answer.storage_problem = problem.message
    return answer


@router.get("/digest")
def digest(rt: Rt) -> Digest | None:
    """While you were away: what happened between the last stop (or crash) and this start; null: nothing."""
    return queries.last_digest(rt)


@router.get("/deleted")
def list_deleted(rt: Rt, limit: Limit = 50, offset: Offset = 0) -> Listing[DeletedView]:
    """Recently deleted sessions, with the work that is kept of each and until when."""
    return page_of(queries.list_deleted(rt), limit, offset)


@router.post("/deleted/{session_id}/branch", status_code=201)
def make_branch(rt: Rt, session_id: str, body: Restore) -> Branch:
    """Make a branch of work that is kept, of a deleted session or of a living one."""
    return Branch(branch=retention.make_branch(rt, session_id, body.ref))


@router.get("/overview")
def overview(rt: Rt) -> Overview:
    """The dashboard's numbers."""
    return queries.overview(rt)


@router.get("/account")
def account_state(rt: Rt) -> AccountState | None:
    """Whether a usage or rate limit holds all workers, why, and until when; null: it takes work."""
    return account.account_state(rt)


@router.post("/account/resume")
def resume_account(rt: Rt) -> AccountState | None:
    """Resume now, before the stated reset; if the limit still holds, the next worker meets it again."""
    limits.resume_account(rt)
    return account.account_state(rt)


@router.post("/account/stay")
def stay_paused(rt: Rt) -> AccountState | None:
    """Stay paused until ``resume``, whatever reset was stated."""
    limits.stay_paused(rt)
    return account.account_state(rt)


@router.get("/decisions")
def list_decisions(rt: Rt, limit: Limit = 50, offset: Offset = 0) -> Listing[DecisionView]:
    """Choices made in all sessions, newest first."""
    return page_of(queries.list_decisions(rt, limit=_ALL_DECISIONS), limit, offset)


@router.patch("/decisions/{decision_id}")
def set_outcome(rt: Rt, decision_id: str, body: OutcomeChange) -> DecisionView:
    """Say how a decision turned out; `outcome` null: as the evidence has it."""
    return decisions.set_outcome(rt, decision_id, body)


@router.get("/templates")
def list_templates(rt: Rt, limit: Limit = 50, offset: Offset = 0) -> Listing[TemplateView]:
    """Session templates: the shipped ones and your own."""
    return page_of([_template(t, shipped) for t, shipped in loader.all_templates(rt.db)], limit, offset)


@router.post("/templates", status_code=201)
def create_template(rt: Rt, body: JsonObject) -> TemplateView:
    """Store a template of your own."""
    return _template(preferences.create_template(rt, body), shipped=False)


@router.get("/settings")
def list_settings(rt: Rt, limit: Limit = 50, offset: Offset = 0) -> Listing[SettingView]:
    """Every setting with its value, default and origin; of secrets only whether they are set."""
    return page_of(preferences.list_settings(rt), limit, offset)


@router.put("/settings")
def change_settings(rt: Rt, body: JsonObject) -> Listing[SettingView]:
    """Store settings, ``{name: value}``; null goes back to the default. Keys are never stored."""
    items = preferences.change_settings(rt, body)
    return Listing(items=items, total=len(items))


def _template(template: loader.Template, shipped: bool) -> TemplateView:
    return TemplateView(
        name=template.name,
        title=template.title,
        description=template.description,
        shipped=shipped,
        body=template.model_dump(),
    )
