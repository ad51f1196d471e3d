"""Execute, pause, resume, cancel, retry, skip, fail, roll back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from maestro.core import queries
from maestro.core.approvals import asking
from maestro.core.execution import resuming
from maestro.core.integration import rollbacks, updates
from maestro.core.kernel import lookup, modes, task_states
from maestro.core.kernel.agent_config import in_force
from maestro.core.kernel.locks import branch_lock
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import State, allowed_events, move
from maestro.core.limits import account
from maestro.core.tasks import outcomes, pausing, transitions
from maestro.core.views import SessionView
from maestro.core.workspaces import cleanup
from maestro.db import models
from maestro.db.session import Transaction
from maestro.errors import InvalidInput, NotAllowed
from maestro.worktrees import integration, manager, refs, repository

if TYPE_CHECKING:
    from maestro.core.commands.retries import AnotherAgent

#: How long checks may take to notice a pause.
_CALLED_OFF_S = 10.0


def execute(rt: Runtime, session_id: str) -> SessionView:
    """APPROVED to EXECUTING: record the base commit, make the session branch, store checkpoint 0."""
    with branch_lock(rt, session_id):
        with rt.db.read() as db:
            session = lookup.session_row(db, session_id)
        if session.status != State.APPROVED:
            raise rollbacks.not_now(session, "start_execution")
        repo = lookup.repository(session)
        base = _base_commit(session)
        _make_branch(repo, session, base)
        integration.keep(repo, integration.checkpoint_ref(session_id, 0), base)
        chosen = (session.agent_config.get("permission_mode") or rt.settings.permission_mode) == "auto"
        missing = modes.no_sandbox() if chosen else ""
        with rt.db.write() as tx:
            row = lookup.session_row(tx.db, session_id)
            move(tx, row, "start_execution")
            if chosen:
                mode = in_force(row.agent_config, rt.settings).permission_mode
                row.agent_config = row.agent_config | {"permission_mode": mode}  # it stays so to the end
            row.base_commit = row.session_commit = row.checkpoint_commit = base
            point = models.Checkpoint(session_id=session_id, number=0, commit=base, title="Start of the session")
            tx.db.add(point)
            tx.log(
                session_id,
                f"Work starts from {row.base_branch or 'a detached commit'} at {base[:10]}",
                kind="git",
                source="git",
            )
            if missing:
                words = f"There is no sandbox here: agents ask before risky actions, and checks run as you. {missing}"
                tx.log(session_id, words, level="warn", kind="gate")
            tx.emit("checkpoint_created", session_id, checkpoint_id=point.id, number=0, commit=base, task_id=None)
    rt.wake()
    return queries.get_session(rt, session_id)


def pause(rt: Runtime, session_id: str) -> SessionView:
    """EXECUTING to PAUSED; every worker's process tree stands still and no check runs when this returns.

    Checks and set-ups are ended, and begin anew with the resume.
    """
    pausing.pause(rt, session_id)
    rt.jobs.wait_for(rollbacks.work_of(rt, session_id), _CALLED_OFF_S)
    return queries.get_session(rt, session_id)


def resume(rt: Runtime, session_id: str) -> SessionView:
    """PAUSED to EXECUTING; see ``resuming.resume``."""
    resuming.resume(rt, session_id)
    return queries.get_session(rt, session_id)


def cancel(rt: Runtime, session_id: str, reason: str | None = None) -> SessionView:
    """End a session for good: no process is left when this returns, and all work is kept under recovered refs."""
    with branch_lock(rt, session_id), rt.db.write() as tx:
        row = lookup.session_row(tx.db, session_id)
        move(tx, row, "cancel", approved=True, reason=reason)
        row.error_message = f"Cancelled: {reason}" if reason else "Cancelled."
        asking.expire(tx, session_id)
        for task in lookup.tasks_of(tx.db, session_id):
            if task.status not in {"completed", "skipped", "failed"}:  # what has ended keeps how and when
                transitions.cancel(tx, task)
        outcomes.measure(tx, row)
    rollbacks.stop_all_work(rt, session_id)
    cleanup.remove_worktrees(rt, row)
    with rt.db.write() as tx:
        tx.log(
            session_id,
            f"{row.error_message.rstrip('.')}. Unfinished work is kept under recovered refs.",
            level="warn",
            source="you",
        )
    return queries.get_session(rt, session_id)


def retry(
    rt: Runtime,
    session_id: str,
    *,
    task: str | None = None,
    hint: str | None = None,
    fresh: bool = False,
    another: AnotherAgent | None = None,
) -> SessionView:
    """Try failed work again: one task, or all failed ones; a FAILED session goes back to EXECUTING.

    ``fresh``: in new conversations, with a summary of what was tried. ``another``: by another agent, model or effort.

    ``hint`` is told to the agent; where the checks of the whole had failed, to the repairs, of which there is then one at
    least if they fail again. Raises NotAllowed when nothing has failed.
    """
    with branch_lock(rt, session_id), rt.db.write() as tx:  # not while it is being deleted
        session = lookup.session_row(tx.db, session_id)
        tasks = [lookup.task_row(tx.db, session_id, task)] if task else lookup.tasks_of(tx.db, session_id)
        failed = [t for t in tasks if t.status == "failed"]
        if session.status == State.FAILED:
            move(tx, session, "retry", reason=hint)
            session.error_message, session.completed_at, session.validation_attempt = None, None, 0
            transitions.release_waiting(tx, session)
            if hint and (not failed or lookup.validation_hint(tx.db, session_id)):
                for repair in lookup.repairs_of(tx.db, session):  # taken back, or about to be
                    repair.hint = hint
        elif session.status != State.EXECUTING or not failed:
            raise rollbacks.not_now(session, "retry")
        for row in failed:
            anew = _choose(tx, session, row, another) if another else False
            transitions.retry_task(tx, session, row, hint, fresh=fresh or anew)
        if failed:
            account.release_refused_key(tx, session)
        transitions.ask_again(tx, session)
    rt.wake()
    return queries.get_session(rt, session_id)


def _choose(tx: Transaction, session: models.Session, task: models.Task, another: AnotherAgent) -> bool:
    from maestro.core.commands import retries  # it knows plans, which nothing else here needs

    return retries.choose(tx, session, task, another)


def skip_task(rt: Runtime, session_id: str, task: str) -> SessionView:
    """Go on without a failed or pending task, or one in a state that there is not. Raises NotAllowed for all others."""
    with rt.db.write() as tx:
        session = lookup.session_row(tx.db, session_id)
        row = lookup.task_row(tx.db, session_id, task)
        if (
            session.status not in {State.EXECUTING, State.PAUSED}
            or not task_states.may(row.status, "skip")
            or (row.attempt and row.status == "waiting")
        ):
            raise NotAllowed(
                f"Task {row.key} is {row.status}; only a failed or pending task can be skipped.",
                state=session.status,
                allowed=allowed_events(session.status),
            )
        transitions.skip_task(tx, session, row)
        updates.give_back_base(tx, session, [row])
        account.release_refused_key(tx, session)
    rt.wake()
    return queries.get_session(rt, session_id)


def fail_session(rt: Runtime, session_id: str, reason: str | None = None) -> SessionView:
    """EXECUTING to FAILED, by the user: workers end, ``retry`` can go on later.

    Their work is kept; repairs of the whole, which did not help, are taken back as after failed checks.
    """
    with branch_lock(rt, session_id), rt.db.write() as tx:
        session = lookup.session_row(tx.db, session_id)
        failed = [t for t in lookup.tasks_of(tx.db, session_id) if t.status == "failed"]
        words = "; ".join(f"{t.key}: {t.error_message}" for t in failed)
        rollbacks.take_back_repairs(tx, session)
        transitions.fail_session(tx, session, reason or words or "Given up.")
    rollbacks.end_of_failed(rt, session_id)
    return queries.get_session(rt, session_id)


def rollback(rt: Runtime, session_id: str, checkpoint: str) -> SessionView:
    """Take the session branch back to a checkpoint (id, number or commit); later tasks become pending.

    What it takes away stays under recovered refs (``restore``). A completed session that is not merged is
    paused by it. Raises NotAllowed in other states, NotFound for an unknown checkpoint.
    """
    rollbacks.roll_back(rt, session_id, checkpoint)
    return queries.get_session(rt, session_id)


def restore(rt: Runtime, session_id: str, ref: str) -> SessionView:
    """Bring back what a rollback took away (``ref``: one of ``queries.list_recovered``).

    Raises NotAllowed while the session is not at work, NotFound for anything else than a rollback's ref,
    Conflict when other work came in since.
    """
    rollbacks.restore(rt, session_id, ref)
    return queries.get_session(rt, session_id)


def _make_branch(repo: Path, session: models.Session, base: str) -> None:
    """The session branch at ``base``; one that a killed attempt left elsewhere holds no work yet and moves along."""
    found = refs.ref_commit(repo, refs.branch_ref(session.session_branch))
    if found not in {None, base}:
        kept = integration.recovered_ref(session.id, "branch-main")
        manager.delete_branch(repo, session.session_branch, keep_as=kept)
    manager.create_branch(repo, session.session_branch, base)


def _base_commit(session: models.Session) -> str:
    """The base branch's commit now; the one of the brainstorm where the branch is gone or was detached."""
    if session.base_branch is None:
        return session.base_commit
    info = repository.inspect(session.repo_path)
    try:
        now = repository.resolve_base(info, session.base_branch)[1]
    except InvalidInput:
        return session.base_commit
    # One that goes on from another's result keeps it until the branch has it, too.
    ahead = session.follows_id is not None and not refs.is_ancestor(info.root, session.base_commit, now)
    return session.base_commit if ahead else now
