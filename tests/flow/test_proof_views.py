"""What the user sees: the whole evidence of a task in one, and both sides of a conflict."""

from __future__ import annotations

from pathlib import Path

import pytest

from maestro.core import queries
from maestro.errors import NotFound
from tests.landing import bench, plan_of
from tests.repos import make_repo


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", {"README.md": "top\n\nHello\n", "logo.bin": b"\0\1"})


def test_the_evidence_of_a_task_and_of_the_session_is_in_one_place(tmp_path: Path, repo: Path) -> None:
    plan = plan_of({"id": "t1", "files": ["src/**"], "checks": ["test -s one.txt"]}, checks=["true"])
    with bench(tmp_path, repo, plan) as b:
        b.measure_baseline()
        assert b.work({"src/x.py": "x = 1\n"}).status == "running"
        assert b.work({"one.txt": "1\n"}).status == "waiting"
        seen = queries.get_evidence(b.rt, b.id, "t1")
        assert (seen.proven, seen.attempts, seen.diff) == (False, 2, None)
        b.answer("allow")
        assert b.land().status == "completed"
        seen = queries.get_evidence(b.rt, b.id, "t1")
        assert seen.proven
        assert seen.why == "1 check passed on the integrated commit."
        assert [c.passed for c in seen.checks] == [False, True]
        assert [a.kind for a in seen.answers] == ["outside_files"]
        assert seen.diff == {"files": 2, "insertions": 2, "deletions": 0}
        assert seen.runs == 2
        assert b.complete() == "completed"
        whole = queries.get_evidence(b.rt, b.id)
        assert (whole.proven, whole.task_key) == (True, None)
        assert {c.phase for c in whole.checks} == {"baseline", "task", "validation"}


def test_a_conflict_shows_both_sides_to_the_agent_and_to_the_user(tmp_path: Path, repo: Path) -> None:
    first = {"id": "t1", "title": "Greet", "description": "Say from whom.", "checks": ["true"]}
    plan = plan_of(first, {"id": "t2", "checks": ["true"]})
    with bench(tmp_path, repo, plan, max_attempts=2) as b:
        later = b.begin("t2")
        assert b.work({"README.md": "top\n\nfrom t1\n", "logo.bin": "\0a"}).status == "completed"
        (later / "README.md").write_text("top\n\nfrom t2\n")
        (later / "logo.bin").write_bytes(b"\0b")
        b.end("t2")
        told = b.land("t2").prompt or ""
        came_in, _, own = told.partition("## What you changed there")
        assert "## What came in: t1, Greet\nSay from whom." in came_in
        assert "+from t1" in came_in
        assert "+from t2" in own
        b.end("t2")
        task = b.land("t2")
        assert task.status == "failed"
        assert task.result_json == {"conflicts": ["README.md", "logo.bin"]}
        found = queries.get_conflict(b.rt, b.id, "t2")
        text = {f.path: f for f in found.files}["README.md"]
        assert [side.text for side in (text.base, text.ours, text.theirs)] == [
            "top\n\nHello\n",
            "top\n\nfrom t1\n",
            "top\n\nfrom t2\n",
        ]
        assert "<<<<<<<" in (text.merged.text or "")
        assert {f.path: f for f in found.files}["logo.bin"].ours.binary
        # Looking moved nothing.
        assert (later / "README.md").read_text() == "top\n\nfrom t2\n"
        with pytest.raises(NotFound):
            queries.get_conflict(b.rt, b.id, "t1")
