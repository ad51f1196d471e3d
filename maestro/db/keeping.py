"""Tables of what outlives a session or a start: deleted sessions whose work is still kept, money, facts of the installation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from maestro.db.types import SoundJson, UtcDateTime, utcnow


class DeletedSession(SQLModel, table=True):
    """A session that was deleted; its commits stay under ``refs/maestro/<id>/`` until ``expires_at``."""

    __tablename__ = "deleted_sessions"

    id: str = Field(primary_key=True)  # the session's
    title: str
    repo_path: str
    session_branch: str
    status: str  # the state it was in
    cost_usd: float = 0.0
    deleted_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime, nullable=False)
    expires_at: datetime = Field(sa_type=UtcDateTime, nullable=False)


class DayUsage(SQLModel, table=True):
    """What a session's assistant used on one day (UTC), and, once the session is deleted, its runs begun that day.

    The runs of a living session are counted from their own rows. The demo's sessions have none.
    """

    __tablename__ = "day_usage"

    day: str = Field(primary_key=True)  # 2026-01-31
    session_id: str = Field(primary_key=True)  # no foreign key: it outlives the session
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float = 0.0
    model_calls: int = 0  # of runs; the assistant's are not limited


class Fact(SQLModel, table=True):
    """Something the installation remembers of itself: ``stopped_at``, ``digest``, ``boot``, ``due``."""

    __tablename__ = "facts"

    name: str = Field(primary_key=True)
    value: Any = Field(default=None, sa_type=SoundJson(object, nullable=True))
    updated_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime, nullable=False)


class RepositoryEnvironment(SQLModel, table=True):
    """What new worktrees of a repository are given, as a user has confirmed it."""

    __tablename__ = "repository_environments"

    git_dir: str = Field(primary_key=True)  # shared by all its worktrees, in canonical form
    repo_path: str  # the checkout it was last confirmed from
    setup: list[str] = Field(default_factory=list, sa_type=SoundJson(list), nullable=False)
    copy_files: list[str] = Field(default_factory=list, sa_type=SoundJson(list), nullable=False)
    checks: list[str] = Field(default_factory=list, sa_type=SoundJson(list), nullable=False)
    pass_env: list[str] = Field(default_factory=list, sa_type=SoundJson(list), nullable=False)  # names, never values
    serial_checks: bool = Field(default=False, nullable=False)  # one at a time: they share ports, a database, a cache
    check_network: bool = Field(default=False, nullable=False)  # confined checks reach what set-up commands reach
    network_hosts: list[str] = Field(default_factory=list, sa_type=SoundJson(list), nullable=False)
    seen: list[str] = Field(
        default_factory=list, sa_type=SoundJson(list), nullable=False
    )  # what was found then, used or not
    confirmed_at: datetime = Field(default_factory=utcnow, sa_type=UtcDateTime, nullable=False)
