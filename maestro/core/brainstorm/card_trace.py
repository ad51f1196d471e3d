"""Where the idea card's entries come from, and whose word counts: what the user wrote there stays as they wrote it."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session as DbSession
from sqlmodel import col, func, select

from maestro.core.brainstorm.idea_card import CardDecision, IdeaCard
from maestro.db import models
from maestro.db.session import Transaction

_LINES = ("goals", "out_of_scope", "open_questions")
_MOST_REMOVED = 200
_MOST_TOLD = 30


def entries(card: IdeaCard) -> dict[str, str]:
    """The card's entries: their keys (see ``IdeaCard``) with their words."""
    found = {name: getattr(card, name) for name in ("title", "problem") if getattr(card, name)}
    for name in _LINES:
        found |= {f"{name}:{line}": line for line in getattr(card, name)}
    found |= {f"requirements:{r.id}": r.text for r in card.requirements}
    return found | {f"decisions:{d.question}": _decided(d) for d in card.decisions}


def changes(before: IdeaCard, after: IdeaCard) -> list[dict[str, str]]:
    """What differs, entry by entry: ``{key, was, now}``; an empty text where there was, or is, none."""
    old, new = entries(before), entries(after)
    keys = [*old, *(k for k in new if k not in old)]
    return [{"key": k, "was": old.get(k, ""), "now": new.get(k, "")} for k in keys if old.get(k) != new.get(k)]


def traced(before: IdeaCard, after: IdeaCard, *, by_user: bool, message_id: str | None) -> IdeaCard:
    """``after`` with what is known of its entries: from which message each came, which ones are the user's own."""
    new = entries(after)
    touched = [c["key"] for c in changes(before, after)]
    sources = {k: v for k, v in before.sources.items() if k in new and k not in touched}
    wrote = [k for k in before.user_wrote if k in new and k not in touched]
    if by_user:
        wrote += [k for k in touched if k in new]
    if message_id:
        sources |= {k: message_id for k in touched if k in new}
    present = {_removal(k, words) for k, words in new.items()}
    removed = [k for k in before.user_removed if k not in present]
    if by_user:
        removed += [_removal(k, w) for k, w in entries(before).items() if k not in new]
    requirements = [
        r.model_copy(update={"message_id": sources.get(f"requirements:{r.id}")}) for r in after.requirements
    ]
    return after.model_copy(
        update={
            "sources": sources,
            "user_wrote": wrote,
            "user_removed": list(dict.fromkeys(removed))[-_MOST_REMOVED:],
            "requirements": requirements,
        }
    )


def kept(before: IdeaCard, after: IdeaCard) -> tuple[IdeaCard, list[str]]:
    """The assistant's ``after`` with the user's own entries as they were, and the keys of those that it had changed.

    A question that the user left open may be taken off: it was answered.
    """
    mine, gone = set(before.user_wrote), set(before.user_removed)
    update: dict[str, Any] = {}
    for name in ("title", "problem"):
        if name in mine:
            update[name] = getattr(before, name)
    for name in _LINES:
        lines = [line for line in getattr(after, name) if f"{name}:{line}" not in gone]
        if name != "open_questions":
            for at, line in enumerate(getattr(before, name)):
                if f"{name}:{line}" in mine and line not in lines:
                    lines.insert(at, line)
        update[name] = lines
    own = {r.id: r for r in before.requirements if f"requirements:{r.id}" in mine}
    requirements = [own.pop(r.id, r) for r in after.requirements if f"requirements:{r.text}" not in gone]
    update["requirements"] = [*requirements, *own.values()]
    theirs = {d.question: d for d in before.decisions if f"decisions:{d.question}" in mine}
    decisions = [theirs.pop(d.question, d) for d in after.decisions if f"decisions:{d.question}" not in gone]
    update["decisions"] = [*decisions, *theirs.values()]
    found = after.model_copy(update=update)
    return found, [c["key"] for c in changes(after, found)]


def store_version(
    tx: Transaction, session_id: str, before: IdeaCard, card: IdeaCard, *, by_user: bool, message_id: str | None
) -> None:
    """Keep the card as a version of its own; what the assistant changes in one reply is one version."""
    author = "user" if by_user else "assistant"
    newest = tx.db.exec(_versions(session_id).order_by(col(models.CardVersion.number).desc()).limit(1)).first()
    if newest is None and entries(before):  # from before there were versions
        newest = models.CardVersion(
            session_id=session_id, number=1, author="assistant", card=before.model_dump(mode="json")
        )
        tx.db.add(newest)
    if newest and message_id and (newest.author, newest.message_id) == (author, message_id):
        newest.card = card.model_dump(mode="json")
        newest.changes = [*newest.changes, *changes(before, card)]
        tx.db.add(newest)
        return
    tx.db.add(
        models.CardVersion(
            session_id=session_id,
            number=(newest.number if newest else 0) + 1,
            author=author,
            card=card.model_dump(mode="json"),
            changes=changes(before, card),
            message_id=message_id,
        )
    )


def edits_of_the_user(db: DbSession, session_id: str) -> list[str]:
    """What the user has changed on the card since the assistant's last reply began, in lines for the assistant."""
    replied = select(func.max(models.Message.created_at)).where(
        models.Message.session_id == session_id, models.Message.role == "ai", models.Message.status == "complete"
    )
    query = _versions(session_id).where(models.CardVersion.author == "user")
    since = db.exec(replied).one()
    if since is not None:
        query = query.where(models.CardVersion.created_at > since)
    rows = db.exec(query.order_by(col(models.CardVersion.number))).all()
    return [_told(change) for row in rows for change in row.changes][-_MOST_TOLD:]


def _versions(session_id: str) -> Any:
    return select(models.CardVersion).where(models.CardVersion.session_id == session_id)


def _told(change: dict[str, Any]) -> str:
    key, was, now = (str(change.get(name, "")) for name in ("key", "was", "now"))
    member, _, name = key.partition(":")
    label = f"{member} {name}" if member in {"requirements", "decisions"} else member
    if not was:
        return f"added to {label}: {now}"
    return f"changed {label}: {now} (was: {was})" if now else f"removed from {label}: {was}"


def _removal(key: str, words: str) -> str:
    """How a removed entry is known: a requirement by its words, for its id may come back with others."""
    return f"requirements:{words}" if key.startswith("requirements:") else key


def _decided(decision: CardDecision) -> str:
    chosen = decision.options[decision.chosen] if decision.chosen is not None else "undecided"
    return " · ".join(filter(None, [chosen, decision.reason, "/".join(decision.options)]))
