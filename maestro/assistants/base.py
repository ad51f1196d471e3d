"""Who brainstorms and plans: what an assistant is given, and what it gives back.

An assistant is called from a background thread and blocks until the reply is whole. It knows nothing of
sessions: the caller gives it the words, the tools, and a listener that hears everything as it comes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from maestro.errors import MaestroError

#: How a reply ended. ``stopped``: the listener asked for it; ``length``: cut off at the model's limit;
#: ``rounds``: it went on calling tools for too long.
StopReason = Literal["end", "stopped", "length", "rounds"]

#: Silence after which an endpoint that accepted a request counts as gone.
SILENCE_S = 180.0


class ToolFailed(Exception):
    """Raised by a tool's handler: the model gets the words as the tool's error and may try again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool the assistant may call. ``handler`` gets the input and answers in words, or raises ToolFailed."""

    name: str
    description: str
    schema: dict[str, Any]
    handler: Callable[[dict[str, Any]], str]
    summary: Callable[[dict[str, Any]], str]  # one line for the user: "Read src/export.py"


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier message. Neighbouring turns have different roles, the last is the user's."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(slots=True, kw_only=True)
class Usage:
    """Tokens and money of a call or of many."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float = 0.0
    unpriced: bool = False  # part of it was of a model without a public price: it cost more than ``cost_usd``

    def add(self, other: Usage) -> None:
        """Count another call in."""
        self.input_tokens += other.input_tokens
        self.output_tokens += other.output_tokens
        self.cache_read_tokens += other.cache_read_tokens
        self.cache_write_tokens += other.cache_write_tokens
        self.cost_usd += other.cost_usd
        self.unpriced = self.unpriced or other.unpriced


class Listener(Protocol):
    """Hears a reply as it comes. All calls come from the thread that called ``converse``."""

    def on_text(self, delta: str) -> None:
        """More text of the reply."""

    def on_tool(self, name: str, summary: str) -> None:
        """A tool is about to run."""

    def on_usage(self, usage: Usage) -> None:
        """What one model call has used (a difference, not a total)."""

    def should_stop(self) -> bool:
        """Asked several times a second; True ends the reply where it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What an assistant is asked."""

    system: str  # the same from call to call, so that endpoints keep it
    history: Sequence[Turn]
    context: str = ""  # what is true now; said behind the last turn, and not part of it
    tools: Sequence[Tool] = field(default_factory=tuple)
    max_rounds: int = 50  # model calls
    max_tokens: int = 16_000  # of one model call


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole reply: all its text in one, and how it ended."""

    text: str
    stop_reason: StopReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A model that an endpoint offers; ``effort``: how much effort it makes can be chosen."""

    id: str
    name: str
    effort: bool = False


class Assistant(Protocol):
    """A way to reach a model. Safe to use from several threads at once."""

    def models(self) -> list[Offered]:
        """The models to choose from. Raises AssistantError where they cannot be had."""

    def converse(self, request: Request, listener: Listener) -> Answer:
        """Answer the history's last turn, calling tools as needed.

        Raises AssistantError with a sentence a user can act on; what the listener heard before stays valid.
        """


@runtime_checkable
class HearsInput(Protocol):
    """A listener that also hears what a tool is called with while the model still writes it."""

    def on_input(self, delta: str) -> None:
        """More of the JSON."""


class ReplyText:
    """The text of a reply so far, passed on as it comes; texts around a tool call become paragraphs of their own."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.text = ""
        self._paragraph = False

    def new_block(self) -> None:
        """What comes now is said after a pause."""
        self._paragraph = bool(self.text)

    def add_input(self, delta: str) -> None:
        """More of what a tool is called with."""
        if delta and isinstance(self.listener, HearsInput):
            self.listener.on_input(delta)

    def add(self, delta: str) -> None:
        """More text."""
        if self._paragraph and delta:
            delta, self._paragraph = "\n\n" + delta.lstrip("\n"), False
        self.text += delta
        self.listener.on_text(delta)


def alternate(turns: Sequence[Turn]) -> list[Turn]:
    """The turns with empty ones left out and neighbours of one role joined, as the APIs ask for."""
    joined: list[Turn] = []
    for turn in turns:
        if not turn.text.strip():
            continue
        if joined and joined[-1].role == turn.role:
            joined[-1] = Turn(turn.role, f"{joined[-1].text}\n\n{turn.text}")
        else:
            joined.append(turn)
    return joined


def reminder(context: str) -> str:
    """A request's context as it is said to a model, in the tags that Claude knows for what no user typed."""
    return f"<system-reminder>\n{context.replace('</system-reminder', '< /system-reminder')}\n</system-reminder>"


def run_tool(tools: Sequence[Tool], name: str, tool_input: Any, listener: Listener) -> tuple[str, bool]:
    """Run the tool the model called: its words, and whether they are an error the model should mend."""
    tool = next((t for t in tools if t.name == name), None)
    if tool is None:
        return f"There is no tool “{name}”.", True
    if not isinstance(tool_input, dict):
        return "The input must be a JSON object.", True
    try:
        listener.on_tool(name, tool.summary(tool_input))
        return tool.handler(tool_input), False
    except ToolFailed as failure:
        return str(failure), True
    except MaestroError as error:
        return error.detail, True
