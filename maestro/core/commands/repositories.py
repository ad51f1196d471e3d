"""What a user can have done to a repository before a session works on it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from maestro.core import queries
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import RepositoryView
from maestro.errors import InvalidInput
from maestro.worktrees import first_commit, repository

Content = first_commit.Content


class FirstCommit(BaseModel):
    """What ``POST /repositories/first-commit`` takes: ``files`` commits all that is there, ``empty`` nothing."""

    model_config = ConfigDict(extra="forbid")

    content: Content
    init: bool = False


def make_first_commit(rt: Runtime, path: str, wanted: FirstCommit) -> RepositoryView:
    """Make the first commit of a repository that has none; with ``init``, of a folder that is none yet.

    Raises InvalidInput where there is a commit already, or the folder is no repository and ``init`` was not said.
    """
    folder, is_repository = repository.beginning_of(path)
    if not is_repository and not wanted.init:
        words = f"{folder} is not a git repository. Set `init` to make it one."
        raise InvalidInput(words, {"init": words})
    first_commit.make(folder, wanted.content, is_repository=is_repository)
    return queries.repository(rt, str(folder))
