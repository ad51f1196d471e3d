"""Column types shared by all tables, and the one clock.

What is stored is read whatever it is: a damaged value must not take the whole list with it in which its row stands.
"""

from __future__ import annotations

import base64
import json
import logging
import math
import re
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import JSON, BigInteger, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from maestro import secrets
from maestro.db.sound import sound_text

_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_log = logging.getLogger(__name__)


def utcnow() -> datetime:
    """The present moment, timezone-aware, in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """A fresh UUID string, the id of everything but logs, metrics and events."""
    return str(uuid4())


def is_id(stored: str) -> bool:
    """Whether a stored id can be one that Maestro made. Only such a one may name what is deleted from the disk."""
    return _ID.fullmatch(stored) is not None


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
        """Database to Python. What is no time reads as 1970: whatever waits for it waits no longer."""
        if value is None:
            return None
        try:
            return _EPOCH + timedelta(microseconds=int(value))
        except (ValueError, TypeError, OverflowError):
            _log.warning("a stored time cannot be read: %.100r", value)
            return _EPOCH


#: Stands for text, a command or a name that cannot be read. What follows from it fails, and is seen: a check that is
#: left out, or a dependency, would not be.
UNREADABLE = "(unreadable)"


#: JSON that is nested deeper is taken for none: what writes answers refuses it, with the whole list that it stands in.
_DEEPEST = 100


class Unreadable(str):
    """What stands for stored JSON that is none."""


def read_json(stored: Any) -> Any:
    """The engines' reader of JSON columns: ``Unreadable`` for what is none, instead of failing the whole query."""
    if isinstance(stored, int | float):
        return stored if math.isfinite(stored) else None  # SQLite keeps a lone number as one
    try:
        found = json.loads(stored, parse_constant=lambda _name: None)
        if stored.count("[") + stored.count("{") > _DEEPEST and _is_deeper(found, _DEEPEST):
            raise RecursionError
        # Halves of characters, which no answer and no file can hold; the escapes of whole ones begin like them.
        return _whole(found) if "\\ud" in stored or "\\uD" in stored else found
    except (ValueError, TypeError, RecursionError):
        _log.warning("stored JSON cannot be read: %.100r", stored)
        return Unreadable(str(stored)[:500])


def _is_deeper(value: Any, levels: int) -> bool:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels < 0 or any(_is_deeper(member, levels - 1) for member in members)


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_whole(name): _whole(member) for name, member in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list) else value


class Words(TypeDecorator[str]):
    """Text that is read, told and shown, never run or compared: no secret is stored in it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Python to database."""
        return secrets.clean(value) if isinstance(value, str) else value

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:
        """Database to Python."""
        return sound_text(value)


class Line(Words):
    """Such a text of one line."""

    impl = String  # type: ignore[assignment]
    cache_ok = True


class SoundJson(TypeDecorator[Any]):
    """JSON of one shape. What is stored in another reads as ``UNREADABLE`` in this one, or as None where that may be.

    ``shape``: dict, list, or object for anything; ``of``: what a list holds. The stored value stays as it is
    until something is written in its place.
    """

    impl = JSON
    cache_ok = True
    #: As of JSON itself: None is stored as ``null``.
    should_evaluate_none = True

    def __init__(self, shape: type, *, of: type = str, nullable: bool = False) -> None:
        super().__init__()
        self.shape, self.of, self.nullable = shape, of, nullable

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Any:
        """Database to Python."""
        wrong = isinstance(value, Unreadable) or not isinstance(value, self.shape)
        if wrong and self.nullable:
            return None
        if self.shape is list:
            items = value if isinstance(value, list) else [None]
            stand_in = [UNREADABLE] if self.of is str else []
            return [found for i in items for found in ([i] if isinstance(i, self.of) else stand_in)]
        return {"unreadable": str(value)[:500]} if wrong else value


class TextsOfJson(SoundJson):
    """JSON of which the texts are only read, told and shown: no secret is stored in them."""

    cache_ok = True

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> Any | None:
        """Python to database."""
        return secrets.everywhere(value)


class Outcomes(SoundJson):
    """How each of many tests ended, by name; packed where there are so many that the row would be large.

    Names of tests are much alike: packed, those of a large suite take no more than a hash of each would.
    """

    cache_ok = True

    _PLAIN = 500
    _PACKED = " packed: zlib, base85 "

    def __init__(self) -> None:
        super().__init__(dict, nullable=True)

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> Any | None:
        """Python to database."""
        if value is None or len(value) <= self._PLAIN:
            return value
        text = json.dumps(value, separators=(",", ":")).encode("ascii")
        return {self._PACKED: base64.b85encode(zlib.compress(text, 6)).decode("ascii")}

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Any:
        """Database to Python."""
        found = super().process_result_value(value, dialect)
        if not isinstance(found, dict) or self._PACKED not in found:
            return found
        try:
            return super().process_result_value(
                read_json(zlib.decompress(base64.b85decode(found[self._PACKED])).decode()), dialect
            )
        except (ValueError, TypeError, zlib.error):
            _log.warning("the outcomes of a check's tests cannot be read")
            return None
