"""Sessions and what is said in them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from maestro.core.views.reading import readable
from maestro.core.views.usage import Tokens
from maestro.db import models


class TaskCounts(BaseModel):
    """How many tasks are where, for thin bars and one-line summaries."""

    total: int = 0
    by_status: dict[str, int] = {}

    @property
    def done(self) -> int:
        """Completed and skipped ones."""
        return self.by_status.get("completed", 0) + self.by_status.get("skipped", 0)


class SessionView(BaseModel):
    """A session."""

    id: str
    title: str
    description: str
    status: str
    repo_path: str
    base_branch: str | None
    base_commit: str
    session_branch: str
    session_commit: str | None
    agent_type: str
    agent_config: dict[str, Any]
    template: str | None
    source: dict[str, Any] | None = None  # the issue that it began with: {kind, url, repository, number, title, author}
    follows_id: str | None = None  # the finished session that it goes on from
    demo: bool
    created_at: datetime
    updated_at: datetime
    active_at: datetime  # when the session or its work last moved
    completed_at: datetime | None
    error_message: str | None
    progress: float
    tasks: TaskCounts
    tokens: Tokens
    cost_usd: float
    cost_incomplete: bool = False  # part of the tokens has no known price: the cost is at least this
    plan_version: int
    plan_approved_at: datetime | None
    idea_card: dict[str, Any]
    merged: bool
    merge: dict[str, Any] | None
    checkpoint_commit: str | None
    result: dict[str, Any] | None
    pending_approvals: int
    live_workers: int
    allowed_events: list[str]

    @property
    def needs_you(self) -> bool:
        """Whether the session waits for a user: a question, a failure, a plan to read, a result to merge."""
        finished = self.status == "completed" and not self.merged
        return finished or bool(self.pending_approvals) or self.status in {"plan_review", "failed"}


class MessageView(BaseModel):
    """A message of the brainstorm."""

    id: str
    number: int
    role: str
    content: str
    status: str
    error: str | None
    tool_uses: list[dict[str, Any]]
    question: dict[str, Any] | None = None  # {text, options, recommended, kind, number, answer}
    wordings: list[str] = []  # ids of the messages that this one, edited, was and is; none where it never was
    usage: dict[str, Any] | None = None  # {input_tokens, …, cost_usd, unpriced}
    created_at: datetime

    @classmethod
    def of(cls, row: models.Message, wordings: Sequence[str] = ()) -> MessageView:
        """From its row; ``wordings``: see ``core.brainstorm.branches``."""
        extras = row.extras or {}
        more = {"question": extras.get("question"), "usage": extras.get("usage"), "wordings": list(wordings)}
        return readable(cls, row.model_dump(warnings=False) | more)


class CardVersionView(BaseModel):
    """One version of the idea card: who left it so, and what they changed."""

    id: str
    number: int
    author: str  # user, assistant
    card: dict[str, Any]
    changes: list[dict[str, Any]]  # {key, was, now}
    message_id: str | None
    created_at: datetime

    @classmethod
    def of(cls, row: models.CardVersion) -> CardVersionView:
        """From its row."""
        return readable(cls, row.model_dump(warnings=False))


class Overview(BaseModel):
    """The dashboard's numbers."""

    sessions: int
    by_status: dict[str, int]
    pending_approvals: int
    live_workers: int
    tokens_today: Tokens
    cost_today_usd: float
