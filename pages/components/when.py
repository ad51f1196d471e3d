"""Times: relative, the exact one on hover, counted on by the browser in its own clock and zone (``maestro.js``)."""

from __future__ import annotations

from datetime import datetime

from maestro.db.types import utcnow
from pages.components.tag import Tag, tag


def when(at: datetime, classes: str = "m-num") -> Tag:
    """``4 min ago`` (or ``in 5 min``)."""
    return tag("time", ago(at), classes, datetime=at.isoformat())


def since(at: datetime, classes: str = "m-num") -> Tag:
    """A running clock since then: ``4:05``."""
    return tag("time", "", classes, datetime=at.isoformat(), data_form="clock")


def until(at: datetime, classes: str = "m-num") -> Tag:
    """A clock running down to then: ``4:05``."""
    return tag("time", "", classes, datetime=at.isoformat(), data_form="left")


def set_when(element: Tag, at: datetime) -> None:
    """Let a ``when`` or ``since`` show another time."""
    element.attr(datetime=at.isoformat())
    if "data-form" not in element.props:
        element.set_text(ago(at))


def ago(at: datetime) -> str:
    """The words; the same as the browser's."""
    seconds = (utcnow() - at).total_seconds()
    size = abs(seconds)
    if size < 60:
        return "just now" if seconds >= 0 else "soon"
    steps = ((3600, 60, "min"), (86400, 3600, "h"), (86400 * 14, 86400, "days"))
    for limit, unit, word in steps:
        if size < limit:
            count = int(size // unit)
            words = f"{count} {'day' if word == 'days' and count == 1 else word}"
            return f"{words} ago" if seconds >= 0 else f"in {words}"
    return f"{at:%b} {at.day}, {at.year}"
