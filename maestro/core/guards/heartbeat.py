"""Signs of life of the workers' processes: noticed when they stop coming, acted on when they stay away.

A worker touches its pulse twice a second while its loop turns. Silence is counted in the supervisor's own looks, not by a
clock: a machine that slept, a container that was frozen or a processor that nobody gets adds next to nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from maestro.core.kernel import processes
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Service
from maestro.db import models
from maestro.stopwatch import Stopwatch
from maestro.worker import proctable
from maestro.worker.proctable import Seen
from maestro.worker.spool import Spool

#: One look counts for so many seconds at most, however long ago the last one was.
_LOOK_S = 0.5

#: From here on a worker's silence is shown. With the pulse's half second and a look: within two seconds.
NOTICED_S = 1.2

#: A worker that gives no sign of life, or stays stopped, for so long is ended and its task goes on.
_HANG_S = 12.0

#: The same for one that has never given any: it may still be loading its code.
_FIRST_S = 60.0

#: How often it is looked whether somebody stopped a worker or its agent.
_TABLE_S = 1.0


@dataclass(slots=True)
class _Pulse:
    stamp: int | None  # the pulse's time of change, only ever compared with itself
    since: float  # on the watch, when it was first seen so
    stopped_since: float | None = None
    told: bool = False


class Watch:
    """How long the supervisor has been looking, in seconds, and what it saw of each worker."""

    def __init__(self) -> None:
        self.now = 0.0
        self._stopwatch = Stopwatch(_LOOK_S)
        self._beats: dict[str, _Pulse] = {}
        self._table: dict[int, Seen] = {}
        self._table_at = -_TABLE_S
        self._read_at = 0.0  # the same by the monotonic clock

    def tick(self) -> None:
        """Another look begins."""
        self.now = self._stopwatch.elapsed()

    def silent_s(self, worker_id: str) -> float:
        """Seconds without a sign of life, as of the last look; 0 for a worker that nobody expects to give one."""
        beat = self._beats.get(worker_id)
        return self.now - beat.since if beat is not None and beat.stamp is not None else 0.0

    def forget(self, worker_id: str) -> None:
        """The worker has ended, or is not expected to give signs now."""
        self._beats.pop(worker_id, None)

    def beat(self, worker: models.Worker) -> _Pulse:
        """What is known of a worker, brought up to date."""
        stamp = Spool(Path(worker.spool_path)).last_pulse()
        beat = self._beats.setdefault(worker.id, _Pulse(stamp, self.now))
        if beat.stamp != stamp:
            beat.stamp, beat.since = stamp, self.now
        if not self._is_stopped(worker):
            beat.stopped_since = None
        elif beat.stopped_since is None:
            beat.stopped_since = self.now
        return beat

    def _is_stopped(self, worker: models.Worker) -> bool:
        """Whether the worker or a child of its own (the agent) is stopped; what these started is theirs to stop."""
        if self.now - self._table_at >= _TABLE_S or self._read_at <= processes.woken_at(worker):
            # Since then it was let go on: what a table of before says of it is a pause that is over.
            self._read_at = time.monotonic()
            self._table, self._table_at = proctable.everything(marks=False), self.now
        return any(p.state == "T" for p in self._table.values() if worker.pid in {p.pid, p.parent})

    def was_ours(self, worker: models.Worker) -> bool:
        """Whether what was seen of a stopped worker is a pause of this app, which may have ended since it was seen.

        To be asked under the writer's lock, for a worker that its row lets run. The order counts: a resume notes when it
        let the worker go on before it forgets that it had stopped it.
        """
        return processes.stopped_here(worker) or processes.woken_at(worker) >= self._read_at

    def look_again(self) -> None:
        """What was seen of stopped processes has just been changed."""
        self._table_at = self.now - _TABLE_S


_WATCH = Service(Watch)


def watch(rt: Runtime) -> Watch:
    """The one watch of this app."""
    return rt.service(_WATCH)


def check(rt: Runtime, worker: models.Worker) -> None:
    """Look at one worker that should be at work: tell its silence, wake it, end it when nothing helps."""
    seen = watch(rt)
    beat = seen.beat(worker)
    silent = seen.now - beat.since
    _notify(rt, worker, beat, silent)
    if beat.stopped_since is not None:
        if not _wake(rt, worker, beat):
            return
        seen.look_again()
    stood = seen.now - beat.stopped_since if beat.stopped_since is not None else 0.0
    if silent < (_HANG_S if beat.stamp is not None else _FIRST_S) and stood < _HANG_S:
        return
    process = proctable.one(worker.pid) if worker.pid is not None else None
    if process is not None and process.state == "D":
        return  # it waits for a disk, and could not be ended before that answers either
    what = "its agent stays suspended" if silent < stood else f"nothing heard for {silent:.0f} s"
    with rt.db.write() as tx:
        text = f"{worker.name} is not responding: {what}. It is stopped and the task continues."
        tx.log(worker.session_id, text, level="warn", task_id=worker.task_id, worker_id=worker.id)
    seen.forget(worker.id)
    processes.end(worker)


def _notify(rt: Runtime, worker: models.Worker, beat: _Pulse, silent: float) -> None:
    """Windows hear when a silence begins and when it is over."""
    news = beat.stamp is not None and silent >= NOTICED_S
    if news == beat.told:
        return
    beat.told = news
    about = {"worker_id": worker.id, "name": worker.name, "task_id": worker.task_id}
    with rt.db.write(durable=False) as tx:
        if news:
            tx.emit("worker_silent", worker.session_id, **about, silent_s=round(silent, 1))
        else:
            tx.emit("worker_heard", worker.session_id, **about)


def _wake(rt: Runtime, worker: models.Worker, beat: _Pulse) -> bool:
    """Let a stopped worker or agent go on; False when it is stopped on purpose after all."""
    with rt.db.write() as tx:
        row = tx.db.get(models.Worker, worker.id)
        if row is None or row.status not in {"starting", "running", "waiting"}:
            return False
        # Under the writer's lock: a pause is stored before it stops anything, so this one is none.
        of_ours = watch(rt).was_ours(worker)  # a resume that is stored, or has let it go on since it was looked at
        processes.resume(worker)
        if of_ours:
            beat.stopped_since = None
        elif beat.stopped_since == watch(rt).now:
            text = f"{worker.name} or its agent was suspended by another program, not by a pause. It continues."
            tx.log(worker.session_id, text, level="warn", task_id=worker.task_id, worker_id=worker.id)
    return True
