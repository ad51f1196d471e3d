"""No sequence of events leads outside the table, and no move is without its rows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from maestro.core.kernel.session_states import FINAL, TRANSITIONS, State, allowed_events, move
from maestro.db import models
from maestro.db.session import Database
from maestro.errors import NotAllowed

EVENTS = sorted({t.event for t in TRANSITIONS} | {"no_such_event"})


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('db') / 'm.db'}")
    database.migrate()
    yield database
    database.close()


def new_session(db: Database) -> str:
    with db.write() as tx:
        row = models.Session(repo_path="/r", base_commit="c", session_branch="b")
        tx.db.add(row)
        return row.id


def attempt(db: Database, session_id: str, event: str, *, approved: bool) -> NotAllowed | None:
    """Try a move; the refusal, if it was refused."""
    try:
        with db.write() as tx:
            row = tx.db.get(models.Session, session_id)
            assert row is not None
            move(tx, row, event, approved=approved)
    except NotAllowed as refusal:
        return refusal
    return None


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(walk=st.lists(st.tuples(st.sampled_from(EVENTS), st.booleans()), max_size=25))
def test_random_walks_stay_in_the_table_and_leave_a_row_and_an_event_for_each_move(
    db: Database, walk: list[tuple[str, bool]]
) -> None:
    session_id = new_session(db)
    expected = State.IDLE
    moves = []
    for event, approved in walk:
        rule = next((t for t in TRANSITIONS if t.source == expected and t.event == event), None)
        legal = rule is not None and (approved or not rule.needs_approval)
        refusal = attempt(db, session_id, event, approved=approved)
        assert (refusal is None) == legal
        if refusal is not None:
            assert refusal.state == expected
            assert refusal.allowed == allowed_events(expected)
        elif rule is not None:
            moves.append((str(expected), event, str(rule.target)))
            expected = rule.target
    with db.read() as session:
        row = session.get(models.Session, session_id)
        assert row is not None
        assert row.status == expected
        history = session.exec(
            select(models.SessionHistory).where(models.SessionHistory.session_id == session_id)
        ).all()
        assert [(h.from_state, h.event, h.to_state) for h in history] == moves
        journal = session.exec(select(models.EventRow).where(models.EventRow.session_id == session_id)).all()
        told = [(e.payload["from"], e.payload["event"], e.payload["to"]) for e in journal if e.payload]
        assert told == moves


def test_every_state_that_is_not_final_can_be_cancelled_after_a_confirmation() -> None:
    for state in State:
        rules = [t for t in TRANSITIONS if t.source == state and t.event == "cancel"]
        assert bool(rules) == (state not in FINAL)
        assert all(rule.needs_approval for rule in rules)


def test_a_failed_move_changes_nothing_even_when_rows_were_written_before_it(db: Database) -> None:
    session_id = new_session(db)

    def change_and_move() -> None:
        with db.write() as tx:
            row = tx.db.get(models.Session, session_id)
            assert row is not None
            row.title = "changed"
            tx.db.add(row)
            tx.emit("session_updated", session_id, title="changed")
            move(tx, row, "resume")

    with pytest.raises(NotAllowed):
        change_and_move()
    with db.read() as session:
        row = session.get(models.Session, session_id)
        assert row is not None
        assert row.title == ""
        assert session.exec(select(models.EventRow).where(models.EventRow.session_id == session_id)).all() == []
