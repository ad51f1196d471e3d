"""A confined command that failed for want of the network: asked about with the hosts to allow, no attempt is used up."""

from __future__ import annotations

from dataclasses import replace

from maestro.core.approvals import questions
from maestro.core.approvals.question import NETWORK, Question
from maestro.core.kernel.runtime import Runtime
from maestro.core.workspaces import sheltered
from maestro.core.workspaces.run_command import CommandOutcome
from maestro.db import models


def review(
    rt: Runtime, session: models.Session, task: models.Task | None, command: str, outcome: CommandOutcome
) -> Question | None:
    """What to ask after a check that was kept from the network; None where that is not why it failed.

    Where its output says nothing of the network the agent is told first (in the output), and asked about the next time.
    """
    missed = outcome.missed
    if missed is None or outcome.passed:
        return None
    if missed.hosts and set(missed.hosts) <= sheltered.did_without(rt, session.id, command):
        return None
    if not missed.told and (task is None or task.attempt < 2):
        return None
    key = f"{command}\nnetwork {' '.join(sorted(missed.hosts))}"
    if key in questions.confirmed_failures(rt, session.id):
        return None
    reason = f"`{command}` failed without the network. {missed.words}"
    asked = questions.infrastructure_question(reason, key, outcome.output)
    return replace(asked, detail=asked.detail | {"what": NETWORK, "command": command})


def offering(question: Question, outcome: CommandOutcome) -> Question:
    """The same with the network offered, where a check's surroundings are asked about and it was kept from some host."""
    if question.kind != "infrastructure" or outcome.missed is None:
        return question
    return replace(question, detail=question.detail | sheltered.network_offer(outcome.missed, "checks"))
