"""Tasks, workers, log lines and series of measurements."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from maestro.core.views.reading import readable
from maestro.core.views.usage import Tokens
from maestro.db import models


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
    hears: bool = True  # whether its agent can be told something while it runs

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
    failure: str | None  # its kind, where a run failed: ``rate_limit``, ``network``, ``model``…
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


class Series(BaseModel):
    """One metric of one worker (or the session's own, ``worker_id`` null): times and values side by side."""

    name: str
    unit: str
    worker_id: str | None
    worker_name: str | None
    times: list[datetime]
    values: list[float]
