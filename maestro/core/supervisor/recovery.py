"""Taking up what a kill, a crash or a move of the data folder left half done outside the database."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from pathlib import Path

import psutil
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlmodel import Session as DbSession
from sqlmodel import col, select

from maestro.core.execution import run_end
from maestro.core.integration import merges, rollbacks
from maestro.core.kernel import lookup, places, processes
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import FINAL, State
from maestro.core.workspaces import agents_place, bytecode, cleanup, command_place, pooling, sheltered
from maestro.db import models
from maestro.db.keeping import DeletedSession, Fact
from maestro.errors import MaestroError
from maestro.worker import proctable
from maestro.worktrees import deleting, scratch

_log = logging.getLogger(__name__)

#: The fact that names the boot to which the stored pids belong.
_BOOT = "boot"

_AT_WORK = (State.EXECUTING, State.VALIDATING)


def before_serving(rt: Runtime) -> None:
    """What must be right before anybody may ask for anything: paths, half-done moves, who stands and who runs."""
    for step in (
        _after_a_reboot,
        _relocate,
        sheltered.take_up,
        merges.finish_half_done,
        rollbacks.finish_half_done,
        _end_what_is_over,
        _agree_about_pauses,
    ):
        try:
            step(rt)
        except OperationalError:  # the database takes no writes: nothing could be taken up
            raise
        except Exception:  # whatever a row, a spool or a repository holds, the app starts and shows it
            _log.exception("recovery could not do its step %s", step.__name__)


def behind_the_scenes(rt: Runtime) -> None:
    """What may take longer: processes nobody waits for any more, and worktrees whose work is in."""
    for step in (_end_orphans, _clear_left_behind, _tidy_worktrees, pooling.tidy):
        try:
            step(rt)
        except Exception:
            _log.exception("recovery could not do its step %s", step.__name__)


def _clear_left_behind(_rt: Runtime) -> None:
    command_place.clear_left_behind()


def _after_a_reboot(rt: Runtime) -> None:
    """Pids and starts of another boot (or another machine) say nothing here: only a worker's id does."""
    boot = proctable.boot_id()
    with rt.db.read() as db:
        known = db.get(Fact, _BOOT)
        stored = db.exec(select(models.Worker.id).where(col(models.Worker.ended_at).is_(None))).all()
    if known is not None and known.value == boot:
        return
    with rt.db.write() as tx:
        tx.db.merge(Fact(name=_BOOT, value=boot))
        for worker_id in stored:
            row = tx.db.get(models.Worker, worker_id)
            if row is not None:
                row.pid = row.pid_started = None
                tx.db.add(row)


def _relocate(rt: Runtime) -> None:
    """The data folder was moved: stored paths follow. Workers that still run would write to the old place: they end.

    git's own pointers are repaired when a worktree is next used (``manager.add_worktree``).
    """
    home = rt.data_dir
    with rt.db.read() as db:
        workers = db.exec(select(models.Worker)).all()
        elsewhere = [w for w in workers if str(w.spool_path) != str(home / "workers" / w.id)]
    strays = [w for w in elsewhere if Path(str(w.spool_path)).parts[-2:] == ("workers", w.id)]
    _put_right(rt, [w.id for w in elsewhere if w not in strays])
    if not strays:
        return
    old = Path(strays[0].spool_path).parent.parent
    processes.end(*(worker for worker in strays if worker.ended_at is None))
    with rt.db.write() as tx:
        for worker in strays:
            row = tx.db.get(models.Worker, worker.id)
            if row is not None:
                row.spool_path = str(home / "workers" / row.id)
                tx.db.add(row)
        for task in tx.db.exec(select(models.Task).where(col(models.Task.worktree_path).is_not(None))).all():
            task.worktree_path = str(places.of_task(rt, task.session_id, task.key))
            tx.db.add(task)
        for session in tx.db.exec(select(models.Session)).all():
            moved = _moved(Path(session.repo_path), old, home)
            if moved.is_dir():
                session.repo_path = str(moved)
                tx.db.add(session)
            if session.status in {*_AT_WORK, State.PAUSED}:
                tx.log(session.id, f"The data folder was moved from {old} to {home}. Nothing was lost.")
    for worker in strays:
        with rt.db.read() as db:
            row = db.get(models.Worker, worker.id)
        if row is not None and row.ended_at is None:
            run_end.finish(rt, row)


def _put_right(rt: Runtime, worker_ids: list[str]) -> None:
    """Stored paths that cannot be a spool's (a damaged row): where it is follows from the worker's id."""
    for worker_id in worker_ids:
        with rt.db.write() as tx:
            row = tx.db.get(models.Worker, worker_id)
            if row is not None:
                row.spool_path = str(rt.data_dir / "workers" / worker_id)
                tx.db.add(row)


def _moved(repo: Path, old: Path, home: Path) -> Path:
    """Where a repository is now: the demo's sample lies in the data folder, and was moved with it."""
    return home / repo.relative_to(old) if repo.is_relative_to(old) else repo


def _end_what_is_over(rt: Runtime) -> None:
    """Killed between storing a session's end and carrying it out: its workers end now, before their worktrees go."""
    with rt.db.read() as db:
        working = {w.session_id for w in lookup.live_workers(db)}
        over = [i for i in working if _status(db, i) in FINAL]
    for session_id in over:
        try:
            rollbacks.stop_all_work(rt, session_id)
        except OperationalError:
            raise
        except Exception as error:
            _log.exception("the workers of session %s could not be ended", session_id)
            _report(rt, session_id, f"Its workers could not be ended: {error}")


def _agree_about_pauses(rt: Runtime) -> None:
    """Killed between storing a pause (or a resume) and carrying it out: the stored state is what counts."""
    with rt.db.read() as db:
        workers = run_end.watched(db)
        states = {w.session_id: _status(db, w.session_id) for w in workers}
        standing = lookup.stuck_worker_ids(db)
    paused = {w.id for w in workers if states[w.session_id] == State.PAUSED} | standing
    still = [w for w in workers if w.id in paused and w.status != "parked"]
    processes.suspend(*still)
    processes.resume(*(w for w in workers if w not in still))


def _is_name(session_id: str) -> bool:
    return Path(session_id).name == session_id and "\0" not in session_id


def _status(db: DbSession, session_id: str) -> str:
    """A session's state; that of one that is not there is over."""
    session = db.get(models.Session, session_id)
    return session.status if session is not None else State.CANCELLED


def _report(rt: Runtime, session_id: str, words: str) -> None:
    with contextlib.suppress(IntegrityError), rt.db.write() as tx:
        tx.log(session_id, words, level="error", kind="error")


def _end_orphans(rt: Runtime) -> None:
    """End what a killed app left running in our worktrees: checks, set-up commands, children of dead workers."""
    with rt.db.read() as db:
        expected = {w.id for w in run_end.watched(db)}
        sessions = [*db.exec(select(models.Session.id)).all(), *db.exec(select(DeletedSession.id)).all()]
    # Outside of the data folder by session: another installation may have its worktrees in the same place.
    own, *elsewhere = sorted(places.roots(rt), key=lambda root: root != rt.data_dir / "worktrees")
    folders = [own.resolve(), *(root.resolve() / session_id for root in elsewhere for session_id in sessions)]
    ours = proctable.started(os.getpid())
    for process in proctable.everything().values():
        if process.mark is None or process.mark in expected or process.pid == os.getpid():
            continue
        with contextlib.suppress(psutil.Error, OSError):
            inside = any(Path(psutil.Process(process.pid).cwd()).is_relative_to(folder) for folder in folders)
            if inside and _was_there_before(process.started, ours):
                proctable.send(process, signal.SIGKILL)


def _was_there_before(started: float, ours: float) -> bool:
    """Older than this app: what is younger was started by it, just now."""
    return started < ours


def _tidy_worktrees(rt: Runtime) -> None:
    """Remove worktrees whose task is in, or whose session is over: a kill came between the two."""
    with rt.db.read() as db:
        sessions = db.exec(select(models.Session).where(col(models.Session.session_commit).is_not(None))).all()
        tasks = {s.id: {t.key: t.status for t in lookup.tasks_of(db, s.id)} for s in sessions}
        every = db.exec(select(models.Task.id)).all()
    bytecode.tidy(rt, [s.id for s in sessions if s.status not in FINAL])
    agents_place.tidy(rt, every)
    for session in sessions:
        if not _is_name(session.id):
            continue  # a path made of it may lie anywhere
        below = cleanup.worktrees_folder(rt, session.id)
        for path in sorted(below.iterdir()) if below.is_dir() else []:
            over = session.status in {State.COMPLETED, State.CANCELLED}
            key = places.key_of(path, tasks[session.id])
            done = key is not None and tasks[session.id][key] == "completed"
            with contextlib.suppress(MaestroError, OSError):
                if path.name.endswith(cleanup.TRASH):
                    deleting.delete_tree(path)  # what was worth keeping was saved before it got this name
                elif over and key is None and places.is_scratch(path.name):
                    scratch.clear(Path(session.repo_path), path, below=below)
                elif over or done:
                    cleanup.remove_worktree(rt, session, path)
        for root in places.roots(rt):
            cleanup.remove_if_empty(root / session.id)
