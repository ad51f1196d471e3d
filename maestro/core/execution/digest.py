"""While you were away: what happened to the sessions between the last stop (or crash) and this start.

Workers go on without the app. Its next start takes in what they wrote meanwhile; the difference is the digest.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ValidationError
from sqlmodel import Session as DbSession
from sqlmodel import col, func, select

from maestro.core.approvals import asking
from maestro.core.execution import ingest, run_end
from maestro.core.kernel import lookup, processes
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import State
from maestro.db import models
from maestro.db.keeping import Fact
from maestro.db.types import utcnow

_FACT = "digest"
_STOPPED = "stopped_at"


class SessionDigest(BaseModel):
    """One session's part: counts, and each as a sentence in ``lines``."""

    session_id: str
    title: str
    status: str
    agents_finished: int = 0  # their checks run now
    workers_kept: int = 0  # still at work, taken back
    workers_lost: int = 0  # died; their tasks go on in the same conversation
    questions: int = 0
    failures: int = 0
    denied_away: int = 0  # by Maestro, because the user was away
    log_rows: int = 0
    lines: list[str] = []


class Digest(BaseModel):
    """``crashed``: the last stop was none that anybody asked for. No sessions: nothing happened."""

    since: datetime
    until: datetime
    crashed: bool
    sessions: list[SessionDigest] = []


def of_last_start(rt: Runtime) -> Digest | None:
    """What happened while the app was last away; None before the first stop."""
    with rt.db.read() as db:
        row = db.get(Fact, _FACT)
    try:
        return Digest.model_validate(row.value) if row is not None and row.value else None
    except ValidationError:  # of another version, or damaged
        return None


def since(rt: Runtime, moment: datetime) -> dict[str, int]:
    """How many events of each type there were after a moment: for windows that come back later."""
    kinds = ("task_completed", "task_failed", "approval_requested", "session_completed", "session_failed", "merged")
    query = (
        select(models.EventRow.type, func.count())
        .where(models.EventRow.timestamp > moment, col(models.EventRow.type).in_(kinds))
        .group_by(models.EventRow.type)
    )
    with rt.db.read() as db:
        return dict(db.exec(query).all())


def note_stop(rt: Runtime) -> None:
    """Remember that this stop was asked for, and when."""
    with rt.db.write() as tx:
        tx.db.merge(Fact(name=_STOPPED, value=utcnow().isoformat()))


def catch_up(rt: Runtime) -> Digest | None:
    """Take in all that living and dead workers wrote meanwhile, and store what it comes to.

    None when no session was at work: then there is nothing to tell.
    """
    with rt.db.read() as db:
        workers = run_end.watched(db)
        stopped = db.get(Fact, _STOPPED)
        left = _last_event(db)
        before = {w.session_id: _rows(db, w.session_id) for w in workers}
    crashed = stopped is None or not stopped.value
    away = left if crashed else _time(stopped.value) if stopped else None
    parts: dict[str, Counter[str]] = {}
    for worker in workers:
        while ingest.ingest(rt, worker.id):
            pass
        parts.setdefault(worker.session_id, Counter())[_fate(rt, worker)] += 1
    with rt.db.write() as tx:
        tx.db.merge(Fact(name=_STOPPED, value=None))
        if away is None or not workers:
            return None
        told = [
            _part(tx.db, sid, counts, before[sid], away)
            for sid, counts in parts.items()
            if tx.db.get(models.Session, sid) is not None  # a damaged row: its worker is of no session
        ]
        found = Digest(since=away, until=utcnow(), crashed=crashed, sessions=told)
        tx.db.merge(Fact(name=_FACT, value=found.model_dump(mode="json"), updated_at=found.until))
        for part in told:
            tx.log(part.session_id, f"While Maestro was away: {'; '.join(part.lines) or 'nothing happened'}.")
            tx.emit("digest", part.session_id, **part.model_dump(exclude={"session_id"}), crashed=crashed)
    return found


def _time(stored: Any) -> datetime | None:
    """When the app was stopped; None where that cannot be read."""
    try:
        return datetime.fromisoformat(str(stored))
    except ValueError:
        return None


def _fate(rt: Runtime, worker: models.Worker) -> str:
    with rt.db.read() as db:
        now = db.get(models.Worker, worker.id)
    if now is not None and now.result_json is not None:
        return "finished" if now.result_json.get("outcome") == "success" else "failed"
    return "kept" if processes.alive(now or worker) else "lost"


def _part(db: DbSession, session_id: str, counts: Counter[str], before: int, away: datetime) -> SessionDigest:
    session = lookup.session_row(db, session_id)
    query = select(func.count()).where(
        models.Approval.session_id == session_id, models.Approval.created_at > away, models.Approval.status == "pending"
    )
    asked = db.exec(query).one()
    denied = len(asking.denied_in_absence(db, session_id, away))
    rows = _rows(db, session_id) - before
    kept = ("worker kept running; reconnected", "workers kept running; reconnected")
    lost = ("worker died; restarted", "workers died; restarted")
    if session.status == State.PAUSED:
        kept = ("worker is paused; reconnected", "workers are paused; reconnected")
        lost = ("worker died; restarts when you resume", "workers died; restart when you resume")
    words = [
        (counts["finished"], "agent finished", "agents finished"),
        (counts["kept"], *kept),
        (counts["lost"], *lost),
        (counts["failed"], "agent failed", "agents failed"),
        (asked, "question is waiting for you", "questions are waiting for you"),
        (denied, "request was denied because you were away", "requests were denied because you were away"),
        (rows, "new log row", "new log rows"),
    ]
    return SessionDigest(
        session_id=session_id,
        title=session.title,
        status=session.status,
        agents_finished=counts["finished"],
        workers_kept=counts["kept"],
        workers_lost=counts["lost"],
        failures=counts["failed"],
        questions=asked,
        denied_away=denied,
        log_rows=rows,
        lines=[f"{n} {one if n == 1 else many}" for n, one, many in words if n],
    )


def _rows(db: DbSession, session_id: str) -> int:
    return db.exec(select(func.count()).where(models.AgentLog.session_id == session_id)).one()


def _last_event(db: DbSession) -> datetime | None:
    query = select(models.EventRow.timestamp).order_by(col(models.EventRow.seq).desc()).limit(1)
    return db.exec(query).first()
