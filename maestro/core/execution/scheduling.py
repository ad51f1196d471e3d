"""Which tasks start now. Pure choices over rows; nothing here has an effect."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from maestro.core.kernel.task_states import LANDING, TaskStatus
from maestro.core.planning.plan import overlap
from maestro.db import models

#: A task in one of these holds a worker slot and its declared files.
BUSY = frozenset({TaskStatus.RUNNING, TaskStatus.WAITING}) | LANDING

#: What a dependency must be for the next task to start.
SATISFIED = frozenset({TaskStatus.COMPLETED, TaskStatus.SKIPPED})


def ready(tasks: Sequence[models.Task]) -> list[models.Task]:
    """Pending tasks whose dependencies are integrated (or skipped), most urgent first, then in plan order."""
    status = {t.key: t.status for t in tasks}
    waiting = [t for t in tasks if t.status == "pending" and all(status.get(d) in SATISFIED for d in t.depends_on)]
    return sorted(waiting, key=lambda t: (t.priority, t.position))


def choose(
    tasks: Sequence[models.Task], max_workers: int, tracked: Iterable[str] = (), live: Collection[str] | None = None
) -> list[models.Task]:
    """The ready tasks to start now: as many as there are slots, none that declares files a busy one declares.

    ``live`` are the tasks that have a worker: one that waits for the user without one holds no slot.
    """
    # A task that waits for its first yes has no attempt yet: it holds nothing.
    busy = [t for t in tasks if t.status in BUSY and t.attempt > 0]
    idle = [t for t in busy if t.status == "waiting" and live is not None and t.id not in live]
    slots = max_workers - sum(1 for t in busy if t.status in {"running", "waiting"}) + len(idle)
    held = [t.files for t in busy]
    chosen: list[models.Task] = []
    files = tuple(tracked)
    for task in ready(tasks):
        if len(chosen) >= slots:
            break
        if any(overlap(task.files, other, files) for other in held):
            continue
        chosen.append(task)
        held.append(task.files)
    return chosen


def unfinished(tasks: Sequence[models.Task]) -> list[models.Task]:
    """Tasks that are neither in nor skipped."""
    return [t for t in tasks if t.status not in SATISFIED]


def finished(tasks: Sequence[models.Task]) -> bool:
    """Whether every task is in."""
    return bool(tasks) and not unfinished(tasks)


def dead_end(tasks: Sequence[models.Task]) -> str | None:
    """Why nothing of these tasks can ever go on, in words for the user; None while something can.

    Plans are checked before they are approved: what leads here is a damaged row, or one of another version.
    """
    if any(t.status in BUSY or t.status == "failed" for t in tasks) or ready(tasks):
        return None
    known = {t.key for t in tasks}
    for task in unfinished(tasks):
        if task.status != "pending":
            return f"Task {task.key} is in a state that Maestro does not know: {task.status}. Skip it, or cancel the session"
        unknown = [d for d in task.depends_on if d not in known]
        if unknown:
            return f"Task {task.key} waits for {', '.join(unknown)}, which is not a task of this session. Skip it to continue"
    return (
        "The remaining tasks depend on each other in a cycle. Skip one of them to continue"
        if unfinished(tasks)
        else None
    )
