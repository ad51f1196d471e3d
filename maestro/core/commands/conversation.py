"""Talking: messages, asking again, stopping a reply, and the idea card by hand."""

from __future__ import annotations

from typing import Any

from maestro.core.brainstorm import branches, interview, replies
from maestro.core.brainstorm.assistant import check_budgets
from maestro.core.brainstorm.card_keeping import store_card
from maestro.core.brainstorm.idea_card import edit, stored_card
from maestro.core.brainstorm.replies import open_conversation
from maestro.core.brainstorm.reply import add_message, emit_message
from maestro.core.kernel.lookup import session_row
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import State, allowed_events
from maestro.core.views import MessageView
from maestro.db import models
from maestro.db.session import Transaction
from maestro.db.types import utcnow
from maestro.errors import InvalidInput, NotAllowed, NotFound

__all__ = [
    "answer_question",
    "ask_again",
    "edit_idea_card",
    "edit_message",
    "open_conversation",
    "send_message",
    "show_branch",
    "stop_reply",
]

MAX_MESSAGE = 200_000
_CARD_STATES = frozenset({State.IDLE, State.BRAINSTORMING, State.PLAN_REVIEW})


def send_message(rt: Runtime, session_id: str, content: str) -> MessageView:
    """Store what the user says and answer it in the background.

    While a reply is under way the message is stored and answered after it. Raises InvalidInput, NotFound,
    NotAllowed outside BRAINSTORMING, and OverBudget.
    """
    _check(content)
    with rt.db.write() as tx:
        row = _answered(tx, _talking(rt, tx, session_id), content)
    replies.start_reply(rt, session_id)
    return MessageView.of(row)


def edit_message(rt: Runtime, session_id: str, message_id: str, content: str) -> MessageView:
    """Say an earlier message of the user's anew, and answer that; what was said since is kept on a branch of its own.

    Raises InvalidInput, NotFound, NotAllowed while a reply is under way or outside BRAINSTORMING, and OverBudget.
    """
    _check(content)
    with rt.db.write() as tx:
        session = _talking(rt, tx, session_id)
        _must_be_quiet(rt, session)
        message = _own_message(tx, session_id, message_id)
        if not message.active:
            raise _not_now(session, "This message is on another branch. Go to that branch first.")
        branches.leave(tx, session, message)
        row = _answered(tx, session, content)
    replies.start_reply(rt, session_id)
    return MessageView.of(row)


def show_branch(rt: Runtime, session_id: str, message_id: str) -> None:
    """Go to the branch of the conversation that one of the user's messages is on, with the idea card as it was there.

    Raises NotFound, and NotAllowed while a reply is under way or outside BRAINSTORMING.
    """
    with rt.db.write() as tx:
        session = session_row(tx.db, session_id)
        _must_talk(session)
        _must_be_quiet(rt, session)
        message = _own_message(tx, session_id, message_id)
        if not message.active:
            branches.enter(tx, session, message)


def _answered(tx: Transaction, session: models.Session, content: str) -> models.Message:
    """Store a message; where a question was open, as its answer."""
    asked = interview.open_question(replies.conversation(tx.db, session.id))
    question = interview.question_of(asked) if asked else None
    option = interview.option_meant(question, content) if question else None
    row = _say(tx, session, content if question is None or option is None else str(question["options"][option]))
    if asked:
        interview.settle(tx, session, asked, row, option)
    return row


def answer_question(rt: Runtime, session_id: str, message_id: str, option: int) -> MessageView:
    """Answer the assistant's open question with one of its options, counted from 0; goes on like ``send_message``.

    Raises InvalidInput for an option that there is not, NotFound, NotAllowed for a question that is not open (any more),
    and OverBudget.
    """
    with rt.db.write() as tx:
        session = _talking(rt, tx, session_id)
        asked = interview.open_question(replies.conversation(tx.db, session_id))
        question = interview.question_of(asked) if asked else None
        if asked is None or question is None or asked.id != message_id:
            raise _not_now(session, "This question is not open anymore. Write a message instead.")
        if not 0 <= option < len(question["options"]):
            words = f"must be between 0 and {len(question['options']) - 1}"
            raise InvalidInput(f"The option {words}.", {"option": words})
        row = _say(tx, session, str(question["options"][option]))
        interview.settle(tx, session, asked, row, option)
    replies.start_reply(rt, session_id)
    return MessageView.of(row)


def _talking(rt: Runtime, tx: Transaction, session_id: str) -> models.Session:
    session = session_row(tx.db, session_id)
    _must_talk(session)
    check_budgets(rt, tx.db, session)
    return session


def _own_message(tx: Transaction, session_id: str, message_id: str) -> models.Message:
    message = tx.db.get(models.Message, message_id)
    if message is None or message.session_id != session_id or message.role != "user":
        raise NotFound("There is no such message of yours in this session.")
    return message


def _must_be_quiet(rt: Runtime, session: models.Session) -> None:
    if replies.replying(rt, session.id):
        raise _not_now(session, "A reply is in progress. Wait for it, or stop it first.")


def _say(tx: Transaction, session: models.Session, content: str) -> models.Message:
    row = add_message(tx, session.id, "user", content)
    session.updated_at = utcnow()
    tx.db.add(session)
    emit_message(tx, row)
    return row


def ask_again(rt: Runtime, session_id: str) -> None:
    """Answer the user's last message once more, when the reply to it broke off or never came.

    Raises NotAllowed when the last reply is whole or one is under way, and OverBudget.
    """
    with rt.db.read() as db:
        session = session_row(db, session_id)
        said = [m for m in replies.conversation(db, session_id) if m.role != "system"]
    _must_talk(session)
    _must_be_quiet(rt, session)
    if not said or (said[-1].status == "complete" and said[-1].role == "ai"):
        raise _not_now(session, "The last reply is complete; there is nothing to retry.")
    with rt.db.read() as db:
        check_budgets(rt, db, session)
    replies.start_reply(rt, session_id, once_more=True)


def stop_reply(rt: Runtime, session_id: str) -> bool:
    """End the reply that is under way; what was said stays. False when there is none. Raises NotFound."""
    with rt.db.read() as db:
        session_row(db, session_id)
    return replies.request_stop(rt, session_id)


def edit_idea_card(rt: Runtime, session_id: str, data: Any) -> dict[str, Any]:
    """Take over a user's edit of the card (given members replace theirs) and return the whole card.

    Raises InvalidInput naming each wrong field, and NotAllowed once the plan is approved.
    """
    with rt.db.write() as tx:
        session = session_row(tx.db, session_id)
        if session.status not in _CARD_STATES:
            raise _not_now(session, "The idea card can only be changed while brainstorming or reviewing the plan.")
        before = stored_card(session.idea_card)
        store_card(tx, session, edit(before, data), by_user=True)
        return stored_card(session.idea_card).model_dump(mode="json")


def _check(content: Any) -> None:
    reason = _fault(content)
    if reason:
        raise InvalidInput(f"The message {reason}.", {"content": reason})


def _fault(content: Any) -> str | None:
    if not isinstance(content, str) or not content.strip():
        return "is empty"
    if len(content) > MAX_MESSAGE:
        return f"is longer than {MAX_MESSAGE:,} characters"
    if "\0" in content:
        return "contains a NUL character"
    try:
        content.encode()
    except UnicodeEncodeError:
        return "is not valid Unicode"
    return None


def _must_talk(session: models.Session) -> None:
    if session.status != State.BRAINSTORMING:
        state = session.status.replace("_", " ")
        raise _not_now(session, f"Messages can only be sent while brainstorming; this session is {state}.")


def _not_now(session: models.Session, detail: str) -> NotAllowed:
    return NotAllowed(detail, state=session.status, allowed=allowed_events(session.status))
