"""Finding rows by id inside a transaction, with the error a caller should see."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sqlmodel import Session as DbSession
from sqlmodel import col, select

from maestro.db import models
from maestro.errors import BranchGone, Conflict, NotFound
from maestro.worktrees import history


def session_row(db: DbSession, session_id: str) -> models.Session:
    """A session. Raises NotFound."""
    row = db.get(models.Session, session_id)
    if row is None:
        raise NotFound(f"There is no session {session_id}.")
    return row


def is_there(folder: Path) -> bool:
    """Whether a stored path leads to a folder. One that can be none (too long, a damaged row) does not."""
    try:
        return folder.is_dir()
    except (OSError, ValueError):
        return False


def repository(session: models.Session) -> Path:
    """The user's repository. Raises Conflict when it is not where it was."""
    path = Path(session.repo_path)
    if not is_there(path):
        raise Conflict(f"The repository is no longer at {path}. Move it back there, then continue.")
    return path


def session_tip(session: models.Session) -> str:
    """Where the session branch stands now. Raises BranchGone, with the way to bring it back."""
    try:
        return history.tip(Path(session.repo_path), session.session_branch)
    except BranchGone as error:
        at = session.session_commit or session.base_commit
        raise BranchGone(f"{error.detail} To restore it: `git branch {session.session_branch} {at}`") from error


def task_row(db: DbSession, session_id: str, task: str) -> models.Task:
    """A task of a session, by id or key. Raises NotFound."""
    query = select(models.Task).where(
        models.Task.session_id == session_id, (col(models.Task.id) == task) | (col(models.Task.key) == task)
    )
    row = db.exec(query).first()
    if row is None:
        raise NotFound(f"There is no task {task} in this session.")
    return row


def tasks_of(db: DbSession, session_id: str) -> list[models.Task]:
    """A session's tasks in plan order."""
    query = select(models.Task).where(models.Task.session_id == session_id).order_by(col(models.Task.position))
    return list(db.exec(query).all())


def approval_row(db: DbSession, approval_id: str) -> models.Approval:
    """One question. Raises NotFound."""
    row = db.get(models.Approval, approval_id)
    if row is None:
        raise NotFound(f"There is no approval {approval_id}.")
    return row


def plan_row(db: DbSession, session: models.Session) -> models.PlanVersion:
    """The current plan. Raises NotFound when there is none yet."""
    query = select(models.PlanVersion).where(
        models.PlanVersion.session_id == session.id, models.PlanVersion.version == session.plan_version
    )
    row = db.exec(query).first()
    if row is None:
        raise NotFound("This session has no plan yet.")
    return row


def repairs_of(db: DbSession, session: models.Session) -> list[models.Task]:
    """Tasks that mend what the checks of the whole found: those that the approved plan does not have."""
    planned = {task["id"] for task in plan_row(db, session).plan_json["tasks"]}
    return [task for task in tasks_of(db, session.id) if task.key not in planned]


def validation_hint(db: DbSession, session_id: str) -> str | None:
    """What the user said when they last had a session tried again that its last checks had made fail."""
    turns = select(models.SessionHistory).where(
        models.SessionHistory.session_id == session_id,
        col(models.SessionHistory.event).in_(["give_up", "error", "retry", "follow_up"]),
    )
    last = db.exec(turns.order_by(col(models.SessionHistory.id).desc()).limit(2)).all()
    return last[0].reason if [turn.event for turn in last] == ["retry", "give_up"] else None


def live_workers(db: DbSession, session_id: str | None = None) -> list[models.Worker]:
    """Workers whose end is not recorded yet."""
    query = select(models.Worker).where(models.Worker.status != "ended")
    if session_id is not None:
        query = query.where(models.Worker.session_id == session_id)
    return list(db.exec(query).all())


def pending_approvals(db: DbSession, session_id: str) -> list[models.Approval]:
    """Questions of a session that nobody has answered."""
    query = select(models.Approval).where(models.Approval.session_id == session_id, models.Approval.status == "pending")
    return list(db.exec(query.order_by(col(models.Approval.created_at))).all())


def stuck_worker_ids(db: DbSession) -> set[str | None]:
    """Ids of workers that seem stuck: they stand still until the user has answered about them, whatever else goes on."""
    query = select(models.Approval.worker_id).where(
        models.Approval.kind == "stuck", models.Approval.status == "pending"
    )
    return set(db.exec(query).all())


def rollback_in_progress(db: DbSession, session_id: str) -> bool:
    """Whether a step is under way (a rollback, a restore) during which nothing of the session may start or land."""
    query = select(models.Intent.id).where(
        models.Intent.session_id == session_id,
        col(models.Intent.kind).in_(["rollback", "restore"]),
        col(models.Intent.done_at).is_(None),
    )
    return db.exec(query).first() is not None


def agent_type(db: DbSession, session: models.Session, key: str | None) -> str:
    """The kind of agent of a task: its own by the stored plan, else the session's. A damaged plan says nothing."""
    return _own_agents(db, session).get(str(key), session.agent_type)


def deaf_tasks(db: DbSession, session: models.Session, keys: list[str], hears: Callable[[str], bool]) -> set[str]:
    """Those tasks whose agent cannot be told anything while it runs. ``hears``: whether a kind of agent can."""
    own = _own_agents(db, session)
    kinds = {kind: hears(kind) for kind in {session.agent_type, *own.values()}}
    return {key for key in keys if not kinds[own.get(key, session.agent_type)]}


def _own_agents(db: DbSession, session: models.Session) -> dict[str, str]:
    with suppress(NotFound):
        stored = plan_row(db, session).plan_json
        tasks = stored.get("tasks") if isinstance(stored, dict) else None
        named = [(t.get("id"), t.get("agent")) for t in tasks or [] if isinstance(t, dict)]
        return {str(key): agent for key, agent in named if isinstance(agent, str) and agent}
    return {}
