"""What the guards keep of a task: whole after storing, read from older rows, and empty where the row is damaged."""

from __future__ import annotations

import json
import logging
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maestro.db import guard_state, models
from maestro.db.guard_state import GuardState, StopRequest, parse, stored_form
from maestro.db.session import Database

_states = st.builds(
    GuardState,
    stuck_step=st.integers(0, 3),
    left_alone=st.text(max_size=9),
    stop=st.none()
    | st.builds(StopRequest, st.text(max_size=9), st.sampled_from(["resume", "person", "budget"]), st.text(max_size=9)),
    afresh=st.text(max_size=9),
    out_of_time=st.booleans(),
    login_tried=st.booleans(),
    memory_stops=st.integers(0, 3),
    memory_warned=st.text(max_size=9),
)


@given(state=_states)
def test_what_is_stored_is_read_again(state: GuardState) -> None:
    assert parse(json.loads(json.dumps(stored_form(state)))) == state


def test_nothing_is_stored_of_an_empty_state() -> None:
    assert stored_form(GuardState()) == {}


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ({"stuck_step": 2, "left_alone": "next"}, GuardState(stuck_step=2, left_alone="next")),
        ({"afresh": "too long", "out_of_time": True}, GuardState(afresh="too long", out_of_time=True)),
        ({"login_tried": True, "memory_stops": 1}, GuardState(login_tried=True, memory_stops=1)),
        ({"memory_warned": "w"}, GuardState(memory_warned="w")),
        (
            {"stop": {"worker": "w", "then": "budget", "reason": "r", "prompt": "", "measure": "model_calls"}},
            GuardState(stop=StopRequest("w", "budget", "r", "", "model_calls")),
        ),
        (
            {"stop": {"worker": "w", "then": "resume", "reason": "r", "prompt": "On."}},
            GuardState(stop=StopRequest("w", "resume", "r", "On.")),
        ),
    ],
)
def test_rows_of_earlier_versions_are_read(stored: dict[str, Any], read: GuardState) -> None:
    assert parse(stored) == read


@pytest.mark.parametrize(
    "stored",
    [
        None, "x", 7, [], ["stop"], {"stuck_step": "two"}, {"stuck_step": True}, {"stuck_step": 1.5}, {"stuck_step": None},
        {"out_of_time": 1}, {"left_alone": 5}, {"afresh": ["x"]}, {"later": 1}, {"unreadable": "{"}, {"stop": "now"},
        {"stop": {}}, {"stop": {"worker": "w", "then": "dance", "reason": "r"}}, {"stop": {"worker": "w", "then": "resume"}},
        {"stop": {"worker": 1, "then": "resume", "reason": "r"}}, {"stop": {"worker": "w", "then": ["resume"], "reason": "r"}},
        {"stop": {"worker": "w", "then": "resume", "reason": "r", "more": "x"}},
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_empty_and_logged_once(
    stored: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(guard_state, "_logged", set())
    with caplog.at_level(logging.WARNING, guard_state.__name__):
        assert parse(stored) == parse(stored) == GuardState()
    assert (len(caplog.records) == 1) == (stored != {})


def test_what_can_be_read_beside_it_holds() -> None:
    assert parse({"stuck_step": "two", "out_of_time": True}) == GuardState(out_of_time=True)


@pytest.mark.parametrize("damage", ["{", '"x"', "null", "7", '{"stuck_step": {}}', '{"a": NaN}'])
def test_a_damaged_row_is_read_and_can_be_written_again(tmp_path: Path, damage: str) -> None:
    place = tmp_path / "m.db"
    db = Database(f"sqlite:///{place}")
    db.migrate()
    with db.write() as tx:
        session = models.Session(repo_path="/r", base_commit="c", session_branch="b")
        tx.db.add(session)
        tx.db.flush()
        task = models.Task(session_id=session.id, key="t1", position=0, title="T", guard_state=GuardState(stuck_step=2))
        tx.db.add(task)
    with sqlite3.connect(place) as raw:
        assert raw.execute("SELECT care FROM tasks").fetchall() == [('{"stuck_step": 2}',)]
        raw.execute("UPDATE tasks SET care = ?", (damage,))
    raw.close()
    with db.write() as tx:
        row = tx.db.get(models.Task, task.id)
        assert row is not None
        assert row.guard_state == GuardState()
        row.guard_state = GuardState(out_of_time=True)
        tx.db.add(row)
    with db.read() as read:
        row = read.get(models.Task, task.id)
        assert row is not None
        assert row.guard_state == GuardState(out_of_time=True)
    db.close()
