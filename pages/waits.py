"""When work waited for the user, as its questions tell: that is neither work nor a measure of how long work takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from maestro.core.views import ApprovalView
from maestro.db.types import utcnow


@dataclass(slots=True)
class Wait:
    """A span in which an answer was waited for; ``until`` None: it still is."""

    since: datetime
    until: datetime | None
    title: str


def waits_of(questions: Iterable[ApprovalView]) -> list[Wait]:
    """The spans in which at least one of these questions was open, oldest first, apart from each other."""
    found: list[Wait] = []
    for asked in sorted(questions, key=lambda q: q.created_at):
        until = None if asked.status == "pending" else asked.resolved_at or asked.created_at
        last = found[-1] if found else None
        if last is None or (last.until is not None and last.until < asked.created_at):
            found.append(Wait(asked.created_at, until, asked.title))
        elif last.until is not None and (until is None or until > last.until):
            last.until = until
    return found


def waited_s(waits: Iterable[Wait], began: datetime, ended: datetime) -> float:
    """How many seconds between two moments were waiting."""
    spans = ((max(w.since, began), min(w.until or utcnow(), ended)) for w in waits)
    return sum(max((until - since).total_seconds(), 0.0) for since, until in spans)
