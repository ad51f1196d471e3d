"""What others see: the contract's shapes (section 3), made from rows at read time."""

from __future__ import annotations

import logging
import math
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError, computed_field, model_validator

from maestro.agents import allowances
from maestro.db import models
from maestro.db.types import UNREADABLE
from maestro.terminal_text import Style, styled

_log = logging.getLogger(__name__)

_View = TypeVar("_View", bound=BaseModel)

#: What stands for a stored value that is of no use, by what its place takes.
_STAND_INS: tuple[Any, ...] = (None, UNREADABLE, 0, {}, [])


def readable(view: type[_View], data: dict[str, Any]) -> _View:
    """A view of a row, whatever is stored in it: one bad row must not take away the list in which it stands.

    What cannot be read is left out, and said where the view has a place for it.
    """
    try:
        return _countable(view.model_validate(data))
    except ValidationError as error:
        wrong = sorted({str(e["loc"][0]) for e in error.errors()})
    _log.warning("a row of %s cannot be read: %s", view.__name__, ", ".join(wrong))
    data = data | {name: _stand_in(view.model_fields[name].annotation) for name in wrong}
    if "error_message" in view.model_fields:
        data["error_message"] = f"Stored data cannot be read: {', '.join(wrong)}."
    return _countable(view.model_validate(data))


def _countable(found: _View) -> _View:
    """Numbers that are none have no form in JSON."""
    odd = [name for name, value in found.__dict__.items() if isinstance(value, float) and not math.isfinite(value)]
    return found.model_copy(update=dict.fromkeys(odd, 0.0)) if odd else found


def whole(stored: Any) -> int:
    """A stored count; 0 for what is none."""
    return stored if isinstance(stored, int) else 0


def finite(stored: Any) -> float:
    """A stored number; 0 for what is none."""
    return float(stored) if isinstance(stored, int | float) and math.isfinite(stored) else 0.0


def _stand_in(annotation: Any) -> Any:
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    for value in _STAND_INS:
        try:
            return adapter.validate_python(value)
        except ValidationError:
            continue
    return None


class Tokens(BaseModel):
    """Tokens, by kind."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    @classmethod
    def of(cls, *rows: Any) -> Tokens:
        """The sum over rows that have the four token columns."""
        return cls(
            input=sum(whole(r.input_tokens) for r in rows),
            output=sum(whole(r.output_tokens) for r in rows),
            cache_read=sum(whole(r.cache_read_tokens) for r in rows),
            cache_write=sum(whole(r.cache_write_tokens) for r in rows),
        )

    @property
    def total(self) -> int:
        """All of them together."""
        return self.input + self.output + self.cache_read + self.cache_write


class TaskCounts(BaseModel):
    """How many tasks are where, for thin bars and one-line summaries."""

    total: int = 0
    by_status: dict[str, int] = {}

    @property
    def done(self) -> int:
        """Completed and skipped ones."""
        return self.by_status.get("completed", 0) + self.by_status.get("skipped", 0)


class SessionView(BaseModel):
    """A session."""

    id: str
    title: str
    description: str
    status: str
    repo_path: str
    base_branch: str | None
    base_commit: str
    session_branch: str
    session_commit: str | None
    agent_type: str
    agent_config: dict[str, Any]
    template: str | None
    demo: bool
    created_at: datetime
    updated_at: datetime
    active_at: datetime  # when the session or its work last moved
    completed_at: datetime | None
    error_message: str | None
    progress: float
    tasks: TaskCounts
    tokens: Tokens
    cost_usd: float
    cost_incomplete: bool = False  # part of the tokens has no known price: the cost is at least this
    plan_version: int
    plan_approved_at: datetime | None
    idea_card: dict[str, Any]
    merged: bool
    merge: dict[str, Any] | None
    checkpoint_commit: str | None
    result: dict[str, Any] | None
    pending_approvals: int
    live_workers: int
    allowed_events: list[str]

    @property
    def needs_you(self) -> bool:
        """Whether the session waits for a user: a question, a failure, a plan to read, a result to merge."""
        finished = self.status == "completed" and not self.merged
        return finished or bool(self.pending_approvals) or self.status in {"plan_review", "failed"}


class MessageView(BaseModel):
    """A message of the brainstorm."""

    id: str
    number: int
    role: str
    content: str
    status: str
    error: str | None
    tool_uses: list[dict[str, Any]]
    created_at: datetime

    @classmethod
    def of(cls, row: models.Message) -> MessageView:
        """From its row."""
        return readable(cls, row.model_dump(warnings=False))


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


class TaskView(BaseModel):
    """A task."""

    id: str
    key: str
    position: int
    title: str
    description: str
    status: str
    priority: int
    depends_on: list[str]
    files: list[str]
    acceptance: list[str]
    checks: list[str]
    estimate_minutes: float | None
    requires_approval: bool
    attempt: int
    interruptions: int
    retry_at: datetime | None  # the model endpoint was not there: the next try
    worker_id: str | None
    progress: float
    progress_note: str | None
    branch: str | None
    worktree_path: str | None
    start_commit: str | None
    result_commit: str | None
    hint: str | None
    started_at: datetime | None
    completed_at: datetime | None
    result: dict[str, Any] | None
    error_message: str | None
    tokens: Tokens
    cost_usd: float
    cost_incomplete: bool = False  # as a session's

    @classmethod
    def of(cls, row: models.Task) -> TaskView:
        """From its row."""
        data = row.model_dump(warnings=False)
        more = {"worker_id": row.assigned_worker_id, "result": row.result_json, "tokens": Tokens.of(row)}
        return readable(cls, data | more)


class WorkerView(BaseModel):
    """A worker. ``alive`` is looked up in the process table at read time, never remembered.

    ``silent_s``: for so many seconds its process, which should run, gave no sign of life; None while it does.
    ``exit_code``: negative for a signal; None while it lives, and when the app that started it was gone at its end.
    """

    id: str
    session_id: str
    name: str
    pid: int | None
    status: str
    alive: bool
    silent_s: float | None
    task_id: str | None
    attempt: int
    started_at: datetime
    ended_at: datetime | None
    exit_code: int | None
    outcome: str | None
    outcome_detail: str | None
    cpu_percent: float
    memory_mb: float
    last_action: str | None
    last_event_at: datetime | None
    tokens: Tokens
    cost_usd: float


class LogView(BaseModel):
    """A log row."""

    id: int
    timestamp: datetime
    level: str
    source: str
    kind: str
    task_id: str | None
    worker_id: str | None
    message: str
    metadata: dict[str, Any] | None

    @classmethod
    def of(cls, row: models.AgentLog) -> LogView:
        """From its row."""
        return readable(cls, row.model_dump(warnings=False) | {"metadata": row.details})


class CheckRunView(BaseModel):
    """Evidence: one run of one check."""

    id: str
    task_id: str | None
    phase: str
    attempt: int
    command: str
    commit: str | None
    exit_code: int | None
    passed: bool
    duration_s: float
    output: str
    output_cut: bool
    tests_summary: dict[str, Any] | None = None  # passed, failed, skipped, total; newly_failing, fixed, …
    note: str | None = None  # why it counts as it does, where the exit code does not say it
    could_not_run: bool = False
    created_at: datetime
    styles: list[Style] = []  # where the output was colored; its text holds no escape codes

    @model_validator(mode="before")
    @classmethod
    def _read_as_on_a_terminal(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("output"), str) and not data.get("styles"):
            output, styles = styled(data["output"])
            return data | {"output": output, "styles": styles}
        return data

    @computed_field  # type: ignore[prop-decorator]
    @property
    def tells(self) -> str:
        """What the run told: ``tests`` by name, only their ``numbers``, or ``pass_or_fail``."""
        if self.tests_summary is None:
            return "pass_or_fail"
        return "tests" if self.tests_summary.get("complete", True) else "numbers"

    @classmethod
    def of(cls, row: models.CheckRun) -> CheckRunView:
        """From its row."""
        return readable(cls, row.model_dump(warnings=False))


class CheckpointView(BaseModel):
    """A point the session branch can go back to."""

    id: str
    number: int
    commit: str
    task_id: str | None
    title: str
    created_at: datetime

    @classmethod
    def of(cls, row: models.Checkpoint) -> CheckpointView:
        """From its row."""
        return readable(cls, row.model_dump(warnings=False))


class ApprovalView(BaseModel):
    """A question to the user."""

    id: str
    session_id: str
    session_title: str
    task_id: str | None
    task_key: str | None
    worker_id: str | None
    kind: str
    title: str
    detail: dict[str, Any]
    risk: str
    signature: str | None
    status: str
    message: str | None
    created_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def proposal(self) -> str | None:
        """After three answers alike: the line of the policy that would give this answer by itself from now on."""
        found = self.detail.get("proposal")
        return found if isinstance(found, str) and self.resolved_by == "you" else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def covers(self) -> str:
        """What "allow for this session" would allow, as a sentence; empty where it is not offered."""
        return allowances.in_words(self.signature) if self.signature else ""


class PauseView(BaseModel):
    """A span in which a session was paused; ``until`` None: it still is."""

    since: datetime
    until: datetime | None
    by_user: bool  # else Maestro paused it, to ask something


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


class Series(BaseModel):
    """One metric of one worker (or the session's own, ``worker_id`` null): times and values side by side."""

    name: str
    unit: str
    worker_id: str | None
    worker_name: str | None
    times: list[datetime]
    values: list[float]


class FileChange(BaseModel):
    """One changed file of a diff."""

    path: str
    insertions: int
    deletions: int


class DiffView(BaseModel):
    """What the session branch changes against its base."""

    base: str
    head: str
    files: list[FileChange]
    insertions: int
    deletions: int
    text: str
    text_cut: bool


class MergePreviewView(BaseModel):
    """What a merge would do, in numbers, and what stands in its way."""

    target: str | None
    method: str
    before: str | None
    commits: int
    files: int
    fast_forward_possible: bool
    conflicts: list[str]
    blockers: list[str]


class Overview(BaseModel):
    """The dashboard's numbers."""

    sessions: int
    by_status: dict[str, int]
    pending_approvals: int
    live_workers: int
    tokens_today: Tokens
    cost_today_usd: float


class SettingView(BaseModel):
    """One setting for the settings page."""

    name: str
    variable: str
    value: Any  # secrets: only whether they are set
    default: Any
    origin: str
    storable: bool
    secret: bool
    place: str | None = None  # where a key is kept, or would be, in words
    needs_restart: bool
    help: str
    choices: list[str] | None = None


class TemplateView(BaseModel):
    """A session template."""

    name: str
    title: str
    description: str
    shipped: bool
    body: dict[str, Any]


class RepositoryView(BaseModel):
    """A repository that a session can begin in."""

    root: Path
    head_commit: str
    branch: str | None  # None: detached
    branches: list[str]
    dirty_files: int
    shallow: bool
    has_submodules: bool


class BeginningView(BaseModel):
    """What the first commit of a folder would hold; ``names``: the first of its files."""

    root: Path
    is_repository: bool
    branch: str
    files: int
    total_bytes: int
    names: list[str]
    secrets: list[str]
    large: list[str]
    nested: list[str]
