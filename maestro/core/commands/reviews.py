"""Comments on finished work: gathered, changed, and sent as one review, which becomes a task of the same session."""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlmodel import Session as DbSession
from sqlmodel import col, func, select

from maestro.core import queries
from maestro.core.integration import follow_ups, merges
from maestro.core.kernel import lookup
from maestro.core.kernel.locks import branch_lock
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import State, allowed_events
from maestro.core.kernel.text import clip
from maestro.core.queries.delivery import diff_base
from maestro.core.tasks import review_prompts
from maestro.core.views import SessionView
from maestro.core.views.after import CommentView
from maestro.db import models
from maestro.db.after import ReviewComment
from maestro.db.types import utcnow
from maestro.errors import InvalidInput, NotAllowed, NotFound
from maestro.worktrees import tracked_files

#: Of one review. More is no review any more but another idea.
MOST_COMMENTS = 100
_FILE_BYTES = 4_000_000
_OUTPUT_CHARS = 2000

Body = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000, pattern=r"^[^\x00]*$")]


class NewComment(BaseModel):
    """What ``POST /sessions/{id}/comments`` takes: about a line, a file, a check run, or (without them) the whole."""

    model_config = ConfigDict(extra="forbid")

    body: Body
    path: Annotated[str, StringConstraints(min_length=1, max_length=4096, pattern=r"^[^\x00]*$")] | None = None
    line: Annotated[int, Field(strict=True, ge=1, le=100_000_000)] | None = None
    side: Literal["new", "old"] = Field("new", description="`old`: the line's number before the change.")
    check_run: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00]*$")] | None = Field(
        None, description="The id of a check run (evidence)."
    )


def add_comment(rt: Runtime, session_id: str, new: NewComment) -> CommentView:
    """Store a comment; it waits until the review is sent.

    Raises NotAllowed before there are changes, InvalidInput (``path``, ``line``, ``check_run``) for what is not there.
    """
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
        _has_room(db, session_id)
        run = db.get(models.CheckRun, new.check_run) if new.check_run else None
    if session.session_commit is None:
        words = "There are no changes to comment on yet."
        raise NotAllowed(words, state=session.status, allowed=allowed_events(session.status))
    comment = ReviewComment(session_id=session_id, commit=session.session_commit, body=new.body)
    if new.path is not None:
        _about_a_file(session, comment, new)
    elif new.line is not None:
        raise InvalidInput("A comment on a line names its file.", {"path": "is missing"})
    elif new.check_run is not None:
        if run is None or run.session_id != session_id:
            raise InvalidInput("This session has no such check run.", {"check_run": "unknown"})
        comment.check, comment.code = run.command, clip(run.output, _OUTPUT_CHARS)
    with rt.db.write() as tx:
        lookup.session_row(tx.db, session_id)
        _has_room(tx.db, session_id)
        tx.db.add(comment)
        tx.db.flush()
        view = CommentView.of(comment)
        tx.emit("comments_changed", session_id, waiting=_waiting(tx.db, session_id))
    return view


def edit_comment(rt: Runtime, session_id: str, comment_id: str, body: str) -> CommentView:
    """Change the words of a comment that was not sent yet. Raises NotFound, NotAllowed."""
    with rt.db.write() as tx:
        row = _unsent(tx.db, session_id, comment_id)
        row.body, row.updated_at = body, utcnow()
        tx.db.add(row)
        tx.db.flush()
        view = CommentView.of(row)
        tx.emit("comments_changed", session_id, waiting=_waiting(tx.db, session_id))
    return view


def delete_comment(rt: Runtime, session_id: str, comment_id: str) -> None:
    """Delete a comment that was not sent yet. Raises NotFound, NotAllowed."""
    with rt.db.write() as tx:
        tx.db.delete(_unsent(tx.db, session_id, comment_id))
        tx.db.flush()
        tx.emit("comments_changed", session_id, waiting=_waiting(tx.db, session_id))


def follow_up(rt: Runtime, session_id: str, message: str | None = None) -> SessionView:
    """Send the comments that wait, and ``message``, as one review: a task on the session branch. COMPLETED to EXECUTING.

    Raises NotAllowed in other states and after a merge (the comments stay), InvalidInput when there is nothing to send.
    """
    words = (message or "").strip()
    with branch_lock(rt, session_id):
        merges.finish_half_done(rt, session_id)
        with rt.db.read() as db:
            session = lookup.session_row(db, session_id)
        refuse_unfinished(session)
        lookup.repository(session)
        lookup.session_tip(session)  # before anything changes: without its branch nothing could go on
        with rt.db.write() as tx:
            row = lookup.session_row(tx.db, session_id)
            refuse_unfinished(row)
            comments = waiting_comments(tx.db, session_id)
            if not comments and not words:
                raise InvalidInput("Add a comment, or write what to change.", {"message": "is empty"})
            described = review_prompts.review_description(comments, words)
            task = follow_ups.add_task(tx, row, "follow-up", _title(comments, words), described)
            for comment in comments:
                comment.task_id, comment.sent_at = task.id, utcnow()
                tx.db.add(comment)
            counted = f"{len(comments)} comment{'s' if len(comments) != 1 else ''}"
            said = f"Review sent ({counted}). {task.key} handles it." if comments else f"Continuing with {task.key}."
            tx.log(session_id, said, source="you", task_id=task.id)
            tx.emit("comments_changed", session_id, waiting=0)
    rt.wake()
    return queries.get_session(rt, session_id)


def refuse_unfinished(session: models.Session) -> None:
    """Raise NotAllowed, with the way on, where a finished session cannot go on."""
    allowed = allowed_events(session.status)
    if session.status == State.COMPLETED and session.merge_json:
        target = session.merge_json.get("target", "your branch")
        words = (
            f"This session is merged into {target}. Start a follow-up session (comments that were not sent are kept and "
            "go along), or undo the merge first."
        )
        raise NotAllowed(words, state=session.status, allowed=[event for event in allowed if event != "follow_up"])
    if session.status != State.COMPLETED:
        state = session.status.replace("_", " ")
        raise NotAllowed(
            f"The session is {state}: only finished work can be continued. Comments are kept until then.",
            state=session.status,
            allowed=allowed,
        )


def _about_a_file(session: models.Session, comment: ReviewComment, new: NewComment) -> None:
    """Fill in path, line and the code around; the file must be there, and the line in it."""
    repo, path = lookup.repository(session), posixpath.normpath(str(new.path))
    sides = ("new", "old") if new.line is None else (new.side,)
    for side in sides:
        try:
            at = comment.commit if side == "new" else diff_base(session)
            data = tracked_files.read_file(Path(repo), at, path, _FILE_BYTES)
            break
        except NotFound:
            continue
    else:
        where = "before the change" if sides == ("old",) else "in the session's changes"
        raise InvalidInput(f"There is no file “{path}” {where}.", {"path": "unknown"})
    comment.path, comment.side = path, side
    if new.line is None:
        return
    if b"\0" in data[:8000]:
        raise InvalidInput(f"“{path}” is not a text file; comment on the file without a line.", {"line": "not text"})
    text = data.decode("utf-8", "replace")
    has = len(review_prompts.lines_of(text))
    if new.line > has:
        raise InvalidInput(f"“{path}” has {has} lines.", {"line": f"at most {has}"})
    comment.line, comment.code = new.line, review_prompts.excerpt(text, new.line)


def _title(comments: list[ReviewComment], words: str) -> str:
    if words:
        return words.splitlines()[0][:120]
    if len(comments) == 1:
        return f"Review: {comments[0].body.splitlines()[0][:100]}"
    return f"Review: {len(comments)} comments"


def waiting_comments(db: DbSession, session_id: str) -> list[ReviewComment]:
    """Comments that were not sent yet, oldest first."""
    query = select(ReviewComment).where(ReviewComment.session_id == session_id, col(ReviewComment.sent_at).is_(None))
    return list(db.exec(query.order_by(col(ReviewComment.created_at), col(ReviewComment.id))).all())


def _unsent(db: DbSession, session_id: str, comment_id: str) -> ReviewComment:
    session = lookup.session_row(db, session_id)
    row = db.get(ReviewComment, comment_id)
    if row is None or row.session_id != session_id:
        raise NotFound(f"There is no comment {comment_id} in this session.")
    if row.sent_at is not None:
        words = "This comment was already sent to the agent. Add another one."
        raise NotAllowed(words, state=session.status, allowed=allowed_events(session.status))
    return row


def _waiting(db: DbSession, session_id: str) -> int:
    query = select(func.count()).where(ReviewComment.session_id == session_id, col(ReviewComment.sent_at).is_(None))
    return db.exec(query).one()


def _has_room(db: DbSession, session_id: str) -> None:
    if _waiting(db, session_id) >= MOST_COMMENTS:
        words = f"{MOST_COMMENTS} comments are waiting. Send the review first."
        raise InvalidInput(words, {"body": f"at most {MOST_COMMENTS} comments"})
