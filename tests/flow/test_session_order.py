"""The list of sessions: what needs the user first, then what moved last; every session is found by its words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from maestro.core import queries
from maestro.core.kernel.runtime import Runtime
from maestro.db import models
from maestro.db.types import utcnow
from tests.browser.seeds import seeding

MINUTE = timedelta(minutes=1)


@pytest.fixture
def rt(tmp_path: Path) -> Iterator[Runtime]:
    """A runtime on an empty data folder."""
    with seeding(tmp_path / "data") as opened:
        yield opened


def _seed(rt: Runtime, title: str, minutes_ago: float, **columns: Any) -> models.Session:
    at = utcnow() - minutes_ago * MINUTE
    given = {"repo_path": "/code/shop", "base_commit": "0" * 40, "session_branch": f"maestro/{title}/main"} | columns
    session = models.Session(title=title, created_at=at, updated_at=at, **given)
    with rt.db.write() as tx:
        tx.db.add(session)
    return session


def _add(rt: Runtime, *rows: Any) -> None:
    with rt.db.write() as tx:
        tx.db.add_all(rows)


def _order(rt: Runtime, **wanted: Any) -> list[str]:
    return [s.title for s in queries.list_sessions(rt, order="attention", **wanted)[0]]


def test_what_needs_the_user_comes_first_then_what_moved_last(rt: Runtime) -> None:
    now = utcnow()
    merged = {"target": "main", "method": "merge"}
    _seed(rt, "merged now", 1, status="completed", merge_json=merged)
    _seed(rt, "talked", 2, status="brainstorming")
    worked = _seed(rt, "worked", 90, status="executing")
    moved = models.Task(session_id=worked.id, key="t1", position=0, title="T", completed_at=now)
    asked = _seed(rt, "asked", 300, status="executing")
    question = models.Approval(session_id=asked.id, kind="tool", title="Run it", created_at=now - 200 * MINUTE)
    answered = _seed(rt, "answered", 400, status="executing")
    answer = models.Approval(
        session_id=answered.id, kind="tool", title="Run it", status="allowed", created_at=now - 300 * MINUTE,
        resolved_at=now - 30 * MINUTE,
    )  # fmt: skip
    _seed(rt, "failed", 100, status="failed")
    _seed(rt, "plan", 150, status="plan_review")
    _seed(rt, "finished", 120, status="completed")
    _add(rt, moved, question, answer)
    assert _order(rt) == [
        "failed", "finished", "plan", "asked", "worked", "merged now", "talked", "answered",
    ]  # fmt: skip
    first = queries.list_sessions(rt, q="worked", order="attention")[0][0]
    assert first.active_at == now
    assert [s.title for s in queries.list_sessions(rt)[0]][:2] == ["merged now", "talked"]  # as the API says


def test_one_that_waits_is_on_the_first_page_however_many_there_are(rt: Runtime) -> None:
    waits = _seed(rt, "Old one that waits", 60 * 24 * 90, status="paused")
    _add(rt, models.Approval(session_id=waits.id, kind="tool", title="Run it"))
    rows = [
        models.Session(title=f"s{n}", status="cancelled", repo_path="/r", base_commit="0", session_branch=f"b{n}")
        for n in range(300)
    ]
    _add(rt, *rows)
    assert _order(rt, limit=1) == ["Old one that waits"]


@pytest.mark.parametrize(
    "words",
    ["ÜBERSICHT der", "der übersicht", "100% snake_case", "SHOP übersicht", "straße", "rechnungen", "  übersicht  "],
)
def test_a_session_is_found_by_any_of_its_words(rt: Runtime, words: str) -> None:
    _seed(rt, "Übersicht der STRASSE 100% snake_case", 1, description="Für alle Rechnungen")
    _seed(rt, "100 snakeXcase der", 1, repo_path="/code/other")
    assert [s.title for s in queries.list_sessions(rt, q=words)[0]] == ["Übersicht der STRASSE 100% snake_case"]
    assert queries.list_sessions(rt, q="   ")[1] == 2
