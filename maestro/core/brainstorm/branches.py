"""Branches of a conversation: an earlier message said anew begins one, and every other one can be gone back to.

A message follows the one with ``parent_number`` (None, in old rows: the one before it). ``active`` are those of the branch
that one is on; along a branch the numbers rise.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session as DbSession
from sqlmodel import col, select

from maestro.core.brainstorm import interview
from maestro.core.brainstorm.decisions import mirror_card
from maestro.core.brainstorm.idea_card import IdeaCard, stored_card
from maestro.db import models
from maestro.db.session import Transaction


def everything(db: DbSession, session_id: str) -> list[models.Message]:
    """The messages of all branches, in the order in which they were said."""
    query = select(models.Message).where(models.Message.session_id == session_id)
    return list(db.exec(query.order_by(col(models.Message.number))).all())


def wordings(messages: Sequence[models.Message]) -> dict[str, list[str]]:
    """By the id of each of the user's messages that was said more than once: the ids of all its wordings, oldest first."""
    by_parent: dict[int, list[str]] = {}
    for message in messages:
        if message.role == "user":
            by_parent.setdefault(_parent(message), []).append(message.id)
    return {one: ids for ids in by_parent.values() if len(ids) > 1 for one in ids}


def leave(tx: Transaction, session: models.Session, message: models.Message) -> None:
    """Leave the branch at a message of the user's: it and what follows it are kept, and shown no more."""
    rows = everything(tx.db, session.id)
    for row in rows:
        if row.active and row.number >= message.number:
            row.active = False
            tx.db.add(row)
    _settle_anew(tx, session, [row for row in rows if row.active])


def enter(tx: Transaction, session: models.Session, message: models.Message) -> None:
    """Go to the branch that a message is on, up to what was said on it last."""
    rows = everything(tx.db, session.id)
    by_number = {row.number: row for row in rows}
    path = {message.number}
    at = message
    while (parent := by_number.get(_parent(at))) is not None and parent.number < at.number:
        path.add(parent.number)
        at = parent
    for row in rows:  # the newest of those that follow, again and again
        if _parent(row) == max(path) and row.number > max(path):
            path.add(max(r.number for r in rows if _parent(r) == _parent(row)))
    for row in rows:
        row.active = row.number in path
        tx.db.add(row)
    _settle_anew(tx, session, [row for row in rows if row.active])


def _settle_anew(tx: Transaction, session: models.Session, active: list[models.Message]) -> None:
    """Questions have the answers of this branch, and the card is what it was on it."""
    tx.db.flush()
    said = {row.id for row in active}
    for row in active:
        question = interview.question_of(row)
        if question is not None:
            answers = [a for a in question.get("answers") or [] if isinstance(a, dict) and a.get("message_id") in said]
            row.extras = (row.extras or {}) | {"question": question | {"answer": answers[-1] if answers else None}}
            tx.db.add(row)
    query = select(models.CardVersion).where(models.CardVersion.session_id == session.id)
    versions = list(tx.db.exec(query.order_by(col(models.CardVersion.number))).all())
    if versions:
        own = [v for v in versions if v.message_id is None or v.message_id in said]
        card = stored_card(own[-1].card) if own else IdeaCard()
        session.idea_card = card.model_dump(mode="json")
        mirror_card(tx, session.id, card)
        tx.emit("idea_card_updated", session.id, card=session.idea_card, changed=[])
    tx.db.add(session)
    tx.emit("conversation_switched", session.id)


def _parent(message: models.Message) -> int:
    return message.number - 1 if message.parent_number is None else message.parent_number
