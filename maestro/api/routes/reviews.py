"""Comments on a session's changes, and finished work that goes on."""

from __future__ import annotations

from fastapi import APIRouter

from maestro.api.models import Body, Limit, Listing, Offset, Short, Text, page_of
from maestro.api.runtime import Rt
from maestro.api.text import CheckedRoute
from maestro.core.commands import follow_up_sessions, reviews, updates
from maestro.core.commands.follow_up_sessions import FollowUpSession
from maestro.core.commands.reviews import NewComment
from maestro.core.queries import reviews as found
from maestro.core.views import SessionView
from maestro.core.views.after import CommentView

router = APIRouter(prefix="/sessions/{session_id}", tags=["Review"], route_class=CheckedRoute)


class CommentChange(Body):
    """``PATCH /sessions/{id}/comments/{comment}``."""

    body: reviews.Body


class FollowUp(Body):
    """``POST /sessions/{id}/follow-up``: what to change, besides the comments that wait."""

    message: Text | None = None


class Update(Body):
    """``POST /sessions/{id}/update``: from which branch (default: the base branch)."""

    target: Short | None = None


@router.get("/comments")
def list_comments(
    rt: Rt, session_id: str, waiting: bool = False, limit: Limit = 50, offset: Offset = 0
) -> Listing[CommentView]:
    """Comments, oldest first; ``waiting``: only those that were not sent."""
    return page_of(found.list_comments(rt, session_id, waiting=waiting), limit, offset)


@router.post("/comments", status_code=201)
def add_comment(rt: Rt, session_id: str, body: NewComment) -> CommentView:
    """Comment on a line, a file, a check run, or the whole. It waits until the review is sent."""
    return reviews.add_comment(rt, session_id, body)


@router.patch("/comments/{comment_id}")
def edit_comment(rt: Rt, session_id: str, comment_id: str, body: CommentChange) -> CommentView:
    """Change a comment that was not sent yet."""
    return reviews.edit_comment(rt, session_id, comment_id, body.body)


@router.delete("/comments/{comment_id}", status_code=204)
def delete_comment(rt: Rt, session_id: str, comment_id: str) -> None:
    """Delete a comment that was not sent yet."""
    reviews.delete_comment(rt, session_id, comment_id)


@router.post("/follow-up")
def follow_up(rt: Rt, session_id: str, body: FollowUp | None = None) -> SessionView:
    """Completed → executing: the comments that wait and the message become one task on the session branch."""
    return reviews.follow_up(rt, session_id, (body or FollowUp()).message)


@router.post("/update")
def update(rt: Rt, session_id: str, body: Update | None = None) -> SessionView:
    """Completed → executing: bring the target branch's new commits into the session branch, as a task with its checks."""
    return updates.update_from_target(rt, session_id, (body or Update()).target)


@router.post("/follow-up-session", status_code=201)
def create_follow_up_session(rt: Rt, session_id: str, body: FollowUpSession | None = None) -> SessionView:
    """A new session that goes on from a finished one, with its card, decisions and environment."""
    return follow_up_sessions.create_follow_up(rt, session_id, body or FollowUpSession())
