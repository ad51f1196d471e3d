"""A task's story as runs: each a worker and the checks that followed it. Timeline and attempt ladder tell it from here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise, zip_longest

from maestro.core.views import CheckRunView, TaskView, WorkerView
from pages.components.state import worker_life
from pages.shared.evidence import count_words
from pages.shared.waits import cut_by

#: A worker's end and its first check's start are written by two clocks.
_SLACK = timedelta(seconds=1)


@dataclass(slots=True)
class Run:
    """One run of an agent on a task."""

    worker: WorkerView
    checks: list[CheckRunView] = field(default_factory=list)
    tone: str = "running"
    outcome: str = ""
    reason: str = ""
    continued: bool = False  # the run before it was cut off: the same attempt goes on

    @property
    def live(self) -> bool:
        """Whether it still goes on."""
        return self.worker.status != "ended"


def runs_of(task: TaskView, workers: Iterable[WorkerView], checks: Iterable[CheckRunView]) -> list[Run]:
    """A task's runs, oldest first, each with the checks of its attempt that followed it."""
    runs = [Run(w) for w in sorted(workers, key=lambda w: w.started_at)]
    for check in checks:
        began = started(check)
        fits = (
            r for r in reversed(runs) if r.worker.started_at <= began + _SLACK and r.worker.attempt == check.attempt
        )
        owner = next(fits, None)
        if owner is not None:
            owner.checks.append(check)
    for before, run in pairwise(runs):
        run.continued = cut_by(before.worker) is not None and run.worker.attempt == before.worker.attempt
    for run, after in zip_longest(runs, runs[1:]):
        run.tone, run.outcome, run.reason = _judge(task, run, after)
    return runs


def by_task(workers: Iterable[WorkerView]) -> dict[str, list[WorkerView]]:
    """Workers by their task's id."""
    found: dict[str, list[WorkerView]] = defaultdict(list)
    for worker in workers:
        found[worker.task_id or ""].append(worker)
    return found


def checks_by_task(checks: Iterable[CheckRunView]) -> dict[str | None, list[CheckRunView]]:
    """Check runs by their task's id; None has those of the whole."""
    found: dict[str | None, list[CheckRunView]] = defaultdict(list)
    for check in checks:
        found[check.task_id].append(check)
    return found


def started(check: CheckRunView) -> datetime:
    """When a check run began."""
    return check.created_at - timedelta(seconds=check.duration_s)


def _judge(task: TaskView, run: Run, after: Run | None) -> tuple[str, str, str]:
    """Tone, outcome and reason of a run, in words for the user."""
    worker = run.worker
    detail = _first_line(worker.outcome_detail)
    if run.live:
        return _living(task, worker)
    failed = next((c for c in run.checks if not c.passed), None)
    if failed is not None:
        return "failed", "Check failed", f"`{failed.command}`: {count_words(failed)}" + _then(run, after)
    if cut_by(worker) == "endpoint" and (after is not None or task.status != "failed"):
        return "pending", "Stopped by the model endpoint", detail
    if worker.outcome == "failed":
        return "failed", "Failed", detail or "The agent ended without a reason."
    if worker.outcome in {"interrupted", "lost"}:
        return "pending", "Interrupted", detail or "The worker process disappeared."
    if worker.outcome == "cancelled":
        return "pending", "Stopped", detail or "Stopped by you."
    if after is not None:
        back = after.worker.attempt == worker.attempt + 1
        return ("failed", "Sent back", detail) if back else ("pending", "Run again", detail)
    return _last(task, detail)


def _living(task: TaskView, worker: WorkerView) -> tuple[str, str, str]:
    life = worker_life(worker)
    if life == "lost":
        return "failed", "Process ended unexpectedly", "Maestro checks what it left behind."
    tone = {"waiting": "waiting", "paused": "paused", "parked": "paused"}.get(life, "running")
    word = {"waiting": "Waiting for you", "paused": "Paused", "parked": "Parked", "starting": "Starting"}.get(
        life, "Running"
    )
    return tone, word, task.progress_note or _first_line(worker.last_action)


def _last(task: TaskView, detail: str) -> tuple[str, str, str]:
    if task.status == "completed":
        return "done", "Done", (task.result or {}).get("diff", "") or detail
    if task.status == "failed":
        return "failed", "Failed", task.error_message or detail
    if task.status in {"checking", "integrating"}:
        return "checking", "Being checked", task.progress_note or detail
    return "pending", "Ended", detail


def _then(run: Run, after: Run | None) -> str:
    sent_back = after is not None and after.worker.attempt == run.worker.attempt + 1
    return ". Sent back to the agent" if sent_back else ""


def _first_line(words: str | None) -> str:
    return (words or "").strip().partition("\n")[0][:400]
