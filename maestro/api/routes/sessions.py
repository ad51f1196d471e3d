"""Sessions and their conversation."""

from __future__ import annotations

from fastapi import APIRouter

from maestro.api.models import ChosenOption, JsonObject, Limit, Listing, NewMessage, Offset, Search, Short, page_of
from maestro.api.runtime import Rt
from maestro.api.text import CheckedRoute
from maestro.core import queries
from maestro.core.commands import conversation, sessions
from maestro.core.commands.sessions import NewSession, SessionChanges
from maestro.core.kernel.session_states import State
from maestro.core.views import CardVersionView, MessageView, SessionView
from maestro.errors import InvalidInput

router = APIRouter(prefix="/sessions", tags=["Sessions"], route_class=CheckedRoute)


@router.post("", status_code=201)
def create(rt: Rt, body: NewSession) -> SessionView:
    """Create a session in state idle. ``repo_path`` must be an existing git repository on this machine.

    A folder without a commit is refused with a member ``first_commit``: ``POST /repositories/first-commit`` makes one.
    """
    return sessions.create_session(rt, body)


@router.post("/demo", status_code=201)
def create_demo(rt: Rt) -> SessionView:
    """Create and start the demo: a scripted model, a sample repository, everything else real."""
    return sessions.create_demo(rt)


@router.get("")
def list_sessions(
    rt: Rt, status: Short | None = None, q: Search = None, limit: Limit = 50, offset: Offset = 0
) -> Listing[SessionView]:
    """Sessions, the last changed first. ``status`` may name several states, separated by commas."""
    known = {s.value for s in State}
    if unknown := [s for s in (status or "").split(",") if s and s.strip() not in known]:
        raise InvalidInput(f"Unknown state {unknown[0]!r}.", {"status": f"one of {', '.join(sorted(known))}"})
    items, total = queries.list_sessions(rt, status=status, q=q, limit=limit, offset=offset)
    return Listing(items=items, total=total)


@router.get("/{session_id}")
def read(rt: Rt, session_id: str) -> SessionView:
    """One session."""
    return queries.get_session(rt, session_id)


@router.patch("/{session_id}")
def change(rt: Rt, session_id: str, body: SessionChanges) -> SessionView:
    """Rename or reconfigure; members that are left out stay as they are."""
    return sessions.update_session(rt, session_id, body)


@router.delete("/{session_id}", status_code=204)
def delete(rt: Rt, session_id: str) -> None:
    """Remove a session, its worktrees and branches; its commits stay reachable under ``refs/maestro``."""
    sessions.delete_session(rt, session_id)


@router.post("/{session_id}/start")
def start(rt: Rt, session_id: str) -> SessionView:
    """Begin the brainstorm; a description becomes the first message and is answered."""
    return sessions.start_session(rt, session_id)


@router.get("/{session_id}/messages", tags=["Conversation"])
def list_messages(rt: Rt, session_id: str, limit: Limit = 50, offset: Offset = 0) -> Listing[MessageView]:
    """The conversation, oldest first."""
    items, total = queries.list_messages(rt, session_id, limit=limit, offset=offset)
    return Listing(items=items, total=total)


@router.post("/{session_id}/messages", status_code=202, tags=["Conversation"])
def send_message(rt: Rt, session_id: str, body: NewMessage) -> MessageView:
    """Store a message of yours; the reply follows as events."""
    return conversation.send_message(rt, session_id, body.content)


@router.post("/{session_id}/messages/{message_id}/answer", status_code=202, tags=["Conversation"])
def answer_question(rt: Rt, session_id: str, message_id: str, body: ChosenOption) -> MessageView:
    """Answer the assistant's open question with one of its options, counted from 0; the reply follows as events."""
    return conversation.answer_question(rt, session_id, message_id, body.option)


@router.put("/{session_id}/messages/{message_id}", status_code=202, tags=["Conversation"])
def edit_message(rt: Rt, session_id: str, message_id: str, body: NewMessage) -> MessageView:
    """Say an earlier message of yours anew; what was said since is kept on a branch of its own."""
    return conversation.edit_message(rt, session_id, message_id, body.content)


@router.post("/{session_id}/messages/{message_id}/show", tags=["Conversation"])
def show_branch(rt: Rt, session_id: str, message_id: str) -> SessionView:
    """Go to the branch of the conversation that a message of yours (one of ``wordings``) is on."""
    conversation.show_branch(rt, session_id, message_id)
    return queries.get_session(rt, session_id)


@router.post("/{session_id}/messages/retry", status_code=202, tags=["Conversation"])
def ask_again(rt: Rt, session_id: str) -> SessionView:
    """Ask again for a reply that failed or broke off."""
    conversation.ask_again(rt, session_id)
    return queries.get_session(rt, session_id)


@router.post("/{session_id}/messages/stop", tags=["Conversation"])
def stop_reply(rt: Rt, session_id: str) -> SessionView:
    """Stop the reply that is under way; what came so far is kept."""
    conversation.stop_reply(rt, session_id)
    return queries.get_session(rt, session_id)


@router.get("/{session_id}/idea-card/versions", tags=["Conversation"])
def list_card_versions(rt: Rt, session_id: str, limit: Limit = 50, offset: Offset = 0) -> Listing[CardVersionView]:
    """The versions of the idea card, the newest first: who left it so, and what they changed."""
    return page_of(queries.list_card_versions(rt, session_id), limit, offset)


@router.patch("/{session_id}/idea-card", tags=["Conversation"])
@router.put("/{session_id}/idea-card", tags=["Conversation"], operation_id="replace_idea_card")
def edit_idea_card(rt: Rt, session_id: str, body: JsonObject) -> JsonObject:
    """Edit the idea card; answers the whole card."""
    return conversation.edit_idea_card(rt, session_id, body)
