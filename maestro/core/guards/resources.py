"""What is watched while workers run: budgets, memory, processor, model calls. Called at every look of the supervisor."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

import psutil

from maestro.core.guards import watchdog
from maestro.core.kernel import lookup, processes
from maestro.core.kernel.agent_config import EffectiveConfig, in_force
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Service
from maestro.core.kernel.session_states import State
from maestro.core.limits import budgets
from maestro.core.tasks import interrupts
from maestro.db import models
from maestro.db.session import Transaction
from maestro.worker import tree

_NOTICE = 0.8

#: An interrupted worker that grows beyond this share of its memory is not waited for.
_RUNAWAY = 1.5

#: Measurements in a row over the processor cap before the priority goes down.
_CPU_LOOKS = 3

_LOWEST_NICE = 19

#: By worker: the share that was last seen, and how often in a row it was over the cap.
_OVER_CPU = Service(dict[str, tuple[float | None, int]])

_log = logging.getLogger(__name__)


def check(rt: Runtime, sessions: list[models.Session]) -> None:
    """Compare what runs with its limits; one that breaks must not stop the supervisor."""
    executing = [s for s in sessions if s.status == State.EXECUTING]
    for session in executing:
        try:
            budgets.check(rt, [session])
        except Exception:
            _log.exception("the budgets of session %s could not be compared", session.id)
    for session in executing:
        try:
            _check_workers(rt, session)
        except Exception:
            _log.exception("the workers of session %s could not be compared with their limits", session.id)


def forget(rt: Runtime, worker_id: str) -> None:
    """Drop what is remembered of a worker that has ended."""
    watchdog.forget(rt, worker_id)
    rt.service(_OVER_CPU).pop(worker_id, None)


@dataclass(frozen=True, slots=True)
class _Run:
    """A worker that runs, and what it is compared with."""

    rt: Runtime
    session: models.Session
    config: EffectiveConfig
    task: models.Task
    worker: models.Worker
    out_of_calls: bool


def _check_workers(rt: Runtime, session: models.Session) -> None:
    with rt.db.read() as db:
        pairs = [(w, db.get(models.Task, w.task_id)) for w in lookup.live_workers(db, session.id)]
        config = in_force(session.agent_config, rt.settings)
        spent = {w.id for w, t in pairs if t is not None and budgets.calls_used_up(db, config, t, w)}
    for worker, task in pairs:
        if task is None or worker.result_json is not None:
            continue
        watchdog.check(rt, config, task, worker)
        if worker.status in {"running", "waiting"}:
            run = _Run(rt, session, config, task, worker, worker.id in spent)
            for compare in _COMPARISONS:
                compare(run)


def _calls(run: _Run) -> None:
    if not run.out_of_calls or interrupts.wanted(run.task, run.worker) is not None:
        return
    reason = f"The run reached its limit of {run.config.run_model_calls} model calls."
    with run.rt.db.write() as tx:
        row = tx.db.get(models.Task, run.task.id)
        if row is not None:
            interrupts.request(tx, row, run.worker, then="budget", reason=reason, measure="model_calls")


def _costs(run: _Run) -> None:
    budgets.notice_run(run.rt, run.session, run.config, run.task, run.worker)


def _memory(run: _Run) -> None:
    """Warn at 80 %; at 100 % interrupt, and resume once; the second time ask the user."""
    worker, limit = run.worker, run.config.worker_memory_mb
    if limit is None or worker.memory_mb < limit * _NOTICE:
        return
    share = worker.memory_mb / limit
    said = f"{worker.name} and what it started use {worker.memory_mb:,.0f} MB of {limit:,} MB."
    if interrupts.wanted(run.task, worker) is not None:
        if share > _RUNAWAY:
            processes.end(worker)
        return
    with run.rt.db.write() as tx:
        row = tx.db.get(models.Task, run.task.id)
        if row is not None and share < 1:
            _warn_once(tx, row, worker, said)
        elif row is not None:
            _too_much_memory(tx, row, worker, said, limit)


def _too_much_memory(tx: Transaction, task: models.Task, worker: models.Worker, said: str, limit_mb: int) -> None:
    before = task.guard_state.memory_stops
    task.guard_state = replace(task.guard_state, memory_stops=before + 1)
    tx.log(task.session_id, f"{said} It is interrupted.", level="warn", task_id=task.id, worker_id=worker.id)
    tx.emit("notification", task.session_id, level="warn", title="A worker uses too much memory", text=said)
    if before:
        reason = f"{said} It was over its limit before (setting worker_memory_mb)."
        interrupts.request(tx, task, worker, then="person", reason=reason)
    else:
        prompt = (
            f"# Too much memory\n\nMaestro interrupted you: the programs you had started used more than {limit_mb:,} MB. "
            "Go on with the task in a way that needs less: smaller inputs, fewer things at once, no endless loops."
        )
        interrupts.request(tx, task, worker, then="resume", reason=said, prompt=prompt)


def _warn_once(tx: Transaction, task: models.Task, worker: models.Worker, said: str) -> None:
    if task.guard_state.memory_warned == worker.id:
        return
    task.guard_state = replace(task.guard_state, memory_warned=worker.id)
    tx.db.add(task)
    tx.log(task.session_id, f"{said} At 100% it is interrupted.", level="warn", task_id=task.id, worker_id=worker.id)
    tx.emit("notification", task.session_id, level="warn", title="A worker's memory is nearly used up", text=said)


def _lowest_priority(pid: int) -> None:
    """For a process and, on Linux, each of its threads: there they have a priority each."""
    with contextlib.suppress(psutil.Error, OSError):
        process = psutil.Process(pid)
        process.nice(_LOWEST_NICE)
        for thread in process.threads() if sys.platform.startswith("linux") else []:
            with contextlib.suppress(OSError):  # it has ended meanwhile
                os.setpriority(os.PRIO_PROCESS, thread.id, _LOWEST_NICE)


def _processor(run: _Run) -> None:
    """Over the cap for some time (a part of a core, or no Linux: see ``processes.confine``): lowest priority for the tree."""
    worker, cap, looks = run.worker, run.config.worker_cpu_percent, run.rt.service(_OVER_CPU)
    if cap is None or worker.pid is None or worker.pid_started is None:
        return
    at, count = looks.get(worker.id, (None, 0))
    if at == worker.cpu_percent or count > _CPU_LOOKS:
        return  # not measured anew, or done
    count = count + 1 if worker.cpu_percent > cap else 0
    looks[worker.id] = (worker.cpu_percent, count + (count == _CPU_LOOKS))
    if count < _CPU_LOOKS:
        return
    for process in {worker.pid, *(p.pid for p in tree.processes_of(worker.id))}:
        _lowest_priority(process)
    words = f"{worker.name} uses {worker.cpu_percent:.0f}% of a core, more than {cap}%: it now has the lowest priority."
    with run.rt.db.write() as tx:
        tx.log(
            worker.session_id,
            f"{words} It is not slowed down on an idle machine.",
            task_id=worker.task_id,
            worker_id=worker.id,
        )


def _deliver(run: _Run) -> None:
    """What was requested just now, or earlier, of a worker that does not know of it."""
    with run.rt.db.read() as db:
        now = db.get(models.Task, run.task.id)
    if now is not None:
        interrupts.deliver(run.rt, now, run.worker)


#: What is compared of each run, in this order. Each decides by itself whether there is something to do.
_COMPARISONS: tuple[Callable[[_Run], None], ...] = (_calls, _costs, _memory, _processor, _deliver)
