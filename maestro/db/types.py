"""Column types shared by all tables, and the one clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import BigInteger
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utcnow() -> datetime:
    """The present moment, timezone-aware, in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """A fresh UUID string, the id of everything but logs, metrics and events."""
    return str(uuid4())


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time, kept as whole microseconds since 1970: small, ordered, and exact.

    Naive datetimes are refused, so that a local time never slips in.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Python to database."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime: every time in Maestro carries its zone")
        return (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Database to Python."""
        return None if value is None else _EPOCH + timedelta(microseconds=int(value))
