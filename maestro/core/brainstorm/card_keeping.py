"""The idea card of a session: the assistant's tool for it, and storing what it or the user changed."""

from __future__ import annotations

from typing import Any

from maestro.assistants.base import Tool
from maestro.core.brainstorm import card_trace
from maestro.core.brainstorm.decisions import mirror_card
from maestro.core.brainstorm.idea_card import TRACE, UPDATE_SCHEMA, IdeaCard, merge_update, stored_card
from maestro.core.kernel.lookup import session_row
from maestro.core.kernel.runtime import Runtime
from maestro.db import models
from maestro.db.session import Transaction
from maestro.db.types import utcnow

#: With it the assistant says that the user asked for a change of what they wrote on the card themselves.
_ASKED = "user_asked"
_SCHEMA: dict[str, Any] = UPDATE_SCHEMA | {
    "properties": UPDATE_SCHEMA["properties"]
    | {
        _ASKED: {
            "type": "boolean",
            "description": "True only when the user asked, in the chat, to change what they wrote on the card themselves.",
        }
    }
}


def card_tool(rt: Runtime, session_id: str, message_id: str | None) -> Tool:
    """``update_idea_card``; what it changes comes from the message with ``message_id``."""

    def update(given: dict[str, Any]) -> str:
        with rt.db.write() as tx:
            session = session_row(tx.db, session_id)
            before = stored_card(session.idea_card)
            card, _ = merge_update(before, given)
            kept: list[str] = []
            if given.get(_ASKED) is not True:
                card, kept = card_trace.kept(before, card)
            changed = store_card(tx, session, card, by_user=False, message_id=message_id)
        done = f"The idea card is updated: {', '.join(changed)}." if changed else "The idea card says that already."
        if kept:
            done += f" The user wrote or removed these themselves, so they stay as they are: {', '.join(kept)}."
        return done

    return Tool(
        name="update_idea_card",
        description="Change parts of the idea card. Members you leave out stay; a list you give replaces the old one.",
        schema=_SCHEMA,
        handler=update,
        summary=lambda _given: "Updated the idea card",
    )


def store_card(
    tx: Transaction, session: models.Session, card: IdeaCard, *, by_user: bool, message_id: str | None = None
) -> list[str]:
    """Put the card into the session (a row of ``tx``) as a new version, with its decisions; the members that changed."""
    before = stored_card(session.idea_card)
    members = [name for name in IdeaCard.model_fields if name not in TRACE]
    changed = [name for name in members if getattr(card, name) != getattr(before, name)]
    if not changed and card.still_open == before.still_open:
        return []
    card = card_trace.traced(before, card, by_user=by_user, message_id=message_id)
    session.idea_card = card.model_dump(mode="json")
    session.updated_at = utcnow()
    if card.title and not session.title:
        session.title = card.title
        tx.emit("session_updated", session.id, title=session.title)
    tx.db.add(session)
    if changed:
        card_trace.store_version(tx, session.id, before, card, by_user=by_user, message_id=message_id)
    if "decisions" in changed:
        mirror_card(tx, session.id, card)
    tx.emit("idea_card_updated", session.id, card=session.idea_card, changed=changed)
    return changed
