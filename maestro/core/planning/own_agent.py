"""What a plan may say of the agent of a single task: another kind of agent, another model, how much effort."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from sqlmodel import Session as DbSession

from maestro.agents import factory
from maestro.agents.base import Effort
from maestro.core.kernel import lookup
from maestro.core.kernel.agent_config import AgentConfig, EffectiveConfig, parse_agent_config
from maestro.core.planning.plan import Plan, PlanTask, parse_plan
from maestro.db import models
from maestro.errors import InvalidInput

EFFORTS = get_args(Effort)
CLAUDE, COMMAND = "claude_code", "command"


@dataclass(frozen=True, slots=True)
class Chosen:
    """The agent of one task: what the plan says, else the session."""

    agent_type: str
    model: str | None
    effort: str | None


def of_task(plan: Plan, key: str, session: models.Session, config: EffectiveConfig) -> Chosen:
    """The agent that a task gets; a repair task, which no plan names, gets the session's."""
    said = next((task for task in plan.tasks if task.id == key), None)
    agent = (said.agent if said else None) or session.agent_type
    return Chosen(agent, (said.model if said else None) or config.model, said.effort if said else None)


def of_stored(db: DbSession, task: models.Task, session: models.Session, config: EffectiveConfig) -> Chosen:
    """``of_task`` by the session's plan as it is stored."""
    return of_task(parse_plan(lookup.plan_row(db, session).plan_json), task.key, session, config)


def refuse_unknown(plan: Plan) -> None:
    """Raises InvalidInput for a kind of agent or an effort that there is not, with the names that there are."""
    wrong: dict[str, str] = {}
    for number, task in enumerate(plan.tasks):
        if task.agent and task.agent not in factory.agent_types():
            wrong[f"tasks.{number}.agent"] = (
                f"there is no agent {task.agent}; there are {', '.join(factory.agent_types())}"
            )
        if task.effort and task.effort not in EFFORTS:
            wrong[f"tasks.{number}.effort"] = f"must be one of {', '.join(EFFORTS)}"
    _raise(wrong)


def refuse_unfit(plan: Plan, session: models.Session) -> None:
    """Raises InvalidInput for what the agent that a task gets in this session cannot be told."""
    config = parse_agent_config(session.agent_config)
    wrong: dict[str, str] = {}
    for number, task in enumerate(plan.tasks):
        wrong |= {f"tasks.{number}.{name}": why for name, why in _unfit(task, session, config).items()}
    _raise(wrong)


def _unfit(task: PlanTask, session: models.Session, config: AgentConfig) -> dict[str, str]:
    if (task.agent or session.agent_type) != COMMAND:
        return {}
    wrong = {}
    if task.agent == COMMAND and not config.command:
        wrong["agent"] = f"this session has no command to run; leave it out, or use {CLAUDE}"
    for name in ("model", "effort"):
        if getattr(task, name):
            wrong[name] = f"a plain command has none; leave it out, or use the agent {CLAUDE}"
    return wrong


def _raise(wrong: dict[str, str]) -> None:
    if wrong:
        words = "; ".join(f"{field}: {why}" for field, why in wrong.items())
        raise InvalidInput(f"The plan is not valid: {words}", wrong)
