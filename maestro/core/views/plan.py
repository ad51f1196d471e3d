"""Plans and decisions."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from maestro.core.views.reading import readable
from maestro.db import models


class CheckTried(BaseModel):
    """What a check showed when it was run on the untouched base, before anybody approves it."""

    command: str
    kind: Literal["passed", "failed", "cannot_run", "not_there"]
    reason: str = ""  # why it cannot run
    tests: int | None = None  # that it named; null where it reports pass or fail only
    passed: int | None = None
    seconds: float = 0.0
    exit_code: int | None = None
    output: str = ""  # its end
    verdict: str = ""  # runs, fails, fails_now (as it should before the work), nothing_new, not_there, cannot_run
    words: str = ""  # the verdict in words


class PlanTrial(BaseModel):
    """How far the trial of a plan's checks is, or how the last one since the start of the app ended."""

    state: Literal["none", "running", "done", "stopped", "failed"] = "none"
    tried: int = 0
    total: int = 0
    command: str = ""  # that runs now
    reason: str = ""  # why it ended early
    began_at: datetime | None = None


class CheckForeseen(BaseModel):
    """What a check of the plan will tell when it runs, as far as its text says."""

    command: str
    tells: str  # tests: each by its name; numbers: how many; pass_or_fail
    note: str | None  # a sentence where it does not name its tests
    watches: str | None  # why it may never end
    tried: CheckTried | None = None  # what it showed on the base, where it was tried


class PlannedCommand(BaseModel):
    """A command that Maestro will run as the user once the plan is approved."""

    purpose: str  # set-up, agent, check, or the key of a task with "check of"
    command: str


class TraceRow(BaseModel):
    """A requirement of the idea card (or a goal, without an id), and what of the plan fulfils and proves it."""

    id: str
    text: str
    tasks: list[str]
    checks: list[str]
    by_words: bool  # a guess: the tasks say it in much the same words, none names it
    gap: str  # no_task, no_check, or nothing


class PlanCommentView(BaseModel):
    """What the user says of a task, or of the plan (``task`` is empty)."""

    id: str
    task: str
    version: int
    text: str
    created_at: datetime
    answered_by: int | None

    @classmethod
    def of(cls, row: models.PlanComment) -> PlanCommentView:
        """The view of a row."""
        return readable(cls, row.model_dump(warnings=False))


class PlanVersionView(BaseModel):
    """A version of a plan in the list of all."""

    version: int
    origin: str
    feedback: str | None
    created_at: datetime
    approved_at: datetime | None
    hash: str
    tasks: int
    plan: dict[str, Any] | None = None  # only where one version is asked for

    @classmethod
    def of(cls, row: models.PlanVersion, *, whole: bool = False) -> PlanVersionView:
        """The view of a row."""
        listed = row.plan_json.get("tasks") if isinstance(row.plan_json, dict) else None
        data = row.model_dump(warnings=False) | {"tasks": len(listed) if isinstance(listed, list) else 0}
        return readable(cls, data | {"plan": row.plan_json if whole else None})


class FieldChange(BaseModel):
    """A field before and after; null or empty where it was, or is, not there."""

    name: str
    before: Any = None
    after: Any = None


class TaskChange(BaseModel):
    """What became of a task from one version to another."""

    id: str
    title: str
    change: Literal["added", "removed", "changed", "moved"]
    fields: list[FieldChange] = []


class PlanDiff(BaseModel):
    """What version ``new`` changes of version ``old``."""

    old: int = 0
    new: int = 0
    whole: list[FieldChange] = []  # outside of tasks
    tasks: list[TaskChange] = []


class Range(BaseModel):
    """From the lower to the upper quartile of what is likely."""

    low: float
    high: float


class HotSpot(BaseModel):
    """Tasks that may change the same files at the same time."""

    tasks: list[str]
    files: list[str]


class Risk(BaseModel):
    """The task on which most depends, and why."""

    task: str
    reasons: list[str]


class PlanEstimate(BaseModel):
    """What a plan may take. ``known``: finished tasks that it is from; 0: the plan's own estimates."""

    minutes: Range
    cost_usd: Range | None = None  # null: no public price, or too little known
    tokens: Range
    known: int = 0
    hot_spots: list[HotSpot] = []
    riskiest: Risk | None = None


class PlanActual(BaseModel):
    """What the finished tasks of a plan took so far; ``minutes`` from the first start to the last end."""

    minutes: float
    cost_usd: float
    tokens: int
    tasks: int


class PlanFinding(BaseModel):
    """Something that the second pass found in the draft, and the change against it."""

    kind: str = "other"
    task: str = ""
    problem: str
    change: str = ""


class PlanReview(BaseModel):
    """The second pass over a draft: what it found, and what the rewrite changed. ``problem``: why it could not be made."""

    findings: list[PlanFinding] = []
    changes: PlanDiff | None = None
    problem: str = ""


class DraftedTask(BaseModel):
    """A task of a plan that is being written."""

    id: str
    title: str


class PlanProgress(BaseModel):
    """How far a plan is that is being made."""

    phase: str = "reading"  # reading, drafting, reviewing, rewriting
    files: list[str] = []  # what the assistant looked at
    tasks: list[DraftedTask] = []
    findings: list[str] = []  # of the second pass


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
    trial: PlanTrial = PlanTrial()  # of its checks on the base
    trace: list[TraceRow] = []
    comments: list[PlanCommentView] = []  # that are open
    review: PlanReview | None = None  # the second pass, of a plan that the assistant made
    estimate: PlanEstimate | None = None  # of an approved plan as it was then
    actual: PlanActual | None = None


class DecisionView(BaseModel):
    """A choice that was made."""

    id: str
    session_id: str
    session_title: str
    repo_path: str = ""
    task_id: str | None
    source: str
    decision_type: str
    context: str
    options: list[str]
    chosen: int | None
    rationale: str
    outcome: str | None  # success, partial, failure, unknown; null while the work is not over
    outcome_reason: str | None = None
    outcome_by: str | None = None  # evidence, you
    outcome_measured_at: datetime | None = None
    created_at: datetime
