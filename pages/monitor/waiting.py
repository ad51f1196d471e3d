"""When a task of the monitor waited: for its own answers, with the whole session, and between its runs."""

from __future__ import annotations

from datetime import datetime
from itertools import zip_longest

from maestro.core.views import TaskView
from pages.monitor.attempts import Run
from pages.monitor.snapshot import Snapshot
from pages.shared.waits import Wait, gaps, held, standstills, waits_of, within


def task_waits(now: Snapshot, task: TaskView, runs: list[Run]) -> list[Wait]:
    """The spans in which a task waited; those of its own questions first, some of them may overlap."""
    own = waits_of(q for q in now.questions if q.task_id == task.id)
    if not runs:
        return own
    end = _end(task, runs)
    # A pause stops what runs. Other questions about the whole session only hold what would come next.
    found = [*own, *within(standstills(now.pauses, now.questions), runs[0].worker.started_at, end)]
    on_hold = held(now.questions)
    for run, after in zip_longest(runs, runs[1:]):
        if run.worker.ended_at:
            found += within(on_hold, run.worker.ended_at, after.worker.started_at if after else end)
    return [*found, *gaps((run.worker for run in runs), end)]


def _end(task: TaskView, runs: list[Run]) -> datetime | None:
    """When a task's work ended; None while it goes on."""
    if task.completed_at or task.status in {"running", "waiting", "checking", "integrating"}:
        return task.completed_at
    return None if runs[-1].live else runs[-1].worker.ended_at
