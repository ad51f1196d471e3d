"""What new worktrees of a repository are given: what a user has confirmed, and what looking at it finds.

What is found is only offered. New sessions get what was confirmed; where the repository needs something else
by now, that is told beside it and changes nothing until a user says so.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlmodel import col, select

from maestro.core.kernel.agent_config import Command, HostName, PassedName
from maestro.core.kernel.runtime import Runtime
from maestro.core.workspaces import trials
from maestro.core.workspaces.trials import TrialView
from maestro.db.keeping import RepositoryEnvironment
from maestro.db.session import Transaction
from maestro.db.types import utcnow
from maestro.errors import InvalidInput, NotFound
from maestro.worktrees import repository, setup_detection
from maestro.worktrees.repository import RepositoryInfo

#: The members of an ``agent_config`` that are remembered of a repository.
PARTS = ("setup", "copy_files", "checks", "pass_env", "network_hosts")
MEMBERS = (*PARTS, "serial_checks", "check_network")


class Environment(BaseModel):
    """What a user confirms; the same members as in an ``agent_config``."""

    model_config = ConfigDict(extra="forbid")

    setup: list[Command] = Field(default_factory=list, max_length=20)
    copy_files: list[Command] = Field(default_factory=list, max_length=100)
    checks: list[Command] = Field(default_factory=list, max_length=50)
    pass_env: list[PassedName] = Field(default_factory=list, max_length=200)
    network_hosts: list[HostName] = Field(default_factory=list, max_length=100)
    serial_checks: bool = False
    check_network: bool = False


def parse_environment(data: Any) -> Environment:
    """Check an environment from outside. Raises InvalidInput naming each field (``setup.0``)."""
    try:
        return Environment.model_validate(data)
    except ValidationError as error:
        fields = {".".join(str(p) for p in e["loc"]): e["msg"] for e in error.errors()}
        raise InvalidInput("The worktree setup is not valid.", fields) from error


class RememberedView(BaseModel):
    """What a user has confirmed for a repository, and when."""

    repo_path: str
    git_dir: str
    setup: list[str]
    copy_files: list[str]
    checks: list[str]
    pass_env: list[str]
    network_hosts: list[str]
    serial_checks: bool
    check_network: bool
    confirmed_at: datetime


class FoundView(BaseModel):
    """Something worktrees of the repository probably need, and why."""

    kind: setup_detection.Kind
    value: str
    reason: str
    tool: str | None  # the program a command starts with
    tool_there: bool  # whether Maestro finds it on its PATH
    second: bool  # another lock file of the same trade comes before this one
    new: bool  # not yet there when the environment was confirmed, or none was


class EnvironmentView(BaseModel):
    """What is remembered of a repository (null: nothing) and what it seems to need now."""

    repo_path: str
    git_dir: str
    remembered: RememberedView | None
    found: list[FoundView]
    gone: list[str]  # remembered since it was found once, and no longer found
    tried: list[TrialView]  # what was tried before, the last one first


def environment(rt: Runtime, path: str, base_branch: str | None = None) -> EnvironmentView:
    """Look at the repository at ``path``, at the tip of ``base_branch`` (None: what is checked out).

    Nothing of the repository runs. Raises InvalidInput naming ``repo_path`` or ``base_branch``.
    """
    info = repository.inspect(path)
    _, commit = repository.resolve_base(info, base_branch)
    found = setup_detection.detect(info.root, commit)
    with rt.db.read() as db:
        row = db.get(RepositoryEnvironment, str(info.git_dir))
    seen = set(row.seen) if row else set()
    names = {_name(f.kind, f.value) for f in found}
    kept = [(part, value) for part in PARTS for value in getattr(row, part)] if row else []
    return EnvironmentView(
        repo_path=str(info.root),
        git_dir=str(info.git_dir),
        remembered=_view(row) if row else None,
        found=[_found(f, new=_name(f.kind, f.value) not in seen and (f.kind, f.value) not in kept) for f in found],
        gone=[value for part, value in kept if _name(part, value) in seen - names],
        tried=trials.results(rt, str(info.git_dir)),
    )


def remembered(rt: Runtime) -> list[RememberedView]:
    """All repositories of which something is remembered, the last confirmed first."""
    query = select(RepositoryEnvironment).order_by(col(RepositoryEnvironment.confirmed_at).desc())
    with rt.db.read() as db:
        return [_view(row) for row in db.exec(query).all()]


def confirmed(rt: Runtime, info: RepositoryInfo) -> dict[str, Any]:
    """What new sessions of a repository get where nothing else is asked for: members of an ``agent_config``."""
    with rt.db.read() as db:
        row = db.get(RepositoryEnvironment, str(info.git_dir))
    return {name: getattr(row, name) for name in MEMBERS if getattr(row, name)} if row else {}


def offered(info: RepositoryInfo, commit: str) -> list[str]:
    """What the repository offers at a commit, in the form ``store`` keeps it."""
    return [_name(f.kind, f.value) for f in setup_detection.detect(info.root, commit)]


def store(tx: Transaction, info: RepositoryInfo, chosen: Environment, seen: list[str]) -> None:
    """Remember what a user has confirmed, together with what the repository ``offered`` then."""
    tx.db.merge(
        RepositoryEnvironment(
            git_dir=str(info.git_dir),
            repo_path=str(info.root),
            **chosen.model_dump(),
            seen=seen,
            confirmed_at=utcnow(),
        )
    )
    tx.emit("environment_changed", "", repo_path=str(info.root))


def forget(tx: Transaction, path: str) -> None:
    """Forget what is remembered of a repository, by the path of its checkout or git folder; it may be gone by now."""
    query = select(RepositoryEnvironment).where(
        (col(RepositoryEnvironment.repo_path) == path) | (col(RepositoryEnvironment.git_dir) == path)
    )
    rows = tx.db.exec(query).all()
    if not rows:
        raise NotFound(f"Nothing is remembered for {path[:200]}.")
    for row in rows:
        tx.db.delete(row)
        tx.emit("environment_changed", "", repo_path=row.repo_path)


def _name(kind: str, value: str) -> str:
    return f"{kind} {value}"


def _view(row: RepositoryEnvironment) -> RememberedView:
    return RememberedView.model_validate(row.model_dump(exclude={"seen"}))


def _found(found: setup_detection.Found, *, new: bool) -> FoundView:
    return FoundView(
        kind=found.kind,
        value=found.value,
        reason=found.reason,
        tool=found.tool,
        tool_there=found.tool_there,
        second=found.second,
        new=new,
    )
