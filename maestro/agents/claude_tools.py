"""Maestro's own tools for Claude Code, served in the worker's process: progress, decisions and questions."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from maestro.agents import claude_questions
from maestro.agents.base import AgentLink
from maestro.agents.claude_questions import AskUser

#: What the CLI calls these tools. Another server may call itself ``maestro__x``, so that only whole names are ours.
NAMES = frozenset({"mcp__maestro__report_progress", "mcp__maestro__record_decision", "mcp__maestro__ask_user"})


class Progress(BaseModel):
    """Input of ``report_progress``."""

    model_config = ConfigDict(extra="ignore")

    percent: float = Field(ge=0, le=100, description="How much of the task is done, 0 to 100.")
    note: str = Field(default="", max_length=2000, description="What you are doing now, in a few words.")


class Decision(BaseModel):
    """Input of ``record_decision``."""

    model_config = ConfigDict(extra="ignore")

    decision_type: str = Field(min_length=1, max_length=100, description="For instance: library, design, scope.")
    context: str = Field(default="", max_length=8000, description="What had to be decided.")
    options: list[str] = Field(min_length=1, max_length=50, description="The options you considered.")
    chosen: int = Field(ge=0, description="Index of the chosen option, counted from 0.")
    rationale: str = Field(default="", max_length=8000, description="Why.")


def server(link: AgentLink, waiting: Callable[[], AbstractContextManager[None]] = nullcontext) -> Any:
    """The in-process MCP server ``maestro``; what it is told goes to the link. ``waiting``: around waits for the user."""
    from claude_agent_sdk import create_sdk_mcp_server, tool

    @tool("report_progress", "Tell the user how far the task is.", Progress.model_json_schema())
    async def report_progress(arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            progress = Progress.model_validate(arguments)
        except ValidationError as error:
            return _refused(error)
        link.progress(progress.percent, progress.note)
        return _said("Noted.")

    @tool("record_decision", "Record a choice that the user will want to know about.", Decision.model_json_schema())
    async def record_decision(arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            decision = Decision.model_validate(arguments)
        except ValidationError as error:
            return _refused(error)
        if decision.chosen >= len(decision.options):
            return _said("chosen must be the index of one of the options.", is_error=True)
        link.decision(decision.model_dump())
        return _said("Recorded.")

    @tool(
        "ask_user",
        "Ask the user what only the user can decide, and wait for the answer. Ask when the task cannot be done right without "
        "it; what you can find out or choose yourself, find out or choose.",
        AskUser.model_json_schema(),
    )
    async def ask_user(arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            asked = AskUser.model_validate(arguments).asked()
        except ValidationError as error:
            return _refused(error)
        with waiting():
            return _said(claude_questions.words_of(await link.ask_user(asked)))

    return create_sdk_mcp_server("maestro", tools=[report_progress, record_decision, ask_user])


def _said(text: str, *, is_error: bool = False) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "is_error": is_error}


def _refused(error: ValidationError) -> dict[str, Any]:
    reasons = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    return _said(f"Invalid input: {reasons}", is_error=True)
