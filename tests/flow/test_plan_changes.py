"""The plan is changed while its session is at work: what has not begun as one likes, checks of the rest, by hash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from maestro.core import queries
from maestro.core.commands import control, plan_changes, sessions
from maestro.core.tasks import transitions
from maestro.db import models
from maestro.errors import Conflict, InvalidInput, NotAllowed
from tests.landing import Bench, bench, plan_of
from tests.repos import make_repo

WRONG, RIGHT = "grep -q wrong t1.txt", "grep -q right t1.txt"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", {"README.md": "Hello\n"})


def task(key: str, **more: Any) -> dict[str, Any]:
    return {"id": key, "title": f"Task {key}", "checks": [f"test -s {key}.txt"], **more}


def current(b: Bench) -> dict[str, Any]:
    return queries.get_plan(b.rt, b.id).plan


def change(b: Bench, plan: dict[str, Any]) -> list[str]:
    """Approve a change by the hash of its preview; what it did."""
    seen = plan_changes.preview(b.rt, b.id, plan)
    made = plan_changes.apply(b.rt, b.id, plan, expected_hash=seen.hash, expected_version=seen.version)
    assert made.steps == seen.steps
    return [step.words for step in made.steps]


def test_a_corrected_check_lets_a_stuck_session_complete_and_the_evidence_says_so(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of(task("t1", checks=[WRONG])), max_attempts=1) as b:
        assert b.work({"t1.txt": "right\n"}).status == "failed"
        made = plan_changes.correct_checks(b.rt, b.id, [f" {RIGHT} ", RIGHT], task="t1")
        assert [(s.what, s.words) for s in made.steps] == [("corrected", "Correct the checks of t1")]
        assert (b.task().status, b.task().checks, b.asked()) == ("checking", [RIGHT], [])
        assert b.land().status == "completed"
        assert b.task().attempt == 1
        assert [(r.command, r.passed, r.note) for r in b.evidence()] == [
            (WRONG, False, "Corrected by you: this check is no longer run."),
            (RIGHT, True, None),
        ]
        assert b.complete() == "completed"
        plan = queries.get_plan(b.rt, b.id)
        assert (plan.version, plan.origin, plan.approved_at is not None) == (2, "changed", True)


def test_what_has_not_begun_is_edited_added_removed_and_reordered_and_what_is_in_stays(
    tmp_path: Path, repo: Path
) -> None:
    plan = plan_of(task("t1"), task("t2"), task("t3", depends_on=["t2"]), task("t4", requires_approval=True))
    with bench(tmp_path, repo, plan) as b:
        commit = b.work({"t1.txt": "t1\n"}).result_commit
        wanted = current(b)
        one, _two, three, four = wanted["tasks"]
        wanted["tasks"] = [task("t5", depends_on=["t1"]), one, four | {"title": "Later"}, three | {"depends_on": []}]
        assert change(b, wanted) == [
            "Remove t2: Task t2",
            "Add t5: Task t5",
            "Change t4: title",
            "Change t3: depends on",
        ]
        rows = queries.list_tasks(b.rt, b.id)
        assert [(t.key, t.status, t.title) for t in rows] == [
            ("t5", "pending", "Task t5"),
            ("t1", "completed", "Task t1"),
            ("t4", "pending", "Later"),
            ("t3", "pending", "Task t3"),
        ]
        assert b.task("t1").result_commit == commit
        wanted["tasks"].reverse()
        assert change(b, wanted) == ["Another order"]
        assert [t.key for t in queries.list_tasks(b.rt, b.id)] == ["t3", "t4", "t1", "t5"]
        assert change(b, wanted) == []
        assert queries.get_plan(b.rt, b.id).version == 3
        for key in ("t3", "t4", "t5"):
            b.work({f"{key}.txt": f"{key}\n"}, key)
        assert b.complete() == "completed"


def test_only_the_change_that_was_reviewed_is_carried_out(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of(task("t1"), task("t2"))) as b:
        first, second = current(b), current(b)
        first["tasks"][1]["title"], second["tasks"][1]["title"] = "One", "Other"
        seen = plan_changes.preview(b.rt, b.id, first)
        assert b.task("t2").title == "Task t2"
        with pytest.raises(Conflict, match="not the change that you reviewed"):
            plan_changes.apply(b.rt, b.id, second, expected_hash=seen.hash)
        plan_changes.apply(b.rt, b.id, first, expected_hash=seen.hash, expected_version=1)
        with pytest.raises(Conflict, match="version 2 is current"):
            plan_changes.preview(b.rt, b.id, second, expected_version=1)
        b.begin("t2")  # between the look and the approval
        seen = plan_changes.preview(b.rt, b.id, first)
        with pytest.raises(InvalidInput) as caught:
            change(b, second)
        assert caught.value.fields == {
            "tasks.1.title": "t2 has begun; only its checks, model, effort and agent can change"
        }
        with pytest.raises(InvalidInput, match="t2 has begun and cannot be removed"):
            change(b, first | {"tasks": first["tasks"][:1]})
        with pytest.raises(InvalidInput):
            change(b, first | {"tasks": [*first["tasks"], task("t3", depends_on=["t9"])]})
        b.work({"t1.txt": "t1\n"})
        with pytest.raises(InvalidInput, match="t1 is completed and stays as it is"):
            plan_changes.correct_checks(b.rt, b.id, ["true"], task="t1")
        with pytest.raises(InvalidInput, match="is empty"):
            plan_changes.correct_checks(b.rt, b.id, [" "], task="t2")
        control.cancel(b.rt, b.id)
        with pytest.raises(NotAllowed):
            change(b, first)


def test_a_task_that_is_asked_about_is_asked_about_as_it_is_now(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of(task("t1", requires_approval=True))) as b:
        with b.rt.db.write() as tx:
            row, session = tx.db.get(models.Task, b.task().id), tx.db.get(models.Session, b.id)
            assert row is not None
            assert session is not None
            transitions.ask_before_start(tx, session, row)
        assert b.asked("task_start")
        wanted = current(b)
        wanted["tasks"][0]["description"] = "Something else"
        change(b, wanted)
        assert (b.asked(), b.task().status) == ([], "pending")


def test_an_agent_at_work_hears_of_corrected_checks(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of(task("t1", checks=[WRONG]))) as b:
        b.begin()
        plan_changes.correct_checks(b.rt, b.id, [RIGHT], task="t1")
        (note,) = queries.list_notes(b.rt, b.id)
        assert RIGHT in note.text


def test_a_corrected_check_of_the_whole_needs_no_repair(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of(task("t1"), checks=[WRONG])) as b:
        b.work({"t1.txt": "right\n"})
        assert b.complete() == "executing"
        assert b.task("repair-1").status == "pending"
        plan_changes.correct_checks(b.rt, b.id, [RIGHT])
        assert [t.key for t in queries.list_tasks(b.rt, b.id)] == ["t1"]
        assert b.complete() == "completed"
        assert [(r.command, r.note is not None) for r in b.evidence("validation")] == [(WRONG, True), (RIGHT, False)]


def test_killed_after_the_approval_the_change_holds(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with bench(tmp_path, repo, plan_of(task("t1", checks=[WRONG]))) as b:
        worktree = b.begin()
        (worktree / "t1.txt").write_text("right\n")
        b.end()
        with monkeypatch.context() as patch:
            patch.setattr(plan_changes, "cancel_work", killed)
            with pytest.raises(Killed):
                plan_changes.correct_checks(b.rt, b.id, [RIGHT], task="t1")
        b.reopen()
        assert b.land().status == "completed"
        with monkeypatch.context() as patch:  # in the middle: nothing of it holds
            patch.setattr(plan_changes, "_recheck", killed)
            with pytest.raises(Killed):
                plan_changes.correct_checks(b.rt, b.id, [WRONG])
        b.reopen()
        assert (queries.get_plan(b.rt, b.id).version, current(b)["checks"]) == (2, [])


def test_a_deleted_session_takes_its_changes_along(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of(task("t1"), task("t2"))) as b:
        b.begin("t1")
        plan_changes.correct_checks(b.rt, b.id, ["true"], task="t1")
        control.cancel(b.rt, b.id)
        sessions.delete_session(b.rt, b.id)
        with b.rt.db.read() as db:
            assert db.get(models.Session, b.id) is None
