"""What belongs to the installation, not to a session: templates, settings, health."""

from __future__ import annotations

import os
import time
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse
from pydantic import StringConstraints

from maestro import __version__
from maestro.api.models import (
    Body,
    Branch,
    Health,
    JsonObject,
    Limit,
    Listing,
    Offset,
    Restore,
    Search,
    Short,
    page_of,
)
from maestro.api.runtime import Rt
from maestro.api.text import CheckedRoute
from maestro.core import queries
from maestro.core.commands import decisions, limits, preferences, templates
from maestro.core.commands.decisions import OutcomeChange
from maestro.core.execution.digest import Digest
from maestro.core.integration import retention
from maestro.core.integration.retention import DeletedView
from maestro.core.kernel import endpoint
from maestro.core.limits import account
from maestro.core.limits.account import AccountState
from maestro.core.planning import template_library
from maestro.core.views import DecisionView, Overview, SettingView, TemplateView
from maestro.templates.loader import Found

router = APIRouter(tags=["Installation"], route_class=CheckedRoute)


class TomlText(PlainTextResponse):
    """Text that says what it is."""

    media_type = "application/toml"


_ALL_DECISIONS = 10_000
Path4096 = Annotated[str, StringConstraints(min_length=1, max_length=4096, pattern=r"^[^\x00]*$")]
Toml = Annotated[str, StringConstraints(max_length=400_000, pattern=r"^[^\x00]*$")]


class TemplateToml(Body):
    """``PUT /templates/{name}``."""

    toml: Toml


class TemplateText(TemplateToml):
    """``POST /templates/import``."""

    name: Short


class TemplateName(Body):
    """``POST /sessions/{id}/template``."""

    name: Short
    title: Short | None = None


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
def list_decisions(
    rt: Rt,
    repo: Annotated[Short | None, Query(description="Only of the repository at this path.")] = None,
    kind: Annotated[Short | None, Query(description="Only of this kind (`decision_type`, in any case).")] = None,
    outcome: Annotated[
        Literal["success", "partial", "failure", "unknown", "open"] | None,
        Query(description="Only with this outcome; `open`: the work is not over."),
    ] = None,
    source: Annotated[
        Literal["brainstorm", "plan", "worker"] | None, Query(description="Only those that were made there.")
    ] = None,
    q: Search = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> Listing[DecisionView]:
    """Choices made in all sessions, newest first."""
    found = queries.list_decisions(rt, limit=_ALL_DECISIONS, repo=repo, kind=kind, outcome=outcome, source=source, q=q)
    return page_of(found, limit, offset)


@router.patch("/decisions/{decision_id}")
def set_outcome(rt: Rt, decision_id: str, body: OutcomeChange) -> DecisionView:
    """Say how a decision turned out; `outcome` null: as the evidence has it."""
    return decisions.set_outcome(rt, decision_id, body)


@router.get("/templates")
def list_templates(
    rt: Rt, repo_path: Path4096 | None = None, limit: Limit = 50, offset: Offset = 0
) -> Listing[TemplateView]:
    """Session templates: the shipped ones, your own, and with `repo_path` those of that repository once it is trusted."""
    return page_of([_template(each) for each in template_library.listed(rt, repo_path)], limit, offset)


@router.post("/templates", status_code=201)
def create_template(rt: Rt, body: JsonObject) -> TemplateView:
    """Store a template of your own."""
    return _template(Found(templates.create_template(rt, body), "own"))


@router.get("/templates/{name}/toml", response_class=TomlText)
def export_template(rt: Rt, name: str) -> TomlText:
    """A template as a TOML file."""
    headers = {"Content-Disposition": f'attachment; filename="{_file_name(name)}"', "X-Content-Type-Options": "nosniff"}
    return TomlText(templates.toml_of(rt, name), headers=headers)


@router.post("/templates/import", status_code=201)
def import_template(rt: Rt, body: TemplateText) -> TemplateView:
    """Store a template from TOML; mistakes are named with line and field."""
    return _template(Found(templates.save_toml(rt, body.name, body.toml, replace=False), "own"))


@router.put("/templates/{name}")
def replace_template(rt: Rt, name: str, body: TemplateToml) -> TemplateView:
    """Replace a template of your own by this TOML."""
    return _template(Found(templates.save_toml(rt, name, body.toml, replace=True), "own"))


@router.delete("/templates/{name}", status_code=204)
def delete_template(rt: Rt, name: str) -> None:
    """Delete a template of your own."""
    templates.delete_template(rt, name)


@router.post("/sessions/{session_id}/template", status_code=201)
def save_as_template(rt: Rt, session_id: str, body: TemplateName) -> TemplateView:
    """Save a session as a template: words, questions, plan and configuration."""
    return _template(Found(templates.save_session(rt, session_id, body.name, body.title or ""), "own"))


@router.get("/settings")
def list_settings(rt: Rt, limit: Limit = 50, offset: Offset = 0) -> Listing[SettingView]:
    """Every setting with its value, default and origin; of secrets only whether they are set."""
    return page_of(preferences.list_settings(rt), limit, offset)


@router.put("/settings")
def change_settings(rt: Rt, body: JsonObject) -> Listing[SettingView]:
    """Store settings, ``{name: value}``; null goes back to the default. Keys are never stored."""
    items = preferences.change_settings(rt, body)
    return Listing(items=items, total=len(items))


def _template(found: Found) -> TemplateView:
    template, prefix = found.template, template_library.PREFIX if found.origin == "repository" else ""
    return TemplateView(
        name=prefix + template.name,
        title=template.title,
        description=template.description,
        shipped=found.origin == "shipped",
        origin=found.origin,
        problem=found.problem,
        left_out=list(found.left_out),
        body=template.model_dump(warnings=False),
    )


def _file_name(name: str) -> str:
    plain = name.rpartition("/")[2]
    return f"{plain}.toml" if template_library.is_name(plain) else "template.toml"
