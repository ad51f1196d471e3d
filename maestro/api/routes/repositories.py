"""Repositories: their first commit, what their new worktrees are given, and what they seem to need."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, StringConstraints

from maestro.api.models import Limit, Listing, Offset, Short, page_of
from maestro.api.runtime import Rt
from maestro.api.text import CheckedRoute
from maestro.core import queries
from maestro.core.commands import environments, repositories, trials, trust
from maestro.core.commands.repositories import FirstCommit
from maestro.core.planning import trust as trusting
from maestro.core.planning.trust import TrustView
from maestro.core.views import BeginningView, RepositoryView
from maestro.core.workspaces import repository_environment
from maestro.core.workspaces.repository_environment import Environment, EnvironmentView, RememberedView
from maestro.core.workspaces.trials import TrialView
from maestro.errors import InvalidInput

router = APIRouter(prefix="/repositories", tags=["Repositories"], route_class=CheckedRoute)

Path = Annotated[
    str,
    StringConstraints(min_length=1, max_length=4096, pattern=r"^[^\x00]*$"),
    Query(description="The folder of a git repository on this machine."),
]


@router.get("/environments")
def list_environments(rt: Rt, limit: Limit = 50, offset: Offset = 0) -> Listing[RememberedView]:
    """Of which repositories something is remembered, the last confirmed first."""
    return page_of(repository_environment.remembered(rt), limit, offset)


@router.get("/environment")
def read_environment(rt: Rt, path: Path, base_branch: Short | None = None) -> EnvironmentView:
    """What is remembered for new worktrees of a repository, and what looking at it finds; nothing of it runs."""
    try:
        return repository_environment.environment(rt, path, base_branch)
    except InvalidInput as error:
        raise _named(error) from error


@router.put("/environment")
def remember_environment(rt: Rt, path: Path, body: Environment) -> EnvironmentView:
    """Confirm what new sessions of a repository are given where they ask for nothing else."""
    try:
        return environments.remember_environment(rt, path, body)
    except InvalidInput as error:
        raise _named(error) from error


@router.delete("/environment", status_code=204)
def forget_environment(rt: Rt, path: Path) -> None:
    """Forget what is remembered of a repository; it may be gone by now."""
    environments.forget_environment(rt, path)


class Try(Environment):
    """``POST /repositories/environment/try``: what is to be tried, on which branch."""

    base_branch: Short | None = None


@router.post("/environment/try", status_code=202)
def begin_trial(rt: Rt, path: Path, body: Try) -> TrialView:
    """Run set-up and checks in a scratch worktree, which is removed afterwards. The event ``environment_tried`` ends it."""
    chosen = Environment(**body.model_dump(exclude={"base_branch"}))
    try:
        return trials.begin_trial(rt, path, chosen, body.base_branch)
    except InvalidInput as error:
        raise _named(error) from error


@router.get("/environment/try")
def read_trial(rt: Rt, path: Path) -> TrialView:
    """How far the trial is, or how the last one since Maestro began ended; remembered ones are in ``tried``."""
    try:
        return trials.trial(rt, path)
    except InvalidInput as error:
        raise _named(error) from error


@router.delete("/environment/try")
def stop_trial(rt: Rt, path: Path) -> TrialView:
    """End the trial that runs."""
    try:
        return trials.stop_trial(rt, path)
    except InvalidInput as error:
        raise _named(error) from error


class Trust(BaseModel):
    """``PUT /repositories/trust``."""

    model_config = ConfigDict(extra="forbid")

    trust: trusting.Answer


@router.get("/trust")
def read_trust(rt: Rt, path: Path) -> TrustView:
    """Whether a repository's own programs may run, and what work in it would run. Nothing of it runs for this answer."""
    try:
        return trusting.view(rt, path)
    except InvalidInput as error:
        raise _named(error) from error


@router.put("/trust")
def decide_on_trust(rt: Rt, path: Path, body: Trust) -> TrustView:
    """Decide on a repository as it is checked out now; open questions about it are answered with it."""
    try:
        return trust.decide_on_repository(rt, path, body.trust)
    except InvalidInput as error:
        raise _named(error) from error


@router.get("/first-commit")
def read_beginning(rt: Rt, path: Path) -> BeginningView:
    """What a first commit of a folder without one would hold. Nothing is written."""
    try:
        return queries.beginning(rt, path)
    except InvalidInput as error:
        raise _named(error) from error


@router.post("/first-commit", status_code=201)
def make_first_commit(rt: Rt, path: Path, body: FirstCommit) -> RepositoryView:
    """Make the first commit of a repository that has none; with ``init`` the folder becomes a repository first.

    It is offered by the problem document of a session's creation: its member ``first_commit`` says whether ``init``
    is needed.
    """
    try:
        return repositories.make_first_commit(rt, path, body)
    except InvalidInput as error:
        raise _named(error) from error


def _named(error: InvalidInput) -> InvalidInput:
    """The same error, its field called as it is here."""
    fields = {"path" if k == "repo_path" else k: v for k, v in error.fields.items()}
    return InvalidInput(error.detail, fields, **{k: v for k, v in error.extra.items() if k != "fields"})
