"""Claude Code's message stream, turned into log lines, usage and the final word."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maestro.agents import claude_failures as failures
from maestro.agents import claude_tools
from maestro.agents.base import AgentLink, AgentResult, AgentSpec, Usage
from maestro.agents.claude_failures import Failure
from maestro.agents.titles import describe
from maestro.claude_models import may_be_claude, plain_name

if TYPE_CHECKING:
    from claude_agent_sdk import AssistantMessage, ResultMessage, UserMessage

#: What is kept of a tool's output, in characters.
_OUTPUT_LIMIT = 4096
#: What is kept of each member of a tool's input.
_INPUT_LIMIT = 2000

#: Usage as the API names it, as the CLI's per-model totals name it, and as Maestro does.
_TOKENS = (
    ("input_tokens", "inputTokens", "input_tokens"),
    ("output_tokens", "outputTokens", "output_tokens"),
    ("cache_read_input_tokens", "cacheReadInputTokens", "cache_read_tokens"),
    ("cache_creation_input_tokens", "cacheCreationInputTokens", "cache_write_tokens"),
)


class Meter:
    """Tokens and money of one run. A message arrives in pieces with the same id: it counts once."""

    def __init__(self, asked_for: str | None = None) -> None:
        self._messages: dict[str, dict[str, Any]] = {}
        self._asked_for = asked_for  # the model that the run was given; None: the CLI's own choice
        self.total = Usage()

    def message(self, message_id: str, usage: dict[str, Any], model: str = "") -> bool:
        """Count a message; whether the totals changed."""
        if self._messages.get(message_id) == usage:
            return False
        self._messages[message_id] = usage
        sums = {ours: sum(_int(u.get(theirs)) for u in self._messages.values()) for theirs, _, ours in _TOKENS}
        self.total = Usage(
            **sums, cost_usd=self.total.cost_usd, model_calls=len(self._messages), model=model or self.total.model
        )
        return True

    def final(self, usage: dict[str, Any] | None, models: dict[str, Any] | None, cost: float | None) -> None:
        """The CLI's own totals win, but never below what was already reported.

        Of money only what Claude's own models cost: the CLI counts every other model at the price of one of these.
        """
        sums: dict[str, int] = {}
        for theirs, per_model, ours in _TOKENS:
            known = [_int((usage or {}).get(theirs)), getattr(self.total, ours)]
            known.append(sum(_int(m.get(per_model)) for m in (models or {}).values()))
            sums[ours] = max(known)
        before = self.total
        self.total = Usage(
            **sums,
            cost_usd=max(self._cost(models or {}, cost or 0.0), before.cost_usd),
            model_calls=before.model_calls,
            model=before.model,
        )

    def _cost(self, models: dict[str, Any], cost: float) -> float:
        if not may_be_claude(self._asked_for):
            return 0.0  # what the CLI calls haiku beside it is answered by the same endpoint
        names = list(models) or [name for name in (self.total.model,) if name]
        if all(plain_name(name) for name in names):
            return cost
        return sum(float(told.get("costUSD") or 0.0) for name, told in models.items() if plain_name(name))


class Transcript:
    """Follows one run's messages. ``result`` is set when the CLI has said its last word."""

    def __init__(self, spec: AgentSpec, link: AgentLink) -> None:
        self._spec = spec
        self._link = link
        self._worktree = Path(spec.worktree)
        self._error = ""  # the CLI's category of the last API failure
        self._resets_at: float | None = None
        self.meter = Meter(spec.model)
        self.model = spec.model or ""  # as the endpoint is asked for it
        self.answered = False  # whether the model has answered at all
        self.retry: Failure | None = None  # what the CLI is retrying, and nothing else has happened since
        self.retries = 0
        self.turns = 0
        self.last_text = ""
        self.result: ResultMessage | None = None

    def take(self, message: Any) -> None:
        """Take the next message of the stream."""
        from claude_agent_sdk import AssistantMessage, RateLimitEvent, ResultMessage, SystemMessage, UserMessage

        if isinstance(message, SystemMessage):
            self._system(message.subtype, message.data)
            return
        if isinstance(message, RateLimitEvent):
            self._rate_limit(message.rate_limit_info)
            return
        self.retry, self.retries = None, 0
        if isinstance(message, AssistantMessage):
            self._assistant(message)
        elif isinstance(message, UserMessage):
            self._user(message)
        elif isinstance(message, ResultMessage):
            self.result = message
            self.turns += message.num_turns
            self.meter.final(message.usage, message.model_usage, message.total_cost_usd)
            self._link.usage(self.meter.total)

    def verdict(self) -> tuple[Failure | None, str]:
        """Why the run failed, or None; and the agent's last words. Only after ``result`` is set."""
        result = self.result
        assert result is not None
        text = result.result or self.last_text or " ".join(result.errors or [])
        if result.subtype == "error_max_turns":
            return Failure("turns", f"The run reached its limit of {self._spec.max_turns} turns."), text
        if result.subtype.startswith("error_max_budget"):
            return Failure("budget", f"The run reached its budget of ${self._spec.budget_usd:g}."), text
        if result.stop_reason == "refusal":
            return failures.declined(text), text
        if result.is_error or result.subtype != "success":
            model = self._spec.model
            found = failures.of_endpoint(
                result.api_error_status,
                self._error,
                text,
                model=model,
                retry_at=self._resets_at,
                begun=self.answered or self._spec.resume,
            )
            return found, text
        return None, text

    def closed(self, failure: Failure | None, text: str, denied: list[dict[str, str]]) -> AgentResult:
        """The result of a run that ended by itself."""
        return AgentResult(
            outcome="failed" if failure else "success",
            message=failure.message if failure else text,
            failure=failure.kind if failure else None,
            retry_at=failure.retry_at if failure else None,
            renewable=bool(failure and failure.renewable),
            turns=self.turns,
            usage=self.meter.total,
            denied=denied,
        )

    def _assistant(self, message: AssistantMessage) -> None:
        from claude_agent_sdk import TextBlock, ToolUseBlock

        if message.error:
            self._error = message.error
        else:
            self.answered = True
        for block in message.content:
            side: dict[str, Any] = {"subagent": True} if message.parent_tool_use_id else {}
            if isinstance(block, TextBlock) and block.text.strip():
                if message.error:
                    self._link.log("error", block.text, level="error")
                    continue
                self.last_text = block.text if not side else self.last_text
                self._link.log("text", block.text, **side)
            elif isinstance(block, ToolUseBlock) and block.name not in claude_tools.NAMES:
                line = describe(block.name, block.input, self._worktree)
                kept = shortened(block.input)
                side |= {"tool": block.name, "tool_use_id": block.id, "input": kept}
                if kept != block.input:  # two calls that differ in what is cut are not the same call
                    side["cut"] = {k: _sha256(v) for k, v in block.input.items() if kept[k] != v}
                self._link.log("tool", line, **side)
        if not message.message_id or not message.usage:
            return
        if self.meter.message(message.message_id, message.usage, message.model):
            self._link.usage(self.meter.total)

    def _user(self, message: UserMessage) -> None:
        from claude_agent_sdk import ToolResultBlock

        if isinstance(message.content, str):
            return
        for block in message.content:
            if isinstance(block, ToolResultBlock):
                text = _output(block.content)
                whole = {"sha256": _sha256(text)} if len(text) > _OUTPUT_LIMIT else {}
                self._link.log(
                    "tool_result",
                    text[:_OUTPUT_LIMIT],
                    level="warn" if block.is_error else "info",
                    tool_use_id=block.tool_use_id,
                    is_error=bool(block.is_error),
                    truncated=bool(whole),
                    **whole,
                )

    def _system(self, subtype: str, data: dict[str, Any]) -> None:
        if subtype == "init":
            self._link.conversation(str(data.get("session_id") or self._spec.conversation_id))
            version, model = data.get("claude_code_version", ""), data.get("model", "")
            self.model = str(model).partition("[")[0] or self.model  # without "[1m]" and the like
            self._link.log("system", f"Claude Code {version} works with {model}.", model=model, version=version)
        elif subtype == "api_retry":
            self._retry(data)
        elif subtype == "compact_boundary":
            self._link.log("system", "The conversation was summarized to make room.")
        elif subtype == "informational" and data.get("content"):
            self._link.log("system", str(data["content"])[:_OUTPUT_LIMIT])

    def _retry(self, data: dict[str, Any]) -> None:
        status, category = data.get("error_status"), str(data.get("error") or "unknown")
        delay = _int(data.get("retry_delay_ms")) / 1000
        self.retries += 1
        if status is None and category == "unknown":
            self.retry = failures.unreachable()
        else:
            retry_at = time.time() + delay if status == 429 else None
            begun = self.answered or self._spec.resume
            self.retry = failures.of_endpoint(
                status, category, "", model=self._spec.model, retry_at=retry_at, begun=begun
            )
        said = f"answered {status}" if status else "did not answer"
        self._link.log(
            "system",
            f"The model endpoint {said}; trying again in {delay:.0f} s.",
            level="warn",
            status=status,
            category=category,
            attempt=data.get("attempt"),
        )

    def _rate_limit(self, info: Any) -> None:
        self._resets_at = info.resets_at if info.status == "rejected" else self._resets_at
        self._link.log(
            "system",
            {"rejected": "The account's limit is reached.", "allowed_warning": "The account's limit is near."}.get(
                info.status, "The account is within its limits."
            ),
            level="info" if info.status == "allowed" else "warn",
            rate_limit={"status": info.status, "resets_at": info.resets_at, "type": info.rate_limit_type,
                        "utilization": info.utilization, "overage": info.overage_status},
        )  # fmt: skip


def shortened(tool_input: dict[str, Any]) -> dict[str, Any]:
    """A tool's input with long texts cut, for logs."""
    return {key: _cut(value) for key, value in tool_input.items()}


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= _INPUT_LIMIT else f"{value[:_INPUT_LIMIT]}… ({len(value)} characters)"
    if isinstance(value, list | dict) and len(str(value)) > _INPUT_LIMIT:
        return _cut(str(value))
    return value


def _sha256(value: Any) -> str:
    """Tells two values apart that were cut to the same beginning."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def _output(content: str | list[dict[str, Any]] | None) -> str:
    if isinstance(content, str):
        return content
    parts = [
        str(item.get("text", "")) if item.get("type") == "text" else f"[{item.get('type')}]" for item in content or []
    ]
    return "\n".join(parts)


def _int(value: Any) -> int:
    return int(value) if isinstance(value, int | float) else 0
