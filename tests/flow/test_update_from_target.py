"""The target branch has moved: its news come into the session branch, by themselves or with an agent's help."""

from __future__ import annotations

from pathlib import Path

import pytest

from maestro.core import queries
from maestro.core.commands import control, delivery, updates
from maestro.core.integration import updates as parts
from maestro.core.tasks import transitions
from maestro.db import models
from maestro.db.after import BranchUpdate
from maestro.errors import Conflict, InvalidInput, NotAllowed
from maestro.worktrees import commits
from tests.engine import engine
from tests.landing import Bench, bench
from tests.repos import commit, make_repo, run_git
from tests.scripted import bash, say, scenario, task_rule, write

ADD = "def add(a, b):\n    return a + b\n"
CHECK = 'python3 -c "import calc; assert calc.add(2, 3) == 5"'
FILES: dict[str, str | bytes] = {
    "calc.py": "def add(a, b):\n    pass\n",
    ".gitignore": "__pycache__/\n",
    "VERSION": "1\n",
}
PLAN = {"checks": [CHECK], "tasks": [{"id": "t1", "title": "Adding"}]}
THEIRS = "def add(a, b):\n    pass\n\n\ndef sub(a, b):\n    return a - b\n"
BOTH = THEIRS.replace("pass", "return a + b")


def finished(b: Bench) -> str:
    """A session whose only task is in and proven; its commit."""
    b.work({"calc.py": ADD})
    assert b.complete() == "completed"
    return str(b.session.session_commit)


def begin(b: Bench, key: str = "update-1") -> bool:
    """The supervisor starts the update; whether it goes on to its checks without an agent."""
    with b.rt.db.write() as tx:
        row = tx.db.get(models.Task, b.task(key).id)
        session = tx.db.get(models.Session, b.id)
        assert row is not None
        assert session is not None
        if row.status == "pending":
            transitions.start(tx, session, row)
    return parts.prepare(b.rt, b.task(key).id)


def parents(b: Bench) -> tuple[str, ...]:
    return commits.read_commit(b.repo, str(b.session.session_commit)).parents


def test_a_target_without_conflicts_lands_by_itself_proven_and_can_be_rolled_back_and_restored(tmp_path: Path) -> None:
    with bench(tmp_path, make_repo(tmp_path / "repo", FILES), PLAN) as b:
        base, tip = b.session.base_commit, finished(b)
        with pytest.raises(Conflict, match="already holds everything on main"):
            updates.update_from_target(b.rt, b.id)
        with pytest.raises(InvalidInput):
            updates.update_from_target(b.rt, b.id, "--all")
        moved = commit(b.repo, {"news.txt": "New\n", "VERSION": "2\n"}, "News")
        updates.update_from_target(b.rt, b.id)
        with pytest.raises(NotAllowed):
            updates.update_from_target(b.rt, b.id)
        assert begin(b)
        assert b.session.base_commit == moved
        assert [f.path for f in queries.get_diff(b.rt, b.id).files] == ["calc.py"]  # also while it is under way
        b.reopen()  # a kill before its checks
        b.measure_baseline()
        assert b.land("update-1").status == "completed", b.logs()
        assert parents(b) == (tip, moved)
        assert [r.passed for r in b.evidence("task") if r.task_id == b.task("update-1").id] == [True]
        assert [f.path for f in queries.get_diff(b.rt, b.id).files] == ["calc.py"]
        assert {f.path for f in queries.get_diff(b.rt, b.id, task="update-1").files} == {"news.txt", "VERSION"}
        assert b.complete() == "completed"
        control.rollback(b.rt, b.id, "1")
        assert (b.session.session_commit, b.session.base_commit, b.session.status) == (tip, base, "paused")
        kept = next(r.ref for r in queries.list_recovered(b.rt, b.id) if r.restorable)
        control.restore(b.rt, b.id, kept)
        assert (parents(b), b.session.base_commit) == ((tip, moved), moved)
        control.resume(b.rt, b.id)
        assert b.complete() == "completed"
        assert delivery.merge(b.rt, b.id, method="ff").merged
        assert ((b.repo / "VERSION").read_text(), (b.repo / "calc.py").read_text()) == ("2\n", ADD)


def test_checks_that_fail_after_a_clean_merge_go_to_an_agent_and_a_skip_gives_the_base_back(tmp_path: Path) -> None:
    both = f'{CHECK} && python3 -c "import limits; assert limits.MOST == 5"'
    plan = {"checks": [both], "tasks": [{"id": "t1", "title": "Adding", "checks": [CHECK]}]}
    with bench(tmp_path, make_repo(tmp_path / "repo", FILES | {"limits.py": "MOST = 5\n"}), plan) as b:
        base, tip = b.session.base_commit, finished(b)
        commit(b.repo, {"limits.py": "TOP = 5\n"}, "A better name")
        updates.update_from_target(b.rt, b.id)
        assert begin(b)
        sent_back = b.land("update-1")
        assert (sent_back.status, sent_back.attempt) == ("running", 2), b.logs()
        assert "What came in from main" in sent_back.description
        assert "A better name" in sent_back.description
        assert not begin(b)  # an agent is needed now
        b.work({"limits.py": "TOP = MOST = 5\n"}, "update-1")
        assert b.task("update-1").status == "completed", b.logs()
        assert parents(b)[0] == tip
        assert b.complete() == "completed"

        last = b.session.session_commit
        moved = b.session.base_commit
        commit(b.repo, {"limits.py": "TOP = 6\n"}, "More")
        updates.update_from_target(b.rt, b.id)
        assert not begin(b, "update-2")  # the same line: a conflict
        assert b.session.base_commit != moved
        with b.rt.db.write() as tx:
            row = tx.db.get_one(models.Task, b.task("update-2").id)
            transitions.task_failed(tx, tx.db.get_one(models.Session, b.id), row, "It could not be done.")
        control.skip_task(b.rt, b.id, "update-2")
        assert (b.session.base_commit, b.session.session_commit) == (moved, last)
        assert base != moved
        assert b.complete() == "completed"


def test_markers_that_are_left_and_changes_of_the_target_that_are_taken_back_are_sent_back(tmp_path: Path) -> None:
    with bench(tmp_path, make_repo(tmp_path / "repo", FILES), PLAN) as b:
        tip = finished(b)
        moved = commit(b.repo, {"calc.py": "def add(first, second):\n    pass\n", "VERSION": "2\n"}, "Names")
        updates.update_from_target(b.rt, b.id)
        assert not begin(b)
        task = b.task("update-1")
        for part in ("Conflict in calc.py", "-    pass", "+    return a + b", "+def add(first, second):", "t1: Adding"):
            assert part in task.description
        assert b.work({"README.md": "Nothing resolved.\n"}, "update-1").status == "running"
        assert "Conflict markers are left in calc.py" in b.logs()
        assert b.work({"calc.py": ADD, "VERSION": "1\n"}, "update-1").status == "running"
        assert "Changes of main are missing in VERSION" in b.logs()
        resolved = "def add(first, second):\n    return first + second\n"
        assert b.work({"calc.py": resolved, "VERSION": "2\n"}, "update-1").status == "completed", b.logs()
        assert parents(b) == (tip, moved)
        assert "<<<<<<<" not in run_git(b.repo, "log", "-p", f"{tip}..{b.session.session_commit}")


def test_a_test_that_the_target_removed_is_not_missed_and_one_that_the_session_loses_is(tmp_path: Path) -> None:
    tests = "import unittest\n\n\nclass T(unittest.TestCase):\n" + "".join(
        f"    def test_{name}(self):\n        pass\n\n" for name in ("old", "kept")
    )
    plan = {"checks": ["python3 -m unittest -v test_calc"], "tasks": [{"id": "t1", "title": "Adding"}]}
    with bench(tmp_path, make_repo(tmp_path / "repo", FILES | {"test_calc.py": tests}), plan) as b:
        b.measure_baseline()
        finished(b)
        commit(b.repo, {"test_calc.py": tests.replace("test_old", "helper_old")}, "No old test")
        updates.update_from_target(b.rt, b.id)
        assert begin(b)
        b.measure_baseline()
        assert b.land("update-1").status == "completed", b.logs()
        assert b.complete() == "completed"
        commit(b.repo, {"news.txt": "New\n"}, "News")
        updates.update_from_target(b.rt, b.id)
        assert begin(b, "update-2")
        b.measure_baseline()
        gone = tests.replace("test_old", "helper_old").replace("test_kept", "helper_kept")
        b.work({"test_calc.py": gone}, "update-2")
        assert b.task("update-2").status != "completed"


def test_a_file_that_one_side_deleted_is_decided_by_an_agent_and_told(tmp_path: Path) -> None:
    with bench(
        tmp_path, make_repo(tmp_path / "repo", FILES | {"old.py": "a = 1\n", "my file.bin": b"\0\1"}), PLAN
    ) as b:
        b.work({"calc.py": ADD, "old.py": "a = 2\n", "my file.bin": "\0\2"})
        assert b.complete() == "completed"
        (b.repo / "old.py").unlink()
        moved = commit(b.repo, {"my file.bin": b"\0\3"}, "No old module")
        updates.update_from_target(b.rt, b.id)
        assert not begin(b)
        assert b.task("update-1").description.count("git left no markers in it") == 2
        assert b.work({"old.py": None}, "update-1").status == "completed", b.logs()
        said = "Conflicts resolved by keeping one side: the session's version of my file.bin; main's version of old.py."
        assert said in b.logs()
        assert parents(b)[1] == moved


def test_a_kill_between_the_merge_commit_and_the_branch_is_finished(tmp_path: Path) -> None:
    with bench(tmp_path, make_repo(tmp_path / "repo", FILES), PLAN) as b:
        tip = finished(b)
        moved = commit(b.repo, {"VERSION": "2\n"}, "News")
        updates.update_from_target(b.rt, b.id)
        assert begin(b)
        from maestro.core.workspaces.preparing import prepare_worktree

        worktree = prepare_worktree(b.rt, b.session, b.task("update-1"))
        with b.rt.db.read() as db:
            update = db.get_one(BranchUpdate, b.task("update-1").id)
        parts.seal(worktree, tip, update, "Update", {"Maestro-Session": b.id, "Maestro-Task": "update-1"})
        b.reopen()
        assert b.land("update-1").status == "completed", b.logs()
        assert parents(b) == (tip, moved)


def test_an_update_with_a_conflict_is_resolved_by_an_agent_and_completes(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", FILES)
    script = scenario(
        task_rule("# Task t1", bash("cat calc.py"), write("calc.py", ADD), say("Done.")),
        task_rule("# Task update-1", bash("cat calc.py"), write("calc.py", BOTH), say("Both are kept.")),
    )
    with engine(tmp_path, script, standbys=1) as e:
        session = e.run(repo, {"summary": "Test", **PLAN})
        e.until("state_changed", to="completed")
        commit(repo, {"calc.py": THEIRS.replace("pass", "raise NotImplementedError")}, "Subtract")
        assert queries.get_session(e.rt, session.id).status == "completed"
        assert delivery.preview_merge(e.rt, session.id).conflicts == ["calc.py"]
        updates.update_from_target(e.rt, session.id)
        e.until("state_changed", to="completed")
        assert "Conflict in calc.py" in e.task(session.id, "update-1").description
        assert delivery.preview_merge(e.rt, session.id).blockers == []
        assert delivery.merge(e.rt, session.id).merged
        assert (repo / "calc.py").read_text() == BOTH
