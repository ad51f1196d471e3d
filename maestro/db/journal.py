"""The event journal: what happened, in order, so that a listener can catch up without a gap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlmodel import Session as DbSession
from sqlmodel import col, select

from maestro import secrets
from maestro.db.models import AgentLog, EventRow, Metric
from maestro.db.types import utcnow


@dataclass(frozen=True, slots=True)
class Event:
    """One event as listeners get it. ``seq`` increases over the whole installation."""

    seq: int
    type: str
    session_id: str
    timestamp: datetime
    payload: dict[str, Any]

    def as_message(self) -> dict[str, Any]:
        """The WebSocket form (contract, section 5)."""
        return {
            **self.payload,
            "type": self.type,
            "seq": self.seq,
            "session_id": self.session_id,
            "timestamp": self.timestamp.isoformat(),
        }


def append(db: DbSession, type_: str, session_id: str, payload: dict[str, Any]) -> Event:
    """Add one event to the journal inside the caller's transaction."""
    payload = secrets.everywhere(payload, _change(payload))
    row = EventRow(session_id=session_id, type=type_, payload=payload)
    db.add(row)
    db.flush()
    assert row.seq is not None
    return Event(row.seq, type_, session_id, row.timestamp, payload)


def _change(payload: dict[str, Any]) -> Callable[[str], str]:
    """What an agent wants to run is shown so that nothing of it is hidden."""
    return secrets.clean_command if payload.get("kind") == "tool" else secrets.clean


def append_logs(db: DbSession, rows: Sequence[dict[str, Any]]) -> list[Event]:
    """Insert log rows (column values of ``AgentLog``, ``details`` for the metadata) with their events."""
    return _append_bulk(db, AgentLog, "log_entry", rows, log_payload)


def append_metrics(db: DbSession, rows: Sequence[dict[str, Any]]) -> list[Event]:
    """Insert metric rows (column values of ``Metric``) with their events."""
    return _append_bulk(db, Metric, "metric", rows, metric_payload)


def log_payload(row: dict[str, Any]) -> dict[str, Any]:
    """The ``log_entry`` event of a log row's column values."""
    names = ("id", "level", "source", "kind", "task_id", "worker_id", "message")
    return {name: row.get(name) for name in names} | {"metadata": row.get("details")}


def metric_payload(row: dict[str, Any]) -> dict[str, Any]:
    """The ``metric`` event of a metric row's column values."""
    return {
        "worker_id": row.get("worker_id"),
        "name": row["metric_name"],
        "value": row["metric_value"],
        "unit": row["unit"],
    }


def replay(db: DbSession, after: int, session_id: str | None = None, limit: int = 1000) -> list[Event]:
    """Events with ``seq > after``, oldest first, at most ``limit``; of one session or of all."""
    query = select(EventRow).where(col(EventRow.seq) > after)
    if session_id is not None:
        query = query.where(EventRow.session_id == session_id)
    rows = db.exec(query.order_by(col(EventRow.seq)).limit(limit)).all()
    logs = _by_id(db, AgentLog, (r.ref for r in rows if r.type == "log_entry"))
    metrics = _by_id(db, Metric, (r.ref for r in rows if r.type == "metric"))
    return [_revive(row, logs, metrics) for row in rows]


def last_seq(db: DbSession) -> int:
    """The newest event's ``seq``; 0 when there is none."""
    row = db.exec(select(EventRow.seq).order_by(col(EventRow.seq).desc()).limit(1)).first()
    return row or 0


def _append_bulk(
    db: DbSession,
    model: Any,
    type_: str,
    rows: Sequence[dict[str, Any]],
    payload: Callable[[dict[str, Any]], dict[str, Any]],
) -> list[Event]:
    """Core inserts, not ORM objects: several times as many rows a second, and logs come by the thousand."""
    if not rows:
        return []
    now = utcnow()
    table = model.__table__
    named = [{"timestamp": now, **row} for row in rows]
    stored = [{("metadata" if k == "details" else k): v for k, v in row.items()} for row in named]
    ids = db.scalars(insert(table).returning(table.c.id, sort_by_parameter_order=True), stored).all()
    events = [
        {"session_id": r["session_id"], "type": type_, "timestamp": r["timestamp"], "payload": None, "ref": i}
        for r, i in zip(named, ids, strict=True)
    ]
    journal = EventRow.__table__  # type: ignore[attr-defined]
    seqs = db.scalars(insert(journal).returning(journal.c.seq, sort_by_parameter_order=True), events).all()
    return [
        Event(seq, type_, row["session_id"], row["timestamp"], payload({**row, "id": i}))
        for seq, row, i in zip(seqs, named, ids, strict=True)
    ]


def _by_id(db: DbSession, model: Any, ids: Iterable[int | None]) -> dict[int, Any]:
    wanted = [i for i in ids if i is not None]
    found: dict[int, Any] = {}
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        found.update({row.id: row for row in db.exec(select(model).where(model.id.in_(part))).all()})
    return found


def _revive(row: EventRow, logs: dict[int, AgentLog], metrics: dict[int, Metric]) -> Event:
    assert row.seq is not None
    payload = row.payload or {}
    if row.ref is not None and row.type == "log_entry":
        payload = (
            log_payload(logs[row.ref].model_dump()) if row.ref in logs else {"message": "(removed)", "level": "info"}
        )
    elif row.ref is not None and row.type == "metric":
        payload = metric_payload(metrics[row.ref].model_dump()) if row.ref in metrics else {}
    return Event(row.seq, row.type, row.session_id, row.timestamp, payload)
