"""Trials of what a repository's worktrees get: what they showed, and what is remembered of them."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from maestro.core.kernel.runtime import Runtime
from maestro.db.keeping import Fact
from maestro.db.session import Transaction

#: How many trials are remembered of a repository.
_KEPT = 5


class TrialStep(BaseModel):
    """One command of a trial. ``tests`` is how many tests it named, null where it reports pass or fail only."""

    kind: Literal["setup", "checks"]
    command: str
    state: Literal["running", "passed", "failed", "stopped"] = "running"
    exit_code: int | None = None
    seconds: float = 0.0
    tests: int | None = None
    passed: int | None = None
    output: str = ""  # its end


class TrialView(BaseModel):
    """A set of commands, tried in a worktree of its own: do they work, how long does it take, how much does it write?"""

    repo_path: str
    commit: str
    setup: list[str]
    copy_files: list[str]
    checks: list[str]
    state: Literal["running", "works", "fails", "stopped"] = "running"
    reason: str = ""  # why it fails
    notes: list[str] = []  # what could not be had here, a submodule say
    steps: list[TrialStep] = []
    seconds: float = 0.0
    disk_mb: float = 0.0  # of the worktree with all that the set-up put into it
    tests: int = 0  # named by all checks
    began_at: datetime

    def is_of(self, chosen: dict[str, Any]) -> bool:
        """Whether it tried just these commands and files."""
        return all(list(chosen.get(part) or []) == getattr(self, part) for part in ("setup", "copy_files", "checks"))


def results(rt: Runtime, git_dir: str) -> list[TrialView]:
    """What is remembered of a repository's trials, the last one first."""
    with rt.db.read() as db:
        row = db.get(Fact, _name(git_dir))
    return _views(row.value if row else None)


def record(tx: Transaction, git_dir: str, trial: TrialView) -> None:
    """Keep a finished trial; one of the same commands takes the place of an earlier one."""
    row = tx.db.get(Fact, _name(git_dir)) or Fact(name=_name(git_dir), value=[])
    others = [v for v in _views(row.value) if not v.is_of(trial.model_dump())]
    row.value = [view.model_dump(mode="json") for view in [trial, *others][:_KEPT]]
    tx.db.add(row)


def _views(value: Any) -> list[TrialView]:
    found = []
    for entry in value if isinstance(value, list) else []:
        try:
            found.append(TrialView.model_validate(entry))
        except ValidationError:
            continue  # of another version
    return found


def _name(git_dir: str) -> str:
    return f"tried-{hashlib.sha256(git_dir.encode('utf-8', 'surrogateescape')).hexdigest()[:24]}"
