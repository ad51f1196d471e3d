"""Recognising a worker that goes round in circles, from its tool calls and their results. No effects, no clock."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

#: Tools whose success changes the worktree.
EDITS = frozenset({"Write", "Edit", "MultiEdit", "NotebookEdit"})

#: Members of a tool's input that say nothing about what is done.
_WORDS = frozenset({"description"})


@dataclass(slots=True)
class Call:
    """One tool call. ``result`` is None while the tool runs."""

    tool_use_id: str
    tool: str
    what: str  # tool and input, comparable
    line: str  # for a user: "Run `ls`"
    result: str | None = None
    failed: bool = False


@dataclass(slots=True)
class Trace:
    """The latest calls of one run, and how many there were since the worktree last changed."""

    repeats: int
    calls: deque[Call] = field(default_factory=deque)
    since_change: int = 0
    names_tools: bool = False  # whether it ever told of a call

    def __post_init__(self) -> None:
        self.calls = deque(self.calls, maxlen=max(8 * self.repeats, 64))

    def tool(self, tool_use_id: str, tool: str, tool_input: Any, line: str) -> None:
        """A call has begun."""
        kept = {k: v for k, v in tool_input.items() if k not in _WORDS} if isinstance(tool_input, dict) else tool_input
        what = f"{tool} {json.dumps(kept, sort_keys=True, default=str)}"
        self.calls.append(Call(tool_use_id, tool, what, line))
        self.names_tools = True
        self.since_change += 1

    def result(self, tool_use_id: str, text: str, failed: bool) -> bool:
        """A call has ended; whether it changed the worktree for certain."""
        for call in reversed(self.calls):
            if call.tool_use_id == tool_use_id:
                call.result, call.failed = text, failed
                if call.tool in EDITS and not failed:
                    self.since_change = 0
                    return True
                return False
        return False

    @property
    def running(self) -> Call | None:
        """The latest call that has no result yet, also when others that came after it have one."""
        return next((call for call in reversed(self.calls) if call.result is None), None)

    def forget(self) -> None:
        """Begin anew after a step was taken: only what follows counts, and what still runs."""
        self.calls = deque((call for call in self.calls if call.result is None), maxlen=self.calls.maxlen)
        self.since_change = 0

    def circle(self) -> str | None:
        """What goes round in circles, as a sentence; None when nothing does."""
        done = [c for c in self.calls if c.result is not None]
        return same_again(done, self.repeats) or alternating(done, self.repeats)


def same_again(calls: Sequence[Call], repeats: int) -> str | None:
    """The last ``repeats`` calls were the same, with the same result."""
    tail = calls[-repeats:]
    if len(tail) < repeats or len({(c.what, c.result) for c in tail}) > 1:
        return None
    return f"“{tail[0].line}” was done {repeats} times in a row with the same result"


def alternating(calls: Sequence[Call], repeats: int) -> str | None:
    """The last calls were the same two in turn, ``repeats`` times, each with the same result as before."""
    tail = calls[-2 * repeats :]
    if len(tail) < 2 * repeats:
        return None
    even, odd = _distinct(tail[::2]), _distinct(tail[1::2])
    if len(even) > 1 or len(odd) > 1 or even == odd:
        return None
    return f"“{tail[0].line}” and “{tail[1].line}” alternated {repeats} times with the same results"


def _distinct(calls: Iterable[Call]) -> set[tuple[str, str | None]]:
    return {(c.what, c.result) for c in calls}
