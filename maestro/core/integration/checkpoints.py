"""Finding checkpoints: by name, those after one, the last good one; and the rollbacks between them."""

from __future__ import annotations

from sqlmodel import Session as DbSession
from sqlmodel import col, select

from maestro.core.kernel import lookup
from maestro.db import models
from maestro.errors import NotFound


def find_checkpoint(db: DbSession, session_id: str, name: str) -> models.Checkpoint:
    """A checkpoint by id, number or commit. Raises NotFound."""
    query = select(models.Checkpoint).where(models.Checkpoint.session_id == session_id)
    for point in db.exec(query).all():
        if name in {point.id, str(point.number)} or (len(name) >= 7 and point.commit.startswith(name)):
            return point
    raise NotFound(f"There is no checkpoint {name} in this session.")


def undone_by(db: DbSession, session_id: str, point: models.Checkpoint) -> list[models.Checkpoint]:
    """The checkpoints that going back to ``point`` takes away, oldest first."""
    query = select(models.Checkpoint).where(
        models.Checkpoint.session_id == session_id, col(models.Checkpoint.number) > point.number
    )
    return list(db.exec(query.order_by(col(models.Checkpoint.number))).all())


def rollbacks_of(db: DbSession, session_id: str) -> list[models.Intent]:
    """The rollbacks of a session, newest first, with what each took away."""
    query = select(models.Intent).where(models.Intent.session_id == session_id, models.Intent.kind == "rollback")
    return list(db.exec(query.order_by(col(models.Intent.created_at).desc())).all())


def before_repairs(db: DbSession, session: models.Session) -> models.Checkpoint | None:
    """The last checkpoint before a session's first repair; None when no repair is in."""
    points = undone_by(db, session.id, models.Checkpoint(number=-1, session_id=session.id, commit="", title=""))
    added = {task.id for task in lookup.repairs_of(db, session)}
    repairs = [p.number for p in points if p.task_id in added]
    good = [p for p in points if repairs and p.number < min(repairs)]
    return good[-1] if good else None
