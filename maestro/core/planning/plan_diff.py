"""Two versions of a plan side by side: what was added, removed, changed, by field."""

from __future__ import annotations

from typing import Any

from maestro.core.planning.plan import OPTIONAL, Plan, PlanTask
from maestro.core.views import FieldChange, PlanDiff, TaskChange

_NONE: dict[str, Any] = {"model": None, "effort": None, "agent": None}


def compare(old: Plan, new: Plan) -> PlanDiff:
    """What ``new`` changes of ``old``."""
    before, after = {t.id: t for t in old.tasks}, {t.id: t for t in new.tasks}
    kept = [key for key in after if key in before]
    moved = _moved([key for key in before if key in after], kept)
    tasks: list[TaskChange] = []
    for key, task in after.items():
        if key not in before:
            tasks.append(TaskChange(id=key, title=task.title, change="added", fields=_fields({}, _said(task))))
        elif fields := _fields(_said(before[key]), _said(task)):
            tasks.append(TaskChange(id=key, title=task.title, change="changed", fields=fields))
        elif key in moved:
            tasks.append(TaskChange(id=key, title=task.title, change="moved"))
    tasks += [
        TaskChange(id=key, title=task.title, change="removed", fields=_fields(_said(task), {}))
        for key, task in before.items()
        if key not in after
    ]
    whole = _fields(old.model_dump(exclude={"tasks"}, mode="json"), new.model_dump(exclude={"tasks"}, mode="json"))
    return PlanDiff(whole=whole, tasks=tasks)


def _said(task: PlanTask) -> dict[str, Any]:
    said = task.model_dump(mode="json", exclude={"id"})
    return {name: _NONE.get(name, []) for name in OPTIONAL} | said


def _fields(before: dict[str, Any], after: dict[str, Any]) -> list[FieldChange]:
    names = dict.fromkeys([*after, *before])
    return [
        FieldChange(name=name, before=before.get(name), after=after.get(name))
        for name in names
        if before.get(name) != after.get(name) and (before.get(name) or after.get(name))
    ]


def _moved(before: list[str], after: list[str]) -> set[str]:
    """Those that stand after another one than before."""

    def left(keys: list[str]) -> dict[str, str | None]:
        return dict(zip(keys, [None, *keys], strict=False))

    was, now = left(before), left(after)
    return {key for key in after if was[key] != now[key]}
