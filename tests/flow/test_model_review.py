"""Review by another model: its findings are evidence, what blocks goes back once, and it decides nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from maestro.core import queries
from maestro.db import models
from tests.engine import engine
from tests.repos import make_repo
from tests.scripted import call, error, say, scenario, task_rule, write

PLAN: dict[str, Any] = {
    "summary": "",
    "tasks": [{"id": "t1", "title": "Task t1", "acceptance": ["It greets"], "checks": ["test -s t1.txt"]}],
}
REVIEWER = {"has_tool": "submit_review"}
BLOCKS = {"severity": "blocking", "file": "t1.txt", "line": 1, "text": "It says hello to nobody."}
NOTE = {"severity": "note", "text": "A shorter name would do."}
WORKS = task_rule(
    "# Task t1:", write("t1.txt", "hello\n"), say("Done."), write("t1.txt", "hello you\n"), say("Mended.")
)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", {"README.md": "Hello\n"})


def test_what_blocks_goes_back_once_and_the_findings_are_evidence(tmp_path: Path, repo: Path) -> None:
    found = {
        "match": REVIEWER,
        "steps": [[call("read_file", path="t1.txt")], [call("submit_review", findings=[BLOCKS, NOTE])]],
    }
    with engine(tmp_path, scenario(found, WORKS)) as e:
        session = e.run(repo, PLAN, review_model="claude-reviewer-1", max_attempts=1)
        e.until("state_changed", to="completed")
        reviews = [r for r in queries.list_evidence(e.rt, session.id) if r.phase == "review"]
        assert [(r.command, r.passed, r.note) for r in reviews] == [
            ("Review by claude-reviewer-1", False, "2 findings, 1 blocking.")
        ] * 2
        assert "blocking: t1.txt:1: It says hello to nobody." in reviews[0].output
        task = e.task(session.id, "t1")
        assert (task.attempt, task.status) == (1, "completed")
        assert "+hello you" in queries.get_diff(e.rt, session.id).text
        with e.rt.db.read() as db:
            row = db.get(models.Session, session.id)
        assert row is not None
        assert row.output_tokens > 0  # what the reviewer used is counted


def test_a_reviewer_that_cannot_be_asked_lets_the_work_land_and_says_so(tmp_path: Path, repo: Path) -> None:
    gone = {"match": REVIEWER, "reply": error(404, "not_found_error", "no such model")}
    with engine(tmp_path, scenario(gone, WORKS)) as e:
        session = e.run(repo, PLAN, review_model="claude-none-1")
        e.until("state_changed", to="completed")
        (review,) = [r for r in queries.list_evidence(e.rt, session.id) if r.phase == "review"]
        assert (review.passed, review.could_not_run) == (False, True)
        assert "without a review" in str(review.note)
