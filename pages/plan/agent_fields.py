"""What a plan may say of a task besides: what it fulfils, what to imitate and leave alone, and which agent does it."""

from __future__ import annotations

from maestro.agents import factory
from maestro.core.planning.own_agent import EFFORTS
from pages.components.tag import box, tag
from pages.plan.draft import Data
from pages.plan.fields import Fields

#: Members that a task has only where they are said.
SAID = ("requirements", "patterns", "scope_out", "agent", "model", "effort")


def agent_fields(made: Fields, task: Data) -> None:
    """The fields, folded away unless the task says something of it; they are made when they are first looked at."""
    with tag("details", "", "p-more") as more:
        tag("summary", "Scope, patterns and agent", "q-more mi-chevron-right")
        inside = box("m-stack p-more__fields")

    def fill() -> None:
        if not inside.default_slot.children:
            with inside:
                _fields(made)

    if any(task.get(name) for name in SAID):
        more.attr(open="")
        fill()
    else:
        more.on("toggle", fill, args=[])


def _fields(made: Fields) -> None:
    made.lines("requirements", "Requirements", hint="ids of what it fulfils (R1), one per line")
    made.lines("patterns", "Files to imitate", hint="one per line", mono=True)
    made.lines("scope_out", "Not part of this task", hint="what the agent must leave alone, one per line")
    session = {"": "The session’s"}
    with box("p-pair"):
        made.choice("agent", "Agent", session | {name: name for name in factory.agent_types()})
        made.choice("effort", "Effort", session | {name: name for name in EFFORTS})
    made.line("model", "Model", placeholder="The session’s")
