"""When work waited for the user, as questions and pauses tell: that is neither work nor a measure of how long work takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from maestro.core.views import ApprovalView, PauseView
from maestro.db.types import utcnow

#: Questions for which Maestro pauses a session; the pause is stored a moment after the question.
_PAUSING = {"budget", "escape"}
_SLACK = timedelta(seconds=5)


@dataclass(slots=True)
class Wait:
    """A span in which an answer, or the resume, was waited for; ``until`` None: it still is."""

    since: datetime
    until: datetime | None
    title: str
    paused: bool = False  # by the user; else something was asked

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
        found.append(Wait(pause.since, pause.until, "" if pause.by_user else why, paused=pause.by_user))
    return found


def held(questions: Iterable[ApprovalView]) -> list[Wait]:
    """The spans in which nothing new began in a session, as a question was open that is about none of its tasks."""
    return waits_of(q for q in questions if q.task_id is None and q.kind not in _PAUSING)


def apart(waits: Iterable[Wait]) -> list[Wait]:
    """The same spans with those joined that touch each other, oldest first."""
    found: list[Wait] = []
    for wait in sorted(waits, key=lambda w: w.since):
        last = found[-1] if found else None
        if last is None or (last.until is not None and last.until < wait.since):
            found.append(Wait(wait.since, wait.until, wait.title, wait.paused))
        elif last.until is not None and (wait.until is None or wait.until > last.until):
            last.until = wait.until
    return found


def within(waits: Iterable[Wait], began: datetime, ended: datetime | None) -> list[Wait]:
    """What of these spans lies between two moments; ``ended`` None: up to now and on."""
    found = []
    for wait in waits:
        ends = [at for at in (wait.until, ended) if at is not None]
        cut = Wait(max(wait.since, began), min(ends, default=None), wait.title, wait.paused)
        if cut.until is None or cut.until > cut.since:
            found.append(cut)
    return found


def waited_s(waits: Iterable[Wait], began: datetime, ended: datetime) -> float:
    """How many seconds between two moments were waiting."""
    return sum((w.ended - w.since).total_seconds() for w in within(apart(waits), began, ended))


def _asked(question: ApprovalView) -> Wait:
    until = None if question.status == "pending" else question.resolved_at or question.created_at
    return Wait(question.created_at, until, question.title)
