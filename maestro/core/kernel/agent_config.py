"""A session's ``agent_config`` (contract, section 3), and how settings fill in what it leaves open."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from maestro import variables
from maestro.agents.base import PermissionMode as ModeInForce
from maestro.confinement import probing
from maestro.confinement.proxy import hosts
from maestro.errors import InvalidInput
from maestro.policy import Policy, merged
from maestro.settings import MOST, MOST_MB, Effort, PermissionMode, Settings

#: Members that follow a setting when unset, and its name.
_FALLBACK = {"model": "worker_model", "sparse": "sparse_checkout"} | {
    name: name
    for name in (
        "assistant_model", "assistant_effort",
        "permission_mode", "max_workers", "max_attempts", "max_turns", "budget_usd", "task_timeout_minutes",
        "worker_memory_mb", "worker_cpu_percent", "task_budget_usd", "task_token_limit", "session_budget_usd",
        "session_token_limit", "task_model_calls", "session_model_calls", "run_model_calls", "auto_unstick", "user_hooks",
        "assume_when_away", "review_model",
    )
}  # fmt: skip

Command = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000, pattern=r"^[^\x00]*$")]


def _passed_name(value: str) -> str:
    why = variables.refusal(value)
    if why is not None:
        raise ValueError(why)
    return value


#: The name of a variable that is passed on to workers, checks and set-up; see ``maestro.variables``.
PassedName = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_passed_name)]


def _host_name(value: str) -> str:
    hosts([value])
    return value


#: A host that confined set-up commands reach: ``example.org`` or ``example.org:8443``.
HostName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300), AfterValidator(_host_name)]


class _Common(BaseModel):
    """What follows no setting."""

    model_config = ConfigDict(extra="forbid")

    setup: list[Command] = Field(default_factory=list, max_length=20)
    checks: list[Command] = Field(default_factory=list, max_length=50)
    copy_files: list[Command] = Field(default_factory=list, max_length=100)
    serial_checks: bool = False  # checks and set-up of the repository run one at a time
    check_network: bool = False  # confined checks reach what set-up commands reach; else only their own loopback
    network_hosts: list[HostName] = Field(default_factory=list, max_length=100)  # besides the registries of its tools
    pass_env: list[PassedName] = Field(default_factory=list, max_length=200)  # names of variables, never values
    away: bool = False
    command: list[str] = Field(default_factory=list, max_length=100)  # agent_type "command": program and arguments
    trust_repository: bool = False  # load the repository's own Claude settings


class AgentConfig(_Common):
    """How a session's workers run, as it is stored. Unset members follow the settings at the moment they are needed."""

    model: str | None = Field(None, max_length=200, pattern=r"^[^\x00-\x1f]+$")
    assistant_model: str | None = Field(None, max_length=200, pattern=r"^[^\x00-\x1f]+$")  # for brainstorm and plan
    assistant_effort: Effort | None = None
    permission_mode: PermissionMode | None = None
    policy: Policy | None = None  # over that of the settings, of which no deny is lifted
    max_workers: int | None = Field(None, ge=1, le=32)
    max_attempts: int | None = Field(None, ge=1, le=20)
    max_turns: int | None = Field(None, ge=1, le=10_000)
    budget_usd: float | None = Field(None, gt=0, le=100_000)
    task_timeout_minutes: float | None = Field(None, gt=0, le=10_000)
    worker_memory_mb: int | None = Field(None, ge=64, le=MOST_MB)
    worker_cpu_percent: int | None = Field(None, ge=1, le=1_000_000)
    task_budget_usd: float | None = Field(None, gt=0, le=100_000)
    task_token_limit: int | None = Field(None, ge=1, le=MOST)
    session_budget_usd: float | None = Field(None, gt=0, le=1_000_000)
    session_token_limit: int | None = Field(None, ge=1, le=MOST)
    task_model_calls: int | None = Field(None, ge=1, le=MOST)
    session_model_calls: int | None = Field(None, ge=1, le=MOST)
    run_model_calls: int | None = Field(None, ge=1, le=MOST)
    auto_unstick: bool | None = None
    review_model: str | None = Field(None, max_length=200, pattern=r"^[^\x00-\x1f]*$")  # empty: no review
    assume_when_away: bool | None = None  # agents answer their own questions while the user is away
    sparse: bool | None = None  # only the folders a task declares, in large repositories
    user_hooks: bool | None = None  # run the user's own Claude hooks (and those of their plug-ins) in workers


class EffectiveConfig(_Common):
    """What holds for a session's workers now: its own configuration over the settings. None is "no limit"."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str | None  # None: the agent's own choice
    assistant_model: str | None  # None: the endpoint's default
    assistant_effort: Effort | None  # None: the model's default
    permission_mode: ModeInForce
    policy: Policy
    max_workers: int
    max_attempts: int
    max_turns: int
    budget_usd: float | None
    task_timeout_minutes: float
    worker_memory_mb: int | None
    worker_cpu_percent: int | None
    task_budget_usd: float | None
    task_token_limit: int | None
    session_budget_usd: float | None
    session_token_limit: int | None
    task_model_calls: int | None
    session_model_calls: int | None
    run_model_calls: int | None
    auto_unstick: bool
    assume_when_away: bool
    review_model: str | None  # another model that reviews each task's work; None or empty: no review
    sparse: bool
    user_hooks: bool


def parse_agent_config(data: Any) -> AgentConfig:
    """Check an ``agent_config`` from outside. Raises InvalidInput naming each field."""
    try:
        return AgentConfig.model_validate(data or {})
    except ValidationError as error:
        fields = {"agent_config." + ".".join(str(p) for p in e["loc"]): e["msg"] for e in error.errors()}
        words = "; ".join(f"{name.removeprefix('agent_config.')}: {why}" for name, why in fields.items())
        raise InvalidInput(f"The agent configuration is not valid. {words}", fields) from error


#: What is wrong with a command, by the kind of pydantic's error.
_COMMAND_WORDS = {
    "string_too_short": "is empty: enter the command to run",
    "string_too_long": "is longer than 4,000 characters: put it into a script and run the script",
    "string_pattern_mismatch": "must not contain NUL characters",
}


def parse_check(command: str) -> str:
    """A check's command from outside, without the space around it. Raises InvalidInput naming ``command``."""
    try:
        return str(TypeAdapter(Command).validate_python(command))
    except ValidationError as error:
        why = _COMMAND_WORDS.get(error.errors()[0]["type"], "must be one command, as text")
        raise InvalidInput(f"The command {why}.", {"command": why}) from error


def in_force(config: dict[str, Any], settings: Settings) -> EffectiveConfig:
    """A stored configuration with the settings filled in.

    Raises InvalidInput for one that cannot be read (a damaged row, one of a newer version).
    """
    own = parse_agent_config(config)
    values = {name: getattr(own, name) for name in AgentConfig.model_fields}
    values |= {name: getattr(settings, setting) for name, setting in _FALLBACK.items() if values[name] is None}
    values |= {"permission_mode": permission_mode(own, settings), "policy": merged(settings.policy, own.policy)}
    return EffectiveConfig(**values)


def permission_mode(config: AgentConfig, settings: Settings) -> ModeInForce:
    """The mode in force: what the session says, else the settings; ``auto`` is sandboxed where this machine can, else edits."""
    wanted = config.permission_mode or settings.permission_mode
    if wanted != "auto":
        return wanted
    return "sandboxed" if probing.available().works else "edits"
