"""Metric series, thinned out for charts: means over equal spans of time, computed by the database."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, type_coerce
from sqlalchemy.sql.elements import ColumnElement
from sqlmodel import Session as DbSession
from sqlmodel import col, func, select

from maestro.db import models
from maestro.db.session import Database

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: The last moment that a time can be, in microseconds since then; and what no number of ours comes near.
_LAST = (datetime(9999, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
_MOST = 1e15


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one worker, or the session's own (``worker_id`` None), by time."""

    name: str
    unit: str
    worker_id: str | None
    worker_name: str | None
    points: list[tuple[datetime, float]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which series: of one metric, of one worker (its id or its name, ``W-1``), of a time; each of at most ``points`` points."""

    name: str | None = None
    worker: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    points: int = 500


def series(db: Database, session_id: str, wanted: Wanted) -> list[Series]:
    """All series of a session that fit, by name and worker.

    A series with more values than wanted is cut into so many equal spans of time; a point is the mean of a span's values
    at the mean of their times, and empty spans have none.
    """
    where = _conditions(session_id, wanted)
    with db.read() as session:
        workers = select(models.Worker.id, models.Worker.name).where(models.Worker.session_id == session_id)
        names = dict(session.exec(workers).all())
        found = []
        for key in _keys(session, where):
            metric, unit, worker_id, count, first, last = key
            values = _points(session, [*where, *_same(metric, worker_id)], count, first, last, wanted.points)
            found.append(Series(metric, unit, worker_id, names.get(worker_id or ""), values))
        return found


def _is_text(column: Any) -> Any:
    return func.typeof(column) == "text"


#: A damaged row, or one of another program, is no point of any series.
_READABLE = (
    _is_text(models.Metric.metric_name),
    _is_text(models.Metric.unit),
    func.typeof(models.Metric.timestamp) == "integer",
    type_coerce(col(models.Metric.timestamp), BigInteger).between(0, _LAST),
    func.typeof(models.Metric.metric_value).in_(["real", "integer"]),
    func.abs(models.Metric.metric_value) < _MOST,
    func.typeof(models.Metric.worker_id).in_(["text", "null"]),
)


def _conditions(session_id: str, wanted: Wanted) -> list[Any]:
    metric = models.Metric
    where: list[Any] = [metric.session_id == session_id, *_READABLE]
    if wanted.name is not None:
        where.append(metric.metric_name == wanted.name)
    if wanted.worker is not None:
        named = select(models.Worker.id).where(
            models.Worker.session_id == session_id, models.Worker.name == wanted.worker
        )
        where.append((col(metric.worker_id) == wanted.worker) | col(metric.worker_id).in_(named))
    if wanted.since is not None:
        where.append(col(metric.timestamp) >= wanted.since)
    if wanted.until is not None:
        where.append(col(metric.timestamp) <= wanted.until)
    return where


def _keys(session: DbSession, where: list[Any]) -> list[Any]:
    metric = models.Metric
    time = _micros()
    query = (
        select(  # type: ignore[call-overload]
            metric.metric_name, func.max(metric.unit), metric.worker_id, func.count(), func.min(time), func.max(time)
        )
        .where(*where)
        .group_by(metric.metric_name, metric.worker_id)
        .order_by(metric.metric_name, metric.worker_id)
    )
    return list(session.exec(query).all())


def _same(metric: str, worker_id: str | None) -> list[Any]:
    worker = col(models.Metric.worker_id)
    return [models.Metric.metric_name == metric, worker.is_(None) if worker_id is None else worker == worker_id]


def _points(
    session: DbSession, where: list[Any], count: int, first: int, last: int, points: int
) -> list[tuple[datetime, float]]:
    metric = models.Metric
    if count <= points:
        plain = select(metric.timestamp, metric.metric_value).where(*where)
        rows = session.exec(plain.order_by(col(metric.timestamp), col(metric.id))).all()
        return [(moment, value) for moment, value in rows]
    span = (last - first) // points + 1
    since_first = _micros() - first
    bucket = since_first // span
    query = select(func.avg(since_first), func.avg(metric.metric_value)).where(*where)
    means: Any = session.exec(query.group_by(bucket).order_by(bucket)).all()
    return [(_EPOCH + timedelta(microseconds=first + int(time)), float(value)) for time, value in means]


def _micros() -> ColumnElement[int]:
    """The stored form of a time: whole microseconds."""
    return type_coerce(col(models.Metric.timestamp), BigInteger)
