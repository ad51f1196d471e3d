"""The seam between a worker process and the agent it runs.

An adapter gets an ``AgentSpec`` (what to do), talks through an ``AgentLink`` (what happens, and
questions to the user), and ends with an ``AgentResult``. It runs inside the worker process and knows
nothing of databases or pages.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

#: Who decides about tools: see the contract, section 3, ``permission_mode``.
PermissionMode = Literal["ask", "edits", "sandboxed", "bypass"]

#: How much a model puts into an answer, as Claude Code names it.
Effort = Literal["low", "medium", "high", "xhigh", "max"]

#: How a run ended. ``success`` only says that the agent stopped by itself; Maestro's checks decide the rest.
Outcome = Literal["success", "failed", "interrupted"]

#: Why a run failed, where that changes what Maestro does next. ``agent``, ``turns`` and ``protocol`` count as a failed attempt.
FailureKind = Literal[
    "agent",
    "auth",
    "model",
    "refused",
    "conversation",  # the endpoint takes this conversation no more: another may do
    "rate_limit",
    "overloaded",
    "network",
    "budget",
    "turns",
    "time",
    "protocol",
    "missing",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSpec:
    """Everything an adapter needs for one run; plain JSON in the spool's ``spec.json``. Holds no secrets."""

    worker_id: str
    session_id: str
    task_id: str
    task_key: str
    agent_type: str
    worktree: str
    prompt: str
    system_append: str = ""
    conversation_id: str = ""  # the id a new conversation gets
    resume: bool = False  # go on with conversation_id instead of starting it
    fresh_prompt: str = ""  # the whole task, for when a conversation to resume turns out to be gone
    model: str | None = None
    effort: str | None = None  # how much the model puts into an answer; None: the agent's own default
    permission_mode: PermissionMode = "edits"
    checks: list[str] = field(default_factory=list)  # commands that are free in mode "edits"
    approved: dict[str, str] | None = None  # what names of commands meant at first (``named_tasks``)
    allowances: list[str] = field(default_factory=list)  # gate signatures the user allowed for the session
    policy: dict[str, Any] = field(default_factory=dict)  # the user's table (``maestro.policy``), over the mode's
    private: list[str] = field(default_factory=list)  # folders that no rule of the policy opens
    max_turns: int | None = None
    budget_usd: float | None = None
    task_timeout_s: float | None = None
    cli_path: str | None = None
    command: list[str] = field(default_factory=list)  # agent_type "command": program and arguments
    confinement: dict[str, Any] | None = None  # what its commands may see and reach (``agents.confined``); None: all
    withheld: list[str] = field(default_factory=list)  # variables for the agent itself, not for its commands
    deny_read: list[str] = field(default_factory=list)  # folders a sandboxed agent must not read
    trust_repository: bool = False  # load the repository's own Claude settings
    user_hooks: bool = False  # run the user's own Claude hooks
    port_base: int = 0  # the first of the ports that are this worktree's own
    notes: list[dict[str, str]] = field(default_factory=list)  # the user's messages to be read first: [{id, text}]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> AgentSpec:
        """From ``to_json``'s form; unknown members are ignored, so that an older worker reads a newer spec.

        Raises TypeError for what is no spec.
        """
        if not isinstance(data, dict):
            raise TypeError("a spec is an object")
        known = {k: v for k, v in data.items() if k in cls.__dataclass_fields__}
        return cls(**known)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRequest:
    """A question to the user before something risky happens."""

    tool: str
    title: str  # a sentence: "Run `git push origin main`"
    detail: dict[str, Any]  # the tool's input, whole where it says what is done
    risk: Literal["low", "medium", "high"]
    signature: str  # what an "allow for this session" would cover


@dataclass(frozen=True, slots=True)
class GateDecision:
    """The user's answer."""

    allow: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class UserQuestion:
    """Something that an agent wants to know of the user."""

    question: str
    options: tuple[str, ...] = ()
    why: str = ""  # what depends on it


@dataclass(frozen=True, slots=True)
class Word:
    """Something to tell the agent while it works."""

    text: str  # as the agent is to read it
    note: str = ""  # the id of the user's message that it is; empty: Maestro's own
    interrupt: bool = False  # whatever the agent does is called off for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens and money of a run so far."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float = 0.0
    model_calls: int = 0  # answers of the model, subagents' included
    model: str = ""  # which one answered last


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentResult:
    """How a run ended, in the agent's words."""

    outcome: Outcome
    message: str = ""  # the agent's last words, or the plain reason of a failure
    failure: FailureKind | None = None
    retry_at: float | None = None  # seconds since 1970, when a limit names its reset
    turns: int = 0
    usage: Usage = field(default_factory=Usage)
    renewable: bool = False  # ``auth``: a login that another program may just have renewed
    denied: list[dict[str, str]] = field(default_factory=list)  # [{tool, title, reason, signature}] of refused


class AgentLink(Protocol):
    """What an adapter may tell and ask. Every call is durable when it returns (one line in the spool)."""

    def log(self, kind: str, message: str, *, level: str = "info", **metadata: Any) -> None:
        """A line of the log. ``kind``: text, tool, tool_result, system, error."""

    def conversation(self, conversation_id: str) -> None:
        """The agent's own id of the conversation, needed to resume it."""

    def progress(self, percent: float, note: str) -> None:
        """The agent's own estimate, 0 to 100."""

    def decision(self, decision: dict[str, Any]) -> None:
        """A choice the agent made: ``{decision_type, context, options, chosen, rationale}``."""

    def usage(self, usage: Usage) -> None:
        """Tokens and money of this run so far (totals, not differences)."""

    def allowances(self) -> list[str]:
        """Gate signatures the user allowed for the session, those that came during the run included."""

    async def ask(self, request: GateRequest) -> GateDecision:
        """Ask the user and wait, however long it takes and however often the app restarts meanwhile."""

    async def ask_user(self, question: UserQuestion) -> GateDecision:
        """Ask for words, and wait as ``ask`` does. Allowed: the message is the answer; else the agent decides by itself."""

    def answers_read(self) -> None:
        """The agent has read the answers to what it asked: they are in its conversation for good."""

    async def stop_requested(self) -> str:
        """Wait until somebody wants the run to end; returns the reason."""

    async def next_word(self) -> Word:
        """Wait for something to tell the agent while it works. An adapter that cannot do so need not ask."""

    def note_taken(self, note: str) -> None:
        """The agent has read the user's message with this id: it is in its conversation for good."""


class AgentAdapter(Protocol):
    """A kind of agent. Implementations are found by ``factory.create``.

    One that cannot be told anything during a run, and has no conversation to go on in, says ``hears = False``. One
    that puts ``AgentSpec.notes`` before the agent itself says ``takes_notes = True``; else they stand in its prompt.
    """

    name: str

    async def run(self, spec: AgentSpec, link: AgentLink) -> AgentResult:
        """Carry out the task in ``spec.worktree``. Must not raise for what an agent can do wrong."""
