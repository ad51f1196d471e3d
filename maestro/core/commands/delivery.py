"""Merging the session branch into the user's, and taking that back."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from typing import Literal

from sqlalchemy.exc import OperationalError

from maestro.core import queries
from maestro.core.integration import merges
from maestro.core.kernel import lookup
from maestro.core.kernel.locks import branch_lock
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import State, allowed_events
from maestro.core.views import MergePreviewView, SessionView
from maestro.core.workspaces import cleanup
from maestro.db import models
from maestro.errors import Conflict, CutShort, MaestroError, NotAllowed
from maestro.worktrees import delivery, integration

Method = Literal["merge", "squash", "ff"]


def preview_merge(
    rt: Runtime, session_id: str, *, target: str | None = None, method: Method = "merge"
) -> MergePreviewView:
    """What a merge would do, and what stands in its way. Changes nothing; raises NotAllowed before the work has begun."""
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
    if session.session_commit is None:
        words = "There is nothing to merge yet: no work has started."
        raise NotAllowed(words, state=session.status, allowed=allowed_events(session.status))
    chosen = target or session.base_branch
    seen = delivery.preview(lookup.repository(session), session.session_branch, chosen, method)
    return MergePreviewView.model_validate(asdict(seen))


def merge(rt: Runtime, session_id: str, *, target: str | None = None, method: Method = "merge") -> SessionView:
    """Move the user's branch, once: the proven session branch goes into ``target`` (default: the base branch).

    Raises NotAllowed before COMPLETED or when merged already, Conflict (with the reason) when it would
    overwrite uncommitted work or does not fit. One that was cut short is finished instead.
    """
    with branch_lock(rt, session_id):
        if "merge" in merges.finish_half_done(rt, session_id):
            _clean_up(rt, session_id)
            return queries.get_session(rt, session_id)
        with rt.db.read() as db:
            session = lookup.session_row(db, session_id)
        if session.status != State.COMPLETED or session.merge_json:
            words = "Already merged." if session.merge_json else "Only a completed session can be merged."
            raise NotAllowed(words, state=session.status, allowed=allowed_events(session.status))
        chosen = target or session.base_branch
        if chosen is None:
            raise Conflict("The checkout was detached when the session started. Name the branch to merge into.")
        record = _merge(rt, session, chosen, method)
        text = f"Merged into {record.target}: {record.before[:10]} → {record.after[:10]} ({record.method})"
        with rt.db.write() as tx:
            merges.merged(tx, lookup.session_row(tx.db, session_id), record, text)
        _clean_up(rt, session_id)
    return queries.get_session(rt, session_id)


def unmerge(rt: Runtime, session_id: str) -> SessionView:
    """Take the merge back: the user's branch returns to where it was.

    Raises NotAllowed when nothing was merged, Conflict when the branch has moved on since. One that was cut short is
    finished.
    """
    with branch_lock(rt, session_id):
        if "unmerge" in merges.finish_half_done(rt, session_id):
            return queries.get_session(rt, session_id)
        with rt.db.read() as db:
            session = lookup.session_row(db, session_id)
        if not session.merge_json:
            raise NotAllowed("Nothing was merged.", state=session.status, allowed=allowed_events(session.status))
        names = ("target", "method", "before", "after")
        record = delivery.MergeRecord(**{k: session.merge_json[k] for k in names})
        kept = integration.recovered_ref(session_id, f"unmerge-{record.after[:12]}")
        repo = lookup.repository(session)
        merges.intend(rt, session_id, "unmerge", record, kept)
        try:
            delivery.unmerge(repo, record, keep_as=kept)
        except CutShort as error:
            merges.cut_short(rt, session_id, "unmerge", error)
            raise
        except MaestroError:
            merges.refused(rt, session_id)
            raise
        merges.bring_branch_back(session)
        text = f"Merge undone: {record.target} is back at {record.before[:10]}"
        with rt.db.write() as tx:
            merges.unmerged(tx, lookup.session_row(tx.db, session_id), record, kept, text)
    return queries.get_session(rt, session_id)


def _clean_up(rt: Runtime, session_id: str) -> None:
    """After a merge: worktrees and branches go, if the user wants that; heads stay under recovered refs.

    What stands in the way (somebody has a branch checked out) is no reason to fail: the merge is done.
    """
    if not rt.settings.delete_merged_branches:
        return
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
    try:
        cleanup.remove_worktrees(rt, session)
        cleanup.remove_branches(rt, session)
        words, level = "The session's branches are deleted. Their commits stay under recovered refs.", "info"
    except (MaestroError, OSError) as error:
        words, level = f"The session's branches could not be deleted: {getattr(error, 'detail', error)}", "warn"
    with suppress(OperationalError), rt.db.write() as tx:  # a full disk makes no failure of a merge that is done
        tx.log(session_id, words, kind="git", source="git", level=level)


def _merge(rt: Runtime, session: models.Session, target: str, method: Method) -> delivery.MergeRecord:
    def intend(before: str, after: str) -> None:
        merges.intend(rt, session.id, "merge", delivery.MergeRecord(target, method, before, after))

    repo = lookup.repository(session)
    try:
        return delivery.merge(
            repo,
            session.session_branch,
            target,
            method,
            message=_message(session),
            trailers={"Maestro-Session": session.id},
            on_intent=intend,
        )
    except CutShort as error:
        merges.cut_short(rt, session.id, "merge", error)
        raise
    except MaestroError:
        # A refused merge must not be taken for a half-done one at the next start.
        merges.refused(rt, session.id)
        raise


def _message(session: models.Session) -> str:
    problem = str(session.idea_card.get("problem") or "").strip()
    return f"{session.title}\n\n{problem}".strip()
