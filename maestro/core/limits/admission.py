"""What keeps a worker from starting now, and what an endpoint's trouble means for a task.

None of it counts as an attempt: the task goes on in its conversation when the trouble is over.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import psutil

from maestro.core.kernel import lookup
from maestro.core.kernel.agent_config import in_force
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Service
from maestro.core.limits import account, spending
from maestro.core.tasks import prompts, transitions
from maestro.db import models
from maestro.db.session import Transaction
from maestro.db.types import utcnow
from maestro.settings import Settings

#: What a worker takes before it has done anything: the CLI and the Python around it, in MB.
WORKER_MB = 350

#: How long a run tries by itself before it gives up on the endpoint, generously.
_LONGEST_RUN = timedelta(minutes=15)

#: Of sessions in which no task starts: what was last told about it.
_STARTS_HELD = Service(dict[str, str | None])

#: How long a program that renews a login may take to write it down, in seconds.
_RENEWAL_S = 2.0


def may_start(rt: Runtime, session: models.Session, task: models.Task) -> bool:
    """Whether a worker for this running task may start now; if not, the task's note says what it waits for."""
    if _waits(rt.settings, task):
        return False
    why = _hindrance(rt, session) or _too_little_money(rt, session, task)
    if why and task.progress_note != why:
        with rt.db.write() as tx:
            row = tx.db.get(models.Task, task.id)
            if row is not None and row.status == "running":
                _note(tx, session, row, why)
    return why is None


def may_begin(rt: Runtime, session: models.Session) -> bool:
    """Whether pending tasks of this session may become running now; if not, the session's log says why, once."""
    why = _hindrance(rt, session)
    told = rt.service(_STARTS_HELD)
    if why != told.get(session.id):
        told[session.id] = why
        if why is not None:
            with rt.db.write() as tx:
                tx.log(session.id, f"No task starts now. {why}", level="warn")
                tx.emit("starts_held", session.id, reason=why)
    return why is None


def endpoint_trouble(
    tx: Transaction, settings: Settings, session: models.Session, task: models.Task, worker: models.Worker
) -> str | None:
    """A run ended because of the endpoint, not because of the work: say when the task goes on.

    Returns a reason when the user has to be asked: the key was refused, or it has gone on for too long.
    """
    result: dict[str, Any] = worker.result_json or {}
    kind, message = result.get("failure"), str(result.get("message") or "The model endpoint is not available.")
    if kind == "auth":
        if result.get("renewable") and not task.guard_state.login_tried:
            _try_the_login_again(tx, session, task)
            return None
        if account.key_refused(tx, session, worker.account, message):
            return message
        _wait(tx, session, task, worker, f"Waiting for your answer: {message}")
        return None
    if kind == "rate_limit":
        until = result.get("retry_at")
        stated = float(until) if isinstance(until, int | float) else None
        account.limit_reached(tx, session, worker.account, until=stated, reason=message)
        _wait(tx, session, task, worker, message)
        return None
    return _back_off(tx, settings, session, task, worker, message)


def _try_the_login_again(tx: Transaction, session: models.Session, task: models.Task) -> None:
    """Several programs share a login, and one renews it for all: a fresh process reads what is there by now."""
    task.guard_state = replace(task.guard_state, login_tried=True)
    prompt = prompts.RESUMED if task.conversation_id else task.prompt
    transitions.resume_run(tx, task, prompt=prompt, retry_at=utcnow() + timedelta(seconds=_RENEWAL_S))
    text = "The login was rejected. Another program may have just renewed it, so a new process tries once more."
    _note(tx, session, task, text)
    tx.log(session.id, text, level="warn", task_id=task.id)


def endpoint_answered(tx: Transaction, task: models.Task, worker: models.Worker) -> None:
    """The model has answered in this run: earlier troubles are over."""
    task.retry_at, task.endpoint_failures, task.failing_since = None, 0, None
    task.guard_state = replace(task.guard_state, login_tried=False)
    tx.db.add(task)
    account.record_success(tx, worker.account)


def _hindrance(rt: Runtime, session: models.Session) -> str | None:
    pause = account.holding(rt, session)
    if pause is not None and pause.kind == "auth":
        return f"Waiting for your answer: {pause.reason}"
    if pause is not None:
        return account.words(pause)
    return _too_little_memory(rt)


def _too_little_money(rt: Runtime, session: models.Session, task: models.Task) -> str | None:
    with rt.db.read() as db:
        return spending.grant(db, rt.settings, session, task, in_force(session.agent_config, rt.settings)).wait


def _too_little_memory(rt: Runtime) -> str | None:
    least = rt.settings.min_free_memory_mb
    if not least:
        return None
    free = psutil.virtual_memory().available / 1_048_576
    with rt.db.read() as db:
        # A worker that has not been measured yet is about to take its share.
        coming = sum(1 for w in lookup.live_workers(db) if w.memory_mb == 0)
    if free - WORKER_MB * (coming + 1) >= least:
        return None
    return f"Waiting for memory: {least} MB must stay free (setting min_free_memory_mb)."


def _back_off(
    tx: Transaction,
    settings: Settings,
    session: models.Session,
    task: models.Task,
    worker: models.Worker,
    message: str,
) -> str | None:
    """Overloaded or out of reach: a wait that grows up to a ceiling, kept in the row so that a restart keeps it."""
    now = utcnow()
    lasted = _trouble(settings, task, now)
    task.failing_since = now - lasted
    task.endpoint_failures += 1
    if lasted > timedelta(hours=settings.endpoint_patience_hours):
        return f"{message} Tried {task.endpoint_failures} times in {_span(lasted)}."
    task.retry_at = now + _planned_wait(settings, task.endpoint_failures)
    _wait(tx, session, task, worker, f"{message} Next try at {_clock(task.retry_at)}.")
    return None


def _planned_wait(settings: Settings, failures: int) -> timedelta:
    """How long a task waits after so many failures in a row."""
    return timedelta(seconds=min(settings.retry_first_s * 3 ** min(max(failures - 1, 0), 12), settings.retry_ceiling_s))


def _waits(settings: Settings, task: models.Task) -> bool:
    """Whether the next try is still to come. One further away than any wait means that the clock was set back."""
    left = task.retry_at - utcnow() if task.retry_at is not None else timedelta(0)
    return timedelta(0) < left <= timedelta(seconds=settings.retry_ceiling_s)


def _trouble(settings: Settings, task: models.Task, now: datetime) -> timedelta:
    """How long the endpoint has been failing by now. Between two failures no more counts than the wait and a run:
    a machine that slept, or whose clock was set, has not been waiting for the endpoint.
    """
    if task.failing_since is None or task.retry_at is None:
        return timedelta(0)
    wait = _planned_wait(settings, task.endpoint_failures)
    failed_at = task.retry_at - wait
    return failed_at - task.failing_since + min(max(now - failed_at, wait), wait + _LONGEST_RUN)


def _wait(tx: Transaction, session: models.Session, task: models.Task, worker: models.Worker, note: str) -> None:
    # A prompt that nobody has answered may never have arrived: it is sent again.
    answered = worker.output_tokens > 0 or not task.prompt
    if answered:
        task.prompt = prompts.RESUMED if task.conversation_id else None
    transitions.resume_run(tx, task)
    tx.log(session.id, f"{note} Not counted as an attempt.", level="warn", task_id=task.id, worker_id=worker.id)
    _note(tx, session, task, note)


def _note(tx: Transaction, session: models.Session, task: models.Task, note: str) -> None:
    task.progress_note = note
    tx.db.add(task)
    tx.emit("task_waiting", session.id, task_id=task.id, key=task.key, reason=note)


def _clock(when: datetime) -> str:
    return f"{when:%H:%M:%S} UTC"


def _span(lasted: timedelta) -> str:
    minutes = lasted.total_seconds() / 60
    return f"{minutes / 60:.1f} hours" if minutes >= 120 else f"{minutes:.0f} minutes"
