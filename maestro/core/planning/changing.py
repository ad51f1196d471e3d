"""An approved plan and its change, compared: what of it may still change, and what the change amounts to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maestro.core.planning.plan import Plan, PlanTask
from maestro.core.views.plan_changes import PlanStep
from maestro.errors import InvalidInput

#: Of a task that has begun: what is used from now on, and nothing that it was told at its beginning.
_OPEN = frozenset({"checks", "model", "effort", "agent"})
#: States in which a task that has begun may still be given other checks, or another agent for its next run.
_UNDER_WAY = frozenset({"running", "waiting", "checking", "failed"})
#: Of the plan as a whole, for its words.
_WHOLE = ("summary", "checks", "assumptions", "risks", "decisions")


def steps(old: Plan, new: Plan, begun: Mapping[str, str]) -> list[PlanStep]:
    """What a change amounts to. ``begun``: the status of each task that has begun, by its id.

    Raises InvalidInput naming ``tasks.N.field`` for what can no longer change, and ``tasks`` for a task that has begun
    and is missing.
    """
    before, after = {t.id: t for t in old.tasks}, {t.id: t for t in new.tasks}
    gone = [key for key in before if key not in after and key in begun]
    if gone:
        words = f"{', '.join(gone)} {'has' if len(gone) == 1 else 'have'} begun and cannot be removed"
        raise InvalidInput(
            f"The plan cannot be changed so: {words}. Skip a task that you do not want.", {"tasks": words}
        )
    found: list[PlanStep] = [
        PlanStep(key=key, what="removed", words=f"Remove {key}: {before[key].title}")
        for key in before
        if key not in after
    ]
    wrong: dict[str, str] = {}
    for number, task in enumerate(new.tasks):
        if task.id not in before:
            found.append(PlanStep(key=task.id, what="added", words=f"Add {task.id}: {task.title}"))
            continue
        fields = _different(before[task.id], task)
        status = begun.get(task.id)
        if status is not None:
            for name in fields:
                if name not in _OPEN or status not in _UNDER_WAY:
                    wrong[f"tasks.{number}.{name}"] = _too_late(task.id, status)
        if fields:
            found.append(_step(task, fields, begun=status is not None))
    if wrong:
        listed = "; ".join(f"{name}: {why}" for name, why in wrong.items())
        raise InvalidInput(f"The plan cannot be changed so: {listed}.", wrong)
    whole = [name for name in _WHOLE if getattr(old, name) != getattr(new, name)]
    if whole:
        kind: Any = "corrected" if whole == ["checks"] else "changed"
        found.append(PlanStep(key="", what=kind, fields=whole, words=f"The whole plan: {_listed(whole)}"))
    if not found and list(before) != list(after):
        found.append(PlanStep(key="", what="moved", words="Another order"))
    return found


def _different(old: PlanTask, new: PlanTask) -> list[str]:
    left, right = old.model_dump(mode="json"), new.model_dump(mode="json")
    return [name for name in type(new).model_fields if left.get(name) != right.get(name)]


def _step(task: PlanTask, fields: list[str], *, begun: bool) -> PlanStep:
    if begun and fields == ["checks"]:
        return PlanStep(key=task.id, what="corrected", fields=fields, words=f"Correct the checks of {task.id}")
    return PlanStep(key=task.id, what="changed", fields=fields, words=f"Change {task.id}: {_listed(fields)}")


def _too_late(key: str, status: str) -> str:
    if status in _UNDER_WAY:
        return f"{key} has begun; only its checks, model, effort and agent can change"
    return f"{key} is {status} and stays as it is"


def _listed(fields: list[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in fields)
