"""Work that outlives the request that asked for it: replies, plans, landings. Threads, by name."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

_log = logging.getLogger(__name__)


class Background:
    """Runs named jobs in threads; a name that is under way is not started twice."""

    def __init__(self, threads: int = 32) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="maestro")
        self._lock = threading.Lock()
        self._jobs: dict[str, Future[None]] = {}
        #: Set when the app stops; long jobs look at it and end early, leaving what a restart picks up.
        self.stopping = threading.Event()

    def start(self, name: str, job: Callable[..., Any], *args: Any) -> bool:
        """Run ``job(*args)`` in a thread; False when a job of this name is still under way, or at the stop."""
        with self._lock:
            if name in self._jobs or self.stopping.is_set():
                return False
            self._jobs[name] = self._pool.submit(self._run, name, job, args)
            return True

    def running(self, name: str) -> bool:
        """Whether a job of this name is under way."""
        with self._lock:
            return name in self._jobs

    def wait_for(self, names: Iterable[str], timeout_s: float) -> bool:
        """Wait until no job of these names is under way; False when that took too long."""
        with self._lock:
            jobs = [self._jobs[name] for name in names if name in self._jobs]
        return not wait(jobs, timeout=timeout_s).not_done

    def stop(self, timeout_s: float = 10) -> None:
        """Ask all jobs to end and wait for them for a while."""
        self.stopping.set()
        with self._lock:
            jobs = list(self._jobs.values())
        wait(jobs, timeout=timeout_s)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self, name: str, job: Callable[..., Any], args: tuple[Any, ...]) -> None:
        try:
            job(*args)
        except Exception:
            _log.exception("background job %s failed", name)
        finally:
            with self._lock:
                self._jobs.pop(name, None)
