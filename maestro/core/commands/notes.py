"""Saying something to agents at work."""

from __future__ import annotations

import logging

from maestro.agents import factory
from maestro.core.guards import storage
from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import State, allowed_events
from maestro.core.tasks import notes
from maestro.core.views import NoteView
from maestro.db import models
from maestro.db.session import Transaction
from maestro.errors import InvalidInput, NotAllowed

_log = logging.getLogger(__name__)

MOST_CHARS = 20_000

#: Where an agent works, or will: what is said to a task that has not begun stands in its first prompt.
_HEARS = frozenset({"pending", "running", "waiting", "checking", "integrating"})
_AT_WORK = frozenset({"running", "waiting", "checking"})

DEAF = (
    "Its agent is a plain command: it gets its prompt at the start and cannot be told anything while it runs. "
    "Cancel or retry the task to give it other words."
)


def send_note(
    rt: Runtime, session_id: str, text: str, *, task: str | None = None, interrupt: bool = False
) -> list[NoteView]:
    """Say something to the agent of a task (id or key), or to all agents at work; it reads it at its next turn.

    ``interrupt`` calls off what the agent is doing, so that it reads it now. Gives the messages as stored. Raises
    NotFound, InvalidInput naming ``text``, and NotAllowed where nobody can be told anything.
    """
    words = _checked(text)
    with rt.db.write() as tx:
        session = lookup.session_row(tx.db, session_id)
        if session.status not in {State.EXECUTING, State.PAUSED}:
            words_now = session.status.replace("_", " ")
            raise _not_now(session, f"No agent is at work: this session is {words_now}.")
        tasks = _all(tx, session) if task is None else [_one(tx, session, task)]
        rows = [notes.add(tx, session, row, words, interrupt=interrupt) for row in tasks]
        keys = {row.id: row.key for row in tasks}
        views = [NoteView.of(row, keys[row.task_id], "waiting") for row in rows]
    try:
        notes.deliver(rt)
    except OSError as error:  # stored: the supervisor tries again
        storage.health(rt).report(error, session_id)
        _log.exception("a message could not be written to a worker yet")
    rt.wake()
    return views


def _one(tx: Transaction, session: models.Session, task: str) -> models.Task:
    row = lookup.task_row(tx.db, session.id, task)
    if row.status == "failed":
        raise _not_now(session, f"Task {row.key} has failed. Retry it: what you want to say is the hint.")
    if row.status not in _HEARS:
        raise _not_now(session, f"Task {row.key} is {row.status}; no agent is working on it.")
    if not _hears(tx, session, row):
        raise _not_now(session, f"Task {row.key} cannot be told anything. {DEAF}")
    return row


def _all(tx: Transaction, session: models.Session) -> list[models.Task]:
    at_work = [t for t in lookup.tasks_of(tx.db, session.id) if t.status in _AT_WORK and t.attempt]
    if not at_work:
        raise _not_now(session, "No agent is at work now. Name a task: it is told when it begins.")
    hearing = [t for t in at_work if _hears(tx, session, t)]
    if not hearing:
        raise _not_now(session, f"None of the tasks at work can be told anything. {DEAF}")
    return hearing


def _hears(tx: Transaction, session: models.Session, task: models.Task) -> bool:
    return factory.hears(lookup.agent_type(tx.db, session, task.key))


def _checked(text: str) -> str:
    words = text.strip()
    if not words:
        reason = "is empty"
    elif len(words) > MOST_CHARS:
        reason = f"is longer than {MOST_CHARS:,} characters"
    elif "\0" in words:
        reason = "contains a NUL character"
    else:
        return words
    raise InvalidInput(f"The message {reason}.", {"text": reason})


def _not_now(session: models.Session, words: str) -> NotAllowed:
    return NotAllowed(words, state=session.status, allowed=allowed_events(session.status))
