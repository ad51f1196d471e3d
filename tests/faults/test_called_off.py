"""Rolled back, given up, cancelled, deleted: what was called off stays so, and nothing of it goes on unseen."""

from __future__ import annotations

from pathlib import Path

import pytest

from maestro.core import queries
from maestro.core.commands import control
from tests.landing import bench, plan_of
from tests.repos import make_repo, run_git, write_files


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", {"README.md": "Hello\n"})


def test_a_task_that_was_rolled_back_begins_without_what_was_taken_away(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"}, {"id": "t2"}), max_attempts=1) as b:
        assert b.work({"a.txt": "not wanted"}, "t1").status == "completed"
        assert b.work({"b.txt": "b"}, "t2").status == "completed"
        control.rollback(b.rt, b.id, "0")
        worktree = b.begin("t2")
        assert sorted(p.name for p in worktree.iterdir()) == [".git", "README.md"]
        b.end("t2")
        refused = b.land("t2")
        assert refused.status == "failed"
        assert "without changing anything" in (refused.error_message or "")
        kept = next(r for r in queries.list_recovered(b.rt, b.id) if r.label == "branch-t2")
        assert run_git(repo, "ls-tree", "--name-only", kept.commit).split() == ["README.md", "a.txt", "b.txt"]
        # What an agent had begun, and a rollback took away, is kept as well.
        control.rollback(b.rt, b.id, "0")
        write_files(b.begin("t1"), {"half.txt": "half"})
        control.rollback(b.rt, b.id, "0")
        assert not (b.begin("t1") / "half.txt").exists()
        assert any(r.label == "worktree-t1" for r in queries.list_recovered(b.rt, b.id))
