"""The ceiling of a session's log: an agent that prints without end fills neither the disk nor the database.

Above it the middle goes: of what agents said and printed, the first part and the last stay, and one row in between says
how much is left out. Questions, checks, git, errors and what tells who wrote which file stay all.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Text, delete, func, or_, select
from sqlmodel import Session as DbSession
from sqlmodel import col

from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Service
from maestro.db.models import AgentLog, EventRow

#: So much of one session is kept, in rows and in characters; of them the first part is never left out.
ROWS = 200_000
CHARS = 200_000_000
FIRST_ROWS = 10_000
#: What is kept when something is left out, so that it is not done at every line.
_LEFT = 0.8

_MAY_GO = ("text", "tool", "tool_result", "system", "progress")
#: Details that are looked up later: what a worker wrote, and where.
_LOOKED_UP = ("sha256", "outside", "seen")


@dataclass
class _Size:
    rows: int
    chars: int


#: By session.
_SIZES = Service(dict[str, _Size])


def came(rt: Runtime, session_id: str, rows: int, chars: int) -> None:
    """So much came in; leave out of the middle when the log is above its ceiling now."""
    sizes = rt.service(_SIZES)
    size = sizes.get(session_id)
    if size is None:
        sizes[session_id] = size = _measured(rt, session_id)
    else:
        size.rows, size.chars = size.rows + rows, size.chars + chars
    if size.rows > ROWS or size.chars > CHARS:
        _leave_out(rt, session_id)
        sizes[session_id] = _measured(rt, session_id)


def _measured(rt: Runtime, session_id: str) -> _Size:
    with rt.db.read() as db:
        query = select(func.count(), func.sum(_length())).where(col(AgentLog.session_id) == session_id)
        rows, chars = db.execute(query).one()
    return _Size(int(rows or 0), int(chars or 0))


def _leave_out(rt: Runtime, session_id: str) -> None:
    with rt.db.write(durable=False) as tx:
        bounds = _bounds(tx.db, session_id)
        if bounds is None:
            return
        details = AgentLog.__table__.c.metadata  # type: ignore[attr-defined]
        text = func.coalesce(details.cast(Text), "")
        middle = [
            col(AgentLog.session_id) == session_id,
            col(AgentLog.id) > bounds[0],
            col(AgentLog.id) < bounds[1],
            col(AgentLog.kind).in_(_MAY_GO),
            *(text.not_like(f'%"{name}"%') for name in _LOOKED_UP),
        ]
        ids = list(tx.db.execute(select(col(AgentLog.id)).where(*middle).order_by(col(AgentLog.id))).scalars())
        _remove(tx.db, session_id, ids)


def _remove(db: DbSession, session_id: str, ids: list[int]) -> None:
    """All but the first go; that one says how many there were, those of earlier times included."""
    mark, gone = db.get(AgentLog, ids[0]) if ids else None, ids[1:]
    if mark is None or not gone:
        return
    earlier = int((mark.details or {}).get("left_out") or 0)
    count = earlier + len(gone) + (0 if earlier else 1)
    mark.kind, mark.level, mark.details = "system", "warn", {"left_out": count}
    mark.message = f"{count:,} lines are left out here: the session log reached its size limit."
    db.add(mark)
    for start in range(0, len(gone), 500):
        part = gone[start : start + 500]
        journal = [col(EventRow.type) == "log_entry", col(EventRow.session_id) == session_id]
        db.execute(delete(EventRow).where(*journal, col(EventRow.ref).in_(part)))
        db.execute(delete(AgentLog).where(col(AgentLog.id).in_(part)))


def _bounds(db: DbSession, session_id: str) -> tuple[int, int] | None:
    """Between which rows the middle lies."""
    mine = col(AgentLog.session_id) == session_id
    first = db.execute(
        select(col(AgentLog.id))
        .where(mine)
        .order_by(col(AgentLog.id))
        .offset(min(FIRST_ROWS, int(ROWS * _LEFT) // 2))
        .limit(1)
    ).scalar()
    last_first = col(AgentLog.id).desc()
    numbered = select(
        col(AgentLog.id).label("id"),
        func.row_number().over(order_by=last_first).label("rows"),
        func.sum(_length()).over(order_by=last_first).label("chars"),
    ).where(mine)
    found = numbered.subquery()
    kept = or_(found.c.rows > int(ROWS * _LEFT), found.c.chars > int(CHARS * _LEFT))
    last = db.execute(select(func.max(found.c.id)).where(kept)).scalar()
    return (first, last) if first is not None and last is not None and first < last else None


def _length() -> ColumnElement[int]:
    details = AgentLog.__table__.c.metadata  # type: ignore[attr-defined]
    return func.length(col(AgentLog.message)) + func.coalesce(func.length(details.cast(Text)), 0)
