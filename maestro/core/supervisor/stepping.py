"""Beginning the long steps of a session (start, land, baseline, validate): when something changed, and never endlessly.

A step that ended and moved nothing begins again when the session has changed, or after a while. One that failed for a
reason that nobody foresaw is tried again after growing waits; after a few times the user is asked.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from maestro.core.approvals import questions
from maestro.core.approvals.question import SETUP, Question
from maestro.core.guards import storage
from maestro.core.kernel import lookup
from maestro.core.kernel.locks import WorkCancelled
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Service
from maestro.core.kernel.session_states import State, move
from maestro.core.proving import measured
from maestro.core.supervisor import steps
from maestro.core.tasks import transitions
from maestro.db import models
from maestro.db.journal import Event
from maestro.db.session import Transaction
from maestro.errors import MaestroError

Kind = Literal["start", "land", "baseline", "validate", "advance"]

#: So often in a row a step may fail before the user is asked.
MOST_FAILURES = 5

#: The wait after the first failure, in seconds; doubled with each.
FIRST_WAIT_S = 1.0

#: A step that moved nothing looks again after so long although nothing is known to have changed: somebody may have put
#: right, outside, what was in its way.
_IDLE_S = 5.0

#: Events that let no step begin: words and numbers.
CHATTER = frozenset({"log_entry", "metric", "worker_silent", "worker_heard", "notification", "message_delta"})

_WHAT = {
    "start": "The worker for {key} could not be started",
    "land": "The work of {key} could not be integrated",
    "baseline": "The checks could not be run before the work",
    "validate": "The final checks could not be run",
    "advance": "The session could not continue",
}
_RUN: dict[str, Callable[[Runtime, str], None]] = {
    "start": steps.start_worker,
    "land": steps.land,
    "baseline": steps.run_baseline,
    "validate": steps.validate,
}

_log = logging.getLogger(__name__)


@dataclass
class _Step:
    """What this app remembers of one step. Lost at a restart, which only makes it try again."""

    seen: tuple[int, int] = (-1, -1)  # what had changed when it last began
    ended_at: float = 0.0
    failures: int = 0
    not_before: float = 0.0
    asked: bool = False


@dataclass
class _Book:
    steps: dict[str, _Step] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)  # by session
    everywhere: int = 0


_BOOK = Service(_Book)


def changed(rt: Runtime, events: list[Event]) -> None:
    """Take note of what has happened: the steps of these sessions may begin again."""
    book = _book(rt)
    for event in events:
        if event.type in CHATTER:
            continue
        if event.session_id:
            book.changes[event.session_id] = book.changes.get(event.session_id, 0) + 1
        else:
            book.everywhere += 1


def begin(
    rt: Runtime, kind: Kind, session_id: str, task_id: str | None = None, *, done: Callable[[], None] = lambda: None
) -> bool:
    """Begin a step in the background unless it is under way, waits after a failure, or would find all as it was."""
    name = f"{kind}:{task_id or session_id}"
    if rt.jobs.running(name):
        return False
    step, now = _step(rt, name), _now_of(rt, session_id)
    if not _due(rt, step, session_id):
        return False
    if step.seen == now and time.monotonic() - step.ended_at < _IDLE_S and not step.failures:
        return False

    def job() -> None:
        try:
            run_step(rt, kind, session_id, task_id, lambda: _RUN[kind](rt, task_id or session_id))
        finally:
            step.ended_at = time.monotonic()
            done()

    step.seen = now
    return rt.jobs.start(name, job)


def run_step(rt: Runtime, kind: Kind, session_id: str, task_id: str | None, work: Callable[[], object]) -> bool:
    """Do a step's work; whether it did not fail. A failure is counted, told, and asked about after a few times."""
    step = _step(rt, f"{kind}:{task_id or session_id}")
    try:
        work()
    except WorkCancelled:
        return True
    except Exception as error:
        foreseen = isinstance(error, MaestroError)  # its sentence says all; where it came up is nobody's concern
        _log.error("step %s of %s failed: %s", kind, task_id or session_id, _words_of(error), exc_info=not foreseen)
        storage.health(rt).report(error, session_id)
        try:
            _failed(rt, step, kind, session_id, task_id, error)
        except Exception:
            _log.exception("the failure of step %s of %s could not be told", kind, task_id or session_id)
        return False
    step.failures = 0
    return True


def may_advance(rt: Runtime, session_id: str) -> bool:
    """Whether a session whose look failed may be looked at again."""
    return _due(rt, _step(rt, f"advance:{session_id}"), session_id)


def _due(rt: Runtime, step: _Step, session_id: str) -> bool:
    if step.asked and questions.merge_train_blocker(rt, session_id) is not None:
        return False
    step.asked = False
    return time.monotonic() >= step.not_before


def _failed(rt: Runtime, step: _Step, kind: Kind, session_id: str, task_id: str | None, error: Exception) -> None:
    step.failures += 1
    wait = FIRST_WAIT_S * 2 ** (step.failures - 1)
    step.not_before = time.monotonic() + wait
    with rt.db.read() as db:
        session = db.get(models.Session, session_id)
        task = db.get(models.Task, task_id) if task_id else None
    if session is None:
        return
    what = _WHAT[kind].format(key=task.key if task else "")
    why = _words_of(error)
    if step.failures < MOST_FAILURES:
        words = f"{what}: {why.rstrip('.')}. Trying again in {wait:.0f} s ({step.failures} of {MOST_FAILURES})."
        with rt.db.write() as tx:
            tx.log(session_id, words, level="warn", kind="error", task_id=task_id)
        return
    step.failures, step.asked = 0, True
    _ask(rt, kind, session, task, Question(
        "infrastructure", f"{what}, {MOST_FAILURES} times in a row.", [f"{kind} {type(error).__name__}"], why,
        {
            "what": SETUP,
            "reason": why,
            "allow": "try again",
            "deny": "give up",
        },
        risk="high", then="running" if kind == "start" else "checking",
    ))  # fmt: skip


def _words_of(error: Exception) -> str:
    """Why a step failed, with what to do where that can be known."""
    if isinstance(error, MaestroError):
        return error.detail
    if isinstance(error, OSError):
        place, said = str(error.filename or ""), error.strerror or str(error)
        if "usable temporary" in said:
            return "There is no temporary folder that Maestro can write to. Fix /tmp, or start Maestro with TMPDIR set."
        if tempfile.tempdir and place.startswith(tempfile.tempdir):
            return f"The temporary folder {tempfile.tempdir} cannot be used: {said}. Create it and make it writable for Maestro."
        return f"{place}: {said}" if place else said
    return f"{type(error).__name__}: {error}"


def _ask(rt: Runtime, kind: Kind, session: models.Session, task: models.Task | None, question: Question) -> None:
    if task is None and questions.validation_refusal(rt, session.id, question) is not None:
        _give_up(rt, kind, session.id, str(question.detail["reason"]))
        return
    with rt.db.write() as tx:
        tx.log(session.id, f"{question.title} {question.detail['reason']}", level="error", kind="error")
    questions.raise_question(rt, session, task, question)


def _give_up(rt: Runtime, kind: Kind, session_id: str, reason: str) -> None:
    """The user would not have it tried again: the base stays unmeasured, anything else fails the session."""
    if kind == "baseline":
        measured.given_up(rt).add(session_id)
        return
    with rt.db.write() as tx:
        _fail(tx, lookup.session_row(tx.db, session_id), reason)


def _fail(tx: Transaction, session: models.Session, reason: str) -> None:
    if session.status == State.EXECUTING:
        transitions.fail_session(tx, session, reason)
    elif session.status == State.VALIDATING:
        session.error_message = reason
        move(tx, session, "give_up", reason=reason)
        transitions.announce_failure(tx, session, reason)


def _now_of(rt: Runtime, session_id: str) -> tuple[int, int]:
    book = _book(rt)
    return book.changes.get(session_id, 0), book.everywhere


def _step(rt: Runtime, name: str) -> _Step:
    return _book(rt).steps.setdefault(name, _Step())


def _book(rt: Runtime) -> _Book:
    return rt.service(_BOOK)
