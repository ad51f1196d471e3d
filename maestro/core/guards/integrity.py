"""The escape alarm: what a worker wrote outside its worktree, into the user's own repository.

People edit and commit in their checkout while workers run, so only what a worker plausibly did raises it:
git's configuration, hooks and attributes; branches moved to a worker's commits; what changed in a checkout that
a worker's commands led to (``checkout_changes``). That stops the session. Files that its editing tools named are told.
"""

from __future__ import annotations

import logging
import shlex
from pathlib import Path
from typing import Any

from sqlalchemy.exc import OperationalError
from sqlmodel import col, select

from maestro.core.approvals import asking
from maestro.core.guards import checkout_changes
from maestro.core.kernel import lookup, places
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Service
from maestro.core.kernel.session_states import State
from maestro.core.tasks import pausing
from maestro.core.workspaces import agents_place, sheltered
from maestro.db import models
from maestro.errors import MaestroError
from maestro.worker.spool import Spool
from maestro.worktrees import tampering
from maestro.worktrees.fingerprint import fingerprint
from maestro.worktrees.git import common_dir

_log = logging.getLogger(__name__)

_EDITS = frozenset({"Write", "Edit", "MultiEdit", "NotebookEdit"})


def snapshot(rt: Runtime, session: models.Session, worker: models.Worker) -> None:
    """Remember the user's repository as it is before a worker's run, with copies to undo from.

    Raises GitError.
    """
    repo = Path(session.repo_path)
    shared = common_dir(repo)
    sheltered.settle(rt, session.id, shared)  # what a set-up of another task has just written is no measure
    included = tampering.included(repo, shared)
    watched = tampering.watched(shared, included)
    checkout = fingerprint(repo, ignore=places.ours(rt)).to_json()
    snapshot = {
        "shared": str(shared), "included": included, "watched": watched,
        "heads": tampering.heads(repo), "checkout": checkout,
    }  # fmt: skip
    tampering.save_copies(shared, [*watched, *tampering.of_worktrees(shared)], _copies(worker))
    with rt.db.write() as tx:
        row = tx.db.get(models.Worker, worker.id)
        if row is not None:
            row.checkout_before = snapshot
            tx.db.add(row)


def verify(rt: Runtime, worker_id: str, *, ended: bool = True) -> bool:
    """Look at the repository after a worker's run; True when that stops the session.

    Of a worker that has not ended only what it planted is looked for.

    What was planted is found by reading files alone; git is asked nothing until that is clean. Where it cannot be
    looked (what was remembered is damaged), that is told: the worker's end is not held up by it.
    """
    try:
        return _after(rt, worker_id, ended=ended)
    except (OperationalError, OSError):
        raise
    except Exception as error:
        _log.exception("no look at the repository after worker %s", worker_id)
        _tell_blind(rt, worker_id, error)
        return False


#: Workers of which it was told.
_TOLD_BLIND = Service(set[str])


def _tell_blind(rt: Runtime, worker_id: str, error: Exception) -> None:
    told = rt.service(_TOLD_BLIND)
    with rt.db.write() as tx:
        worker = tx.db.get(models.Worker, worker_id)
        if worker is not None and worker_id not in told:
            told.add(worker_id)
            text = f"Maestro could not check what {worker.name} changed in your repository: {error}. Check it yourself."
            about = {"task_id": worker.task_id, "worker_id": worker.id}
            tx.log(worker.session_id, text, level="error", kind="error", source="escape", **about)


def _after(rt: Runtime, worker_id: str, *, ended: bool) -> bool:
    with rt.db.read() as db:
        worker = db.get(models.Worker, worker_id)
        session = db.get(models.Session, worker.session_id) if worker else None
        task = db.get(models.Task, worker.task_id) if worker else None
    if worker is None or session is None or task is None or not worker.checkout_before:
        return False
    sheltered.settle(rt, session.id, Path(worker.checkout_before["shared"]))
    changes = _planted(worker)
    if not changes and ended:
        agents_place.take_in(rt, session, task)
        details = _details(rt, worker)
        try:
            changes = _moved(session, task, worker.checkout_before)
            if not agents_place.keeps_inside(rt, session):  # else what changed there is the user's own doing
                changes += checkout_changes.changes(rt, session, worker, details)
        except MaestroError as error:  # the repository is out of reach: others say so, louder
            _log.warning("no look at %s after %s: %s", session.repo_path, worker.name, error.detail)
        _tell_files(rt, session, worker, details)
    return bool(changes) and _alarm(rt, session, task, worker, changes)


def verify_running(rt: Runtime, session_id: str) -> bool:
    """``verify`` for every worker of a session that still runs, before git works with what they may have planted."""
    with rt.db.read() as db:
        running = [w.id for w in lookup.live_workers(db, session_id)]
    return [worker_id for worker_id in running if verify(rt, worker_id, ended=False)] != []


def alarms(rt: Runtime, session_id: str) -> set[str]:
    """Alarms of a session that nobody has answered."""
    with rt.db.read() as db:
        return {a.id for a in lookup.pending_approvals(db, session_id) if a.kind == "escape"}


def _copies(worker: models.Worker) -> Path:
    return Spool(Path(worker.spool_path)).events.parent / "checkout"


def _planted(worker: models.Worker) -> list[dict[str, str]]:
    known = worker.checkout_before or {}
    shared, old = Path(known["shared"]), known["watched"]
    if not shared.is_dir():
        return []  # the repository was moved, or its disk is away: nothing was taken out of it
    now = tampering.watched(shared, known.get("included", []))
    changes = []
    for name in sorted(old.keys() | now.keys()):
        taken_away = name not in now and name.startswith("worktrees/")  # worktrees come and go
        if old.get(name) == now.get(name) or taken_away:
            continue
        target, copy = shared / name, tampering.copy_of(_copies(worker), name)
        how = "gone" if name not in now else "changed" if name in old or copy.exists() else "new"
        undo = f"rm {shlex.quote(str(target))}"
        if how != "new":
            undo = f"cp {shlex.quote(str(copy))} {shlex.quote(str(target))}"
        changes.append({"what": f"{target} is {how}", "undo": undo, "item": f"{name} {now.get(name)}"})
    return changes


def _moved(session: models.Session, task: models.Task, known: dict[str, Any]) -> list[dict[str, str]]:
    """The user's branches that stand on commits of the task's worktree now."""
    repo = Path(session.repo_path)
    old, now = known["heads"], tampering.heads(repo)
    moved = {name: commit for name, commit in now.items() if name in old and old[name] != commit}
    if not moved or not task.worktree_path or not Path(task.worktree_path).exists():
        return []
    # Where the task began is a commit of the user's own line, at least at first.
    theirs = tampering.made_in(Path(task.worktree_path)) - set(old.values()) - {session.base_commit}
    changes = []
    for name, commit in sorted(moved.items()):
        if commit not in theirs:
            continue
        undo = f"git -C {shlex.quote(str(repo))} update-ref {shlex.quote(name)} {old[name]}"
        short = name.removeprefix("refs/heads/").removeprefix("refs/tags/")
        words = f"{short} was moved from {old[name][:10]} to {commit[:10]}, a commit of {task.key}"
        changes.append({"what": words, "undo": undo, "item": f"{name} {commit}"})
    return changes


def _details(rt: Runtime, worker: models.Worker) -> list[dict[str, Any]]:
    """What the worker's log says beside its words, in order."""
    query = select(models.AgentLog.details).where(
        models.AgentLog.worker_id == worker.id, col(models.AgentLog.details).is_not(None)
    )
    with rt.db.read() as db:
        return [dict(d or {}) for d in db.exec(query.order_by(col(models.AgentLog.id))).all()]


def _tell_files(rt: Runtime, session: models.Session, worker: models.Worker, details: list[dict[str, Any]]) -> None:
    """Files of the user's checkout that the worker's own edits name, told once each."""
    root = Path(session.repo_path).resolve()
    told = {str(d["outside"]) for d in details if "outside" in d}
    failed = {str(d.get("tool_use_id")) for d in details if d.get("is_error")}
    edits = (_edited(d) for d in details if str(d.get("tool_use_id")) not in failed)
    named = dict.fromkeys(path for path in edits if path)
    began = worker.started_at.timestamp()
    for name in named:
        path = Path(name)
        try:
            inside = (
                path.is_absolute()
                and root in path.resolve().parents
                and not any(folder.resolve() in path.resolve().parents for folder in places.ours(rt))
            )
            changed = inside and path.stat().st_mtime >= began
        except (OSError, ValueError, RuntimeError):  # no path at all, or one that goes round in links
            continue
        if changed and name not in told:
            shown = path.resolve().relative_to(root)
            text = f"{shown} in your own checkout changed while {worker.name} ran; {worker.name} wrote to it."
            with rt.db.write() as tx:
                about = {"outside": name}
                tx.log(
                    session.id, text, level="warn", source="escape",
                    task_id=worker.task_id, worker_id=worker.id, details=about,
                )  # fmt: skip
                tx.emit(
                    "notification", session.id, level="warn", title=f"{session.title}: outside the worktree", text=text
                )


def _edited(details: dict[str, Any]) -> str | None:
    given = details.get("input")
    if str(details.get("tool")) not in _EDITS or not isinstance(given, dict):
        return None
    path = given.get("file_path") or given.get("notebook_path")
    return str(path) if path else None


def _alarm(
    rt: Runtime, session: models.Session, task: models.Task, worker: models.Worker, changes: list[dict[str, str]]
) -> bool:
    """Stop the session and ask, unless the user has seen exactly this; True when it stands stopped for it."""
    query = select(models.Approval).where(models.Approval.session_id == session.id, models.Approval.kind == "escape")
    with rt.db.read() as db:
        asked = db.exec(query).all()
    fine = {item for row in asked if row.status == "allowed" for item in row.detail.get("items", [])}
    fresh = [change for change in changes if change["item"] not in fine]
    if not fresh:
        return False
    items = [change["item"] for change in fresh]
    if not any(row.status != "expired" and set(items) <= set(row.detail.get("items", [])) for row in asked):
        detail = {
            "items": items,
            "changes": [{"what": c["what"], "undo": c["undo"]} for c in fresh],
            "reason": f"This changed while {worker.name} worked on {task.key}. Workers should not change anything there.",
            "allow": "continue: I made the change, or I fixed it",
            "deny": "stay paused",
        }
        title = f"Something was changed in your repository: {'; '.join(c['what'] for c in fresh)}"[:400]
        with rt.db.write() as tx:
            row = lookup.session_row(tx.db, session.id)
            asking.ask(tx, row, None, kind="escape", title=title, detail=detail, risk="high")
            tx.log(session.id, title, level="error", kind="error", source="escape", worker_id=worker.id)
            running = row.status == State.EXECUTING
        if running:
            _pause(rt, session.id)
    return True


def _pause(rt: Runtime, session_id: str) -> None:
    try:
        pausing.pause(rt, session_id, source="supervisor")
    except MaestroError:
        return  # ended or paused meanwhile, which is as good
