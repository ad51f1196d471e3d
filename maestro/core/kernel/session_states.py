"""A session's states, the table of moves between them, and the one function that moves a session."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from maestro.db.models import Session, SessionHistory
from maestro.db.session import Transaction
from maestro.db.types import utcnow
from maestro.errors import NotAllowed


class State(StrEnum):
    """Where a session can be."""

    IDLE = "idle"
    BRAINSTORMING = "brainstorming"
    PLANNING = "planning"
    PLAN_REVIEW = "plan_review"
    APPROVED = "approved"
    EXECUTING = "executing"
    PAUSED = "paused"
    VALIDATING = "validating"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


#: States that ``cancel`` does not leave. FAILED can still be retried.
FINAL = frozenset({State.COMPLETED, State.FAILED, State.CANCELLED})


@dataclass(frozen=True, slots=True)
class Transition:
    """One rule. ``needs_approval``: a user must have confirmed it."""

    source: str
    event: str
    target: State
    needs_approval: bool = False


_FLOW = (
    Transition(State.IDLE, "start", State.BRAINSTORMING),
    Transition(State.BRAINSTORMING, "idea_ready", State.PLANNING),
    Transition(State.PLANNING, "plan_ready", State.PLAN_REVIEW),
    Transition(State.PLANNING, "plan_failed", State.BRAINSTORMING),
    Transition(State.PLAN_REVIEW, "approved", State.APPROVED),
    Transition(State.PLAN_REVIEW, "regenerate", State.PLANNING),
    Transition(State.PLAN_REVIEW, "revise", State.BRAINSTORMING),
    Transition(State.APPROVED, "edited", State.PLAN_REVIEW),
    Transition(State.APPROVED, "start_execution", State.EXECUTING),
    Transition(State.EXECUTING, "pause", State.PAUSED),
    Transition(State.PAUSED, "resume", State.EXECUTING),
    Transition(State.EXECUTING, "complete", State.VALIDATING),
    Transition(State.VALIDATING, "pass", State.COMPLETED),
    Transition(State.VALIDATING, "fail", State.EXECUTING),
    Transition(State.VALIDATING, "give_up", State.FAILED),
    Transition(State.EXECUTING, "error", State.FAILED, needs_approval=True),
    Transition(State.FAILED, "retry", State.EXECUTING),
    # A rollback of finished work leaves tasks to do; it starts again only on the user's word.
    Transition(State.COMPLETED, "rollback", State.PAUSED),
    # A review, or the target's news, adds a task to finished work; it ends in COMPLETED with new proof.
    Transition(State.COMPLETED, "follow_up", State.EXECUTING),
)
_CANCEL = tuple(Transition(s, "cancel", State.CANCELLED, needs_approval=True) for s in State if s not in FINAL)

#: The whole table: the architecture document's, and what it left open.
TRANSITIONS = _FLOW + _CANCEL

_BY_STATE_AND_EVENT: dict[tuple[str, str], Transition] = {(t.source, t.event): t for t in TRANSITIONS}


def allowed_events(state: str) -> list[str]:
    """The events that ``state`` answers to."""
    return [t.event for t in TRANSITIONS if t.source == state] or ([] if state in set(State) else ["cancel"])


def move(tx: Transaction, session: Session, event: str, *, approved: bool = False, reason: str | None = None) -> State:
    """Move a session: state, history row and ``state_changed`` event in the caller's transaction.

    ``session`` must belong to ``tx``. Raises NotAllowed, having changed nothing, when the table has no
    such move or the move needs a confirmation that was not given.
    """
    rule = _BY_STATE_AND_EVENT.get((session.status, event))
    if rule is None and event == "cancel" and session.status not in set(State):
        rule = Transition(session.status, "cancel", State.CANCELLED, needs_approval=True)  # no state at all: a way out
    if rule is None:
        raise NotAllowed(
            f"“{event}” is not possible while the session is {str(session.status).replace('_', ' ')}.",
            state=session.status,
            allowed=allowed_events(session.status),
        )
    if rule.needs_approval and not approved:
        raise NotAllowed(
            f"“{event}” needs your confirmation.", state=session.status, allowed=allowed_events(session.status)
        )
    came_from, session.status = str(session.status), rule.target
    session.updated_at = utcnow()
    if rule.target in FINAL:
        session.completed_at = session.updated_at
    tx.db.add(session)
    tx.db.add(
        SessionHistory(session_id=session.id, from_state=came_from, event=event, to_state=rule.target, reason=reason)
    )
    tx.emit(
        "state_changed",
        session.id,
        **{"from": came_from, "to": rule.target.value, "event": event, "reason": reason},
    )
    return rule.target
