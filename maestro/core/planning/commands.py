"""What approving a plan makes Maestro run as the user: set-up, checks, and agents that are commands."""

from __future__ import annotations

import shlex

from maestro.core.kernel.agent_config import parse_agent_config
from maestro.core.planning.own_agent import COMMAND
from maestro.core.planning.plan import Plan
from maestro.core.views import PlannedCommand
from maestro.db import models
from maestro.errors import InvalidInput
from maestro.terminal_text import visible


def commands_of(session: models.Session, plan: Plan) -> list[PlannedCommand]:
    """Every command of a plan and its session, each once for a purpose, with nothing hidden in it."""
    found = _of_session(session)
    found += [("check", command) for command in plan.checks]
    found += [(f"check of {task.id}", command) for task in plan.tasks for command in task.checks]
    found += [(f"agent of {task.id}", own) for task in plan.tasks if task.agent == COMMAND and (own := _agent(session))]
    return [PlannedCommand(purpose=purpose, command=visible(command)) for purpose, command in dict.fromkeys(found)]


def _of_session(session: models.Session) -> list[tuple[str, str]]:
    """The session's own commands; none of a configuration that cannot be read, with which nothing starts."""
    try:
        config = parse_agent_config(session.agent_config)
    except InvalidInput:
        return []
    own = [*(("setup", command) for command in config.setup), *(("check", command) for command in config.checks)]
    is_command = session.agent_type == COMMAND and config.command
    return [*own, ("agent", shlex.join(config.command))] if is_command else own


def _agent(session: models.Session) -> str:
    """The command that a task of the agent type ``command`` runs, where it is not the whole session's agent."""
    try:
        config = parse_agent_config(session.agent_config)
    except InvalidInput:
        return ""
    return shlex.join(config.command) if session.agent_type != COMMAND else ""
