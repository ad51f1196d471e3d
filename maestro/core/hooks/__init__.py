"""What is looked at when an agent has ended and before its checks run, one small piece each, run in a row.

A hook gets the ``Landing`` and answers None (nothing to say) or a ``Finding``, which sends the task back
to its agent. The first finding counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maestro.db import models


@dataclass(frozen=True, slots=True)
class Landing:
    """An agent's finished run, committed, on its way to the session branch."""

    session: models.Session
    task: models.Task
    result: dict[str, Any]  # the worker's result event
    worktree: Path
    head: str
    checks: list[str]


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a run is not accepted: a sentence for the person, a prompt for the agent."""

    reason: str
    prompt: str


Hook = Callable[[Landing], Finding | None]
