"""Settings and where they come from: flag, environment, ``.env``, ``config.toml``, stored setting, default, in this order.

Which files those are is decided in ``core.configuration``: nothing that lies in the working directory speaks by itself.

Stored settings live in the database, so reading them takes two steps: ``load()`` first finds the data
folder and the database, ``load(stored=…)`` then gives the settings in force.
"""

from __future__ import annotations

import os
import re
import shutil
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from maestro import keys, secrets, setting_files, user_folders, variables
from maestro.errors import InvalidInput
from maestro.policy import Policy

Assistant = Literal["auto", "anthropic", "claude_code", "demo"]
Effort = Literal["low", "medium", "high"]
PermissionMode = Literal["auto", "ask", "edits", "sandboxed", "bypass"]

Trust = Literal["ask", "sandboxed", "all"]

#: Used where neither the user nor the endpoint names one; the only model name in the code.
DEFAULT_MODEL = "claude-sonnet-5"

#: The most a limit may be: larger numbers do not come back from the database as they went in.
MOST = 10**15
MOST_MB = 10**9

_IN_MEMORY = re.compile(r"sqlite(\+\w+)?:(//|///|///:memory:)(\?.*)?")
_RELATIVE_FILE = re.compile(r"(sqlite(?:\+\w+)?:///(?:file:(?!//))?)(?!/)([^?]+)")
_NAMED_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253})(:[0-9]{1,5})?")
_HOST = re.compile(r"[\w.:%-]{1,253}|\*")


class Settings(BaseModel):
    """The settings in force: one immutable snapshot. Field order is the order of the settings page."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(
        "127.0.0.1",
        description="Address to listen on. Use other addresses than this machine's own only on a trusted network.",
    )
    port: int = Field(8080, ge=0, le=65535, description="Port; 0 picks a free one and prints it.")
    data_dir: Path = Field(
        default_factory=user_folders.data_dir, description="All state: database, worktrees, worker spools, logs."
    )
    worktrees_dir: Path | None = Field(
        None,
        description="Folder for all worktrees. Default: in the data folder, or ~/maestro-worktrees if that is safer.",
    )
    worktrees_inside_project: bool = Field(
        False, description="Allow worktrees below a project, although tools may then read that project's settings."
    )
    allow_remote: bool = Field(
        False, description="Listen on addresses other than this machine's own, so that other machines can connect."
    )
    allowed_hosts: list[str] = Field(
        default_factory=list,
        max_length=50,
        description="Additional host names of this app, such as a tunnel's or a tailnet's.",
    )
    allowed_origins: list[str] = Field(
        default_factory=list, max_length=50, description="Additional origins of Maestro's pages, such as a TLS proxy's."
    )
    token: SecretStr | None = Field(
        None, description="The access token; generated and kept in the data folder when unset."
    )
    open_browser: bool = Field(True, description="Open the browser at start.")
    database_url: str | None = Field(None, description="Any SQLAlchemy URL; unset: maestro.db in the data folder.")

    assistant: Assistant = Field("auto", description="Who brainstorms and plans.")
    claude_path: Path | None = Field(None, description="Claude Code executable to use instead of the bundled one.")
    anthropic_api_key: SecretStr | None = Field(None, description="API key for the assistant and the workers.")
    anthropic_auth_token: SecretStr | None = Field(None, description="Bearer token instead of an API key.")
    anthropic_base_url: str | None = Field(
        None, description="Any compatible endpoint: a gateway, a local model server."
    )

    assistant_model: str | None = Field(
        None, max_length=200, description="Model for brainstorm and plan; empty: a default."
    )
    assistant_effort: Effort | None = Field(
        None, description="How much effort the assistant's model makes, where it has a choice; empty: its default."
    )
    plan_second_pass: bool = Field(
        True,
        description="Have each plan reviewed by the assistant once more, and rewritten once where it finds something.",
    )
    worker_model: str | None = Field(
        None, max_length=200, description="Model for the workers; empty: Claude Code's own default."
    )
    permission_mode: PermissionMode = Field(
        "auto",
        description="What a worker may do without asking; auto: sandboxed if this machine supports it, otherwise edits.",
    )
    policy: Policy = Field(
        default_factory=Policy,
        description="What agents may do, beyond the permission mode: a preset (careful, balanced, sandbox), or answers such as "
        "“deny push; allow network example.org”. A deny wins.",
    )
    confined_read: list[str] = Field(
        default_factory=list,
        max_length=200,
        description="Paths in your home folder that sandboxed commands may read in addition to toolchains, like ~/.config/tool.",
    )
    max_workers: int = Field(3, ge=1, le=32, description="Workers at the same time, per session.")
    max_attempts: int = Field(3, ge=1, le=20, description="How many attempts a task gets before you are asked.")
    max_turns: int = Field(200, ge=1, le=10_000, description="Model turns of one worker run.")
    budget_usd: float | None = Field(
        None, gt=0, le=100_000, description="Money one worker run may spend; empty: no limit."
    )
    task_timeout_minutes: float = Field(60, gt=0, le=10_000, description="Wall time of one worker run.")
    check_timeout_minutes: float = Field(15, gt=0, le=1_000, description="Wall time of one check command.")

    task_budget_usd: float | None = Field(
        None, gt=0, le=100_000, description="Money one task may cost over all its runs."
    )
    task_token_limit: int | None = Field(None, ge=1, le=MOST, description="Tokens one task may use over all its runs.")
    session_budget_usd: float | None = Field(None, gt=0, le=1_000_000, description="Money one session may cost.")
    session_token_limit: int | None = Field(None, ge=1, le=MOST, description="Tokens one session may use.")
    day_budget_usd: float | None = Field(None, gt=0, le=1_000_000, description="Money all sessions may cost in a day.")
    day_token_limit: int | None = Field(None, ge=1, le=MOST, description="Tokens all sessions may use in a day.")
    task_model_calls: int | None = Field(None, ge=1, le=MOST, description="Model calls of one task over all its runs.")
    session_model_calls: int | None = Field(None, ge=1, le=MOST, description="Model calls of one session's workers.")
    day_model_calls: int | None = Field(None, ge=1, le=MOST, description="Model calls of all workers in a day.")
    run_model_calls: int | None = Field(
        None, ge=1, le=MOST, description="Model calls of one worker run, subagents included."
    )

    worker_memory_mb: int | None = Field(
        8192,
        ge=64,
        le=MOST_MB,
        description="Memory one worker's process tree may use, in MB; beyond it the worker is interrupted.",
    )
    worker_cpu_percent: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="CPU use of one worker, where 100 is one core: it gets no more cores than that (Linux); "
        "above it, its priority is lowered.",
    )
    worker_nice: int = Field(
        5, ge=0, le=19, description="Priority of workers: 0 is the same as the app, 19 is the lowest."
    )
    min_free_memory_mb: int = Field(
        512,
        ge=0,
        le=MOST_MB,
        description="No new worker starts when less memory than this would stay free, in MB; 0: no limit.",
    )
    check_slots: int | None = Field(
        None, ge=1, le=64, description="Checks that run at the same time; empty: half the processor cores."
    )

    large_repository_files: int = Field(
        5000,
        ge=1,
        le=MOST,
        description="From this many tracked files on, worktrees are prepared in advance and reused.",
    )

    reuse_dependencies: bool = Field(
        True,
        description="Copy what setup commands like npm ci installed into the next worktree with the same lock files "
        "and tools, instead of installing it again.",
    )

    sparse_checkout: bool = Field(
        False,
        description="In large repositories, give workers only the folders their task declares; checks still see all files.",
    )

    retry_first_s: float = Field(
        5,
        gt=0,
        le=3600,
        description="First wait of a task whose endpoint is overloaded or out of reach, in seconds; then 3 times as long.",
    )
    retry_ceiling_s: float = Field(600, gt=0, le=86_400, description="Longest wait between two tries, in seconds.")
    endpoint_patience_hours: float = Field(
        4, ge=0, le=1_000, description="How long a task tries an endpoint that does not answer before you are asked."
    )

    stuck_silence_minutes: float = Field(
        15, gt=0, le=10_000, description="A worker that is silent and idle this long gets a note."
    )
    stuck_repeats: int = Field(
        4, ge=2, le=100, description="The same tool call with the same result this many times counts as a loop."
    )
    stuck_calls_without_change: int = Field(
        80, ge=5, le=10_000, description="Tool calls without any change in the worktree until the worker gets a note."
    )
    auto_unstick: bool = Field(
        True,
        description="Interrupt and resume a stuck worker automatically before asking you. Off: ask you right after the note.",
    )

    review_model: str | None = Field(
        None,
        max_length=200,
        description="Another model that reviews each task after its checks pass; blocking findings go back to the agent once. "
        "Empty: no review.",
    )
    assume_when_away: bool = Field(
        False,
        description="While you are away, and in runs with --yes, agents answer their own questions with an assumption that "
        "they state. Off: their tasks wait for you.",
    )

    park_after_minutes: float = Field(
        10, ge=0, le=100_000, description="After this long a pause, workers end; resume continues their conversations."
    )
    keep_recovered_days: float = Field(
        30, ge=0, le=100_000, description="How long the work of a deleted session is kept."
    )
    delete_merged_branches: bool = Field(
        True,
        description="Delete a session's branches after its merge. Their commits stay recoverable, and undoing the merge "
        "brings the session branch back.",
    )

    trust: Trust = Field(
        "ask",
        description="How to treat a repository you have not decided on: ask, sandboxed (work runs only in the sandbox), all "
        "(trusted; for machines with only your own code).",
    )
    user_hooks: bool = Field(
        False,
        description="Run your own Claude Code hooks (and those of your plug-ins) in workers. A Stop hook that blocks, say, "
        "sends a worker on again and again.",
    )
    pass_env: list[str] = Field(
        default_factory=list,
        max_length=200,
        description="Names of further variables of Maestro's own environment that workers, checks, and setup commands get, like "
        "DATABASE_URL or DJANGO_*; their values are never stored.",
    )

    notify_urls: list[str] = Field(
        default_factory=list, max_length=20, description="Where to send notifications (Apprise URLs)."
    )
    notify_on: list[str] = Field(
        default_factory=lambda: ["approval", "failed", "completed", "notice"],
        description="What to notify about: approval, failed, completed, notice (limits and budgets).",
    )

    @field_validator("host")
    @classmethod
    def _address(cls, value: str) -> str:
        if not _HOST.fullmatch(value):
            raise ValueError("must be a name or an address to listen on, like 127.0.0.1")
        return value

    @field_validator("allowed_hosts")
    @classmethod
    def _hosts(cls, value: list[str]) -> list[str]:
        for name in value:
            if not _NAMED_HOST.fullmatch(name):
                raise ValueError(f"{name[:80]} is not a host: use a name or address, optionally with a port")
        return [name.lower() for name in value]

    @field_validator("allowed_origins")
    @classmethod
    def _origins(cls, value: list[str]) -> list[str]:
        for name in value:
            scheme, separator, authority = name.partition("://")
            if not separator or scheme.lower() not in {"http", "https"} or not _NAMED_HOST.fullmatch(authority):
                raise ValueError(
                    f"{name[:80]} is not an origin: use a form like https://maestro.example:8443, without a path"
                )
        return [name.lower() for name in value]

    @field_validator("pass_env")
    @classmethod
    def _names(cls, value: list[str]) -> list[str]:
        wrong = [why for name in value if (why := variables.refusal(name))]
        if wrong:
            raise ValueError(" ".join(wrong))
        return list(dict.fromkeys(value))

    @field_validator("worktrees_dir")
    @classmethod
    def _whole_path(cls, value: Path | None) -> Path | None:
        try:
            value = value.expanduser() if value else None
        except RuntimeError as error:
            raise ValueError(str(error)) from error
        if value is not None and (not value.is_absolute() or "\0" in str(value)):
            raise ValueError("must be an absolute path, like /home/me/worktrees")
        return value

    @field_validator("claude_path", "worktrees_dir", mode="before")
    @classmethod
    def _no_path(cls, value: object) -> object:
        return value or None

    @field_validator("claude_path")
    @classmethod
    def _whole_program(cls, value: Path | None) -> Path | None:
        if value is None or value.is_absolute():
            return value
        if str(value).startswith("~"):
            return value.expanduser()
        found = shutil.which(value) if len(value.parts) == 1 else None
        if found is None or not Path(found).is_absolute():  # else a repository could bring the program
            raise ValueError(
                "must be an absolute path, like /home/me/.local/bin/claude, or the name of a program on PATH"
            )
        return Path(found)

    @field_validator("database_url")
    @classmethod
    def _lasting(cls, value: str | None) -> str | None:
        if value is not None and _IN_MEMORY.fullmatch(value):
            raise ValueError(
                "names a database in memory; Maestro needs one that lasts, like sqlite:////folder/maestro.db"
            )
        if value is not None and (relative := _RELATIVE_FILE.match(value)):
            whole = Path.cwd() / relative[2]
            raise ValueError(
                f"is relative to the folder where Maestro is started; use the absolute path: {relative[1]}{whole}"
            )
        return value

    @field_validator("database_url", "anthropic_base_url", "assistant_model", "worker_model")
    @classmethod
    def _printable(cls, value: str | None) -> str | None:
        if value is not None and any(ord(c) < 32 for c in value):
            raise ValueError("must not contain control characters")
        return value or None

    @property
    def db_url(self) -> str:
        """The database's URL, the default filled in."""
        return self.database_url or f"sqlite:///{self.data_dir / 'maestro.db'}"


#: What the settings page and ``PUT /settings`` may store. What is needed to find the database may not.
STORABLE = frozenset(
    {
        "host", "port", "open_browser", "assistant", "claude_path", "anthropic_base_url", "assistant_model", "worker_model",
        "assistant_effort",
        "plan_second_pass",
        "permission_mode", "policy", "max_workers", "max_attempts", "max_turns", "budget_usd", "task_timeout_minutes",
        "check_timeout_minutes", "park_after_minutes", "keep_recovered_days", "notify_urls", "notify_on",
        "delete_merged_branches", "pass_env", "user_hooks", "confined_read",
        "task_budget_usd", "task_token_limit", "session_budget_usd", "session_token_limit", "day_budget_usd",
        "day_token_limit",
        "task_model_calls", "session_model_calls", "day_model_calls", "run_model_calls",
        "worker_memory_mb", "worker_cpu_percent", "worker_nice",
        "min_free_memory_mb", "check_slots", "retry_first_s", "retry_ceiling_s", "endpoint_patience_hours",
        "stuck_silence_minutes", "stuck_repeats", "stuck_calls_without_change", "auto_unstick",
        "assume_when_away", "review_model",
        "large_repository_files", "sparse_checkout", "reuse_dependencies",
    }
)  # fmt: skip

#: Those that are not stored in the database, but in a keyring.
STORABLE |= keys.APART
#: Those that do not stay in ``config.toml`` either.
KEYS = keys.APART | {"token"}

SECRET = frozenset({"token", "anthropic_api_key", "anthropic_auth_token"})

#: Never from a ``.env``: keys, where they are sent, which programs run, and what may run at all.
NOT_IN_DOTENV = SECRET | {
    "anthropic_base_url", "database_url", "claude_path", "notify_urls", "trust", "confined_read", "policy",
}  # fmt: skip

#: Taken up at the next start only.
NEEDS_RESTART = frozenset({"host", "port", "open_browser"})

#: ``keys``: in the user's own keyring or key file, for all data folders.
Origin = Literal["flag", "environment", ".env", "config.toml", "stored", "keys", "default"]


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return name.upper() if name.startswith("anthropic_") else f"MAESTRO_{name.upper()}"


class LoadedSettings:
    """Settings with each one's origin; ``reload`` gives the next snapshot after a stored setting changed.

    ``dotenv`` and ``config`` are read as they are: see ``core.configuration`` for which may be. ``warnings`` says what of
    them does not count.
    """

    def __init__(
        self,
        flags: dict[str, Any] | None = None,
        stored: dict[str, Any] | None = None,
        environment: dict[str, str] | None = None,
        dotenv: Path | None = None,
        config: Path | None = None,
        default_data_dir: Path | None = None,
        kept: dict[str, Any] | None = None,
    ) -> None:
        self.warnings: list[str] = []
        self._flags = {k: v for k, v in (flags or {}).items() if v is not None}
        self._environment = dict(os.environ if environment is None else environment)
        self._dotenv = self._of_dotenv(dotenv) if dotenv else {}
        self._config = self._of_config(config) if config else {}
        self._default_data_dir = default_data_dir
        self._kept = kept or {}
        self.origins: dict[str, Origin] = {}
        self.current = self._merge(stored or {})

    def reload(self, stored: dict[str, Any]) -> Settings:
        """Take up other stored settings. Raises InvalidInput and keeps the old ones when they are wrong."""
        self.current = self._merge(stored)
        self.tell_secrets()
        return self.current

    def forget(self, name: str) -> None:
        """A key that the user's own store gave is not there any more."""
        self._kept.pop(name, None)

    def tell_secrets(self) -> None:
        """From now on nothing that this process writes has the secrets of these settings in it."""
        secrets.register("settings", secrets_of(self.current))
        secrets.register("environment", secrets.of_environment(self._environment))

    def _of_dotenv(self, path: Path) -> dict[str, str]:
        found = setting_files.read_dotenv(path)
        refused = sorted(name for name in map(variable, NOT_IN_DOTENV) if found.pop(name, None))
        if refused:
            self.warnings.append(
                f"{path} sets {', '.join(refused)}: not read there, because a .env file may come from someone else. Use the "
                f"environment, or {user_folders.config_file()}."
            )
        return found

    def _of_config(self, path: Path) -> dict[str, Any]:
        found = setting_files.read_config(path)
        unknown = sorted(set(found) - set(Settings.model_fields))
        for name in unknown:
            near = get_close_matches(name.lower().removeprefix("maestro_"), Settings.model_fields, 1)
            meant = f" {near[0]} is one." if near else ""
            self.warnings.append(f"{path} sets {ascii(name)[1:-1]}, which is not a setting.{meant}")
        folder = found.get("data_dir")
        if folder is not None and not (isinstance(folder, str) and folder.startswith(("/", "~"))):
            raise InvalidInput(
                f"A setting is not valid: data_dir in {path}: must be an absolute path.", {"data_dir": "relative"}
            )
        return {name: value for name, value in found.items() if name not in unknown}

    def _merge(self, stored: dict[str, Any]) -> Settings:
        values: dict[str, Any] = {}
        origins: dict[str, Origin] = {}
        for name in Settings.model_fields:
            env_name = variable(name)
            if name in self._flags:
                values[name], origins[name] = self._flags[name], "flag"
            elif self._environment.get(env_name):
                values[name], origins[name] = self._environment[env_name], "environment"
            elif self._dotenv.get(env_name):
                values[name], origins[name] = self._dotenv[env_name], ".env"
            elif name in self._config:
                values[name], origins[name] = self._config[name], "config.toml"
            elif name in stored and name in STORABLE:
                values[name], origins[name] = stored[name], "stored"
            elif name in self._kept:
                values[name], origins[name] = self._kept[name], "keys"
            else:
                origins[name] = "default"
        if self._default_data_dir is not None:
            values.setdefault("data_dir", self._default_data_dir)
        try:
            settings = Settings.model_validate({k: _split_list(k, v) for k, v in values.items()})
        except ValidationError as error:
            fields = {str(e["loc"][0]): e["msg"].removeprefix("Value error, ") for e in error.errors()}
            words = "; ".join(f"{_where(k, origins)}: {v}" for k, v in fields.items())
            raise InvalidInput(f"A setting is not valid: {words}", fields) from error
        self.origins = origins
        return settings.model_copy(update={"data_dir": settings.data_dir.expanduser().absolute()})


def secrets_of(settings: Settings) -> list[str]:
    """The keys, and what is secret in the addresses, of these settings."""
    typed = [value.get_secret_value() for name in SECRET if (value := getattr(settings, name)) is not None]
    addresses = [settings.anthropic_base_url or "", settings.database_url or ""]
    passwords = [p for url in addresses if (p := _password(url))]
    return [*typed, *passwords, *(part for url in settings.notify_urls for part in secrets.of_url(url))]


def _password(url: str) -> str | None:
    try:
        return urlsplit(url).password
    except ValueError:
        return None


def sound(stored: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Stored settings that are valid, and of the others (another version's, say) what is wrong with each."""
    try:
        LoadedSettings(stored=stored, environment={})
    except InvalidInput as error:
        return {k: v for k, v in stored.items() if k not in error.fields}, error.fields
    return stored, {}


def _split_list(name: str, value: Any) -> Any:
    if name in {"notify_urls", "notify_on", "allowed_hosts", "allowed_origins"} and isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if name == "pass_env" and isinstance(value, str):
        return re.split(r"[,\s]+", value.strip(", \t\n")) if value.strip(", \t\n") else []
    return value


def _where(name: str, origins: dict[str, Origin]) -> str:
    origin = origins.get(name)
    return (
        variable(name)
        if origin in {"environment", ".env"}
        else f"{name} in config.toml"
        if origin == "config.toml"
        else name
    )
