"""The supervisor: looks, a few times a second, at what workers report and at what can go on.

It keeps no state of its own that matters. Every look starts from rows and processes, so the look after a
crash is the same as any other.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from maestro.core.approvals import asking, questions
from maestro.core.approvals.question import STOP_SET_UP
from maestro.core.execution import digest, ingest, parking, resuming, run_end, scheduling, warm_workers
from maestro.core.guards import heartbeat, integrity, resources, storage
from maestro.core.integration import rollbacks
from maestro.core.kernel import lookup, processes
from maestro.core.kernel.agent_config import in_force
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import FINAL, State, move
from maestro.core.kernel.task_states import LANDING
from maestro.core.limits import account, admission
from maestro.core.planning import trust
from maestro.core.proving import measured
from maestro.core.supervisor import stepping
from maestro.core.tasks import notes, transitions
from maestro.core.workspaces import pooling
from maestro.db import models
from maestro.db.journal import Event
from maestro.db.session import Transaction
from maestro.errors import Conflict
from maestro.monitoring import metrics
from maestro.worker.spool import Spool
from maestro.worktrees import repository

_METRICS_EVERY_S = 2.0

#: Where nothing is heard, how often it is looked at all the same, in seconds: silence, memory, waits that end. The
#: longer one where nobody works: all wait for the user, for a limit, or for a check, whose end is heard.
_QUIET_S = 0.5
_WAITING_S = 5.0

#: A digest that could not be made is tried again after so long, doubled each time up to this often.
_DIGEST_AGAIN_S = 2.0
_DIGEST_TRIES = 6

#: A worker that has said its result gets this long to end by itself.
_LINGER_S = 10.0

#: Events after which something else can go on.
_TURNS = frozenset({"state_changed", "task_completed", "worker_terminated"})

_log = logging.getLogger(__name__)


class Supervisor:
    """One look at a time; ``look`` is the APScheduler job."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        self._news = threading.Event()
        self._news.set()
        self._busy = True
        self._looked_at = float("-inf")
        #: The workers of the last look: where each writes, how much of it is stored, and how it is known.
        self._watched: list[tuple[Path, int, models.Worker]] = []
        self._digest_tries, self._digest_at = 0, 0.0
        self._sampler = metrics.Sampler()
        self._last_sample = 0.0
        #: How many loaded worker processes the sessions of this look could use.
        self._standbys = 0
        #: Since when (``heartbeat.watch``) a worker is in a state that must not last.
        self._since: dict[str, float] = {}
        rt.bus.subscribe(self._hear)

    def _hear(self, events: list[Event]) -> None:
        """Something happened; what lets the next thing begin is looked at now, not at the next tick."""
        if all(event.type in stepping.CHATTER for event in events):
            return
        stepping.changed(self._rt, events)
        self._news.set()
        if any(event.type in _TURNS for event in events):
            self._rt.wake()

    def wake(self) -> None:
        """The next tick is a whole one, whatever has been heard."""
        self._news.set()

    def tick(self) -> None:
        """One look. Costs next to nothing when nothing is under way and nothing has happened."""
        heartbeat.watch(self._rt).tick()
        if not storage.health(self._rt).check():
            return
        if not self._is_due():
            return
        self._tick_all()

    def _is_due(self) -> bool:
        if self._news.is_set():
            return True
        if not self._busy:
            return False
        quiet = _QUIET_S if any(w.status not in {"waiting", "paused"} for _, _, w in self._watched) else _WAITING_S
        return time.monotonic() - self._looked_at >= quiet or any(_has_news(*known) for known in self._watched)

    def _tick_all(self) -> None:
        self._looked_at = time.monotonic()
        self._catch_up()
        self._news.clear()
        with self._rt.db.read() as db:
            workers = run_end.watched(db)
            sessions = db.exec(
                select(models.Session).where(col(models.Session.status).in_([State.EXECUTING, State.VALIDATING]))
            ).all()
        self._busy = bool(workers or sessions)
        self._guarded(account.release_due, self._rt)
        self._guarded(self._take_up_answers)
        for worker in workers:
            self._guarded(self._watch, worker)
        if workers:
            self._guarded(asking.deliver, self._rt)
            self._guarded(notes.deliver, self._rt)
            self._guarded(parking.park_due, self._rt, workers)
        self._guarded(pooling.drop_over, self._rt, {s.id for s in sessions})
        self._guarded(self._sample, workers)
        resources.check(self._rt, list(sessions))
        self._standbys = 0
        for session in sessions:
            if stepping.may_advance(self._rt, session.id):
                stepping.run_step(self._rt, "advance", session.id, None, partial(self._advance, session))
        self._guarded(warm_workers.pool(self._rt).keep, self._rt, self._standbys)
        with self._rt.db.read() as db:
            self._watched = [(Spool(Path(w.spool_path)).events, w.spool_offset, w) for w in run_end.watched(db)]

    def _take_up_answers(self) -> None:
        """What follows an answer, where a crash or an error came between."""
        if resuming.resume_due(self._rt):
            self._busy = True  # and again, should it not have gone on

    def _catch_up(self) -> None:
        """Make the digest of what happened while the app was away; one that fails is tried again a few times."""
        if self._digest_tries >= _DIGEST_TRIES or time.monotonic() < self._digest_at:
            return
        self._digest_tries += 1
        self._digest_at = time.monotonic() + _DIGEST_AGAIN_S * 2 ** (self._digest_tries - 1)
        self._guarded(self._digest)

    def _digest(self) -> None:
        digest.catch_up(self._rt)
        self._digest_tries = _DIGEST_TRIES

    def _guarded(self, step: Callable[..., Any], *about: Any) -> None:
        """One broken session, worker or step must not stop the others."""
        try:
            step(*about)
        except Exception as error:
            storage.health(self._rt).report(error)
            _log.exception(
                "the supervisor could not do %s %s", step.__name__, getattr(about[-1], "id", "") if about else ""
            )

    def _watch(self, worker: models.Worker) -> None:
        ingest.ingest(self._rt, worker.id)
        self._end_of_over(worker)
        if self._rt.jobs.running(f"start:{worker.task_id}") and worker.pid is None:
            return
        if self._is_alive(worker):
            return
        run_end.finish(self._rt, worker)
        integrity.verify(self._rt, worker.id)
        run_end.close(self._rt, worker.id)
        self._since.pop(worker.id, None)
        heartbeat.watch(self._rt).forget(worker.id)
        self._sampler.forget(worker.id)
        resources.forget(self._rt, worker.id)

    def _end_of_over(self, worker: models.Worker) -> None:
        """Whoever ends a session ends its workers; where an error came between, they are ended all the same."""
        with self._rt.db.read() as db:
            session = db.get(models.Session, worker.session_id)
        name = f"over:{worker.session_id}"
        if session is None or session.status not in FINAL:
            self._since.pop(name, None)
        elif self._lasts(name) > _LINGER_S:
            self._rt.jobs.start(name, rollbacks.stop_all_work, self._rt, worker.session_id)

    def _is_alive(self, worker: models.Worker) -> bool:
        """Whether the worker may go on. One that should have ended by now is ended."""
        if not processes.alive(worker):
            return False
        if worker.result_json is not None or worker.status == "parked":
            heartbeat.watch(self._rt).forget(worker.id)
            if worker.status == "parked" and processes.is_stopped(worker):
                processes.resume(worker)  # parked while the pause was still being carried out: stopped, it cannot end
            patience = parking.PATIENCE_S if worker.status == "parked" else _LINGER_S
            if self._lasts(worker.id) > patience:
                processes.end(worker)
        elif worker.status == "paused":
            heartbeat.watch(self._rt).forget(worker.id)
        else:
            heartbeat.check(self._rt, worker)
        return True

    def _lasts(self, name: str) -> float:
        """Seconds, on the supervisor's own watch, that a worker (or session) has been in a state that must not last."""
        now = heartbeat.watch(self._rt).now
        return now - self._since.setdefault(name, now)

    def _sample(self, workers: list[models.Worker]) -> None:
        if not workers or time.monotonic() - self._last_sample < _METRICS_EVERY_S:
            return
        self._last_sample = time.monotonic()
        samples = {w.id: self._sampler.sample(w.id, processes.main(w)) for w in workers if w.pid is not None}
        with self._rt.db.write(durable=False) as tx:
            for worker in workers:
                sample, row = samples.get(worker.id), tx.db.get(models.Worker, worker.id)
                if sample is None or row is None or row.status == "ended":
                    continue
                row.cpu_percent, row.memory_mb = sample.cpu_percent, sample.memory_mb
                tx.db.add(row)
                base = {"session_id": row.session_id, "worker_id": row.id}
                cpu = base | {"metric_name": "cpu_percent", "metric_value": sample.cpu_percent, "unit": "%"}
                memory = base | {"metric_name": "memory_mb", "metric_value": sample.memory_mb, "unit": "MB"}
                tx.metrics([cpu, memory])

    def _advance(self, session: models.Session) -> None:
        rt = self._rt
        with rt.db.read() as db:
            if lookup.rollback_in_progress(db, session.id):
                return
        if not trust.may_run(rt, session):
            return
        stopped = questions.merge_train_blocker(rt, session.id)
        if session.status == State.VALIDATING:
            if not questions.validation_blocked(rt, session.id):
                self._begin("validate", session.id)
            return
        if stopped is None and measured.missing(rt, session):
            self._begin("baseline", session.id)
        with rt.db.read() as db:
            tasks = lookup.tasks_of(db, session.id)
            live = {w.task_id for w in lookup.live_workers(db, session.id)}
        if scheduling.finished(tasks):
            self._complete(session.id)
            return
        if (why := scheduling.dead_end(tasks)) is not None:
            raise Conflict(why)
        self._standbys += warm_workers.wanted(rt, session, tasks)
        no_set_up = stopped is not None and stopped.detail.get("what") in STOP_SET_UP
        for task in tasks:
            waits = no_set_up if task.status == "running" else stopped is not None
            if task.id not in live and not waits:
                self._resume_task(session, task)
        if not no_set_up:
            self._start_ready(session, tasks, live)
        pooling.refill(rt, session, tasks)

    def _begin(self, kind: stepping.Kind, session_id: str, task_id: str | None = None) -> None:
        stepping.begin(self._rt, kind, session_id, task_id, done=self._news.set)

    def _resume_task(self, session: models.Session, task: models.Task) -> None:
        if task.status == "running":
            if admission.may_start(self._rt, session, task):
                self._begin("start", session.id, task.id)
        elif task.status in LANDING:
            self._begin("land", session.id, task.id)

    def _start_ready(self, session: models.Session, tasks: list[models.Task], live: set[str]) -> None:
        rt = self._rt
        config = in_force(session.agent_config, rt.settings)
        if not scheduling.ready(tasks) or not admission.may_begin(rt, session):
            return
        tracked = _tracked(session.repo_path, session.base_commit) if _has_globs(tasks) else ()
        chosen = scheduling.choose(tasks, config.max_workers, tracked, live)
        with rt.db.write() as tx:
            row = lookup.session_row(tx.db, session.id)
            if row.status != State.EXECUTING:
                return
            for task in chosen:
                _begin(tx, row, lookup.task_row(tx.db, session.id, task.id))
        for task in chosen:
            with rt.db.read() as db:
                now = db.get(models.Task, task.id)
            if now is not None and now.status == "running":
                self._begin("start", session.id, task.id)

    def _complete(self, session_id: str) -> None:
        with self._rt.db.write() as tx:
            row = lookup.session_row(tx.db, session_id)
            if row.status == State.EXECUTING and not lookup.rollback_in_progress(tx.db, session_id):
                move(tx, row, "complete")


def _begin(tx: Transaction, session: models.Session, task: models.Task) -> None:
    """A ready task becomes running, or waits for the user where the plan says so."""
    if task.status != "pending":
        return
    if task.requires_approval and not _was_allowed(tx, task):
        transitions.ask_before_start(tx, session, task)
    else:
        transitions.start(tx, session, task)


def _was_allowed(tx: Transaction, task: models.Task) -> bool:
    query = select(models.Approval.id).where(
        models.Approval.task_id == task.id, models.Approval.kind == "task_start", models.Approval.status == "allowed"
    )
    return tx.db.exec(query).first() is not None


@lru_cache(maxsize=4)
def _tracked(repo: str, commit: str) -> tuple[str, ...]:
    """The tracked files of a commit, which never change: asked at each look while tasks wait."""
    return tuple(repository.list_files(Path(repo), commit))


def _has_globs(tasks: list[models.Task]) -> bool:
    return any(ch in pattern for t in tasks for pattern in t.files for ch in "*?[")


def _has_news(events: Path, stored: int, worker: models.Worker) -> bool:
    """Whether a worker has written something that is not stored, or has ended. Two looks at files, no more."""
    try:
        size = events.stat().st_size
    except (OSError, ValueError):
        size = 0
    return size > stored or worker.pid is None or not processes.alive(worker)
