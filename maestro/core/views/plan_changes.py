"""What a change of an approved plan amounts to."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

PlanStepKind = Literal["added", "removed", "changed", "corrected", "moved"]


class PlanStep(BaseModel):
    """One part of a change. ``key``: the task's id; empty: the plan as a whole."""

    key: str
    what: PlanStepKind  # corrected: the checks of a task that has begun
    fields: list[str] = []
    words: str


class PlanChange(BaseModel):
    """A change of an approved plan; ``hash`` approves exactly this one."""

    version: int  # of the plan that it changes, or (``applied``) has made
    hash: str
    steps: list[PlanStep]
    applied: bool = False
