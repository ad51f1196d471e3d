"""Which kinds of agents there are: two built in, others through the entry point group ``maestro.agents``."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import cast

from maestro.agents.base import AgentAdapter
from maestro.errors import InvalidInput

GROUP = "maestro.agents"

_BUILT_IN = {
    "claude_code": "maestro.agents.claude_code:ClaudeCode",
    "command": "maestro.agents.command:Command",
}


def agent_types() -> list[str]:
    """Names that ``create`` knows, the built-in ones first."""
    return [*_BUILT_IN, *sorted(set(entry_points(group=GROUP).names) - _BUILT_IN.keys())]


def preload() -> None:
    """Load ahead what the usual agent needs; whoever waits for work anyway saves the time later."""
    import claude_agent_sdk  # noqa: F401

    from maestro.agents import claude_code  # noqa: F401


def hears(agent_type: str) -> bool:
    """Whether agents of this type can be told something during a run, and go on in a conversation after it."""
    try:
        return bool(getattr(create(agent_type), "hears", True))
    except InvalidInput:
        return True


def create(agent_type: str) -> AgentAdapter:
    """A fresh adapter. Raises ``InvalidInput`` when the name is unknown or its plug-in does not load."""
    if agent_type in _BUILT_IN:
        found = EntryPoint(agent_type, _BUILT_IN[agent_type], GROUP)
    else:
        plugins = list(entry_points(group=GROUP, name=agent_type))
        if not plugins:
            words = f"There is no agent type `{agent_type}`. Known: {', '.join(agent_types())}."
            raise InvalidInput(words, {"agent_type": "unknown"})
        found = plugins[0]
    try:
        return cast(AgentAdapter, found.load()())
    except (ImportError, AttributeError, TypeError) as error:
        words = f"The agent type `{agent_type}` cannot be loaded: {error}"
        raise InvalidInput(words, {"agent_type": "does not load"}) from error
