"""A task's states, the table of moves between them, and the one function that moves a task.

The verbs that go with the moves, with what else each writes, are in ``tasks.transitions``; only what stands below that
(``core.approvals``) moves a task here.

A step that keeps failing has a named end: a run that fails or is cut short too often ends in FAILED, a start or a landing
that fails for a reason that nobody foresaw (``supervisor.stepping``) in WAITING. Both are there only with a question to the
user, and nothing but its answer, or the end of the session, leads on.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from maestro.db.models import Task
from maestro.db.session import Transaction

_log = logging.getLogger(__name__)


class TaskStatus(StrEnum):
    """Where a task can be."""

    #: It has not begun: a dependency, a free slot, or the user's yes to its start is missing.
    PENDING = "pending"
    #: An agent works on it, or is about to.
    RUNNING = "running"
    #: The user is asked about it: nothing happens before the answer.
    WAITING = "waiting"
    #: The agent is done; Maestro examines what it left and runs the checks.
    CHECKING = "checking"
    #: The checks have passed; its commits go onto the session branch, one task at a time.
    INTEGRATING = "integrating"
    #: Its commits are on the session branch, with a checkpoint.
    COMPLETED = "completed"
    #: It could not be done, and the user is asked: again, or not.
    FAILED = "failed"
    #: The user goes on without it; what depends on it may start.
    SKIPPED = "skipped"
    #: Its session was cancelled before it was done.
    CANCELLED = "cancelled"


#: What can happen to a task.
Event = Literal[
    "start", "ask_first", "release", "ask", "resume", "send_back", "check", "integrate", "complete", "fail", "retry",
    "skip", "cancel", "reset", "restore",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Transition:
    """One rule: ``event`` takes a task from any of ``sources`` to ``target``.

    ``from_unknown``: also from a state that is none (a damaged row, or one of another version), as a way out.
    """

    event: Event
    sources: frozenset[TaskStatus]
    target: TaskStatus
    from_unknown: bool = False


_S = TaskStatus
_AGENT = frozenset({_S.RUNNING, _S.WAITING})
#: The agent is done, and what it left is on its way to the session branch.
LANDING = frozenset({_S.CHECKING, _S.INTEGRATING})
_UNDER_WAY = _AGENT | LANDING
_ANY = frozenset(_S)

#: The whole table.
TRANSITIONS = (
    # Its dependencies are in and a slot is free: it begins, or the plan wants the user's yes first.
    Transition("start", frozenset({_S.PENDING}), _S.RUNNING),
    Transition("ask_first", frozenset({_S.PENDING}), _S.WAITING),
    # The yes is there, or its question went with the session's failure.
    Transition("release", frozenset({_S.WAITING}), _S.PENDING),
    # Only the user can say how it goes on.
    Transition("ask", _UNDER_WAY, _S.WAITING),
    # It is answered, or goes on after an interruption: the agent works on, which is no new attempt.
    Transition("resume", _UNDER_WAY, _S.RUNNING),
    # The run or the checks failed: the agent's next attempt.
    Transition("send_back", _UNDER_WAY, _S.RUNNING),
    Transition("check", _AGENT, _S.CHECKING),
    Transition("integrate", LANDING, _S.INTEGRATING),
    # From CHECKING where an earlier landing, cut short, had moved the branch already.
    Transition("complete", LANDING, _S.COMPLETED),
    Transition("fail", _UNDER_WAY, _S.FAILED),
    Transition("retry", frozenset({_S.FAILED}), _S.RUNNING),
    Transition("skip", frozenset({_S.PENDING, _S.WAITING, _S.FAILED}), _S.SKIPPED, from_unknown=True),
    # With its session; what has ended keeps how.
    Transition("cancel", frozenset({_S.PENDING}) | _UNDER_WAY, _S.CANCELLED, from_unknown=True),
    # A rollback of the session branch: what it took away, and what was not done, begins anew. That of a session that was
    # cancelled meanwhile cancels it again in the same transaction.
    Transition("reset", _ANY, _S.PENDING, from_unknown=True),
    # What a rollback took away is back, whatever became of the task since.
    Transition("restore", _ANY, _S.COMPLETED, from_unknown=True),
)

_BY_EVENT: dict[str, Transition] = {t.event: t for t in TRANSITIONS}


class IllegalMove(RuntimeError):
    """A move that the table does not have: a fault of Maestro's own."""


#: Whether a breach of the table raises, as in tests. Else it is logged, and the move is made: work is not lost to it.
strict = False


def may(status: str, event: Event) -> bool:
    """Whether the table lets ``event`` happen to a task in ``status``."""
    rule = _BY_EVENT[event]
    return status in rule.sources or (rule.from_unknown and status not in _ANY)


def move(tx: Transaction, task: Task, event: Event, **columns: Any) -> None:
    """Move a task, and give other columns of it new values, in the caller's transaction. ``task`` must belong to ``tx``.

    Raises IllegalMove where ``strict``, having changed nothing, when the table has no such move.
    """
    if not may(task.status, event):
        words = f"“{event}” is not possible while task {task.key} ({task.id}) is {task.status}."
        if strict:
            raise IllegalMove(words)
        _log.error("%s Done all the same.", words)
    task.status = _BY_EVENT[event].target.value
    for name, value in columns.items():
        setattr(task, name, value)
    tx.db.add(task)
