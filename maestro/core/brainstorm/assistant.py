"""What brainstorm and planning share: the assistant of a session, its tools, what it used and what it may use."""

from __future__ import annotations

import threading
from pathlib import Path

from sqlmodel import Session as DbSession

from maestro.assistants import factory
from maestro.assistants.base import Assistant, Tool, Usage
from maestro.core.brainstorm.repository_tools import repository_tools
from maestro.core.kernel import claude_login
from maestro.core.kernel.endpoint import endpoint_for
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Service
from maestro.core.limits import spending
from maestro.db import models
from maestro.errors import OverBudget


class _Assistants:
    """One assistant per endpoint and model, kept: it holds the connection and knows the endpoint's models."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.by_endpoint: dict[tuple[object, ...], Assistant] = {}


_ASSISTANTS = Service(_Assistants)


def assistant_for(rt: Runtime, session: models.Session) -> Assistant:
    """Who answers for a session. Raises AssistantError (kind ``none``) when nothing is configured."""
    endpoint = endpoint_for(rt, demo=session.demo)
    settings = rt.settings
    model = None if endpoint.kind == "demo" else settings.assistant_model
    key = (endpoint.kind, endpoint.base_url, endpoint.api_key, endpoint.auth_token, model, settings.claude_path)
    kept = rt.service(_ASSISTANTS)
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
