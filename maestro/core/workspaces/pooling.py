"""When worktrees of a large repository are kept ready, used again and taken away."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from pathlib import Path

from maestro.core.kernel import lookup, places
from maestro.core.kernel.agent_config import in_force
from maestro.core.kernel.locks import WorkCancelled, cancellation_token
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Service
from maestro.core.kernel.session_states import State
from maestro.core.workspaces import bytecode, cleanup
from maestro.db import models
from maestro.errors import GitError, MaestroError
from maestro.worktrees import history, manager, pool, repository, sparse
from maestro.worktrees.refs import commit_of

_log = logging.getLogger(__name__)

#: A session that is in none of these needs no worktrees of nobody.
_GOES_ON = frozenset({State.EXECUTING, State.PAUSED, State.VALIDATING})


#: How many files are tracked, by repository and commit.
_TRACKED_FILES = Service(dict[tuple[str, str], int])

#: Sessions for which no worktree could be made ahead.
_GIVEN_UP = Service(set[str])


def is_large(rt: Runtime, session: models.Session) -> bool:
    """Whether a checkout of the session's repository takes so long that worktrees are kept for the next task."""
    known = rt.service(_TRACKED_FILES)
    key = session.repo_path, session.base_commit
    if key not in known:
        known[key] = repository.count_files(Path(session.repo_path), session.base_commit)
    return known[key] >= rt.settings.large_repository_files


def add_worktree(
    rt: Runtime, session: models.Session, task: models.Task, path: Path, branch: str, start: str
) -> manager.WorktreeReport:
    """A task's worktree, from the pool where the repository is large. Raises WorkCancelled when the session is called off."""
    repo = Path(session.repo_path)
    if not is_large(rt, session):
        return manager.add_worktree(repo, path, branch, start)
    stop = cancellation_token(rt, session.id)
    try:
        # Set-up commands run on all files everywhere, so that what they make is the same.
        folders = None if _sets_up(session) else _folders(rt, session, task, start)
        return pool.add_worktree(repo, path, branch, start, stop, folders=folders)
    except GitError:
        if stop():
            raise WorkCancelled from None
        raise


def narrow(rt: Runtime, session: models.Session, task: models.Task, path: Path) -> None:
    """Leave in a new worktree that was set up what the task declares, where its session wants sparse worktrees."""
    if not is_large(rt, session) or not _sets_up(session):
        return
    folders = _folders(rt, session, task, commit_of(path, "HEAD"))
    if folders is not None:
        sparse.narrow(path, folders)


def lay_out(rt: Runtime, session: models.Session, path: Path, commit: str) -> None:
    """A worktree of a commit on no branch, for checks; as ``scratch.lay_out`` but from the pool of a large repository."""
    repo, stop = Path(session.repo_path), cancellation_token(rt, session.id)
    manager.remove_worktree(repo, path, recover_as=None, below=path.parent)  # left by a killed run
    try:
        pool.obtain(repo, path, commit, stop)
        pool.arrive(path, None, commit)
    except GitError:
        if stop():
            raise WorkCancelled from None
        raise


def put_back(rt: Runtime, session: models.Session, path: Path, *, keep: bool) -> None:
    """A worktree whose use is over: into the pool when another may need it, else away. ``keep`` saves work in it first."""
    below = cleanup.worktrees_folder(rt, session.id)
    repo = Path(session.repo_path)
    bytecode.forget(rt, session.id, path)
    label = cleanup.recovered_label(rt, session, path) if keep else None
    if is_large(rt, session) and _has_room(rt, session.id, below):
        pool.put_back(repo, path, recover_as=label, below=below)
        _drop_when_over(rt, session.id)
    else:
        manager.remove_worktree(repo, path, recover_as=label, below=below)


def refill(rt: Runtime, session: models.Session, tasks: Sequence[models.Task]) -> None:
    """See to it that the next task of an executing session finds a worktree ready; it is made in the background."""
    # The disk belongs first to those that wait for it; and one that is about to come back is ready sooner.
    starting = any(rt.jobs.running(f"start:{t.id}") for t in tasks)
    coming = any(t.status == "completed" and rt.jobs.running(f"land:{t.id}") for t in tasks)
    alone = in_force(session.agent_config, rt.settings).sparse and not _sets_up(session)
    wanting = any(t.status == "pending" and not (alone and t.files) for t in tasks)
    if starting or coming or not wanting or session.id in _given_up(rt):
        return
    if is_large(rt, session) and not pool.pooled(cleanup.worktrees_folder(rt, session.id)):
        rt.jobs.start(f"pool:{session.id}", _prepare, rt, session.id)


def tidy(rt: Runtime) -> None:
    """At start: clear what a kill left of pools, and pools of sessions that are over."""
    for below in sorted(folder for root in places.roots(rt) for folder in root.glob("*")):
        if not pool.pooled(below):
            continue
        with rt.db.read() as db:
            session = db.get(models.Session, below.name)
        if session is not None:
            pool.tidy(Path(session.repo_path), below)
            _drop_when_over(rt, session.id)


def drop_over(rt: Runtime, at_work: Collection[str]) -> None:
    """Clear the pools of sessions that have ended since; ``at_work`` are the ids of some that have not."""
    folders = {below.name for root in places.roots(rt) for below in root.glob("*") if pool.pooled(below)}
    for session_id in folders.difference(at_work):
        rt.jobs.start(f"drop-pool:{session_id}", _drop_when_over, rt, session_id)


def _sets_up(session: models.Session) -> bool:
    """Whether commands make each worktree of the session ready."""
    return bool(session.agent_config.get("setup"))


def _folders(rt: Runtime, session: models.Session, task: models.Task, commit: str) -> list[str] | None:
    """The folders that alone are to be in a task's worktree; None: all are."""
    if not in_force(session.agent_config, rt.settings).sparse:
        return None
    return sparse.folders_of(Path(session.repo_path), commit, task.files)


def _prepare(rt: Runtime, session_id: str) -> None:
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
    stop = cancellation_token(rt, session_id)
    try:
        repo = Path(session.repo_path)
        tip = history.tip(repo, session.session_branch)
        pool.prepare_ahead(repo, cleanup.worktrees_folder(rt, session_id), tip, stop)
    except (MaestroError, OSError) as error:
        if not stop():
            _given_up(rt).add(session_id)  # a start meets the same trouble and says so
            _log.warning("no worktree could be prepared for session %s: %s", session_id, error)
    _drop_when_over(rt, session_id)


def _drop_when_over(rt: Runtime, session_id: str) -> None:
    with rt.db.read() as db:
        session = db.get(models.Session, session_id)
    if session is not None and session.status not in _GOES_ON:
        below = cleanup.worktrees_folder(rt, session_id)
        pool.drop(Path(session.repo_path), below)
        cleanup.remove_if_empty(below)


def _has_room(rt: Runtime, session_id: str, below: Path) -> bool:
    """As many as there are workers are enough; a session that is over needs none."""
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
    slots = in_force(session.agent_config, rt.settings).max_workers
    return session.status in _GOES_ON and len(pool.pooled(below)) < slots


def _given_up(rt: Runtime) -> set[str]:
    return rt.service(_GIVEN_UP)
