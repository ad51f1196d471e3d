"""Whose tokens were used at a price that nobody knows (a local model's): what they cost is at least what is known."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session as DbSession
from sqlmodel import col, select

from maestro.core.limits import spending
from maestro.db import models

_KINDS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")


def found(db: DbSession, sessions: Sequence[models.Session]) -> set[str]:
    """Of these sessions and their tasks, the ids of those with such tokens. The demo's are free."""
    paid = {session.id for session in sessions if not session.demo}
    run = models.Worker
    used = sum((col(getattr(run, kind)) for kind in _KINDS[1:]), start=col(getattr(run, _KINDS[0])))
    query = select(run).where(col(run.session_id).in_(paid), col(run.cost_usd) <= 0, used > 0)
    ids = {session.id for session in sessions if session.id in paid and _is_unpriced(session)}
    for row in db.exec(query).all():
        if spending.so_far(row, demo=False) <= 0:
            ids |= {row.session_id, row.task_id}
    return ids


def _is_unpriced(session: models.Session) -> bool:
    """Whether its assistant used tokens that no price is known for."""
    numbers = [getattr(session, kind) for kind in _KINDS]
    known = all(isinstance(number, int | float) for number in [*numbers, session.cost_usd])
    return known and sum(numbers) > 0 and session.cost_usd <= 0
