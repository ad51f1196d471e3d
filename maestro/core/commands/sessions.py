"""Creating, starting, renaming and deleting sessions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from maestro.agents import factory
from maestro.core import queries
from maestro.core.approvals import agent_questions, asking
from maestro.core.brainstorm import issues
from maestro.core.brainstorm.decisions import mirror_card
from maestro.core.brainstorm.idea_card import stored_card
from maestro.core.commands import conversation
from maestro.core.integration import retention, rollbacks
from maestro.core.kernel import lookup
from maestro.core.kernel.agent_config import AgentConfig, in_force, parse_agent_config
from maestro.core.kernel.locks import branch_lock
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import State, allowed_events, move
from maestro.core.limits import spending
from maestro.core.planning import template_library
from maestro.core.views import SessionView
from maestro.core.workspaces import cleanup, repository_environment
from maestro.core.workspaces.repository_environment import Environment
from maestro.db import models
from maestro.db.types import new_id, utcnow
from maestro.errors import NotAllowed
from maestro.worktrees import manager, repository

Words = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^\x00]*$")]


class NewSession(BaseModel):
    """What ``POST /sessions`` takes."""

    model_config = ConfigDict(extra="forbid")

    title: Annotated[Words, StringConstraints(max_length=255)] | None = None
    description: Annotated[Words, StringConstraints(max_length=200_000)] = ""
    repo_path: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    base_branch: Annotated[str, StringConstraints(max_length=500)] | None = None
    template: Annotated[str, StringConstraints(max_length=100)] | None = None
    issue: Annotated[Words, StringConstraints(max_length=500)] | None = Field(
        None,
        description="A GitHub issue to begin with: its address, `owner/name#12`, or its number in this repository.",
    )
    agent_type: Annotated[str, StringConstraints(max_length=50)] = "claude_code"
    agent_config: dict[str, Any] = Field(default_factory=dict)
    remember_environment: bool = Field(
        False,
        description="Remember this session's `setup`, `copy_files` and `checks` for new sessions of the repository.",
    )


@dataclass(frozen=True, slots=True)
class Carried:
    """What a session takes over from the one that it follows; ``base_commit``: that one's result, to begin from."""

    follows_id: str
    idea_card: dict[str, Any]
    base_commit: str | None = None


class SessionChanges(BaseModel):
    """What ``PATCH /sessions/{id}`` takes; only given members change, those of ``agent_config`` alike (null: unset)."""

    model_config = ConfigDict(extra="forbid")

    title: Annotated[Words, StringConstraints(min_length=1, max_length=255)] | None = None
    description: Annotated[Words, StringConstraints(max_length=200_000)] | None = None
    agent_config: dict[str, Any] | None = None
    away: bool | None = None  # agent_config.away alone, at once


def create_session(rt: Runtime, new: NewSession, *, demo: bool = False, carried: Carried | None = None) -> SessionView:
    """Check everything, then create a session in IDLE.

    Of ``setup``, ``copy_files`` and ``checks`` it gets what is asked for, else the template's, else what is
    remembered of the repository. Raises InvalidInput (repository, branch, agent type or configuration,
    template, issue); nothing is created then. ``carried``: what it takes over from a session that it follows.
    """
    info = repository.inspect(new.repo_path)
    base_branch, base_commit = repository.resolve_base(info, new.base_branch)
    factory.create(new.agent_type)
    found = template_library.find(rt, new.template, str(info.root)) if new.template else None
    agent_type = new.agent_type
    if found and found.template.agent_type and "agent_type" not in new.model_fields_set:
        agent_type = found.template.agent_type
    asked_for = (found.template.agent_config if found else {}) | new.agent_config
    given = repository_environment.confirmed(rt, info) | asked_for
    config = parse_agent_config(given).model_dump(exclude_defaults=True)
    session_id = new_id()
    source = issues.read(new.issue, info.root) if new.issue else None
    title = new.title or (source.title if source else _first_line(new.description)) or info.root.name
    row = models.Session(
        id=session_id,
        title=title,
        description=issues.opening(source, new.description) if source else new.description,
        source_json=source.model_dump(mode="json") if source else None,
        template=new.template,
        template_json=template_library.kept(found) if found else None,
        demo=demo or rt.settings.assistant == "demo",
        repo_path=str(info.root),
        base_branch=base_branch,
        base_commit=base_commit,
        session_branch=manager.session_branch(title, session_id),
        agent_type=agent_type,
        agent_config=config,
    )
    if carried is not None:
        row.follows_id, row.idea_card = carried.follows_id, carried.idea_card
        row.base_commit = carried.base_commit or row.base_commit
    seen = repository_environment.offered(info, base_commit) if new.remember_environment else []
    taken_up = sorted(given.keys() - asked_for.keys())
    with rt.db.write() as tx:
        tx.db.add(row)
        tx.db.flush()
        if row.idea_card:
            mirror_card(tx, session_id, stored_card(row.idea_card))
        tx.emit("session_created", session_id, title=title, status=row.status)
        if taken_up:
            words = "; ".join(_in_words(name, given[name]) for name in taken_up)
            tx.log(session_id, f"Setup remembered for this repository: {words}")
        if new.remember_environment:
            chosen = {part: config[part] for part in repository_environment.MEMBERS if part in config}
            repository_environment.store(tx, info, Environment.model_validate(chosen), seen)
    return queries.get_session(rt, session_id)


def create_demo(rt: Runtime) -> SessionView:
    """Create the demo's session on its sample repository, and start it."""
    from maestro.demo import sample

    repo = sample.make_repository(rt.data_dir / "demo" / "expenses")
    new = NewSession(title=sample.DEMO_TITLE, description=sample.DEMO_IDEA, repo_path=str(repo))
    session = create_session(rt, new, demo=True)
    return start_session(rt, session.id)


def start_session(rt: Runtime, session_id: str) -> SessionView:
    """IDLE to BRAINSTORMING; a description becomes the first message and is answered."""
    with rt.db.write() as tx:
        move(tx, lookup.session_row(tx.db, session_id), "start")
    conversation.open_conversation(rt, session_id)
    return queries.get_session(rt, session_id)


def update_session(rt: Runtime, session_id: str, changes: SessionChanges) -> SessionView:
    """Rename or reconfigure a session; a new configuration holds for workers started from now on.

    ``away`` holds at once: while it is on, agents are told no where they would have to ask.
    """
    with rt.db.write() as tx:
        row = lookup.session_row(tx.db, session_id)
        row.title = changes.title or row.title
        row.description = row.description if changes.description is None else changes.description
        was_away = bool(row.agent_config.get("away"))
        if changes.agent_config is not None:
            stored = {
                k: v for k, v in row.agent_config.items() if k in AgentConfig.model_fields
            }  # a damaged one is mended
            given = {k: v for k, v in (stored | changes.agent_config).items() if v is not None}
            row.agent_config = parse_agent_config(given).model_dump(exclude_defaults=True)
        if changes.away is not None:
            row.agent_config = {k: v for k, v in row.agent_config.items() if k != "away"}
            row.agent_config |= {"away": True} if changes.away else {}
        away = bool(row.agent_config.get("away"))
        row.updated_at = utcnow()
        tx.db.add(row)
        tx.emit("session_updated", session_id, title=row.title, away=away)
        if away != was_away:
            asking.absence_changed(tx, row, away=away)
            if away and in_force(row.agent_config, rt.settings).assume_when_away:
                agent_questions.assume(tx, row)
    if away != was_away:
        asking.deliver(rt)
        rt.wake()
    return queries.get_session(rt, session_id)


def delete_session(rt: Runtime, session_id: str) -> None:
    """Remove a session, its worktrees and its branches; its work stays under recovered refs for ``keep_recovered_days``.

    Raises NotAllowed while it executes, is paused or validates.
    """
    with rt.db.read() as db:
        _not_at_work(lookup.session_row(db, session_id))
    rollbacks.stop_all_work(rt, session_id)
    with branch_lock(rt, session_id):  # which whoever would set it to work again needs too
        with rt.db.read() as db:
            row = lookup.session_row(db, session_id)
        _not_at_work(row)
        if lookup.is_there(Path(row.repo_path)):
            cleanup.remove_worktrees(rt, row)
            cleanup.remove_branches(rt, row)
        view = queries.get_session(rt, session_id)
        workers = [w.id for w in queries.list_workers(rt, session_id)]
        with rt.db.write() as tx:
            session = lookup.session_row(tx.db, session_id)
            _not_at_work(session)
            if session.session_commit is not None:  # else it never had a branch, and nothing is kept
                retention.record(tx, session, view.cost_usd, rt.settings.keep_recovered_days)
            spending.keep_runs(tx.db, session)
            tx.db.delete(session)
            tx.emit("session_deleted", session_id, title=row.title)
    retention.remove_spools(rt, workers)


def _not_at_work(session: models.Session) -> None:
    if session.status in {State.EXECUTING, State.PAUSED, State.VALIDATING}:
        raise NotAllowed(
            "This session is still running. Cancel it first, then delete it.",
            state=session.status,
            allowed=allowed_events(session.status),
        )


def _in_words(name: str, value: list[str] | bool) -> str:
    return f"{name}: {', '.join(value)}" if isinstance(value, list) else "checks run one at a time"


def _first_line(text: str) -> str:
    line = next((part.strip() for part in text.splitlines() if part.strip()), "")
    return line if len(line) <= 80 else line[:79].rsplit(" ", 1)[0] + "…"
