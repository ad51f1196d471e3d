"""A task that goes on in a fresh conversation: what it is told of the one before."""

from __future__ import annotations

from pathlib import Path

from sqlmodel import col, select

from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.text import clip
from maestro.db import models
from maestro.errors import MaestroError
from maestro.worktrees import integration
from maestro.worktrees.git import git

_CALLS = 40
_WORDS = 6
_FILES = 100


def story(rt: Runtime, task: models.Task, worktree: Path) -> str:
    """What the earlier conversation did, for the prompt of a new one: files, last calls, last words."""
    changed = _changed(task, worktree)
    with rt.db.read() as db:
        query = select(models.AgentLog).where(models.AgentLog.task_id == task.id)
        newest = query.order_by(col(models.AgentLog.id).desc())
        calls = db.exec(newest.where(models.AgentLog.kind == "tool").limit(_CALLS)).all()
        words = db.exec(newest.where(models.AgentLog.kind == "text").limit(_WORDS)).all()
    parts = [
        "# There was a conversation before this one",
        f"It could not go on: {clip(task.guard_state.afresh or 'no reason is known.', 1500)}",
        "Its work is still in this worktree. Look at what is there before you go on, do not do it again, and avoid "
        "what broke it: no large pictures, no output of many thousands of lines.",
        _listed("Files that differ from where the task began", changed[:_FILES]),
        _listed("Its last steps, oldest first", [row.message[:200] for row in reversed(calls)]),
        _listed("Its last words, oldest first", [clip(row.message, 1500) for row in reversed(words)]),
    ]
    return "\n\n".join(part for part in parts if part)


def _changed(task: models.Task, worktree: Path) -> list[str]:
    """Paths that are committed since the task began, or not committed yet."""
    try:
        left = git(worktree, "status", "--porcelain", "-z", "--untracked-files=all", "--no-renames").fields
        paths = [entry[3:] for entry in left]
        if task.start_commit:
            head = integration.head(worktree)
            paths += integration.diff_summary(worktree, task.start_commit, head).paths
    except MaestroError:
        return []
    return sorted(set(paths))


def _listed(title: str, lines: list[str]) -> str:
    return f"## {title}\n" + "\n".join(f"- {line}" for line in lines) if lines else ""
