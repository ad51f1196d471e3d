"""What is remembered of a repository for its new worktrees: confirming it, changing it, forgetting it."""

from __future__ import annotations

from maestro.core import queries
from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import SessionView
from maestro.core.workspaces import repository_environment
from maestro.core.workspaces.repository_environment import Environment, EnvironmentView
from maestro.db.types import utcnow
from maestro.worktrees import repository


def remember_environment(rt: Runtime, path: str, chosen: Environment) -> EnvironmentView:
    """Remember what new sessions of the repository at ``path`` are given from now on.

    Raises InvalidInput naming ``repo_path`` when there is no repository that Maestro can work in.
    """
    info = repository.inspect(path)
    seen = repository_environment.offered(info, info.head_commit)
    with rt.db.write() as tx:
        repository_environment.store(tx, info, chosen, seen)
    return repository_environment.environment(rt, path)


def change_session_environment(rt: Runtime, session_id: str, chosen: Environment) -> SessionView:
    """Give the worktrees that a session makes from now on something else; its other configuration stays.

    Raises NotFound.
    """
    with rt.db.write() as tx:
        row = lookup.session_row(tx.db, session_id)
        kept = {name: value for name, value in row.agent_config.items() if name not in repository_environment.MEMBERS}
        row.agent_config = kept | {part: values for part, values in chosen.model_dump().items() if values}
        row.updated_at = utcnow()
        tx.db.add(row)
        tx.log(session_id, "Worktree setup changed.", source="you", details=chosen.model_dump())
        tx.emit("session_updated", session_id, title=row.title)
    return queries.get_session(rt, session_id)


def forget_environment(rt: Runtime, path: str) -> None:
    """Forget it; what is found is offered anew. Raises NotFound when nothing is remembered."""
    with rt.db.write() as tx:
        repository_environment.forget(tx, path)
