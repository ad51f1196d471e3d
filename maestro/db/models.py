"""All tables. SQLite holds everything; times are UTC (see ``types.UtcDateTime``).

Entities have UUID strings as ids. What is written by the thousand (log rows, metrics, events) has
increasing integers, so that "what came after" is one index seek and survives clock jumps.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from maestro.db.guard_state import GuardState, GuardStateJson
from maestro.db.types import Line, Outcomes, SoundJson, TextsOfJson, UtcDateTime, Words, new_id, utcnow

#: SQLite counts rows up only for a column declared INTEGER; other databases want the wide type.
_BIG_ID = BigInteger().with_variant(Integer, "sqlite")


def _time(*, nullable: bool = False) -> Any:
    if nullable:
        return Field(default=None, sa_type=UtcDateTime)
    return Field(default_factory=utcnow, sa_type=UtcDateTime, nullable=False)


def _json() -> Any:
    return Field(default_factory=dict, sa_type=SoundJson(dict), nullable=False)


def _json_list(of: type[str] | type[dict[str, Any]] = str) -> Any:
    return Field(default_factory=list, sa_type=SoundJson(list, of=of), nullable=False)


def _maybe_json() -> Any:
    return Field(default=None, sa_type=SoundJson(dict, nullable=True))


def _texts() -> Any:
    return Field(default_factory=dict, sa_type=TextsOfJson(dict), nullable=False)


def _text_list(of: type[str] | type[dict[str, Any]] = str) -> Any:
    return Field(default_factory=list, sa_type=TextsOfJson(list, of=of), nullable=False)


def _maybe_texts() -> Any:
    return Field(default=None, sa_type=TextsOfJson(dict, nullable=True))


def _words(*, nullable: bool = False) -> Any:
    if nullable:
        return Field(default=None, sa_type=Words)
    return Field(default="", sa_type=Words, nullable=False)


def _text(*, nullable: bool = False) -> Any:
    if nullable:
        return Field(default=None, sa_type=Text)
    return Field(default="", sa_type=Text, nullable=False)


class Session(SQLModel, table=True):
    """One idea on its way to merged code."""

    __tablename__ = "sessions"

    id: str = Field(default_factory=new_id, primary_key=True)
    created_at: datetime = _time()
    updated_at: datetime = _time()
    status: str = Field(default="idle", index=True)
    title: str = Field(default="", sa_type=Line(255))
    description: str = _words()
    template: str | None = None
    template_json: dict[str, Any] | None = _maybe_texts()  # what the template said when the session began
    demo: bool = False
    source_json: dict[str, Any] | None = (
        _maybe_texts()
    )  # the issue that it began with: ``core.brainstorm.issues.Source``
    follows_id: str | None = None  # the finished session that it goes on from

    repo_path: str
    base_branch: str | None = None  # None: the checkout was detached
    base_commit: str
    session_branch: str
    session_commit: str | None = None  # where the session branch stands, once it exists

    idea_card: dict[str, Any] = _texts()
    plan_version: int = 0
    plan_approved_at: datetime | None = _time(nullable=True)

    agent_type: str = "claude_code"
    agent_config: dict[str, Any] = _json()
    allowances: list[str] = _json_list()  # gate signatures answered "allow for this session"

    validation_attempt: int = 0
    completed_at: datetime | None = _time(nullable=True)
    error_message: str | None = _words(nullable=True)
    result_json: dict[str, Any] | None = _maybe_texts()
    checkpoint_commit: str | None = None  # the last good checkpoint
    rollback_commit: str | None = None  # where an automatic rollback went
    merge_json: dict[str, Any] | None = _maybe_json()  # {target, method, before, after, merged_at}

    input_tokens: int = 0  # the assistant's own use; tasks count theirs
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float = 0.0


class SessionHistory(SQLModel, table=True):
    """Every move of a session through the state machine, in order."""

    __tablename__ = "session_history"

    id: int | None = Field(default=None, sa_column=Column(_BIG_ID, primary_key=True, autoincrement=True))
    session_id: str = Field(foreign_key="sessions.id", ondelete="CASCADE", index=True)
    from_state: str
    event: str
    to_state: str
    reason: str | None = _words(nullable=True)
    created_at: datetime = _time()


class Message(SQLModel, table=True):
    """One message of the brainstorm. ``status``: complete, streaming, interrupted, failed."""

    __tablename__ = "messages"

    id: str = Field(default_factory=new_id, primary_key=True)
    number: int  # position in the conversation, from 1
    session_id: str = Field(foreign_key="sessions.id", ondelete="CASCADE")
    role: str  # user, ai, system
    content: str = _words()
    status: str = "complete"
    error: str | None = _words(nullable=True)
    tool_uses: list[dict[str, Any]] = _text_list(dict)  # [{name, summary}], shown as folded lines
    extras: dict[str, Any] | None = _maybe_texts()  # {question}: see ``core.brainstorm.interview``
    active: bool = True  # False: on a branch that the user left by editing an earlier message
    parent_number: int | None = None  # the message it follows; None: the one before it
    created_at: datetime = _time()

    __table_args__ = (UniqueConstraint("session_id", "number"),)


class CardVersion(SQLModel, table=True):
    """One version of a session's idea card, as the user or the assistant left it."""

    __tablename__ = "card_versions"

    id: str = Field(default_factory=new_id, primary_key=True)
    session_id: str = Field(foreign_key="sessions.id", ondelete="CASCADE")
    number: int  # from 1
    author: str  # user, assistant
    card: dict[str, Any] = _texts()
    changes: list[dict[str, Any]] = _text_list(dict)  # [{key, was, now}]
    message_id: str | None = None  # the message it was changed for
    created_at: datetime = _time()

    __table_args__ = (UniqueConstraint("session_id", "number"),)


class PlanVersion(SQLModel, table=True):
    """One version of a session's plan. Versions are never changed, only followed by another."""

    __tablename__ = "plans"

    id: str = Field(default_factory=new_id, primary_key=True)
    session_id: str = Field(foreign_key="sessions.id", ondelete="CASCADE")
    version: int
    plan_json: dict[str, Any] = _json()
    hash: str
    origin: str = "generated"  # generated, edited, restored, imported, corrected (a check, while it runs)
    feedback: str | None = _words(nullable=True)
    created_at: datetime = _time()
    approved_at: datetime | None = _time(nullable=True)

    about: dict[str, Any] | None = _maybe_json()  # wish (for the next version), review (second pass), estimate

    __table_args__ = (UniqueConstraint("session_id", "version"),)


class PlanComment(SQLModel, table=True):
    """What the user says of a task of the plan, or of the plan, before it is approved."""

    __tablename__ = "plan_comments"

    id: str = Field(default_factory=new_id, primary_key=True)
    session_id: str = Field(foreign_key="sessions.id", ondelete="CASCADE", index=True)
    task: str = ""  # its id in the plan; empty: the plan
    version: int  # that it is about
    text: str = _words()
    created_at: datetime = _time()
    answered_by: int | None = None  # the version that was made with it


class Task(SQLModel, table=True):
    """A task of the approved plan, or a repair task that validation added."""

    __tablename__ = "tasks"

    id: str = Field(default_factory=new_id, primary_key=True)
    session_id: str = Field(foreign_key="sessions.id", ondelete="CASCADE")
    parent_task_id: str | None = Field(default=None, foreign_key="tasks.id")
    key: str  # the plan's id: t1
    position: int
    title: str = Field(max_length=255)
    description: str = _text()
    status: str = Field(default="pending", index=True)
    priority: int = 2
    depends_on: list[str] = _json_list()  # keys
    files: list[str] = _json_list()
    acceptance: list[str] = _json_list()
    checks: list[str] = _json_list()
    estimate_minutes: float | None = None
    requires_approval: bool = False

    attempt: int = 0
    interruptions: int = 0
    progress: float = 0.0
    progress_note: str | None = _words(nullable=True)
    assigned_worker_id: str | None = None
    conversation_id: str | None = None  # the agent's own conversation, for resume
    branch: str | None = None
    worktree_path: str | None = None
    start_commit: str | None = None  # the session branch's head the task began from
    result_commit: str | None = None  # its last commit on the session branch
    prompt: str | None = _words(nullable=True)  # what the next worker is to be told, when not the first
    hint: str | None = _words(nullable=True)  # the user's words at the last retry
    started_at: datetime | None = _time(nullable=True)
    completed_at: datetime | None = _time(nullable=True)
    error_message: str | None = _words(nullable=True)
    result_json: dict[str, Any] | None = _maybe_texts()
    created_at: datetime = _time()

    retry_at: datetime | None = _time(nullable=True)  # no start before: the endpoint was not there
    endpoint_failures: int = 0  # in a row, since the endpoint last answered
    failing_since: datetime | None = _time(nullable=True)
    guard_state: GuardState = Field(
        default_factory=GuardState, sa_column=Column("care", GuardStateJson, nullable=False)
    )

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float = 0.0

    __table_args__ = (UniqueConstraint("session_id", "key"),)


class Worker(SQLModel, table=True):
    """One worker process: one run of an agent on one task. Known by pid **and** start time."""

    __tablename__ = "workers"

    id: str = Field(default_factory=new_id, primary_key=True)
    session_id: str = Field(foreign_key="sessions.id", ondelete="CASCADE", index=True)
    task_id: str = Field(foreign_key="tasks.id", ondelete="CASCADE", index=True)
    name: str  # W-1
    attempt: int = 1
    status: str = "starting"  # starting, running, waiting, paused, parked, ended
    pid: int | None = None
    pid_started: float | None = None  # see ``worker.proctable``: seconds since boot
    spool_path: str
    spool_offset: int = 0  # bytes of events.jsonl that are stored
    started_at: datetime = _time()
    ended_at: datetime | None = _time(nullable=True)
    exit_code: int | None = None
    outcome: str | None = None  # success, failed, interrupted, cancelled
    outcome_detail: str | None = _words(nullable=True)
    result_json: dict[str, Any] | None = _maybe_texts()  # the spool's result event
    cpu_percent: float = 0.0
    memory_mb: float = 0.0
    account: str | None = None  # whose limits it works under, see core.limits.account
    model: str | None = None  # the one that answered last
    model_calls: int = 0
    reserved_usd: float | None = None  # the money it was given: counts as taken until it ends
    last_action: str | None = _words(nullable=True)
    last_event_at: datetime | None = _time(nullable=True)
    checkout_before: dict[str, Any] | None = _maybe_json()  # the user's checkout, before the run
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float = 0.0


class AgentLog(SQLModel, table=True):
    """One log row. ``kind``: text, tool, tool_result, progress, gate, check, git, system, error."""

    __tablename__ = "agent_logs"

    id: int | None = Field(default=None, sa_column=Column(_BIG_ID, primary_key=True, autoincrement=True))
    session_id: str = Field(foreign_key="sessions.id", ondelete="CASCADE", nullable=False)
    task_id: str | None = None
    worker_id: str | None = None
    timestamp: datetime = _time()
    level: str = "info"  # debug, info, warn, error
    source: str = "supervisor"  # a worker's name, supervisor, git, checks, assistant
    kind: str = "system"
    message: str = _text()
    details: dict[str, Any] | None = Field(default=None, sa_column=Column("metadata", SoundJson(dict, nullable=True)))

    __table_args__ = (
        Index("ix_agent_logs_session", "session_id", "id"),
        Index("ix_agent_logs_task", "task_id", "id"),
        {"sqlite_autoincrement": True},
    )


class Metric(SQLModel, table=True):
    """One measured value: cpu_percent, memory_mb, tokens…"""

    __tablename__ = "metrics"

    id: int | None = Field(default=None, sa_column=Column(_BIG_ID, primary_key=True, autoincrement=True))
    session_id: str = Field(foreign_key="sessions.id", ondelete="CASCADE", nullable=False)
    worker_id: str | None = None
    timestamp: datetime = _time()
    metric_name: str
    metric_value: float
    unit: str

    __table_args__ = (
        Index("ix_metrics_series", "session_id", "metric_name", "worker_id", "timestamp", "metric_value"),
        {"sqlite_autoincrement": True},
    )


class Decision(SQLModel, table=True):
    """A choice that was made, by whom, among what, and why."""

    __tablename__ = "decisions"

    id: str = Field(default_factory=new_id, primary_key=True)
    session_id: str = Field(foreign_key="sessions.id", ondelete="CASCADE", index=True)
    task_id: str | None = None
    source: str = "brainstorm"  # brainstorm, plan, worker
    decision_type: str
    context: str = _words()
    options: list[str] = _text_list()
    chosen: int | None = None  # index in options
    rationale: str = _words()
    outcome: str | None = None  # success, partial, failure, unknown; None: the work is not over
    outcome_measured_at: datetime | None = _time(nullable=True)
    outcome_reason: str | None = _words(nullable=True)
    outcome_by: str | None = None  # evidence, you
    created_at: datetime = _time()


class Approval(SQLModel, table=True):
    """A question to the user. ``status``: pending, allowed, denied, expired.

    ``kind``: tool (a worker's gate), task_start (the plan asks for a yes first), task_failed
    (allow: retry, message is the hint; deny: the session fails).
    """

    __tablename__ = "approvals"

    id: str = Field(default_factory=new_id, primary_key=True)
    session_id: str = Field(foreign_key="sessions.id", ondelete="CASCADE", index=True)
    task_id: str | None = Field(default=None, index=True)
    worker_id: str | None = Field(default=None, index=True)
    kind: str
    request_id: str | None = None  # the worker's own id of the question
    title: str
    detail: dict[str, Any] = _json()
    risk: str = "medium"  # low, medium, high
    signature: str | None = None  # what "allow for this session" covers
    status: str = Field(default="pending", index=True)
    message: str | None = _words(nullable=True)
    resolved_by: str | None = None  # you, allowance (an earlier "for this session"), away (Maestro, in your absence)
    created_at: datetime = _time()
    resolved_at: datetime | None = _time(nullable=True)
    delivered_at: datetime | None = _time(nullable=True)  # the answer is in the worker's inbox

    __table_args__ = (UniqueConstraint("worker_id", "request_id"),)


class Note(SQLModel, table=True):
    """A message of the user's to the agent of a task at work; the row is there before anybody hears of it."""

    __tablename__ = "notes"

    id: str = Field(default_factory=new_id, primary_key=True)
    session_id: str = Field(foreign_key="sessions.id", ondelete="CASCADE", index=True)
    task_id: str = Field(foreign_key="tasks.id", ondelete="CASCADE", index=True)
    text: str = _words()
    interrupt: bool = False
    worker_id: str | None = None  # the worker it was last written to
    created_at: datetime = _time()
    sent_at: datetime | None = _time(nullable=True)
    taken_at: datetime | None = _time(nullable=True)  # the agent has read it


class Checkpoint(SQLModel, table=True):
    """The session branch after a task was integrated; number 0 is the base."""

    __tablename__ = "checkpoints"

    id: str = Field(default_factory=new_id, primary_key=True)
    session_id: str = Field(foreign_key="sessions.id", ondelete="CASCADE")
    number: int
    commit: str
    task_id: str | None = None
    title: str
    created_at: datetime = _time()

    __table_args__ = (UniqueConstraint("session_id", "number"),)


class CheckRun(SQLModel, table=True):
    """Evidence: one run of one check command by Maestro. ``phase``: baseline, task, integration, validation."""

    __tablename__ = "check_runs"

    id: str = Field(default_factory=new_id, primary_key=True)
    session_id: str = Field(foreign_key="sessions.id", ondelete="CASCADE", index=True)
    task_id: str | None = Field(default=None, index=True)
    phase: str
    attempt: int = 1
    command: str = _text()
    commit: str | None = None
    exit_code: int | None = None  # None: it could not start or was stopped at the time limit
    passed: bool = False
    duration_s: float = 0.0
    output: str = _words()
    output_cut: bool = False
    tests: dict[str, str] | None = Field(default=None, sa_type=Outcomes)  # outcome by test id, where the check told
    tests_summary: dict[str, Any] | None = _maybe_json()  # counts, and how they compare
    note: str | None = _words(nullable=True)  # why it counts as it does, where the exit code does not say it
    could_not_run: bool = False  # the surroundings were at fault, not the work
    created_at: datetime = _time()


class EventRow(SQLModel, table=True):
    """The journal: every event anybody may have seen, in order.

    For log rows and metrics ``ref`` names the row that holds the words, so that nothing is stored twice.
    """

    __tablename__ = "events"

    seq: int | None = Field(default=None, sa_column=Column(_BIG_ID, primary_key=True, autoincrement=True))
    session_id: str
    type: str
    timestamp: datetime = _time()
    payload: dict[str, Any] | None = _maybe_json()
    ref: int | None = Field(default=None, sa_type=BigInteger)

    __table_args__ = (
        Index("ix_events_session", "session_id", "seq"),
        {"sqlite_autoincrement": True},
    )


class Intent(SQLModel, table=True):
    """A step outside the database that is about to happen (a worktree, a branch move, a merge).

    Written before the effect and closed after it, so that a start after a crash can finish or undo it.
    """

    __tablename__ = "intents"

    id: str = Field(default_factory=new_id, primary_key=True)
    session_id: str = Field(foreign_key="sessions.id", ondelete="CASCADE", index=True)
    task_id: str | None = None
    kind: str
    detail: dict[str, Any] = _json()
    created_at: datetime = _time()
    done_at: datetime | None = _time(nullable=True)


class AccountPause(SQLModel, table=True):
    """Whether an account at a model endpoint takes work. Kept after its end, until the endpoint answers again.

    ``kind``: rate_limit (until ``paused_until``, or the user's word), auth (until its question is answered).
    """

    __tablename__ = "account_pauses"

    account: str = Field(primary_key=True)
    kind: str = "rate_limit"
    reason: str = _words()
    demo: bool = False
    active: bool = True
    paused_until: datetime | None = _time(nullable=True)
    strikes: int = 0  # pauses in a row without an answer in between
    since: datetime = _time()


class BudgetMark(SQLModel, table=True):
    """What was said and answered about one budget: notices come once, and a raise lasts."""

    __tablename__ = "budget_marks"

    name: str = Field(primary_key=True)  # "session:<id>:usd", "day:2026-01-31:tokens"
    session_id: str | None = Field(default=None, foreign_key="sessions.id", ondelete="CASCADE", index=True)
    raised_by: float = 0.0
    noticed_at: datetime | None = _time(nullable=True)
    reached_at: datetime | None = _time(nullable=True)


class StoredSetting(SQLModel, table=True):
    """A setting the user stored on the settings page or over REST."""

    __tablename__ = "settings"

    name: str = Field(primary_key=True)
    value: Any = Field(default=None, sa_type=SoundJson(object, nullable=True))
    updated_at: datetime = _time()


class TemplateRow(SQLModel, table=True):
    """A session template of the user's own; the shipped ones are TOML files."""

    __tablename__ = "templates"

    id: str = Field(default_factory=new_id, primary_key=True)
    name: str = Field(unique=True)
    title: str = ""
    body: dict[str, Any] = _json()
    created_at: datetime = _time()
