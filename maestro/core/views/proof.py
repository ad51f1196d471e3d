"""What others see of proof and of conflicts."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from maestro.core.views import ApprovalView, CheckRunView, Tokens


class EvidenceView(BaseModel):
    """What proves a task, or (``task_id`` null) a session: checks, answers, diff, attempts, cost, in one."""

    session_id: str
    task_id: str | None
    task_key: str | None
    status: str
    proven: bool
    why: str  # a sentence for a user
    attempts: int
    interruptions: int
    runs: int  # of agents
    checks: list[CheckRunView]  # outputs cut to their ends
    answers: list[ApprovalView]  # what was asked, open questions included
    diff: dict[str, Any] | None  # files, insertions, deletions
    duration_s: float | None
    tokens: Tokens
    cost_usd: float


class ConflictSide(BaseModel):
    """One version of a conflicting file; ``text`` is null where it is binary or does not exist."""

    text: str | None
    exists: bool
    binary: bool
    cut: bool


class ConflictFile(BaseModel):
    """A conflicting file: before both changes, on the session branch (ours), in the task (theirs), with markers."""

    path: str
    base: ConflictSide
    ours: ConflictSide
    theirs: ConflictSide
    merged: ConflictSide


class ConflictView(BaseModel):
    """Where a task's work does not fit the session branch as it is now; no files: it fits."""

    task_id: str
    task_key: str
    session_branch: str
    branch: str | None
    ours: str
    theirs: str
    subject: str
    detail: str
    files: list[ConflictFile]
