"""Maestro's own branches are the user's to delete, too: nothing is lost, no attempt is burned, the way back is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from maestro.core.execution import starting
from maestro.core.supervisor import stepping
from maestro.errors import BranchGone
from tests.landing import Bench, bench, plan_of
from tests.repos import commit, make_repo, run_git


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", {"README.md": "Hello\n"})


def delete(repo: Path, branch: str | None) -> None:
    run_git(repo, "update-ref", "-d", f"refs/heads/{branch}")


def restore(b: Bench, error: BranchGone) -> None:
    """As the sentence says."""
    command = error.detail.split("`")[1]
    assert command.startswith(f"git branch {b.session.session_branch} ")
    run_git(b.repo, *command.split()[1:])


def test_a_landing_without_its_session_branch_says_how_it_comes_back_and_costs_no_attempt(
    tmp_path: Path, repo: Path
) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"}, {"id": "t2"})) as b:
        assert b.work({"one": "1\n"}).status == "completed"
        (b.begin("t2") / "two").write_text("2\n")
        b.end("t2")
        delete(repo, b.session.session_branch)
        with pytest.raises(BranchGone) as gone:
            b.land("t2")
        assert not stepping.run_step(b.rt, "land", b.id, b.task("t2").id, lambda: b.land("t2"))
        assert "no longer exists. To restore it: `git branch " in b.logs()
        assert ".. Trying again" not in b.logs()
        restore(b, gone.value)
        done = b.land("t2")
        assert (done.status, done.attempt) == ("completed", 1)
        assert run_git(repo, "show", f"{b.session.session_branch}:one") == "1"


def test_a_start_without_the_session_branch_is_tried_again(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"})) as b:
        delete(repo, b.session.session_branch)
        with b.rt.db.write() as tx:
            task = b.task()
            task.status, task.attempt = "running", 1
            tx.db.merge(task)
        with pytest.raises(BranchGone) as gone:
            starting.start_worker(b.rt, b.task().id, lambda *_: None)
        restore(b, gone.value)
        assert b.work({"one": "1\n"}).status == "completed"


@pytest.mark.parametrize("committed", [True, False])
def test_a_task_whose_branch_was_deleted_lands_with_all_that_was_committed_and_all_that_was_not(
    tmp_path: Path, repo: Path, committed: bool
) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"})) as b:
        worktree = b.begin()
        if committed:
            commit(worktree, {"mine": "by the agent\n"}, message="The agent's own commit")
        (worktree / "left").write_text("over\n")
        b.end()
        delete(repo, b.task().branch)
        assert b.land().status == "completed", b.logs()
        branch = b.session.session_branch
        assert run_git(repo, "show", f"{branch}:left") == "over"
        assert ("The agent's own commit" in run_git(repo, "log", "--format=%s", branch)) == committed
