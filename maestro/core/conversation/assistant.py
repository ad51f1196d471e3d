"""What brainstorm and planning share: the assistant of a session, its tools, and what it used."""

from __future__ import annotations

import threading
from pathlib import Path

from maestro.assistants import factory
from maestro.assistants.base import Assistant, Tool, Usage
from maestro.core.conversation.repository_tools import repository_tools
from maestro.core.endpoint import endpoint_for
from maestro.core.runtime import Runtime
from maestro.db import models


class _Assistants:
    """One assistant per endpoint and model, kept: it holds the connection and knows the endpoint's models."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.by_endpoint: dict[tuple[object, ...], Assistant] = {}


def assistant_for(rt: Runtime, session: models.Session) -> Assistant:
    """Who answers for a session. Raises AssistantError (kind ``none``) when nothing is configured."""
    endpoint = endpoint_for(rt, demo=session.demo)
    settings = rt.settings
    model = None if endpoint.kind == "demo" else settings.assistant_model
    key = (endpoint.kind, endpoint.base_url, endpoint.api_key, endpoint.auth_token, model, settings.claude_path)
    kept: _Assistants = rt.helper("assistants", _Assistants)
    with kept.lock:
        if key not in kept.by_endpoint:
            kept.by_endpoint[key] = factory.choose(
                endpoint.kind,
                base_url=endpoint.base_url,
                api_key=endpoint.api_key,
                auth_token=endpoint.auth_token,
                model=model,
                cli_path=settings.claude_path,
                work_dir=rt.data_dir / "assistant",
            )
        return kept.by_endpoint[key]


def tools_for(session: models.Session) -> list[Tool]:
    """The read-only repository tools, on the session's base commit."""
    return repository_tools(Path(session.repo_path), session.base_commit)


def count_usage(session: models.Session, usage: Usage) -> None:
    """Add what the assistant used to the session (a row of the caller's transaction)."""
    session.input_tokens += usage.input_tokens
    session.output_tokens += usage.output_tokens
    session.cache_read_tokens += usage.cache_read_tokens
    session.cache_write_tokens += usage.cache_write_tokens
    session.cost_usd += usage.cost_usd
