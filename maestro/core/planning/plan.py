"""The plan format (contract, section 4), its checks, and the task graph."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)

from maestro.errors import InvalidInput

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

MAX_TASKS = 200

#: Keys of a task that only some plans have.
OPTIONAL = frozenset({"model", "effort", "agent", "scope_out", "patterns", "requirements"})
_TASK_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")

_NO_NUL = r"^[^\x00]*$"

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000, pattern=_NO_NUL)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255, pattern=_NO_NUL)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")

    @field_validator("*", mode="before")
    @classmethod
    def _no_nul(cls, value: Any) -> Any:
        if isinstance(value, str) and "\0" in value:
            raise ValueError("must not contain NUL characters")
        return value


class PlanDecision(_Part):
    """A choice the plan makes."""

    decision_type: Title
    options: list[Line] = Field(default_factory=list, max_length=20)
    chosen: int = 0
    rationale: str = Field(default="", max_length=8000)


class PlanTask(_Part):
    """One task of a plan."""

    id: str
    title: Title
    description: str = Field(default="", max_length=20_000)
    depends_on: list[str] = Field(default_factory=list)
    files: list[Line] = Field(default_factory=list, max_length=500)
    acceptance: list[Line] = Field(default_factory=list, max_length=100)
    checks: list[Line] = Field(default_factory=list, max_length=50)
    priority: int = Field(default=2, ge=0, le=9)
    estimate_minutes: float | None = Field(default=None, ge=0, le=100_000)
    requires_approval: bool = False
    # What a plan may say besides; it is stored only where it is said, so that a plan's fingerprint stays what it was.
    model: Title | None = None
    effort: Title | None = None
    agent: Title | None = None
    scope_out: list[Line] = Field(default_factory=list, max_length=100)
    patterns: list[Line] = Field(default_factory=list, max_length=100)
    requirements: list[Line] = Field(default_factory=list, max_length=100)

    @model_serializer(mode="wrap")
    def _only_what_is_said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        made: dict[str, Any] = handler(self)
        return {name: value for name, value in made.items() if value or name not in OPTIONAL}

    @field_validator("id")
    @classmethod
    def _plain_id(cls, value: str) -> str:
        if not _TASK_ID.fullmatch(value):
            raise ValueError("must be 1 to 40 letters, digits, - or _, beginning with a letter or digit")
        if value == "main":
            raise ValueError("“main” is the session branch's own name")
        return value

    @field_validator("files")
    @classmethod
    def _inside_repository(cls, value: list[str]) -> list[str]:
        for path in value:
            if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts or path.startswith("~"):
                raise ValueError(f"“{path}” leaves the repository")
            if ".git" in PurePosixPath(path).parts:
                raise ValueError(f"“{path}” is git's own folder")
        return value


class Plan(_Part):
    """A whole plan; construction checks everything the contract asks for."""

    summary: str = Field(default="", max_length=20_000)
    assumptions: list[Line] = Field(default_factory=list)
    risks: list[Line] = Field(default_factory=list)
    decisions: list[PlanDecision] = Field(default_factory=list)
    checks: list[Line] = Field(default_factory=list, max_length=50)
    tasks: list[PlanTask] = Field(min_length=1, max_length=MAX_TASKS)

    @model_validator(mode="after")
    def _is_a_graph(self) -> Plan:
        ids = [task.id for task in self.tasks]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            raise ValueError(f"task ids must be unique: {', '.join(twice)}")
        # Branch names on case-insensitive file systems would collide.
        if len({i.lower() for i in ids}) < len(ids):
            raise ValueError("task ids must differ in more than upper and lower case")
        for task in self.tasks:
            unknown = [d for d in task.depends_on if d not in ids]
            if unknown:
                raise ValueError(f"task {task.id} depends on {', '.join(unknown)}, which the plan does not have")
        try:
            TopologicalSorter({t.id: t.depends_on for t in self.tasks}).prepare()
        except CycleError as error:
            raise ValueError(f"tasks depend on each other in a cycle: {' → '.join(error.args[1])}") from error
        return self


def parse_plan(data: Any) -> Plan:
    """Check data from outside. Raises InvalidInput that names each wrong field (``tasks.0.title``)."""
    try:
        return Plan.model_validate(data)
    except ValidationError as error:
        fields = {
            ".".join(str(p) for p in e["loc"]) or "plan": e["msg"].removeprefix("Value error, ") for e in error.errors()
        }
        raise InvalidInput(
            "The plan is not valid: " + "; ".join(f"{k}: {v}" for k, v in fields.items()), fields
        ) from error


def plan_hash(plan: Plan) -> str:
    """The fingerprint that an approval is bound to (SHA-256 of the canonical JSON)."""
    text = json.dumps(plan.model_dump(mode="json"), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def levels(depends_on: Mapping[str, Iterable[str]]) -> dict[str, int]:
    """How far each task is from the start: 0 for those that wait for nothing. Used to draw the graph."""
    depth: dict[str, int] = {}
    for key in TopologicalSorter({k: list(v) for k, v in depends_on.items()}).static_order():
        depth[key] = max((depth[d] + 1 for d in depends_on.get(key, ())), default=0)
    return depth


def critical_path(plan: Plan, default_minutes: float = 10) -> list[str]:
    """The chain of tasks, first to last, whose estimates add up to the most."""
    tasks = {t.id: t for t in plan.tasks}
    best: dict[str, tuple[float, list[str]]] = {}
    for key in TopologicalSorter({t.id: t.depends_on for t in plan.tasks}).static_order():
        before = max((best[d] for d in tasks[key].depends_on), key=lambda b: b[0], default=(0.0, []))
        estimate = tasks[key].estimate_minutes
        best[key] = (before[0] + (default_minutes if estimate is None else estimate), [*before[1], key])
    return max(best.values(), key=lambda b: b[0])[1]


def width(plan: Plan) -> int:
    """The most tasks that stand side by side at one level of the graph."""
    depth = list(levels({t.id: t.depends_on for t in plan.tasks}).values())
    return max(depth.count(level) for level in depth)


@lru_cache(maxsize=1024)
def _spec(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    """Compiled once: the tasks that wait are compared with those at work at every look."""
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(_anchor(p) for p in patterns)


def overlap(left: list[str], right: list[str], tracked: Iterable[str] = ()) -> bool:
    """Whether two declared file lists may touch the same file.

    Patterns are git's ignore patterns. Two lists overlap when one matches the other's literal paths or
    both match one of the ``tracked`` files. A task that declares nothing overlaps with nothing: the
    integration's rebase is what catches its conflicts.
    """
    if not left or not right:
        return False
    spec_left, spec_right = _spec(tuple(left)), _spec(tuple(right))
    if any(spec_left.match_file(_literal(p)) for p in right) or any(spec_right.match_file(_literal(p)) for p in left):
        return True
    files = tuple(tracked)
    return bool(files) and not _touched(tuple(left), files).isdisjoint(_touched(tuple(right), files))


@lru_cache(maxsize=32)
def _touched(patterns: tuple[str, ...], tracked: tuple[str, ...]) -> frozenset[str]:
    """The tracked files that patterns match: asked again at each look while tasks wait, slow in large repositories."""
    return frozenset(_spec(patterns).match_files(tracked))


def _anchor(pattern: str) -> str:
    return pattern if pattern.startswith("/") else "/" + pattern


def _literal(pattern: str) -> str:
    """A path the pattern stands for: its fixed leading folders, with a name where a wildcard was."""
    return re.sub(r"\*\*|\*|\?|\[[^]]*\]", "x", pattern.rstrip("/"))
