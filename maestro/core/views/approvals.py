"""Questions, and pauses that need the user."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, computed_field

from maestro.agents import allowances


class ApprovalView(BaseModel):
    """A question to the user."""

    id: str
    session_id: str
    session_title: str
    task_id: str | None
    task_key: str | None
    worker_id: str | None
    kind: str
    title: str
    detail: dict[str, Any]
    risk: str
    signature: str | None
    status: str
    message: str | None
    created_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def proposal(self) -> str | None:
        """After three answers alike: the line of the policy that would give this answer by itself from now on."""
        found = self.detail.get("proposal")
        return found if isinstance(found, str) and self.resolved_by == "you" else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def covers(self) -> str:
        """What "allow for this session" would allow, as a sentence; empty where it is not offered."""
        return allowances.in_words(self.signature) if self.signature else ""


class PauseView(BaseModel):
    """A span in which a session was paused; ``until`` None: it still is."""

    since: datetime
    until: datetime | None
    by_user: bool  # else Maestro paused it, to ask something
