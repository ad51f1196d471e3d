"""What belongs to a conversation besides its messages: the versions of the idea card."""

from __future__ import annotations

from sqlmodel import col, select

from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import CardVersionView
from maestro.db import models


def list_card_versions(rt: Runtime, session_id: str) -> list[CardVersionView]:
    """The versions of a session's idea card, the newest first. Raises NotFound."""
    query = select(models.CardVersion).where(models.CardVersion.session_id == session_id)
    with rt.db.read() as db:
        lookup.session_row(db, session_id)
        return [CardVersionView.of(row) for row in db.exec(query.order_by(col(models.CardVersion.number).desc())).all()]
