"""When work waited: for the user, as questions and pauses tell, or for a run to continue, as the runs themselves tell.

That is neither work nor a measure of how long work takes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

from maestro.core.views import ApprovalView, PauseView, TaskView, WorkerView
from maestro.db.types import utcnow

#: Questions for which Maestro pauses a session; the pause is stored a moment after the question.
_PAUSING = {"budget", "escape"}
_SLACK = timedelta(seconds=5)
#: Failures that are the model endpoint's, not the work's: the same attempt continues when they are over.
_ENDPOINT = frozenset({"rate_limit", "overloaded", "network", "auth"})
#: What a run's end says when the same attempt continues in another one.
_CUT = frozenset({"interrupted", "lost", "parked"})

#: What was waited for: the user's answer, the user's resume, the model endpoint, Maestro itself (which was not running).
Cause = Literal["answer", "resume", "endpoint", "restart"]


@dataclass(slots=True)
class Wait:
    """A span in which nothing was worked at; ``until`` None: it goes on."""

    since: datetime
    until: datetime | None
    title: str
    cause: Cause = "answer"

    @property
    def ended(self) -> datetime:
        """When it ended; now, while it goes on."""
        return self.until or utcnow()


def waits_of(questions: Iterable[ApprovalView]) -> list[Wait]:
    """The spans in which at least one of these questions was open, oldest first, apart from each other."""
    return apart(_asked(q) for q in questions)


def standstills(pauses: Iterable[PauseView], questions: Iterable[ApprovalView]) -> list[Wait]:
    """The spans in which a session was paused: by the user, or by Maestro, which has asked something."""
    causes = [_asked(q) for q in questions if q.kind in _PAUSING]
    found = []
    for pause in pauses:
        why = next(
            (c.title for c in causes if within([c], pause.since - _SLACK, pause.until)), "Maestro has a question"
        )
        found.append(
            Wait(pause.since, pause.until, "" if pause.by_user else why, "resume" if pause.by_user else "answer")
        )
    return found


def held(questions: Iterable[ApprovalView]) -> list[Wait]:
    """The spans in which nothing new began in a session, as a question was open that is about none of its tasks."""
    return waits_of(q for q in questions if q.task_id is None and q.kind not in _PAUSING)


def ran_until(worker: WorkerView) -> datetime | None:
    """When a run ended; for one that was found dead, when it was last heard of."""
    return (worker.outcome == "lost" and worker.last_event_at) or worker.ended_at


def cut_by(run: WorkerView) -> Cause | None:
    """Why a run ended before its attempt did: that continues in another run. None where it did not."""
    if run.failure in _ENDPOINT:
        return "endpoint"
    return "restart" if run.outcome in _CUT else None


def gaps(workers: Iterable[WorkerView], ended: datetime | None) -> list[Wait]:
    """The spans in which a task could not continue in its next run; ``ended``: when its work ended, None while it goes on."""
    runs = sorted(workers, key=lambda w: w.started_at)
    found = []
    for run, after in [*pairwise(runs), *((r, None) for r in runs[-1:])]:
        cause, since, until = cut_by(run), ran_until(run), after.started_at if after else ended
        if cause and since and (until is None or until > since) and (after is None or after.attempt == run.attempt):
            found.append(Wait(since, until, run.outcome_detail or "", cause))
    return found


def work_s(
    task: TaskView, workers: Iterable[WorkerView], asked: Iterable[ApprovalView], pauses: Iterable[PauseView]
) -> float | None:
    """How many seconds of work a finished task took; None while it is not finished."""
    if not task.started_at or not task.completed_at:
        return None
    asked = list(asked)
    idle = [*waits_of(q for q in asked if q.task_id == task.id), *standstills(pauses, asked), *held(asked)]
    idle += gaps((w for w in workers if w.task_id == task.id), task.completed_at)
    return (task.completed_at - task.started_at).total_seconds() - waited_s(idle, task.started_at, task.completed_at)


def apart(waits: Iterable[Wait]) -> list[Wait]:
    """The same spans with those joined that touch each other, oldest first."""
    found: list[Wait] = []
    for wait in sorted(waits, key=lambda w: w.since):
        last = found[-1] if found else None
        if last is None or (last.until is not None and last.until < wait.since):
            found.append(Wait(wait.since, wait.until, wait.title, wait.cause))
        elif last.until is not None and (wait.until is None or wait.until > last.until):
            last.until = wait.until
    return found


def within(waits: Iterable[Wait], began: datetime, ended: datetime | None) -> list[Wait]:
    """What of these spans lies between two moments; ``ended`` None: up to now and on."""
    found = []
    for wait in waits:
        ends = [at for at in (wait.until, ended) if at is not None]
        cut = Wait(max(wait.since, began), min(ends, default=None), wait.title, wait.cause)
        if cut.until is None or cut.until > cut.since:
            found.append(cut)
    return found


def waited_s(waits: Iterable[Wait], began: datetime, ended: datetime) -> float:
    """How many seconds between two moments were waiting."""
    return sum((w.ended - w.since).total_seconds() for w in within(apart(waits), began, ended))


def _asked(question: ApprovalView) -> Wait:
    until = None if question.status == "pending" else question.resolved_at or question.created_at
    return Wait(question.created_at, until, question.title)
