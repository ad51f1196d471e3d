"""Scenarios: what the scripted model answers, as data.

A scenario is a list of rules, tried in order; the first whose ``match`` holds answers. Everything is
derived from the request alone (the number of assistant turns says how far a conversation is), so a
scripted conversation survives restarts and can be resumed. Only ``times`` counts on the server.

    [[rules]]
    match = { has_tool = "Bash", prompt = "Write the greeting" }
    steps = [
      [{ text = "I write the file." }, { tool = "Write", input = { file_path = "{cwd}/a.py", content = "…" } }],
      "Done.",
    ]
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

#: What a rule says after its last step.
CLOSING_TEXT = "Done."

_REMINDER = re.compile(r"<system-reminder>.*?</system-reminder>", re.DOTALL)
#: How Claude Code states its working directory: " - Primary working directory: /path".
_CWD = re.compile(r"(?:working directory|<cwd>)\s*(?:is)?:?\s*`?(/[^\n`<]+)", re.IGNORECASE)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Block(_Model):
    """One content block of an answer: exactly one of ``text``, ``tool`` (with ``input``) or ``answer``.

    ``answer`` is structured output, whichever way the caller asked for it: a call of the offered tool that
    has all its members, or else JSON as text.
    """

    text: str | None = None
    tool: str | None = None
    input: dict[str, Any] = Field(default_factory=dict)
    answer: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Block:
        if sum(value is not None for value in (self.text, self.tool, self.answer)) != 1:
            raise ValueError("a block needs exactly one of text, tool, answer")
        return self


class ErrorReply(_Model):
    """An HTTP error instead of an answer, in the shape of the Messages API."""

    status: int = 500
    type: str = "api_error"
    message: str = "Scripted error"
    retry_after: float | None = None


class Reply(_Model):
    """One answer of the model, or one way of failing to give it."""

    content: list[Block] = Field(default_factory=list)
    error: ErrorReply | None = None
    delay_s: float = 0.0  # before anything is sent
    hang: bool = False  # accept and never answer; with ``cut_after``: answer so much, and never end
    cut_after: int | None = None  # break the stream after so many deltas
    stop_reason: str | None = None  # "refusal", "max_tokens"…; otherwise what the content implies

    @field_validator("content", mode="before")
    @classmethod
    def _plain_text(cls, value: Any) -> Any:
        return [{"text": value}] if isinstance(value, str) else value


class Match(_Model):
    """Conditions on a request; all that are given must hold. Texts are regular expressions, searched."""

    has_tool: str | None = None  # a tool of this name is offered
    tool_schema_has: str | None = None  # an offered tool's or output schema has this property
    no_tools: bool | None = None
    model: str | None = None
    system: str | None = None
    prompt: str | None = None  # the conversation's first user message
    asked: str | None = None  # the latest thing a user (not a tool) said
    last: str | None = None  # the last user message, tool results included
    step: int | None = None  # assistant turns so far

    def holds(self, request: Request) -> bool:
        """Whether every condition given is true of the request."""
        texts = (
            (self.model, request.model),
            (self.system, request.system),
            (self.prompt, request.prompt),
            (self.asked, request.asked),
            (self.last, request.last),
        )
        return (
            (self.has_tool is None or self.has_tool in request.tools)
            and (self.tool_schema_has is None or self.tool_schema_has in request.properties)
            and (self.no_tools is None or self.no_tools == (not request.tools))
            and (self.step is None or self.step == request.step)
            and all(wanted is None or re.search(wanted, text) for wanted, text in texts)
        )


class Rule(_Model):
    """When ``match`` holds, answer with ``reply``, or with the step that the conversation has reached.

    ``steps`` are counted from the conversation's start, or, with ``from_asked``, from the latest thing a
    person said: what a rule with ``match.asked`` about a repair wants.
    """

    match: Match = Field(default_factory=Match)
    reply: Reply | None = None
    steps: list[Reply] = Field(default_factory=list)
    from_asked: bool = False
    repeat_last: bool = False  # after the end: the last step again, instead of a closing text
    times: int | None = None  # answers at most so often, then is as if it were not there

    @field_validator("reply", mode="before")
    @classmethod
    def _short_reply(cls, value: Any) -> Any:
        return _expand(value)

    @field_validator("steps", mode="before")
    @classmethod
    def _short_steps(cls, value: Any) -> Any:
        return [_expand(step) for step in value] if isinstance(value, list) else value

    @model_validator(mode="after")
    def _answers(self) -> Rule:
        if (self.reply is None) == (not self.steps):
            raise ValueError("a rule needs either reply or steps")
        return self

    def reply_to(self, request: Request) -> Reply:
        """The answer for the step that this request has reached."""
        if self.reply is not None:
            return self.reply
        step = request.steps_since_asked if self.from_asked else request.step
        if step < len(self.steps):
            return self.steps[step]
        return self.steps[-1] if self.repeat_last else Reply(content=[Block(text=CLOSING_TEXT)])


class Scenario(_Model):
    """All that a scripted model knows."""

    rules: list[Rule] = Field(default_factory=list)
    models: list[str] = Field(default_factory=lambda: ["claude-scripted-1"])
    effort_models: list[str] = Field(default_factory=list)  # those of them that have a choice of effort
    default_text: str = "OK."  # for what no rule matches: titles and other small calls
    delta_chars: int = Field(default=24, ge=1)
    delta_delay_s: float = Field(default=0.0, ge=0)  # between two deltas of a stream

    @classmethod
    def load(cls, path: Path) -> Scenario:
        """Read a ``.toml`` or ``.json`` file; raises ``pydantic.ValidationError`` when it is no scenario."""
        text = path.read_text(encoding="utf-8")
        return cls.model_validate(tomllib.loads(text) if path.suffix == ".toml" else json.loads(text))


class Request:
    """The facts of a Messages request that rules look at."""

    def __init__(self, body: dict[str, Any]) -> None:
        messages = [m for m in body.get("messages") or [] if isinstance(m, dict)]
        users = [m for m in messages if m.get("role") == "user"]
        tools = [t for t in body.get("tools") or [] if isinstance(t, dict)]
        self.model = str(body.get("model", ""))
        # Claude Code puts its environment into a message of role "system" among the others.
        self.system = _text([body.get("system"), [m.get("content") for m in messages if m.get("role") == "system"]])
        self.tools: dict[str, dict[str, Any]] = {str(t.get("name")): t.get("input_schema") or {} for t in tools}
        self.output_schema = _output_schema(body)
        self.properties = {
            name for schema in (*self.tools.values(), self.output_schema) for name in schema.get("properties") or {}
        }
        self.prompt = _said(users[0]) if users else ""
        self.last = _text(users[-1].get("content")) if users else ""
        self.step = _turns(messages)
        spoken = [i for i, m in enumerate(messages) if m.get("role") == "user" and _said(m)]
        self.asked = _said(messages[spoken[-1]]) if spoken else ""
        self.steps_since_asked = _turns(messages[spoken[-1] :]) if spoken else self.step
        found = _CWD.search(self.system) or _CWD.search(_text([m.get("content") for m in users[:1]]))
        self.cwd = found.group(1).strip() if found else ""

    def fill(self, value: Any) -> Any:
        """``value`` with the placeholder ``{cwd}`` replaced in every string."""
        if isinstance(value, str):
            return value.replace("{cwd}", self.cwd)
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        if isinstance(value, dict):
            return {key: self.fill(item) for key, item in value.items()}
        return value

    def tool_for(self, answer: dict[str, Any]) -> str | None:
        """The offered tool whose schema has all members of a structured answer."""
        fitting = [
            name for name, schema in self.tools.items() if answer.keys() <= (schema.get("properties") or {}).keys()
        ]
        return fitting[0] if fitting else None


def _expand(value: Any) -> Any:
    """The short forms of a reply: a text, or a list of blocks."""
    return {"content": value} if isinstance(value, str | list) else value


def _output_schema(body: dict[str, Any]) -> dict[str, Any]:
    form = (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
    schema = form.get("schema") if isinstance(form, dict) else None
    return schema if isinstance(schema, dict) else {}


def _text(value: Any) -> str:
    """All text in a message content, a system prompt or a tool result."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(filter(None, map(_text, value)))
    if isinstance(value, dict):
        return _text(value.get("text") or value.get("content"))
    return ""


def _said(message: dict[str, Any]) -> str:
    """A user message's text without tool results and without what the CLI slips in."""
    content = message.get("content")
    if isinstance(content, list):
        content = [b for b in content if not (isinstance(b, dict) and b.get("type") == "tool_result")]
    return _REMINDER.sub("", _text(content)).strip()


def _turns(messages: list[dict[str, Any]]) -> int:
    """Assistant turns; neighbours count once."""
    roles = [m.get("role") for m in messages]
    return sum(role == "assistant" and (i == 0 or roles[i - 1] != "assistant") for i, role in enumerate(roles))
