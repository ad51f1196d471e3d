"""Plans and decisions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel


class CheckForeseen(BaseModel):
    """What a check of the plan will tell when it runs, as far as its text says."""

    command: str
    tells: str  # tests: each by its name; numbers: how many; pass_or_fail
    note: str | None  # a sentence where it does not name its tests
    watches: str | None  # why it may never end


class PlannedCommand(BaseModel):
    """A command that Maestro will run as the user once the plan is approved."""

    purpose: str  # set-up, agent, check, or the key of a task with "check of"
    command: str


class PlanView(BaseModel):
    """A version of the plan, with what review needs beside it."""

    session_id: str
    version: int
    hash: str
    origin: str
    feedback: str | None
    created_at: datetime
    approved_at: datetime | None
    plan: dict[str, Any]
    critical_path: list[str]
    width: int
    uncovered: list[str]  # goals of the idea card that no task's acceptance line covers
    checks: list[CheckForeseen] = []  # of all tasks and of the whole, each command once
    runs: list[PlannedCommand] = []  # everything that Maestro runs as the user, as it is shown for approval


class DecisionView(BaseModel):
    """A choice that was made."""

    id: str
    session_id: str
    session_title: str
    task_id: str | None
    source: str
    decision_type: str
    context: str
    options: list[str]
    chosen: int | None
    rationale: str
    outcome: str | None
    created_at: datetime
