"""This installation: the account, limits, storage, and repositories as they are found."""

from __future__ import annotations

from dataclasses import asdict

from maestro.core.execution import digest
from maestro.core.execution.digest import Digest
from maestro.core.guards import storage
from maestro.core.guards.storage import StorageProblem
from maestro.core.kernel.runtime import Runtime
from maestro.core.limits import account
from maestro.core.limits.account import AccountState
from maestro.core.queries import limits
from maestro.core.queries.limits import LimitsView
from maestro.core.views import (
    BeginningView,
    RepositoryView,
)
from maestro.worktrees import first_commit
from maestro.worktrees import repository as repositories


def account_state(rt: Runtime, *, demo: bool = False) -> AccountState | None:
    """Why no worker starts on the model account now (a limit, a refused key), until when; None while it takes work."""
    return account.account_state(rt, demo=demo)


def limits_in_force(rt: Runtime, session_id: str) -> LimitsView:
    """What limits a session now: budgets with what is used of them, and what else holds. Raises NotFound."""
    return limits.limits_in_force(rt, session_id)


def storage_problem(rt: Runtime) -> StorageProblem | None:
    """Why all work stands still now (disk full, read-only, locked), with what to do; None when all is well."""
    return storage.health(rt).problem


def last_digest(rt: Runtime) -> Digest | None:
    """While you were away: what happened between the last stop (or crash) and this start; None: nothing."""
    return digest.of_last_start(rt)


def repository(_rt: Runtime, path: str) -> RepositoryView:
    """Look at the repository at ``path`` as the creation of a session does. Raises InvalidInput, with what to do."""
    return RepositoryView.model_validate(asdict(repositories.inspect(path)))


def beginning(_rt: Runtime, path: str) -> BeginningView:
    """What a first commit at ``path`` would hold. Raises InvalidInput where none can be made."""
    folder, is_repository = repositories.beginning_of(path)
    return BeginningView.model_validate(asdict(first_commit.outlook(folder, is_repository=is_repository)))
