"""The end of a worker: whatever is left of its tree goes, its last words come in, its row closes."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from dataclasses import replace

from sqlalchemy.exc import OperationalError
from sqlmodel import Session as DbSession
from sqlmodel import select

from maestro.core.approvals import agent_questions, asking
from maestro.core.execution import ingest
from maestro.core.guards import integrity
from maestro.core.kernel import lookup, processes
from maestro.core.kernel.agent_config import EffectiveConfig, in_force
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import State
from maestro.core.limits import admission, budgets, spending
from maestro.core.tasks import interrupts, notes, prompts
from maestro.core.tasks.transitions import attempt_failed, check, interrupted, resume_run, task_failed, wait_for_answer
from maestro.db import models
from maestro.db.guard_state import StopRequest
from maestro.db.session import Transaction
from maestro.db.types import utcnow
from maestro.settings import Settings
from maestro.worker import launch

_log = logging.getLogger(__name__)


def finish(rt: Runtime, worker: models.Worker) -> None:
    """Make sure that nothing of the worker's tree lives, and take in all that it wrote.

    What left its tree (``setsid``) would go on writing into the worktree; what it wrote last costs money.
    """
    processes.end(worker)
    _guarded(_take_rest, rt, worker)
    launch.reap(worker.id)


def close(rt: Runtime, worker_id: str) -> None:
    """Record the end of a worker that is finished, and what it means for its task."""
    with rt.db.write() as tx:
        worker = tx.db.get(models.Worker, worker_id)
        task = tx.db.get(models.Task, worker.task_id) if worker else None
        session = tx.db.get(models.Session, worker.session_id) if worker else None
        if worker is None or task is None or session is None or worker.ended_at is not None:
            return
        asked = worker.status == "parked" and _is_asked_about(tx, worker)
        parked = worker.status == "parked" and (worker.result_json or {}).get("outcome") == "interrupted"
        end_row(tx, worker, "parked" if parked else worker.outcome or "lost")
        if parked and session.status == State.PAUSED:
            worker.status = "parked"  # resume wakes it: then a new process goes on with its conversation
        if worker.pid is None and worker.last_event_at is None:
            # The app was killed between writing the row and starting the process: nothing was interrupted.
            return
        _book(tx, session, task, worker)
        if asked or (parked and session.status == State.EXECUTING):
            return  # parked with a question about it: the answer goes on with its conversation
        config = in_force(session.agent_config, rt.settings)
        worker_ended(tx, config, session, task, worker, rt.settings)


def end_row(tx: Transaction, worker: models.Worker, outcome: str) -> None:
    """Close a worker's row and tell everybody. A row that is closed already stays as it is."""
    if worker.ended_at is not None:
        return
    worker.status, worker.ended_at, worker.outcome = "ended", utcnow(), outcome
    worker.exit_code = _exit_code(worker)
    how = _how(worker.exit_code)
    if how and not worker.outcome_detail:
        worker.outcome_detail = f"The worker was {how}." if how.startswith("killed") else f"It ended with {how}."
    tx.db.add(worker)
    tx.emit(
        "worker_terminated",
        worker.session_id,
        worker_id=worker.id,
        name=worker.name,
        task_id=worker.task_id,
        exit_code=worker.exit_code,
        outcome=outcome,
    )
    text = f"{worker.name} ended: {outcome}" + (f" ({how})" if how else "")
    tx.log(worker.session_id, text, task_id=worker.task_id, worker_id=worker.id, level="debug")


def _is_asked_about(tx: Transaction, worker: models.Worker) -> bool:
    """Whether the question about a stuck worker still waits, and nothing that it did last has answered it."""
    if (worker.result_json or {"outcome": "interrupted"}).get("outcome") != "interrupted":
        return False
    query = select(models.Approval.id).where(
        models.Approval.worker_id == worker.id, models.Approval.kind == "stuck", models.Approval.status == "pending"
    )
    return tx.db.exec(query).first() is not None


def _book(tx: Transaction, session: models.Session, task: models.Task, worker: models.Worker) -> None:
    """A run that ended without a word has cost money all the same: what its tokens cost by public prices."""
    if worker.cost_usd != 0:
        return
    more = spending.so_far(worker, demo=session.demo)
    if more > 0:
        worker.cost_usd += more
        task.cost_usd += more
        tx.db.add(worker)
        tx.db.add(task)


def stop_workers(rt: Runtime, session_id: str, outcome: str = "cancelled") -> None:
    """End all workers of a session; when this returns no process of theirs is left and all they wrote is stored.

    Their tasks stay as they are: the caller decides about them. What they planted raises the alarm, as at any end:
    the next run would take it for the user's own.
    """
    with rt.db.read() as db:
        workers = lookup.live_workers(db, session_id)
    processes.end(*workers)
    for worker in workers:
        _guarded(_take_rest, rt, worker)
        launch.reap(worker.id)
        if worker.ended_at is None:  # one that is parked was looked at when its process ended
            integrity.verify(rt, worker.id)
    with rt.db.write() as tx:
        for worker in workers:
            row = tx.db.get(models.Worker, worker.id)
            if row is not None:
                task, session = tx.db.get(models.Task, row.task_id), tx.db.get(models.Session, session_id)
                if task is not None and session is not None and row.ended_at is None:
                    _book(tx, session, task, row)
                end_row(tx, row, row.outcome or outcome)
                row.status = "ended"
                asking.expire(tx, session_id, worker_id=row.id)


def _guarded(step: Callable[[Runtime, models.Worker], None], rt: Runtime, worker: models.Worker) -> None:
    """Whatever a worker left, its end and that of the others is recorded."""
    try:
        step(rt, worker)
    except OperationalError:
        raise
    except Exception:
        _log.exception("%s could not be done for %s", step.__name__, worker.name)


def _take_rest(rt: Runtime, worker: models.Worker) -> None:
    while ingest.ingest(rt, worker.id):
        pass


def _exit_code(worker: models.Worker) -> int | None:
    """What its parent saw; after a restart of the app only that a worker with a result ended by itself."""
    seen = launch.exit_code(worker.id)
    return 0 if seen is None and worker.result_json else seen


def _how(exit_code: int | None) -> str | None:
    if exit_code is None or exit_code >= 0:
        return f"exit code {exit_code}" if exit_code else None
    try:
        return f"killed by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"killed by signal {-exit_code}"


def watched(db: DbSession) -> list[models.Worker]:
    """Workers that have, or may have, a process: those whose end is not recorded."""
    return [w for w in lookup.live_workers(db) if w.ended_at is None]


#: Failures that another attempt would only repeat: the user has to change something first.
_NEEDS_PERSON = frozenset({"model", "refused", "missing"})


#: Failures of the endpoint or the account, not of the work: the task waits and goes on.
_ENDPOINT = frozenset({"auth", "rate_limit", "overloaded", "network"})


def worker_ended(
    tx: Transaction,
    config: EffectiveConfig,
    session: models.Session,
    task: models.Task,
    worker: models.Worker,
    settings: Settings,
) -> None:
    """Decide what a worker's end means for its task. ``worker.result_json`` is None when it died without a word."""
    held = task.assigned_worker_id == worker.id and task.status in {"running", "waiting"}
    result = worker.result_json
    by_itself = result is None or (result.get("outcome") == "interrupted" and not interrupts.wanted(task, worker))
    waits = held and by_itself and not (result and result.get("failure")) and agent_questions.outlive(tx, worker)
    asking.expire(tx, session.id, worker_id=worker.id)
    if not held:
        return
    if waits:
        _waits_for_an_answer(tx, session, task, worker)
        return
    stop, answers = interrupts.taken(tx, task, worker), agent_questions.unread(tx, worker)
    if by_itself and answers and task.conversation_id:
        _told_again(tx, session, task, answers)
    elif stop and (result is None or result.get("outcome") == "interrupted"):
        _stopped(tx, settings, session, task, stop)
    elif result and result.get("outcome") == "interrupted" and result.get("failure") == "time":
        _out_of_time(tx, session, task, str(result.get("message") or "The time limit is reached."))
    elif result is None or result.get("outcome") == "interrupted":
        words = str(result.get("message") or "") if result else "The worker process disappeared."
        interrupted(tx, session, task, words)
    elif result.get("outcome") == "success" and notes.unread(tx.db, task.id):
        resume_run(tx, task, prompt=prompts.MESSAGE_CAME, progress_note="Continuing with your message")
    elif result.get("outcome") == "success":
        check(tx, task)
    elif result.get("failure") in _ENDPOINT:
        reason = admission.endpoint_trouble(tx, settings, session, task, worker)
        if reason:
            task_failed(tx, session, task, reason, failure=str(result.get("failure")))
    elif result.get("failure") == "conversation":
        _refused_conversation(tx, session, task, str(result.get("message") or "The model rejects this conversation."))
    elif result.get("failure") in _NEEDS_PERSON:
        task_failed(tx, session, task, str(result.get("message") or "The agent ended without a reason."))
    elif result.get("failure") == "budget":
        if not budgets.run_reached(tx, settings, session, task, "usd"):
            # What was left of the task's, the session's or the day's: the next look asks about that one.
            resume_run(tx, task, prompt=prompts.RESUMED, progress_note="The budget is used up")
    else:
        message = str(result.get("message") or "The agent ended without a reason.")
        attempt_failed(tx, config, session, task, message, prompts.run_failed_prompt(message))


def _waits_for_an_answer(tx: Transaction, session: models.Session, task: models.Task, worker: models.Worker) -> None:
    """The run is gone, its question is not: the answer goes on with the conversation."""
    if task.status == "running":
        wait_for_answer(tx, task)
    text = f"{worker.name} ended while its question was open. Your answer continues its conversation."
    tx.log(session.id, text, level="warn", task_id=task.id, worker_id=worker.id)


def _told_again(tx: Transaction, session: models.Session, task: models.Task, answers: list[models.Approval]) -> None:
    """The run ended between the user's answer and the agent's reading it."""
    told = [
        prompts.answer_prompt(str(a.detail.get("words") or ""), a.message if a.status == "allowed" else None)
        for a in answers
    ]
    for answer in answers:
        agent_questions.taken(tx, answer)
    resume_run(tx, task, prompt="\n\n".join(told), progress_note="Continuing with your answer")
    tx.log(session.id, "The run ended before the agent read your answer. It is told again.", task_id=task.id)


def _stopped(
    tx: Transaction, settings: Settings, session: models.Session, task: models.Task, stop: StopRequest
) -> None:
    """Maestro itself had ended the run: neither an attempt nor an interruption."""
    reason = stop.reason
    if stop.then == "person":
        task_failed(tx, session, task, reason)
    elif stop.then != "budget" or not budgets.run_reached(tx, settings, session, task, stop.measure):
        # Without a conversation it is a new run, which is told all the same why the last one ended.
        prompt = stop.prompt or (prompts.RESUMED if task.conversation_id else None)
        resume_run(tx, task, prompt=prompt, progress_note="Continuing after an interruption by Maestro")
        tx.log(session.id, f"{reason} The task continues its conversation.", level="warn", task_id=task.id)


def _refused_conversation(tx: Transaction, session: models.Session, task: models.Task, reason: str) -> None:
    """The endpoint takes the conversation no more: the task goes on in a fresh one, by itself only once."""
    if task.guard_state.afresh:
        task_failed(tx, session, task, f"{reason} This is the second conversation it rejects.", failure="conversation")
        return
    resume_run(
        tx,
        task,
        conversation_id=None,
        prompt=None,
        guard_state=replace(task.guard_state, afresh=reason),
        progress_note="Continuing in a new conversation",
    )
    words = "The task continues in a new conversation with a summary of the work so far (not counted as an attempt)."
    tx.log(session.id, f"{reason} {words}", level="warn", task_id=task.id)


def _out_of_time(tx: Transaction, session: models.Session, task: models.Task, reason: str) -> None:
    """A run used up its wall time: it goes on once, told so; the second time the user decides."""
    if task.guard_state.out_of_time:
        task_failed(tx, session, task, f"{reason} This is the second time (setting task_timeout_minutes).")
        return
    prompt = (
        f"# Out of time\n\n{reason} Maestro interrupted you. You have the same time once more: look at what is there, "
        "leave out what the task does not need, and finish it. If something hangs, do not wait for it."
    )
    resume_run(
        tx,
        task,
        guard_state=replace(task.guard_state, out_of_time=True),
        prompt=prompt if task.conversation_id else None,
        progress_note="Continuing after the time limit",
    )
    tx.log(
        session.id, f"{reason} The task continues once more (not counted as an attempt).", level="warn", task_id=task.id
    )
