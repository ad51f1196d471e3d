"""Requirement → tasks → checks: which part of the plan fulfils what, and what nothing does."""

from __future__ import annotations

from maestro.core.brainstorm.idea_card import IdeaCard
from maestro.core.planning.coverage import covering
from maestro.core.planning.plan import Plan
from maestro.core.views import TraceRow


def trace(card: IdeaCard, plan: Plan) -> list[TraceRow]:
    """A row for each requirement of the card, and for each of its goals where it has no requirements.

    A task fulfils a requirement whose id it names. Where none names it, tasks count whose acceptance criteria say the
    same in much the same words, as a guess (``by_words``).
    """
    wanted = [(r.id, r.text) for r in card.requirements] or [("", goal) for goal in card.goals]
    return [_row(key, text, plan) for key, text in wanted]


def _row(key: str, text: str, plan: Plan) -> TraceRow:
    named = [task for task in plan.tasks if key and key in task.requirements]
    tasks = named or covering(text, plan)
    checks = list(dict.fromkeys(check for task in tasks for check in task.checks or plan.checks))
    gap = "" if tasks and checks else "no_check" if tasks else "no_task"
    return TraceRow(
        id=key,
        text=text,
        tasks=[task.id for task in tasks],
        checks=checks,
        by_words=bool(tasks) and not named,
        gap=gap,
    )


def unknown_requirements(card: IdeaCard, plan: Plan) -> dict[str, list[str]]:
    """By task, the requirements it names that the card does not have."""
    known = {r.id for r in card.requirements}
    found = {task.id: [r for r in task.requirements if r not in known] for task in plan.tasks}
    return {key: names for key, names in found.items() if names}


def request_for(row: TraceRow) -> str:
    """What the planner is asked for, to close a gap."""
    named = f"{row.id} (“{row.text}”)" if row.id else f"“{row.text}”"
    if row.gap == "no_check":
        return f"Give the tasks that fulfil {named} checks that prove it: {', '.join(row.tasks)}."
    naming = f" Name {row.id} in its `requirements`." if row.id else ""
    return f"Add one task that fulfils {named}, with acceptance criteria in these words and a check that proves it.{naming}"
