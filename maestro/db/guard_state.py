"""What the guards and limits keep of a task's present attempts: one small typed value in the column ``care``."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from sqlalchemy import JSON
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

_log = logging.getLogger(__name__)

#: What follows when an interrupted run has ended: on in the conversation, the user, or the question about the budget.
Then = Literal["resume", "person", "budget"]  # "person": the user, as it has always been stored
_THEN = ("resume", "person", "budget")


@dataclass(frozen=True, slots=True)
class StopRequest:
    """Maestro wants the run of ``worker`` (its id) interrupted, and why; see ``tasks.interrupts``."""

    worker: str
    then: Then
    reason: str
    prompt: str = ""
    measure: str = ""  # of the budget that is used up: usd, model_calls


@dataclass(frozen=True, slots=True)
class GuardState:
    """Empty at the first attempt, and again when the user has decided about the task."""

    #: How far the steps against a stuck run have gone: 0 none, 1 a word, 2 an interruption, 3 the user.
    stuck_step: int = 0
    #: The worker that the user wants left alone though it seems stuck; ``next``: that of the next run.
    left_alone: str = ""
    stop: StopRequest | None = None
    #: Why the task left an earlier conversation for a new one.
    afresh: str = ""
    #: Whether one run has ended at its time limit.
    out_of_time: bool = False
    #: Whether a run has begun again because its login was rejected, and another program may have renewed it.
    login_tried: bool = False
    #: How many runs were interrupted for their memory.
    memory_stops: int = 0
    #: The worker whose memory has been warned about.
    memory_warned: str = ""


#: Of what could not be read, this much was logged already: rows are read all the time.
_logged: set[str] = set()
_MOST_LOGGED = 200


def parse(stored: Any) -> GuardState:
    """The value of what is stored. What no version of Maestro wrote, and what another one did, reads as empty."""
    kept: dict[str, Any] = {}
    members = stored if isinstance(stored, dict) else {"": stored}
    for name, value in members.items():
        found = _request(value) if name == "stop" else value
        default = _DEFAULTS.get(name)
        if found is None or (name != "stop" and type(found) is not type(default)):
            _report(name, value)
        else:
            kept[name] = found
    return GuardState(**kept)


def stored_form(state: GuardState) -> dict[str, Any]:
    """What is stored: only what differs from the empty state."""
    parts = {f.name: getattr(state, f.name) for f in fields(state)}
    parts = {name: value for name, value in parts.items() if value != _DEFAULTS[name]}
    if state.stop is not None:
        parts["stop"] = asdict(state.stop)
    return parts


class GuardStateJson(TypeDecorator[GuardState]):
    """The column's type."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: GuardState | None, dialect: Dialect) -> dict[str, Any]:
        """Python to database."""
        return stored_form(value or GuardState())

    def process_result_value(self, value: Any | None, dialect: Dialect) -> GuardState:
        """Database to Python."""
        return parse(value)


_DEFAULTS: dict[str, Any] = {f.name: f.default for f in fields(GuardState)}


def _request(value: Any) -> StopRequest | None:
    if not isinstance(value, dict) or not {"worker", "then", "reason"} <= set(value) <= _OF_REQUESTS:
        return None
    if value["then"] not in _THEN or not all(isinstance(part, str) for part in value.values()):
        return None
    return StopRequest(**value)


_OF_REQUESTS = frozenset(f.name for f in fields(StopRequest))


def _report(name: str, value: Any) -> None:
    words = f"{name!r}: {value!r:.100}"
    if words not in _logged and len(_logged) < _MOST_LOGGED:
        _logged.add(words)
        _log.warning("what is stored of a task's guards cannot be read and does not count: %s", words)
