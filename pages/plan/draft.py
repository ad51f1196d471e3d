"""The plan as it is being edited: what was typed, what is wrong with it, and against which version it was typed."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from graphlib import CycleError
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from maestro.core.planning.plan import Plan, PlanTask, critical_path, levels, parse_plan, width
from maestro.core.views import PlanView
from maestro.errors import InvalidInput
from pages.components.fields import plainly
from pages.components.words import duration
from pages.plan.journal import Journal, Step
from pages.plan.taken_away import Taken, take_decision, take_task

Data = dict[str, Any]

#: Lists that a task has only where they are said. Pydantic takes half a millisecond a task to find out what their default is.
_UNSAID: Data = {name: [] for name in ("scope_out", "patterns", "requirements")}


class _LooseDecision(BaseModel):
    model_config = ConfigDict(extra="ignore")

    decision_type: str = ""
    options: list[str] = []
    chosen: int = 0
    rationale: str = ""


class _LooseTask(BaseModel):
    model_config = ConfigDict(extra="allow")  # a plan may say more of a task than the page shows

    id: str
    title: str = ""
    description: str = ""
    depends_on: list[str] = []
    files: list[str] = []
    acceptance: list[str] = []
    checks: list[str] = []
    priority: int | None = 2
    estimate_minutes: float | None = None
    requires_approval: bool = False


class _Loose(BaseModel):
    """A plan's shape without its rules: what a draft out of the browser's storage must at least have."""

    model_config = ConfigDict(extra="ignore")

    summary: str = ""
    assumptions: list[str] = []
    risks: list[str] = []
    decisions: list[_LooseDecision] = []
    checks: list[str] = []
    tasks: list[_LooseTask] = []


@dataclass(frozen=True, slots=True)
class Shape:
    """What the tasks' dependencies amount to."""

    levels: dict[str, int]
    critical: list[str]
    width: int
    minutes: float  # along the critical path; tasks without an estimate count as nothing
    unknown: int  # tasks without an estimate


class Draft:
    """A plan's data with the user's changes. Members of ``data`` are changed in place by the fields bound to them."""

    def __init__(self, view: PlanView) -> None:
        self.errors: dict[str, str] = {}
        self._taken: list[Taken] = []
        self.take(view)
        self.journal = Journal(self.data)

    def take(self, view: PlanView) -> None:
        """Begin anew from a stored version."""
        self.version = view.version
        self.hash = view.hash
        self.stored: Data = parse_plan(view.plan).model_dump(mode="json")
        self.data: Data = copy.deepcopy(self.stored)
        self.errors = {}
        self._tried = False
        self._fresh: list[Data] = []  # just made and not yet filled in: what they lack is not said yet
        self._taken = [t for t in self._taken if t.whole]
        self._shape: Shape | None = None

    def restore(self, data: Any, version: int) -> bool:
        """Take over a draft that the browser kept; False when it is none or holds nothing new."""
        try:
            kept = _Loose.model_validate(data).model_dump(mode="json")
            kept["tasks"] = [{k: v for k, v in t.items() if k in PlanTask.model_fields} for t in kept["tasks"]]
        except ValidationError:
            return False
        if kept == self.data:
            return False
        self.data, self.version = kept, version
        return True

    def restore_kept(self, kept: Data) -> bool:
        """Take over what the browser kept: a draft with its steps, or only the steps of what was stored; whether it is one.

        Steps that led to an older version than the stored one go on from there.
        """
        unsaved = kept.get("dirty", True) and self.restore(kept.get("data"), kept["version"])
        self.journal.load(kept.get("steps"))
        self.journal.rebase(self.data)
        if not kept.get("dirty", True) and kept["version"] != self.version:
            stored, version = self.data, self.version
            if self.restore(kept.get("data"), kept["version"]):
                self.journal.rebase(self.data)
                self.data, self.version = stored, version
                self.note(f"Load version {version}", version=(kept["version"], version))
        return unsaved

    def note(self, words: str, key: str = "", *, run: str = "", version: tuple[int, int] | None = None) -> None:
        """Take down what has just changed as a step that can be undone (``Journal.note``)."""
        self.journal.note(self.data, words, key=key, run=run, version=version)

    def step(self, *, back: bool, current: int) -> Step | None:
        """Undo (``back``) or redo a step. ``current`` is the version now stored: an older one counts as changed elsewhere."""
        before = copy.deepcopy(self.data)
        step = self.journal.undo(self.data) if back else self.journal.redo(self.data)
        try:
            _Loose.model_validate(self.data)
        except ValidationError:  # a journal out of the browser's storage that is not ours
            self.data = before
            self.journal = Journal(self.data)
            return None
        if step and step.version:
            self.version = step.version[0 if back else 1]
        if step and not self.dirty:
            self.version = current
        if step:
            self._taken = []  # it may be what was just put back
        return step

    @property
    def dirty(self) -> bool:
        """Whether anything differs from what is stored."""
        return self.data != self.stored

    @property
    def tasks(self) -> list[Data]:
        """The tasks, in order."""
        tasks: list[Data] = self.data["tasks"]
        return tasks

    def task(self, key: str) -> Data | None:
        """The task with this key."""
        return next((t for t in self.tasks if t["id"] == key), None)

    # -- tasks come, go and move ---------------------------------------------------------------------------------------

    def add(self, after: str | None) -> str:
        """A new task behind another one (or at the end); its key."""
        keys = {t["id"].lower() for t in self.tasks} | {t.key.lower() for t in self._taken}
        key = next(k for n in range(len(self.tasks) + 1, 1000) if (k := f"task-{n}") not in keys)
        place = next((i + 1 for i, t in enumerate(self.tasks) if t["id"] == after), len(self.tasks))
        self.tasks.insert(place, PlanTask.model_construct(id=key, title="").model_dump(mode="json"))
        self._fresh.append(self.tasks[place])
        return key

    def remove(self, key: str) -> None:
        """Take a task away; who waited for it waits for what it waited for. ``undo`` puts it back."""
        self._taken.append(take_task(self.tasks, key))

    def add_decision(self) -> None:
        """A new decision, to be filled in."""
        self.data["decisions"].append({"decision_type": "", "options": [], "chosen": 0, "rationale": ""})
        self._fresh.append(self.data["decisions"][-1])

    def remove_decision(self, number: int) -> None:
        """Take a decision away. ``undo`` puts it back."""
        self._taken.append(take_decision(self.data["decisions"], number))

    def discard(self, view: PlanView) -> None:
        """Drop all changes for a stored version. ``undo`` brings them back while nothing else was typed."""
        data, version, taken = self.data, self.version, self._taken
        self.take(view)

        def back() -> None:
            self.data, self.version, self._taken = data, version, taken

        self._taken = [Taken("Your changes were discarded.", back, whole=True)]

    @property
    def offer(self) -> Taken | None:
        """What was taken away last and can be put back now."""
        last = self._taken[-1] if self._taken else None
        return None if last and last.whole and self.dirty else last

    def undo(self) -> str:
        """Put back what was taken away last; the task to show then, if it was one."""
        last = self._taken.pop()
        last.back()
        return last.key

    def saved(self, view: PlanView) -> None:
        """It is stored as this version: what was taken away before is in the journal only."""
        self._taken = []
        self.take(view)
        self.journal.rebase(self.data)

    def move(self, key: str, step: int) -> None:
        """Move a task up (-1) or down (1) in the order."""
        at = next(i for i, t in enumerate(self.tasks) if t["id"] == key)
        to = min(max(at + step, 0), len(self.tasks) - 1)
        self.tasks.insert(to, self.tasks.pop(at))

    # -- what it amounts to, and what is wrong with it -----------------------------------------------------------------

    @property
    def shape(self) -> Shape | None:
        """The dependencies' shape; while they run in a circle the last good one."""
        return self._shape

    def review(self) -> None:
        """Look at it again after a change: its shape, and what is wrong with it; a new part is spared until it is left."""
        circle = self._find_shape()
        faults = _faults(self.data)
        spared = [] if self._tried else [f"{p}." for p in self._fresh_places()]
        self.errors = {at: why for at, why in faults.items() if not at.startswith(tuple(spared))}
        if circle:
            self.errors.setdefault("plan", circle)

    def leave(self) -> bool:
        """The user goes on to another part: what is new counts like all the rest from now on; whether anything was new."""
        was, self._fresh = bool(self._fresh), []
        return was

    def _fresh_places(self) -> list[str]:
        return [
            f"{name}.{at}"
            for name in ("tasks", "decisions")
            for at, part in enumerate(self.data[name])
            if any(part is fresh for fresh in self._fresh)
        ]

    def wrong(self, error: InvalidInput) -> None:
        """Take note of what saving found wrong; from now on every change is looked at for faults."""
        self._tried = True
        self.errors = dict(error.fields) or {"plan": error.detail}

    def _find_shape(self) -> str | None:
        known = {t["id"] for t in self.tasks}
        needs = {t["id"]: [d for d in t["depends_on"] if d in known] for t in self.tasks}
        try:
            depth = levels(needs)
        except CycleError as error:
            return f"tasks depend on each other in a cycle: {' → '.join(error.args[1])}"
        if not depth:
            return None
        tasks = [PlanTask.model_construct(**(_UNSAID | t | {"depends_on": needs[t["id"]]})) for t in self.tasks]
        plan = Plan.model_construct(**{**self.data, "tasks": tasks})
        chain = critical_path(plan)
        estimates = [t["estimate_minutes"] for t in self.tasks if t["id"] in chain]
        self._shape = Shape(depth, chain, width(plan), sum(e or 0 for e in estimates), estimates.count(None))
        return None

    def error_at(self, path: str) -> str | None:
        """What is wrong at a path (``tasks.2.title``), lines below it included; None: nothing."""
        for where, why in self.errors.items():
            if where == path:
                return plainly(why)
            if where.startswith(path + "."):
                rest = where[len(path) + 1 :]
                return f"Line {int(rest) + 1}: {plainly(why)}" if rest.isdigit() else plainly(why)
        return None

    def task_errors(self, key: str) -> dict[str, str]:
        """What is wrong with a task, by field; faults of the graph stand at the dependencies of those they name."""
        at = next((i for i, t in enumerate(self.tasks) if t["id"] == key), -1)
        found = {name: why for name in PlanTask.model_fields if (why := self.error_at(f"tasks.{at}.{name}"))}
        graph = self.errors.get("plan", "")
        if key in re.findall(r"[A-Za-z0-9][A-Za-z0-9_-]*", graph.partition(":")[2] or graph):
            found.setdefault("depends_on", graph[:1].upper() + graph[1:])
        return found


def estimate(minutes: float) -> str:
    """An estimate in words, never more exact than it is: ``5 min``, ``1 h 20 min``."""
    return duration(minutes * 60) if minutes >= 60 else f"{max(round(minutes), 1)} min"


def _faults(data: Data) -> dict[str, str]:
    try:
        parse_plan(data)
    except InvalidInput as error:
        return dict(error.fields)
    return {}
