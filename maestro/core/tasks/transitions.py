"""What may happen to a task: the verbs of the table in ``kernel.task_states``, each with what else it writes."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

from maestro.core.approvals import asking
from maestro.core.kernel import lookup, task_states
from maestro.core.kernel.agent_config import EffectiveConfig
from maestro.core.kernel.session_states import State, move
from maestro.core.kernel.text import clip
from maestro.core.tasks import outcomes, prompts
from maestro.db import models
from maestro.db.guard_state import GuardState
from maestro.db.session import Transaction
from maestro.db.types import utcnow
from maestro.terminal_text import plain

#: A run that was killed or lost goes on by itself; after so many of them the user is asked.
MAX_INTERRUPTIONS = 3


def start(tx: Transaction, session: models.Session, task: models.Task) -> None:
    """A pending task begins: its first attempt."""
    task_states.move(tx, task, "start", attempt=1, progress_note="Preparing the worktree")
    tx.emit("task_progress", session.id, task_id=task.id, key=task.key, progress=0.0, note=task.progress_note)


def ask_before_start(tx: Transaction, session: models.Session, task: models.Task) -> None:
    """The plan wants the user's yes before this pending task begins."""
    task_states.move(tx, task, "ask_first")
    detail = {"description": task.description, "files": task.files, "checks": task.checks}
    asking.ask(tx, session, task, kind="task_start", title=f"Start {task.key}: {task.title}", detail=detail)


def wait_for_answer(tx: Transaction, task: models.Task) -> None:
    """The task waits for the user; the caller asks."""
    task_states.move(tx, task, "ask")


def resume_run(tx: Transaction, task: models.Task, **columns: Any) -> None:
    """The agent works on, in its run or in a new one; that is no attempt. ``columns``: what else changes of the task."""
    task_states.move(tx, task, "resume", **columns)


def check(tx: Transaction, task: models.Task) -> None:
    """The agent is done: what it left lands, if the checks pass."""
    task_states.move(tx, task, "check", progress_note="Running the checks")


def integrate(tx: Transaction, task: models.Task) -> None:
    """The checks have passed: its commits go onto the session branch."""
    task_states.move(tx, task, "integrate", progress_note="Integrating into the session branch")
    note = {"progress": task.progress, "note": task.progress_note}
    tx.emit("task_progress", task.session_id, task_id=task.id, key=task.key, **note)


def complete(tx: Transaction, task: models.Task, commit: str, result: dict[str, Any]) -> None:
    """The task is on the session branch, which ends at ``commit`` by it."""
    task_states.move(
        tx,
        task,
        "complete",
        progress=1.0,
        completed_at=utcnow(),
        result_commit=commit,
        result_json=result,
        progress_note=None,
        error_message=None,
    )


def cancel(tx: Transaction, task: models.Task) -> None:
    """The task ends with its session, which was cancelled."""
    task_states.move(tx, task, "cancel", completed_at=utcnow(), progress_note=None)


def reset(tx: Transaction, task: models.Task) -> None:
    """Back to pending, as if it had never run; what was spent on it stays counted."""
    task_states.move(tx, task, "reset", attempt=0, interruptions=0, progress=0.0)
    task.assigned_worker_id = task.conversation_id = task.prompt = task.progress_note = task.error_message = None
    task.branch = task.worktree_path = task.start_commit = task.result_commit = None
    task.result_json = None
    task.started_at = task.completed_at = None
    task.retry_at, task.endpoint_failures, task.failing_since, task.guard_state = None, 0, None, GuardState()


def restore(tx: Transaction, task: models.Task, **columns: Any) -> None:
    """What a rollback took away is back. ``columns``: those of the task as they were before the rollback."""
    task_states.move(
        tx,
        task,
        "restore",
        progress=1.0,
        completed_at=utcnow(),
        prompt=None,
        error_message=None,
        progress_note=None,
        **columns,
    )


def attempt_failed(
    tx: Transaction, config: EffectiveConfig, session: models.Session, task: models.Task, reason: str, prompt: str
) -> None:
    """Send the task back into its conversation with ``prompt``, or to the user after the last attempt."""
    if task.attempt >= config.max_attempts:
        task_failed(tx, session, task, f"{reason} (attempt {task.attempt} of {config.max_attempts}, the last one)")
        return
    again = f"attempt {task.attempt + 1} of {config.max_attempts}"
    tx.log(session.id, f"{reason} Sent back to the agent ({again}).", level="warn", task_id=task.id)
    task_states.move(
        tx,
        task,
        "send_back",
        attempt=task.attempt + 1,
        prompt=prompt,
        progress_note=f"Sent back to the agent, {again}",
    )
    tx.emit("task_progress", session.id, task_id=task.id, key=task.key, progress=task.progress, note=task.progress_note)


def resume(tx: Transaction, session: models.Session, task: models.Task, prompt: str) -> None:
    """The task goes on in its conversation with what the user has said; that is no attempt."""
    resume_run(tx, task, prompt=prompt, progress_note="Continuing with your answer")
    tx.emit("task_progress", session.id, task_id=task.id, key=task.key, progress=task.progress, note=task.progress_note)


def task_failed(
    tx: Transaction, session: models.Session, task: models.Task, reason: str, *, failure: str | None = None
) -> None:
    """The task has failed for now; the user is asked: again (with a hint), skip it, or fail the session."""
    reason = plain(reason)
    task_states.move(tx, task, "fail", error_message=reason, completed_at=utcnow(), progress_note=None)
    tx.log(session.id, f"Task {task.key} failed: {reason}", level="error", kind="error", task_id=task.id)
    tx.emit("task_failed", session.id, task_id=task.id, key=task.key, error=reason)
    _ask_about(tx, session, task, reason, failure)


def ask_again(tx: Transaction, session: models.Session) -> None:
    """Ask about each failed task whose question went when the session failed: without one it would wait unseen.

    Not as a trouble of the account's any more: that would hold what is tried again.
    """
    asked = {approval.task_id for approval in lookup.pending_approvals(tx.db, session.id)}
    for task in lookup.tasks_of(tx.db, session.id):
        if task.status == "failed" and task.id not in asked:
            _ask_about(tx, session, task, task.error_message or "No reason was given.", None)


def _ask_about(tx: Transaction, session: models.Session, task: models.Task, reason: str, failure: str | None) -> None:
    anew = failure == "conversation"
    detail = {
        "reason": reason,
        "attempts": task.attempt,
        "allow": f"try again{' in a new conversation' if anew else ''}, your message is the hint",
        "deny": "fail the session",
        "failure": failure,
    }
    if task.conversation_id and not anew:
        detail["allow_fresh"] = "try again in a new conversation, with a summary of the work so far"
    title = f"Task {task.key} failed: {task.title}"
    asking.ask(tx, session, task, kind="task_failed", title=title, detail=detail)


def retry_task(
    tx: Transaction, session: models.Session, task: models.Task, hint: str | None, *, fresh: bool = False
) -> None:
    """Give a failed task a fresh count of attempts, in the same conversation where there is one.

    ``fresh``: in a new conversation, which is told what was done in the earlier one.
    """
    asking.expire(tx, session.id, task_id=task.id)
    if fresh and task.conversation_id:
        task.conversation_id = None
    else:
        fresh = False
    words = f"# Again\n\n{clip(task.error_message or '')}"
    if hint:
        words += f"\n\nNote from the user: {hint}"
    prompt = words if task.conversation_id else None
    reason = task.error_message or ""
    forget(tx, task)
    task_states.move(
        tx,
        task,
        "retry",
        attempt=1,
        guard_state=GuardState(afresh=reason) if fresh else GuardState(),
        interruptions=0,
        prompt=prompt,
        hint=hint,
        error_message=None,
        completed_at=None,
    )
    task.assigned_worker_id = None
    task.progress_note = "Trying again"
    tx.log(session.id, f"Task {task.key}: trying again." + (f" Hint: {hint}" if hint else ""), task_id=task.id)
    tx.emit("task_progress", session.id, task_id=task.id, key=task.key, progress=task.progress, note=task.progress_note)


def release_waiting(tx: Transaction, session: models.Session) -> None:
    """Tasks that wait though nothing is asked about them any more go on, or would; their workers end or have ended.

    The question was closed, with the session's failure or with the worker, or its answer found nobody.
    """
    asked = {approval.task_id for approval in lookup.pending_approvals(tx.db, session.id)}
    for task in lookup.tasks_of(tx.db, session.id):
        if task.status != "waiting" or task.id in asked:
            continue
        if not task.attempt:  # it waited for its first yes
            task_states.move(tx, task, "release", progress_note=None)
        else:
            prompt = prompts.RESUMED if task.conversation_id else None
            guard_state = replace(task.guard_state, stuck_step=0)
            resume_run(tx, task, prompt=prompt, guard_state=guard_state, progress_note="Continuing")


def skip_task(tx: Transaction, session: models.Session, task: models.Task) -> None:
    """Go on without a task; what depends on it may start."""
    asking.expire(tx, session.id, task_id=task.id)
    forget(tx, task)
    task_states.move(tx, task, "skip", completed_at=utcnow(), progress_note=None)
    tx.log(session.id, f"Task {task.key} is skipped.", level="warn", task_id=task.id)
    tx.emit("task_completed", session.id, task_id=task.id, key=task.key, result={"skipped": True})


def fail_session(tx: Transaction, session: models.Session, reason: str) -> None:
    """EXECUTING to FAILED on the user's word; unfinished tasks stay as they are for a retry."""
    session.error_message = reason
    move(tx, session, "error", approved=True, reason=reason)
    announce_failure(tx, session, reason)


def announce_failure(tx: Transaction, session: models.Session, reason: str) -> None:
    """Close what is open and tell everybody that the session failed."""
    asking.expire(tx, session.id)
    release_waiting(tx, session)
    outcomes.measure(tx, session)
    tx.log(session.id, f"The session failed: {reason}", level="error", kind="error")
    tx.emit("session_failed", session.id, error=reason, rollback_commit=session.rollback_commit)
    tx.emit("notification", session.id, level="error", title=f"{session.title}: failed", text=reason)


def repair_task(tx: Transaction, session: models.Session, failures: list[tuple[str, str]]) -> models.Task:
    """Add a task that mends what the checks of the whole found; it hears what the user said at the last retry."""
    tasks = lookup.tasks_of(tx.db, session.id)
    taken = {t.key.lower() for t in tasks}  # the plan may have such ids of its own
    number = next(n for n in count(1) if f"repair-{n}" not in taken)
    task = models.Task(
        session_id=session.id,
        key=f"repair-{number}",
        position=max((t.position for t in tasks), default=-1) + 1,
        title=f"Make the final checks pass ({number})",
        description=prompts.repair_description(failures),
        depends_on=[t.key for t in tasks],
        checks=[command for command, _words in failures],
        hint=lookup.validation_hint(tx.db, session.id),
    )
    tx.db.add(task)
    tx.db.flush()
    return task


def is_active(session: models.Session) -> bool:
    """Whether work of this session may go on."""
    return session.status in {State.EXECUTING, State.VALIDATING}


def interrupted(
    tx: Transaction, session: models.Session, task: models.Task, reason: str, prompt: str = prompts.RESUMED
) -> None:
    """Something outside cut the task short: it goes on in its conversation, after a few times the user is asked."""
    if session.status == State.PAUSED:
        resume_run(tx, task, prompt=prompt)
        return
    task.interruptions += 1
    if task.interruptions >= MAX_INTERRUPTIONS:
        task_failed(tx, session, task, f"Interrupted {task.interruptions} times. Last: {reason}")
        return
    prompt_or_none = prompt if task.conversation_id else None
    resume_run(tx, task, prompt=prompt_or_none, progress_note="Continuing after an interruption")
    tx.log(
        session.id,
        f"Interrupted: {reason} The task continues (not counted as an attempt).",
        level="warn",
        task_id=task.id,
    )


def forget(tx: Transaction, task: models.Task) -> None:
    """The user has decided about this task: its waits and strikes begin anew."""
    task.retry_at, task.endpoint_failures, task.failing_since, task.guard_state = None, 0, None, GuardState()
    tx.db.add(task)
