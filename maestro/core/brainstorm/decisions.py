"""The decisions table as a mirror of what the idea card and the plan say."""

from __future__ import annotations

from typing import Any

from sqlmodel import select

from maestro.core.brainstorm.idea_card import IdeaCard
from maestro.db import models
from maestro.db.session import Transaction


def mirror_card(tx: Transaction, session_id: str, card: IdeaCard) -> None:
    """Make the session's brainstorm decisions those of the card."""
    wanted = [
        {
            "decision_type": "idea",
            "context": d.question,
            "options": d.options,
            "chosen": d.chosen,
            "rationale": d.reason,
        }
        for d in card.decisions
    ]
    _mirror(tx, session_id, "brainstorm", wanted)


def _mirror(tx: Transaction, session_id: str, source: str, wanted: list[dict[str, Any]]) -> None:
    """Rows are known by type and context; those that stay keep their id and time."""
    query = select(models.Decision).where(models.Decision.session_id == session_id, models.Decision.source == source)
    rows = list(tx.db.exec(query).all())
    for values in wanted:
        known = (values["decision_type"], values["context"])
        row = next((r for r in rows if (r.decision_type, r.context) == known), None)
        if row is None:
            row = models.Decision(session_id=session_id, source=source, decision_type=known[0], context=known[1])
        else:
            rows.remove(row)
        row.options, row.chosen, row.rationale = values["options"], values["chosen"], values["rationale"]
        tx.db.add(row)
    for row in rows:
        tx.db.delete(row)
