"""Plain columns (numbers, flags, text) are read whatever is stored in them.

SQLite keeps any value in any column. One that another program, a damaged file or another version left must not raise where
it is counted, compared or shown: that may be on the page of another session. It reads as none, or as 0, no, and text.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Float, Integer, MetaData, String, Text
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import AutoString

#: Far above all that is counted, with room to add to it.
_MOST = 2**62

_log = logging.getLogger(__name__)


def make_sound(metadata: MetaData) -> None:
    """Give the plain columns of all tables types that read any value. Numbers that are keys are SQLite's own care."""
    for table in metadata.tables.values():
        for column in table.columns:
            column.type = _sound(column)


def sound_text(stored: Any) -> str | None:
    """A stored text; what is none is shown as it is written."""
    if isinstance(stored, str) or stored is None:
        return stored
    return stored.decode("utf-8", "replace") if isinstance(stored, bytes) else str(stored)


def _sound(column: Column[Any]) -> TypeEngine[Any]:
    kind, nullable = column.type, bool(column.nullable)
    if isinstance(kind, AutoString):
        return _SoundString(getattr(kind.impl, "length", None))
    if isinstance(kind, TypeDecorator):
        return kind  # reads with care by itself
    if isinstance(kind, Text):
        return _SoundText()
    if isinstance(kind, Boolean):
        return _SoundFlag()
    if isinstance(kind, Float):
        return _SoundFloat(nullable=nullable)
    if isinstance(kind, Integer) and not column.primary_key:
        return (_SoundBigCount if isinstance(kind, BigInteger) else _SoundCount)(nullable=nullable)
    return kind


def _number(stored: Any) -> float | None:
    if isinstance(stored, int | float) and math.isfinite(stored):
        return stored
    _log.warning("a stored number cannot be read: %.100r", stored)
    return None


class _Text:
    """Reads text, for the types below."""

    def result_processor(self, _dialect: Any, _kind: Any) -> Callable[[Any], str | None]:
        """As SQLAlchemy asks for it."""
        return sound_text


class _SoundString(_Text, String):
    """One line."""


class _SoundText(_Text, Text):
    """Many lines."""


class _SoundFlag(Boolean):
    """What is neither yes nor no reads as no: nothing passed, nothing was said."""

    def result_processor(self, _dialect: Any, _kind: Any) -> Callable[[Any], bool | None]:
        """As SQLAlchemy asks for it."""
        return lambda stored: None if stored is None else stored in (1, True)


class _Number:
    """Reads numbers, for the types below. What is none reads as 0, or as None where that may be."""

    def __init__(self, *, nullable: bool = False) -> None:
        super().__init__()
        self.nullable = nullable

    def read(self, stored: Any) -> float | None:
        """The number that is stored."""
        number = None if stored is None else _number(stored)
        return 0 if number is None and stored is not None and not self.nullable else number


class _Count(_Number):
    """Reads whole numbers; what cannot be counted on is cut."""

    def result_processor(self, _dialect: Any, _kind: Any) -> Callable[[Any], int | None]:
        """As SQLAlchemy asks for it."""

        def process(stored: Any) -> int | None:
            number = self.read(stored)
            return None if number is None else max(-_MOST, min(int(number), _MOST))

        return process


class _SoundCount(_Count, Integer):
    """An everyday count."""


class _SoundBigCount(_Count, BigInteger):
    """One that another database keeps wider."""


class _SoundFloat(_Number, Float[float]):
    """A measured value, or money."""

    def result_processor(self, _dialect: Any, _kind: Any) -> Callable[[Any], float | None]:
        """As SQLAlchemy asks for it."""

        def process(stored: Any) -> float | None:
            number = self.read(stored)
            return None if number is None else float(number)

        return process
