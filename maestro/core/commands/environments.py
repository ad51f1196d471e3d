"""What is remembered of a repository for its new worktrees: confirming it, changing it, forgetting it."""

from __future__ import annotations

from maestro.core import repository_environment
from maestro.core.repository_environment import Environment, EnvironmentView
from maestro.core.runtime import Runtime
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


def forget_environment(rt: Runtime, path: str) -> None:
    """Forget it; what is found is offered anew. Raises NotFound when nothing is remembered."""
    with rt.db.write() as tx:
        repository_environment.forget(tx, path)
