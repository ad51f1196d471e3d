"""Bringing the target branch, which has moved, into a session's branch."""

from __future__ import annotations

from maestro.core import queries
from maestro.core.commands.reviews import refuse_unfinished
from maestro.core.integration import follow_ups, merges
from maestro.core.kernel import lookup
from maestro.core.kernel.locks import branch_lock
from maestro.core.kernel.runtime import Runtime
from maestro.core.planning.approved import approved_plan
from maestro.core.views import SessionView
from maestro.db.after import BranchUpdate
from maestro.errors import Conflict, GitError, InvalidInput
from maestro.worktrees import history, refs


def update_from_target(rt: Runtime, session_id: str, target: str | None = None) -> SessionView:
    """Merge ``target`` (default: the base branch) into the session branch, as a task with its checks.

    Conflicts and failing checks go to an agent. Raises NotAllowed outside COMPLETED and after a merge, InvalidInput
    (``target``) for a branch that is not there, Conflict when it has nothing new or shares no history.
    """
    with branch_lock(rt, session_id):
        merges.finish_half_done(rt, session_id)
        with rt.db.read() as db:
            session = lookup.session_row(db, session_id)
        refuse_unfinished(session)
        repo, name = lookup.repository(session), target or session.base_branch
        if not name:
            raise InvalidInput(
                "The session started from no branch. Name the branch to update from.", {"target": "missing"}
            )
        refs.check_branch_name(name, "target")
        commit = refs.ref_commit(repo, refs.branch_ref(name))
        if commit is None or name == session.session_branch:
            raise InvalidInput(f"There is no branch “{name}” to update from.", {"target": "no such local branch"})
        tip = lookup.session_tip(session)
        if refs.is_ancestor(repo, commit, tip):
            raise Conflict(f"The session already holds everything on {name}.")
        try:
            history.merge_base(repo, commit, tip)
        except GitError as error:
            raise Conflict(f"{name} and the session share no history, so they cannot be merged.") from error
        _summary, checks = approved_plan(rt, session)
        with rt.db.write() as tx:
            row = lookup.session_row(tx.db, session_id)
            refuse_unfinished(row)
            own = {check for task in lookup.tasks_of(tx.db, session_id) for check in task.checks}
            described = f"Bring the new commits of {name} into the session branch."
            task = follow_ups.add_task(tx, row, "update", f"Update from {name}", described)
            if not checks:
                task.checks = sorted(own)[:50]
            tx.db.add(task)
            tx.db.add(
                BranchUpdate(
                    task_id=task.id, session_id=session_id, target=name, commit=commit, base_before=row.base_commit
                )
            )
            tx.log(
                session_id, f"Updating from {name} at {commit[:10]}. {task.key} does it.", source="you", task_id=task.id
            )
    rt.wake()
    return queries.get_session(rt, session_id)
