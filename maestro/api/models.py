"""Bodies and answers of the REST API that are not views of the core."""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

T = TypeVar("T")

_NO_NUL = r"^[^\x00]*$"
_MAX_INT = 2**63 - 1  # what the database can hold

Text = Annotated[str, StringConstraints(max_length=200_000, pattern=_NO_NUL)]
Short = Annotated[str, StringConstraints(max_length=500, pattern=_NO_NUL)]
RowId = Annotated[int, Field(ge=0, le=_MAX_INT)]
Number = Annotated[int, Field(strict=True, ge=0, le=_MAX_INT)]  # true is none
Limit = Annotated[int, Query(ge=0, le=500, description="Maximum number of items.")]
Offset = Annotated[int, Query(ge=0, le=_MAX_INT, description="Number of items to skip.")]
Search = Annotated[Short | None, Query(description="Words to search for.")]


class Listing(BaseModel, Generic[T]):
    """A part of a list, and how long the whole is."""

    items: list[T]
    total: int


def page_of(items: list[T], limit: int, offset: int) -> Listing[T]:
    """A part of a list that is at hand as a whole."""
    return Listing(items=items[offset : offset + limit], total=len(items))


JsonObject = dict[str, Any]


class Body(BaseModel):
    """A request body; members it does not know are mistakes."""

    model_config = ConfigDict(extra="forbid")


class NewMessage(Body):
    """``POST /sessions/{id}/messages``."""

    content: Annotated[str, StringConstraints(min_length=1, max_length=200_000, pattern=_NO_NUL)]


class ChosenOption(Body):
    """``POST /sessions/{id}/messages/{message_id}/answer``."""

    option: Annotated[int, Field(strict=True, ge=0, lt=100)]


class OfferedModel(BaseModel):
    """One of ``GET /models``."""

    id: str
    name: str
    effort: bool


class Feedback(Body):
    """``POST /sessions/{id}/plan/regenerate``."""

    feedback: Text | None = None
    tasks: list[Short] | None = Field(None, max_length=200, description="Only these tasks may change; new ones come.")
    comments: bool = Field(True, description="Whether the open comments go with it.")


class PlanComment(Body):
    """``POST /sessions/{id}/plan/comments``. ``task``: its id in the plan; without, the comment is on the plan."""

    text: Text
    task: Short | None = None


class Gap(Body):
    """``POST /sessions/{id}/plan/gaps``: a requirement's id, or the words of a goal."""

    requirement: Text


class PlanFile(Body):
    """``PUT /sessions/{id}/plan/markdown``."""

    markdown: str = Field(max_length=2_000_000)


class Approve(Body):
    """``POST /sessions/{id}/plan/approve``. ``hash``: refuse when the plan is another one by now."""

    start: bool = True
    hash: Short | None = None


class Reason(Body):
    """``POST /sessions/{id}/cancel`` and ``/fail``."""

    reason: Text | None = None


class Retry(Body):
    """``POST /sessions/{id}/retry``: one task (id or key) or all that failed; ``hint`` is told to the agent."""

    task: Short | None = None
    hint: Text | None = None
    fresh: bool = Field(False, description="In new conversations, with a summary of what was tried.")


class TaskRetry(Body):
    """``POST /sessions/{id}/tasks/{task}/retry``; ``model``, ``effort`` and ``agent`` hold for the task from then on."""

    hint: Text | None = None
    fresh: bool = Field(False, description="In a new conversation, with a summary of what was tried.")
    model: Short | None = None
    effort: Short | None = None
    agent: Short | None = None


class ChangedPlan(Body):
    """``POST /sessions/{id}/plan/change``: a whole plan; with the ``hash`` of its preview it is approved and carried out."""

    plan: JsonObject
    version: RowId | None = Field(None, description="The version that you changed; refused when another has come.")
    hash: Short | None = None


class Checks(Body):
    """``PUT /sessions/{id}/tasks/{task}/checks`` and ``PUT …/plan/checks``."""

    checks: list[Text]


class Say(Body):
    """``POST /sessions/{id}/notes``: words to the agent of one task (id or key), or to all at work."""

    text: Text
    task: Short | None = None
    interrupt: bool = Field(False, description="Call off what the agent is doing, so that it reads this now.")


class Rollback(Body):
    """``POST /sessions/{id}/rollback``: a checkpoint's id or number."""

    checkpoint: Short | Number


class Restore(Body):
    """``POST /sessions/{id}/restore``: a ref that ``GET …/recovered`` names as restorable."""

    ref: Short


class Branch(BaseModel):
    """A branch that was made."""

    branch: str


MergeMethod = Literal["merge", "squash", "ff"]


class Merge(Body):
    """``POST /sessions/{id}/merge``."""

    target: Short | None = None
    method: MergeMethod = "merge"


class Answer(Body):
    """``POST /approvals/{id}``."""

    decision: Literal[
        "allow", "allow_session", "allow_fresh", "allow_setup", "allow_sandboxed", "allow_network", "deny"
    ]
    message: Text | None = None
    command: Text | None = Field(
        None, description="The corrected check, if the question is about a check that could not run."
    )


class SeriesView(BaseModel):
    """One metric of one worker, or the session's own (``worker_id`` null). ``points``: [time, value] pairs."""

    name: str
    unit: str
    worker_id: str | None
    worker_name: str | None
    points: list[tuple[str, float]]


class Health(BaseModel):
    """Whether Maestro is well. Everything after ``instance_id`` only for who is signed in."""

    status: Literal["ok"] = "ok"
    version: str
    instance_id: str
    assistant: str | None = None
    data_dir: str | None = None
    pid: int | None = None
    uptime_s: float | None = None
    live_workers: int | None = None
    storage_problem: str | None = None  # why all work stands still now, and what to do


class Problem(BaseModel):
    """An RFC 9457 problem document."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    state: str | None = None
    allowed: list[str] | None = None
    fields: dict[str, str] | None = None
