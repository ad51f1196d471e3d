"""What brainstorm and planning share: the assistant of a session, its tools, what it used and what it may use."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from pydantic import BaseModel
from sqlmodel import Session as DbSession

from maestro.assistants import factory
from maestro.assistants.base import Assistant, Offered, Request, Tool, Turn, Usage
from maestro.core.brainstorm.repository_tools import repository_tools
from maestro.core.kernel import claude_login
from maestro.core.kernel.endpoint import Endpoint, endpoint_for
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Service
from maestro.core.limits import spending
from maestro.db import models
from maestro.errors import AssistantError, OverBudget
from maestro.settings import Effort


class _Assistants:
    """One assistant per endpoint and model, kept: it holds the connection and knows the endpoint's models."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.by_endpoint: dict[tuple[object, ...], Assistant] = {}


_ASSISTANTS = Service(_Assistants)


class Trial(BaseModel):
    """How a trial of the assistant went; ``kind`` is AssistantError's."""

    ok: bool
    words: str
    kind: str | None = None


class _Silent:
    """A listener that keeps nothing."""

    def on_text(self, delta: str) -> None:
        """See ``Listener``."""

    def on_tool(self, name: str, summary: str) -> None:
        """See ``Listener``."""

    def on_usage(self, usage: Usage) -> None:
        """See ``Listener``."""

    def should_stop(self) -> bool:
        """See ``Listener``."""
        return False


def assistant_for(rt: Runtime, session: models.Session) -> Assistant:
    """Who answers for a session. Raises AssistantError (kind ``none``) when nothing is configured."""
    endpoint = endpoint_for(rt, demo=session.demo)
    if endpoint.kind == "demo":
        return _assistant(rt, endpoint, None, None)
    own = session.agent_config
    model = own.get("assistant_model") or rt.settings.assistant_model
    return _assistant(rt, endpoint, model, own.get("assistant_effort") or rt.settings.assistant_effort)


def reviewer_for(rt: Runtime, session: models.Session, model: str) -> Assistant:
    """The assistant with the model that reviews a session's work. Raises AssistantError when nothing is configured."""
    endpoint = endpoint_for(rt, demo=session.demo)
    return _assistant(rt, endpoint, model if endpoint.kind != "demo" else None, None)


def list_models(rt: Runtime) -> list[Offered]:
    """The models that new conversations can choose from. Raises AssistantError."""
    return _assistant(rt, endpoint_for(rt, demo=False), rt.settings.assistant_model, None).models()


def try_assistant(rt: Runtime) -> Trial:
    """Ask the assistant for one word, as the settings have it now, and say in plain words how that went."""
    begun = time.monotonic()
    try:
        endpoint = endpoint_for(rt, demo=False)
        assistant = _assistant(rt, endpoint, rt.settings.assistant_model, None)
        request = Request(system="Answer with one word.", history=[Turn("user", "Say: ready")], max_tokens=64)
        assistant.converse(request, _Silent())
    except AssistantError as error:
        return Trial(ok=False, words=error.detail, kind=error.kind)
    who = {
        "anthropic": endpoint.base_url or "The Anthropic API",
        "claude_code": "Claude Code",
        "demo": "The demo’s script",
    }
    words = f"{who[endpoint.kind]} answered in {time.monotonic() - begun:.1f} s."
    try:
        words += f" Models to choose from: {len(assistant.models())}."
    except AssistantError:
        words += " It lists no models: enter the model’s name yourself."
    return Trial(ok=True, words=words)


def _assistant(rt: Runtime, endpoint: Endpoint, model: str | None, effort: Effort | None) -> Assistant:
    settings = rt.settings
    key = (endpoint.kind, endpoint.base_url, endpoint.api_key, endpoint.auth_token, model, effort, settings.claude_path)
    kept = rt.service(_ASSISTANTS)
    with kept.lock:
        if key not in kept.by_endpoint:
            kept.by_endpoint[key] = factory.choose(
                endpoint.kind,
                base_url=endpoint.base_url,
                api_key=endpoint.api_key,
                auth_token=endpoint.auth_token,
                model=model,
                effort=effort,
                cli_path=settings.claude_path,
                work_dir=rt.data_dir / "assistant",
                sign_in=claude_login.assistant_environment,
            )
        return kept.by_endpoint[key]


def tools_for(session: models.Session) -> list[Tool]:
    """The read-only repository tools, on the session's base commit."""
    return repository_tools(Path(session.repo_path), session.base_commit)


def count_usage(rt: Runtime, session_id: str, usage: Usage) -> None:
    """Store at once what a model call of a session's assistant used: nothing that comes after it takes it back."""
    with rt.db.write() as tx:
        session = tx.db.get(models.Session, session_id)
        if session is not None:
            spending.count_assistant(tx.db, session, usage)


def check_budgets(rt: Runtime, db: DbSession, session: models.Session) -> None:
    """Before the assistant is asked: raises OverBudget when the session's or the day's money or tokens are used up."""
    for budget in spending.budgets_of(db, rt.settings, session):
        if budget.task_id or budget.measure == "model_calls" or budget.share < 1 - 1e-9:
            continue
        kind = "budget_usd" if budget.measure == "usd" else "token_limit"
        if budget.whose == "today":
            way = f"Raise day_{kind} in the settings, or continue tomorrow (the day ends at midnight UTC)."
        else:
            way = f"Raise session_{kind} under Limits in the session's menu, then ask again."
        raise OverBudget(f"{budget.words()}. {way}")
