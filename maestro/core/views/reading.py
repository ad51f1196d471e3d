"""Rows that something damaged are shown as far as they can be read."""

from __future__ import annotations

import logging
import math
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from maestro.db.types import UNREADABLE

_log = logging.getLogger(__name__)


_View = TypeVar("_View", bound=BaseModel)


#: What stands for a stored value that is of no use, by what its place takes.
_STAND_INS: tuple[Any, ...] = (None, UNREADABLE, 0, {}, [])


def readable(view: type[_View], data: dict[str, Any]) -> _View:
    """A view of a row, whatever is stored in it: one bad row must not take away the list in which it stands.

    What cannot be read is left out, and said where the view has a place for it.
    """
    try:
        return _countable(view.model_validate(data))
    except ValidationError as error:
        wrong = sorted({str(e["loc"][0]) for e in error.errors()})
    _log.warning("a row of %s cannot be read: %s", view.__name__, ", ".join(wrong))
    data = data | {name: _stand_in(view.model_fields[name].annotation) for name in wrong}
    if "error_message" in view.model_fields:
        data["error_message"] = f"Stored data cannot be read: {', '.join(wrong)}."
    return _countable(view.model_validate(data))


def _countable(found: _View) -> _View:
    """Numbers that are none have no form in JSON."""
    odd = [name for name, value in found.__dict__.items() if isinstance(value, float) and not math.isfinite(value)]
    return found.model_copy(update=dict.fromkeys(odd, 0.0)) if odd else found


def whole(stored: Any) -> int:
    """A stored count; 0 for what is none."""
    return stored if isinstance(stored, int) else 0


def finite(stored: Any) -> float:
    """A stored number; 0 for what is none."""
    return float(stored) if isinstance(stored, int | float) and math.isfinite(stored) else 0.0


def _stand_in(annotation: Any) -> Any:
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    for value in _STAND_INS:
        try:
            return adapter.validate_python(value)
        except ValidationError:
            continue
    return None
