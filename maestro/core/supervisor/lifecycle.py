"""Starting and stopping the engine: recovery first, then the supervisor's clock."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.exc import OperationalError

from maestro.core.brainstorm import replies
from maestro.core.execution import digest, warm_workers
from maestro.core.guards import storage
from maestro.core.integration import merges, retention, rollbacks
from maestro.core.kernel import channel, endpoint, lookup, places, processes
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Service
from maestro.core.planning import generation
from maestro.core.supervisor import old_words, recovery
from maestro.core.supervisor.loop import Supervisor
from maestro.errors import MaestroError, Unavailable
from maestro.monitoring.notifications import Notifier

_log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.2

#: How often it is looked whether the clock was set back, and from how much on that matters.
_CLOCK_EVERY_S = 1.0
_CLOCK_SLACK = timedelta(seconds=1)


#: What lets the supervisor look, again and again.
SCHEDULER: Service[BackgroundScheduler] = Service()

_NOTIFIER = Service(with_runtime=lambda rt: Notifier(rt.bus, rt.db, lambda: rt.settings))


def start(rt: Runtime) -> None:
    """Take up what a stop or a crash left, then start looking. Quick: what takes long happens in the background.

    Raises Unavailable when what was left cannot be taken up because the database takes no writes (full, locked).
    """
    places.make(rt)
    try:
        channel.settle(rt)
        for step in (replies.recover, generation.recover, recovery.before_serving):
            _take_up(rt, step)
    except OperationalError as error:
        words = f"The data folder {rt.data_dir} cannot be written: {error.orig}."
        raise Unavailable(f"{words} Fix that, then start Maestro again.") from error
    finish_on_recovery(rt)
    rt.service(_NOTIFIER)
    # A look that is late is late; it must never be skipped, not after a suspend of hours either.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    scheduler = BackgroundScheduler(job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1})
    supervisor = Supervisor(rt)
    job = scheduler.add_job(supervisor.tick, "interval", seconds=_LOOK_EVERY_S, id="supervisor")
    scheduler.start()

    def wake() -> None:
        supervisor.wake()
        with contextlib.suppress(JobLookupError):  # the app is stopping
            job.modify(next_run_time=datetime.now(UTC))

    rt.wake = wake
    rt.services.provide(SCHEDULER, scheduler)
    threading.Thread(target=_keep_time, args=(scheduler, rt.jobs.stopping), name="clock", daemon=True).start()
    rt.jobs.start("recovery", recovery.behind_the_scenes, rt)
    rt.jobs.start("expire", retention.expire, rt)
    rt.jobs.start("old words", old_words.clean, rt)
    scheduler.add_job(retention.expire, "interval", hours=24, id="expire", args=[rt])


def finish_on_recovery(rt: Runtime) -> None:
    """What a full disk cut short is finished when the disk is well again."""
    storage.health(rt).on_recovered = {"merges": merges.finish_half_done, "rollbacks": rollbacks.finish_half_done}


def _take_up(rt: Runtime, step: Callable[[Runtime], None]) -> None:
    """No content of a row keeps the app from starting: it shows what is wrong, where it is wrong."""
    try:
        step(rt)
    except OperationalError:
        raise
    except Exception:
        _log.exception("%s.%s could not take up what was left", step.__module__, step.__name__)


def _keep_time(scheduler: BackgroundScheduler, stopping: threading.Event) -> None:
    """Run the jobs that a clock set back has put off: APScheduler would wait until the old time comes again."""
    while not stopping.wait(_CLOCK_EVERY_S):
        now = datetime.now(UTC)
        for job in scheduler.get_jobs():
            if job.next_run_time and job.next_run_time - now > job.trigger.interval + _CLOCK_SLACK:
                with contextlib.suppress(JobLookupError):  # the app is stopping
                    job.modify(next_run_time=now)


def stop(rt: Runtime, *, stop_workers: bool = False) -> None:
    """Stop looking and let background work end; workers go on unless ``stop_workers``."""
    rt.wake = lambda: None
    scheduler = rt.services.take(SCHEDULER)
    if scheduler is not None:
        scheduler.shutdown(wait=True)
    rt.jobs.stop()
    warm_workers.pool(rt).close()
    notifier = rt.services.take(_NOTIFIER)
    if notifier is not None:
        notifier.stop()
    if stop_workers:
        with rt.db.read() as db:
            workers = lookup.live_workers(db)
        processes.end(*workers)
    with contextlib.suppress(MaestroError, OperationalError):
        digest.note_stop(rt)
    demo = rt.services.take(endpoint.DEMO)
    if demo is not None:
        demo.stop()
    rt.db.close()
