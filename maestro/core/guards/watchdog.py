"""What is done about a worker that seems stuck, one step at a time, each told with what was seen.

First a word in its conversation. Then (unless ``auto_unstick`` is off) its run is interrupted and goes on
with a summary. Then the worker stands still and the user is asked. A successful edit takes it back to
the beginning. About an agent that hears nothing during its run the user is asked at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from maestro.agents import factory
from maestro.core.approvals import asking
from maestro.core.guards import at_work, heartbeat
from maestro.core.guards.loops import Trace
from maestro.core.guards.no_progress import Standstill
from maestro.core.kernel import channel, lookup, processes
from maestro.core.kernel.agent_config import EffectiveConfig
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Service
from maestro.core.kernel.session_states import State
from maestro.core.tasks import interrupts, prompts, transitions
from maestro.db import models
from maestro.db.session import Transaction

#: Processor use of the tree, in percent of a core, from which a running tool (or an agent that names none) is at work.
_AT_WORK = 3.0

#: How long a word may take to reach an agent; an agent that cannot be told is judged again after it.
_HEARING_S = 30.0

#: "Keep running", said after its run was parked: it holds for the next one.
_NEXT_RUN = "next"

#: What is read of the log when a run is first looked at, for instance after a restart of the app.
_FIRST_ROWS = 300


@dataclass
class _RunState:
    """What this app remembers of one run between looks. Lost at a restart, which only makes it more patient."""

    trace: Trace
    standstill: Standstill
    quiet_since: float  # this and deaf_until on the supervisor's own watch: sleep is no silence
    log_id: int | None = None
    offset: int = -1
    traffic: at_work.Traffic | None = None  # after half the time that silence may last
    deaf_until: float = 0.0  # a word is on its way: what is done meanwhile does not count


#: By worker.
_RUNS = Service(dict[str, _RunState])


def check(rt: Runtime, config: EffectiveConfig, task: models.Task, worker: models.Worker) -> None:
    """Look at one live run of an executing session; takes at most one step."""
    eyes = rt.service(_RUNS)
    now = heartbeat.watch(rt).now
    eye = eyes.setdefault(worker.id, _RunState(Trace(rt.settings.stuck_repeats), Standstill(worker.id), now))
    if worker.status != "running":
        eye.quiet_since = now  # waiting, paused, parked: that is no silence
        return
    if task.guard_state.left_alone == _NEXT_RUN:
        _leave_alone(rt, task.id, worker.id)
        return
    if task.guard_state.left_alone == worker.id or interrupts.wanted(task, worker) is not None:
        return
    if worker.spool_offset != eye.offset:
        eye.offset, eye.quiet_since = worker.spool_offset, now
        if _read_on(rt, eye, worker) and task.guard_state.stuck_step:
            _recovered(rt, task.id)
        seen = eye.trace.circle()
    else:
        seen = _silent(rt, eye, worker)
    if now < eye.deaf_until:
        return
    if seen is None and task.worktree_path:
        seen = eye.standstill.check(rt, Path(task.worktree_path), eye.trace)
    if seen:
        eye.deaf_until = now + _HEARING_S
        eye.trace.forget()
        eye.quiet_since = now
        _step(rt, config, task.id, worker, seen)


def forget(rt: Runtime, worker_id: str) -> None:
    """Drop what is remembered of a run that has ended."""
    rt.service(_RUNS).pop(worker_id, None)


def apply_answer(tx: Transaction, approval: models.Approval) -> None:
    """The user's answer: allow interrupts the run and goes on with their words; deny leaves the worker alone."""
    worker = tx.db.get(models.Worker, approval.worker_id) if approval.worker_id else None
    task = tx.db.get(models.Task, approval.task_id) if approval.task_id else None
    if worker is None or task is None:
        return
    if worker.ended_at is not None or worker.status == "parked":
        _wake(tx, approval, task)
        return
    task.guard_state = replace(task.guard_state, stuck_step=0)
    if approval.status == "allowed":
        seen = str(approval.detail.get("reason") or "")
        interrupts.request(tx, task, worker, then="resume", reason=seen, prompt=_again(seen, approval.message))
    else:
        task.guard_state = replace(task.guard_state, left_alone=worker.id)
    session = lookup.session_row(tx.db, approval.session_id)
    worker.status = "paused" if session.status == State.PAUSED else "running"
    tx.db.add(worker)
    tx.db.add(task)
    if task.status == "waiting":
        transitions.resume_run(tx, task)


def _wake(tx: Transaction, approval: models.Approval, task: models.Task) -> None:
    """The worker was parked before the answer came: a new run goes on in its conversation."""
    if task.status != "waiting":
        return
    allowed = approval.status == "allowed"
    seen = str(approval.detail.get("reason") or "")
    task.guard_state = replace(task.guard_state, stuck_step=0, stop=None)
    if not allowed:
        task.guard_state = replace(task.guard_state, left_alone=_NEXT_RUN)
    prompt = _again(seen, approval.message) if allowed else prompts.RESUMED
    transitions.resume_run(tx, task, prompt=prompt, progress_note="You answered")


def after_answer(rt: Runtime, approval: models.Approval) -> None:
    """After the answer is committed: the worker moves again (and, if it was to be interrupted, hears of it first)."""
    if approval.kind != "stuck" or not approval.worker_id:
        return
    with rt.db.read() as db:
        worker = db.get(models.Worker, approval.worker_id)
        task = db.get(models.Task, worker.task_id) if worker else None
        session = db.get(models.Session, approval.session_id)
    if worker is None or task is None or session is None or worker.status in {"ended", "parked"}:
        return
    interrupts.deliver(rt, task, worker)
    if session.status != State.PAUSED:
        processes.resume(worker)


def _read_on(rt: Runtime, eye: _RunState, worker: models.Worker) -> bool:
    """Take in new log rows; whether an edit succeeded among them."""
    query = select(models.AgentLog).where(
        models.AgentLog.task_id == worker.task_id,
        models.AgentLog.worker_id == worker.id,
        col(models.AgentLog.kind).in_(["tool", "tool_result", "system"]),
    )
    with rt.db.read() as db:
        if eye.log_id is None:
            rows = list(db.exec(query.order_by(col(models.AgentLog.id).desc()).limit(_FIRST_ROWS)).all())[::-1]
        else:
            rows = list(db.exec(query.where(col(models.AgentLog.id) > eye.log_id).order_by(col(models.AgentLog.id))))
    changed = False
    for row in rows:
        details = row.details or {}
        use = str(details.get("tool_use_id", ""))
        if row.kind == "tool":
            eye.trace.tool(use, str(details.get("tool", "")), _whole_input(details), row.message[:120])
        elif row.kind == "system" and details.get("told"):
            eye.deaf_until = 0.0
            eye.trace.forget()
        elif row.kind == "tool_result":
            text = str(details.get("sha256") or row.message)
            changed = eye.trace.result(use, text, bool(details.get("is_error"))) or changed
    eye.log_id = rows[-1].id if rows else eye.log_id or 0
    return changed


def _whole_input(details: dict[str, Any]) -> Any:
    """A call's input as it is compared: what was too long for the log by its hash."""
    kept, cut = details.get("input"), details.get("cut")
    return kept | cut if isinstance(kept, dict) and isinstance(cut, dict) else kept


def _silent(rt: Runtime, eye: _RunState, worker: models.Worker) -> str | None:
    """Nothing is heard, and nothing is at work either."""
    now, tool = heartbeat.watch(rt).now, eye.trace.running
    if worker.cpu_percent >= _AT_WORK and (tool is not None or not eye.trace.names_tools):
        eye.quiet_since = now
        return None
    quiet, limit = now - eye.quiet_since, rt.settings.stuck_silence_minutes * 60
    if quiet < limit / 2:
        eye.traffic = None
        return None
    if eye.traffic is None:
        eye.traffic = at_work.traffic(worker.pid, of_tools=eye.trace.names_tools)
    if quiet < limit:
        return None
    waits = tool is not None or not eye.trace.names_tools
    if waits and at_work.traffic(worker.pid, of_tools=eye.trace.names_tools).moved_since(eye.traffic):
        eye.quiet_since, eye.traffic = now, None
        return None
    while_what = f" since “{tool.line}”" if tool is not None else ""
    span = f"{quiet / 60:.0f} minutes" if quiet >= 120 else f"{quiet:.0f} seconds"
    return f"No output for {span}{while_what}, and it uses {worker.cpu_percent:.0f}% of a core"


def _step(rt: Runtime, config: EffectiveConfig, task_id: str, worker: models.Worker, seen: str) -> None:
    ask, told = False, False
    with rt.db.read() as db:  # one that hears nothing would lose a word, and begin anew after an interruption
        about, whose = lookup.session_row(db, worker.session_id), db.get(models.Task, task_id)
        agent = lookup.agent_type(db, about, whose.key if whose else None)
        hears = factory.hears(agent)
    with rt.db.write() as tx:
        task, row = tx.db.get(models.Task, task_id), tx.db.get(models.Worker, worker.id)
        session = tx.db.get(models.Session, worker.session_id)
        if task is None or row is None or session is None or row.status != "running":
            return
        step = task.guard_state.stuck_step + 1
        task.guard_state = replace(task.guard_state, stuck_step=step)
        tx.db.add(task)
        if step == 1 and hears:
            told, done = True, "sent a note in its conversation"
        elif step == 2 and hears and config.auto_unstick:
            done = "interrupted, and continues with a summary"
            interrupts.request(tx, task, row, then="resume", reason=f"{seen}.", prompt=_again(f"{seen}.", None))
        else:
            ask, done = True, "stopped until you answer"
            _ask(tx, session, task, row, seen, hears=hears)
        text = f"{row.name} seems stuck: {seen}. It was {done}."
        tx.log(session.id, text, level="warn", task_id=task.id, worker_id=row.id, details={"seen": seen, "step": step})
        tx.emit(
            "stuck_detected",
            session.id,
            worker_id=row.id,
            task_id=task.id,
            key=task.key,
            seen=seen,
            step=step,
            done=done,
        )
    if told:
        channel.send(rt, worker, {"type": "say", "text": _word(seen)})
    if ask:
        processes.suspend(worker)


def _ask(
    tx: Transaction, session: models.Session, task: models.Task, worker: models.Worker, seen: str, *, hears: bool
) -> None:
    worker.status = "paused"
    tx.db.add(worker)
    transitions.wait_for_answer(tx, task)
    detail = {
        "reason": f"{seen}.",
        "allow": f"interrupt it and {'continue its conversation' if hears else 'start it again'}, with your message",
        "deny": "keep it running and do not ask again during this run",
    }
    title = f"{worker.name} seems stuck on {task.key}: {task.title}"
    asking.ask(tx, session, task, kind="stuck", title=title, detail=detail, worker_id=worker.id)


def _recovered(rt: Runtime, task_id: str) -> None:
    with rt.db.write() as tx:
        task = tx.db.get(models.Task, task_id)
        if task is not None and task.guard_state.stuck_step:
            task.guard_state = replace(task.guard_state, stuck_step=0)
            tx.db.add(task)


def _leave_alone(rt: Runtime, task_id: str, worker_id: str) -> None:
    with rt.db.write() as tx:
        task = tx.db.get(models.Task, task_id)
        if task is not None:
            task.guard_state = replace(task.guard_state, left_alone=worker_id)
            tx.db.add(task)


def _word(seen: str) -> str:
    return (
        f"# A look from outside\n\nMaestro noticed: {seen}. If that is on purpose, go on. Otherwise do not repeat it: "
        "say what blocks you, try another way, or stop and say plainly why it cannot be done."
    )


def _again(seen: str, words: str | None) -> str:
    said = f"\n\nNote from the user: {words}" if words else ""
    return (
        f"# Interrupted\n\nMaestro interrupted you. What was seen: {seen}{said}\n\n"
        "Look at what is in the worktree, sum up in a few lines what is done and what is not, and go on in another way. "
        "If it cannot be done, stop and say plainly why."
    )
