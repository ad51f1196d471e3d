"""A few worker processes that wait, loaded, for the next tasks. Only time is at stake: without any, all works the same."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

import psutil

from maestro.core.execution import scheduling
from maestro.core.kernel.agent_config import in_force
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Service
from maestro.core.workspaces.environ import base_environment
from maestro.db import models
from maestro.db.types import new_id
from maestro.worker import launch
from maestro.worker.launch import Standby
from maestro.worker.spool import Spool

#: A standby holds about 70 MB; none is started unless this much more than the least free memory is free.
_SPARE_MB = 1024

#: No standby is started so soon after another, or after a worker, whose agent needs the processor first.
_PAUSE_S = 0.7
_PAUSE_AFTER_WORKER_S = 2.0

#: The agent type whose start is worth preparing.
_AGENT = "claude_code"

_log = logging.getLogger(__name__)


class Standbys:
    """Those that wait now, ``most`` of them at a time. Safe from any thread."""

    def __init__(self) -> None:
        self.most = 3  # more would be wasted memory: tasks seldom become ready in larger groups
        self._lock = threading.Lock()
        self._waiting: list[Standby] = []
        self._not_before = 0.0  # monotonic

    def keep(self, rt: Runtime, wanted: int) -> None:
        """Bring their number nearer to ``wanted``: one more now and then, or all that are too many away."""
        wanted = min(wanted, self.most)
        with self._lock:
            self._waiting = [s for s in self._waiting if s.waits()]
            surplus, self._waiting = self._waiting[wanted:], self._waiting[:wanted]
            if len(self._waiting) < wanted and time.monotonic() >= self._not_before and _room(rt):
                self._not_before = time.monotonic() + _PAUSE_S
                self._begin(rt)
        if surplus:
            threading.Thread(target=_dismiss, args=(surplus,), name="standbys", daemon=True).start()

    def take(self, agent_type: str) -> Standby | None:
        """One for a worker that starts now, out of the pool; None when there is none of its kind."""
        with self._lock:
            self._not_before = time.monotonic() + _PAUSE_AFTER_WORKER_S
            while agent_type == _AGENT and self._waiting:
                standby = self._waiting.pop(0)
                if standby.waits():
                    return standby
        return None

    def give_back(self, standby: Standby) -> None:
        """It was not needed after all."""
        with self._lock:
            self._waiting.append(standby)

    def close(self) -> None:
        """Let all of them go."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        _dismiss(waiting)

    def _begin(self, rt: Runtime) -> None:
        worker_id = new_id()
        spool = Spool(rt.data_dir / "workers" / worker_id)
        try:
            self._waiting.append(launch.stand_by(spool, worker_id, base_environment()))
        except OSError as error:
            _log.debug("no standby could be started: %s", error)


_POOL = Service(Standbys)


def pool(rt: Runtime) -> Standbys:
    """The app's own."""
    return rt.service(_POOL)


def wanted(rt: Runtime, session: models.Session, tasks: Sequence[models.Task]) -> int:
    """How many this session's next starts could use: a task that runs may need a new attempt, too."""
    config = in_force(session.agent_config, rt.settings)
    return min(len(scheduling.unfinished(tasks)), config.max_workers) if session.agent_type == _AGENT else 0


def _room(rt: Runtime) -> bool:
    free = psutil.virtual_memory().available / 1_048_576
    return free > (rt.settings.min_free_memory_mb or 0) + _SPARE_MB


def _dismiss(surplus: list[Standby]) -> None:
    for standby in surplus:
        standby.dismiss()
