"""What is looked at when an agent has ended and before its checks run, one small piece each, run in a row.

A hook gets the ``HookContext`` and answers None (nothing to say), a ``Finding``, which sends the task back to its
agent, or a ``Question``, which only the user can answer. The first that says anything counts.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maestro.core.proving.findings import Finding
from maestro.db import models

if TYPE_CHECKING:
    from maestro.core.approvals.question import Question


@dataclass(frozen=True, slots=True)
class HookContext:
    """An agent's finished run, committed, on its way to the session branch."""

    session: models.Session
    task: models.Task
    result: dict[str, Any]  # the worker's result event
    worktree: Path
    head: str
    checks: list[str]
    accepted: Callable[[str], Set[str]]  # by kind of question: what the user has said yes to
    known_tests: Callable[[], str]  # see ``check_changes.tried_tests``

    @property
    def repo(self) -> Path:
        """The user's repository."""
        return Path(self.session.repo_path)

    @property
    def start(self) -> str:
        """Where the task's own commits begin."""
        assert self.task.start_commit is not None
        return self.task.start_commit


Hook = Callable[[HookContext], "Finding | Question | None"]
