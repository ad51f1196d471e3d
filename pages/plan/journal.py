"""What was changed in a plan being edited, step by step: to be undone and redone, also after a reload of the page."""

from __future__ import annotations

import copy
import time
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from maestro.core.planning.plan import OPTIONAL

Data = dict[str, Any]

#: Steps that can be undone; the oldest go first.
_MOST_STEPS = 200
#: Typing into one field is one step until it rests for so long.
_REST_S = 1.5


class Patch(BaseModel):
    """A change of a plan's data: what ``apply`` sets."""

    model_config = ConfigDict(extra="ignore")

    plan: Data = {}  # members of the plan other than its tasks
    tasks: dict[str, Data | None] = {}  # by key: members to set (all of them for a new task); None: the task goes
    order: list[str] | None = None  # the tasks' order, where it changes

    def __bool__(self) -> bool:
        return bool(self.plan or self.tasks or self.order)

    def touches(self) -> tuple[object, ...]:
        """What it changes, without the values."""
        return (tuple(self.plan), tuple((k, tuple(m or ())) for k, m in self.tasks.items()), self.order is not None)


class Step(BaseModel):
    """One change, in both directions. ``version`` is the one the draft stood on before and after, where that changes."""

    model_config = ConfigDict(extra="ignore")

    words: str
    key: str = ""  # the task that it is about
    back: Patch
    forth: Patch
    version: tuple[int, int] | None = None


class _Kept(BaseModel):
    done: list[Step] = []
    undone: list[Step] = []


def difference(before: Data, after: Data) -> Patch:
    """What makes ``after`` of ``before``."""
    made = Patch(plan={k: copy.deepcopy(v) for k, v in after.items() if k != "tasks" and before.get(k) != v})
    old, new = ({t["id"]: t for t in data["tasks"]} for data in (before, after))
    for key, task in new.items():
        if key not in old:
            made.tasks[key] = copy.deepcopy(task)
        elif task != old[key]:
            named = {**old[key], **task}
            made.tasks[key] = {
                k: copy.deepcopy(task.get(k))
                for k in named
                if task.get(k) != old[key].get(k) or (k in task) != (k in old[key])
            }
    made.tasks |= {key: None for key in old if key not in new}
    if list(old) != list(new):
        made.order = list(new)
    return made


def apply(patch: Patch, data: Data) -> None:
    """Change ``data`` in place; tasks that stay are the same objects afterwards."""
    data.update(copy.deepcopy(patch.plan))
    tasks = {t["id"]: t for t in data["tasks"]}
    for key, members in patch.tasks.items():
        if members is None:
            tasks.pop(key, None)
            continue
        if key not in tasks and "depends_on" not in members:
            continue  # of a task that is not there, only some members
        task = tasks.setdefault(key, {"id": key})
        task.update(copy.deepcopy(members))
        for name in OPTIONAL & members.keys():
            if members[name] is None:
                task.pop(name, None)
    order = {key: place for place, key in enumerate(patch.order or ())}
    data["tasks"][:] = sorted(tasks.values(), key=lambda t: order.get(t["id"], len(order))) if order else tasks.values()


class Journal:
    """The steps that led to a draft."""

    def __init__(self, data: Data) -> None:
        self._seen = copy.deepcopy(data)
        self._done: list[Step] = []
        self._undone: list[Step] = []
        self._run = ""
        self._at = 0.0
        self._moved = False

    def __bool__(self) -> bool:
        return bool(self._done or self._undone)

    @property
    def next_undo(self) -> str | None:
        """What undoing would take back, in words."""
        return self._done[-1].words if self._done else None

    @property
    def next_redo(self) -> str | None:
        """What redoing would bring back, in words."""
        return self._undone[-1].words if self._undone else None

    @property
    def just_moved(self) -> bool:
        """Whether the last thing that happened was to undo or redo a step."""
        return self._moved

    def note(
        self, data: Data, words: str, *, key: str = "", run: str = "", version: tuple[int, int] | None = None
    ) -> None:
        """Take down what changed since the last time. Changes with the same ``run`` soon after one another are one step."""
        forth = difference(self._seen, data)
        if not forth:
            return
        step = Step(words=words, key=key, back=difference(data, self._seen), forth=forth, version=version)
        last = self._done[-1] if self._done and run and run == self._run and not self._undone else None
        if last and time.monotonic() - self._at < _REST_S and last.forth.touches() == forth.touches():
            last.forth = forth
        else:
            self._done = [*self._done, step][-_MOST_STEPS:]
        self._undone, self._moved = [], False
        self._run, self._at = run, time.monotonic()
        apply(forth, self._seen)

    def rebase(self, data: Data) -> None:
        """``data`` is what all further changes start from; no step."""
        self._seen, self._run = copy.deepcopy(data), ""

    def undo(self, data: Data) -> Step | None:
        """Take the last step back, in ``data``."""
        return self._move(self._done, self._undone, data, back=True)

    def redo(self, data: Data) -> Step | None:
        """Do again what was undone last, in ``data``."""
        return self._move(self._undone, self._done, data, back=False)

    def _move(self, source: list[Step], target: list[Step], data: Data, *, back: bool) -> Step | None:
        if not source:
            return None
        step = source.pop()
        apply(step.back if back else step.forth, data)
        target.append(step)
        self.rebase(data)
        self._moved = True
        return step

    def dump(self) -> dict[str, Any]:
        """For keeping; ``load`` reads it."""
        return {
            "done": [step.model_dump(mode="json") for step in self._done],
            "undone": [step.model_dump(mode="json") for step in self._undone],
        }

    def load(self, kept: Any) -> None:
        """Take over what ``dump`` gave; nothing where it is none."""
        try:
            read = _Kept.model_validate(kept)
        except ValidationError:
            return
        self._done, self._undone = read.done[-_MOST_STEPS:], read.undone[-_MOST_STEPS:]
