"""Rollbacks that something gets in the way of: finished, or called off with nothing moved, and never silently."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from maestro.core.commands import control
from maestro.core.integration import rollback_rows, rollbacks
from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime
from maestro.core.supervisor import recovery
from maestro.core.supervisor.loop import Supervisor
from maestro.core.tasks import transitions
from maestro.core.workspaces import cleanup
from maestro.errors import Conflict, NotAllowed, Unavailable
from tests.app_process import wait_for
from tests.landing import Bench, bench, plan_of
from tests.repos import make_repo, run_git, write_files


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", {"README.md": "Hello\n"})


@pytest.fixture
def two(tmp_path: Path, repo: Path) -> Iterator[Bench]:
    """Two tasks whose work is in."""
    with bench(tmp_path, repo, plan_of({"id": "t1"}, {"id": "t2"})) as made:
        assert made.work({"a.txt": "a"}, "t1").status == "completed"
        assert made.work({"b.txt": "b"}, "t2").status == "completed"
        yield made


def held(b: Bench) -> bool:
    with b.rt.db.read() as db:
        return lookup.rollback_in_progress(db, b.id)


def tasks(b: Bench) -> list[str]:
    return [b.task(key).status for key in ("t1", "t2")]


def test_a_rollback_that_was_cut_short_after_the_branch_moved_is_never_called_off(
    two: Bench, tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    def in_the_way(*_: object) -> None:
        raise Conflict("A folder lies there.")

    with monkeypatch.context() as patched:
        patched.setattr(rollback_rows, "rewind", killed)
        with pytest.raises(Killed):
            control.rollback(two.rt, two.id, "1")
    shutil.move(repo, tmp_path / "unmounted")
    two.reopen()
    recovery.before_serving(two.rt)
    shutil.move(tmp_path / "unmounted", repo)
    with monkeypatch.context() as patched:
        patched.setattr(cleanup, "remove_worktrees", in_the_way)
        two.reopen()
        recovery.before_serving(two.rt)
        assert "could not be finished: A folder lies there. The rollback is partly done." in two.logs()
        with pytest.raises(Unavailable, match="partly done"):
            control.rollback(two.rt, two.id, "0")
    Supervisor(two.rt)._complete(two.id)  # a look that had seen all tasks in goes on here
    assert (two.session.status, held(two), tasks(two)) == ("executing", True, ["completed", "completed"])
    control.rollback(two.rt, two.id, "1")
    assert (two.session.status, held(two), tasks(two)) == ("executing", False, ["completed", "pending"])
    assert two.logs().count("Rolled back to checkpoint") == 1
    assert run_git(repo, "rev-parse", two.session.session_branch) == two.session.session_commit


def test_a_session_that_is_cancelled_during_its_rollback_keeps_its_branch(
    two: Bench, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.begin("t2")
    tip, still = run_git(repo, "rev-parse", two.session.session_branch), rollbacks.stop_all_work

    def cancelled_meanwhile(rt: Runtime, session_id: str) -> None:
        still(rt, session_id)
        monkeypatch.setattr(rollbacks, "stop_all_work", still)
        control.cancel(rt, session_id)

    monkeypatch.setattr(rollbacks, "stop_all_work", cancelled_meanwhile)
    with pytest.raises(NotAllowed, match="cancelled"):
        control.rollback(two.rt, two.id, "0")
    assert (two.session.status, held(two), tasks(two)) == ("cancelled", False, ["completed", "cancelled"])
    assert run_git(repo, "rev-parse", two.session.session_branch) == tip


@pytest.mark.parametrize("answered", [True, False], ids=["by an answer", "by a command"])
def test_who_gives_a_session_up_while_repairs_are_in_takes_them_back(
    tmp_path: Path, repo: Path, answered: bool
) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"})) as b:
        with b.rt.db.write() as tx:
            repair = transitions.repair_task(tx, lookup.session_row(tx.db, b.id), [("true", "it is broken")]).key
        assert b.work({"r.txt": "r"}, repair).status == "completed"
        with b.rt.db.write() as tx:
            session = lookup.session_row(tx.db, b.id)
            repair_again = transitions.repair_task(tx, session, [("true", "still broken")])
            transitions.start(tx, session, repair_again)
            transitions.task_failed(tx, session, repair_again, "no luck")
        if answered:
            b.answer("deny")
        else:
            control.fail_session(b.rt, b.id)
        wait_for(lambda: not held(b), 120, "the repair to be taken back")
        assert (b.session.status, b.session.rollback_commit) == ("failed", b.session.base_commit)
        assert run_git(repo, "rev-parse", b.session.session_branch) == b.session.base_commit
        control.retry(b.rt, b.id, hint="Look at r.txt.")
        assert [b.task(f"repair-{n}").hint for n in (1, 2)] == ["Look at r.txt."] * 2


def test_repairs_that_cannot_be_taken_back_are_told(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"})) as b:
        with b.rt.db.write() as tx:
            repair = transitions.repair_task(tx, lookup.session_row(tx.db, b.id), [("true", "it is broken")]).key
        assert b.work({"r.txt": "r"}, repair).status == "completed"
        tip = run_git(repo, "rev-parse", b.session.session_branch)
        run_git(repo, "switch", "-q", b.session.session_branch)
        control.fail_session(b.rt, b.id)
        wait_for(lambda: "still on the session branch" in b.logs(), 120, "the session to tell")
        assert (b.session.status, held(b), b.session.rollback_commit) == ("failed", False, None)
        assert run_git(repo, "rev-parse", b.session.session_branch) == tip


def test_a_rollback_and_other_removals_of_the_same_worktrees_end_well(two: Bench, repo: Path) -> None:
    for round_ in range(3):
        two.begin("t1")
        write_files(two.begin("t2"), {f"{n % 30}/{n}.txt": "unfinished" for n in range(500)})
        with ThreadPoolExecutor(4) as pool:
            others = [pool.submit(cleanup.remove_worktrees, two.rt, two.session) for _ in range(3)]
            rolled = pool.submit(control.rollback, two.rt, two.id, "0" if round_ == 2 else "1")
            for done in (*others, rolled):
                done.result()
        assert not held(two)
    assert tasks(two) == ["pending", "pending"]
    assert "no worktree of this session" not in two.logs()


def test_a_rollback_that_fails_as_nobody_foresaw_holds_nothing(two: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise TypeError("open() missing required argument 'flags' (pos 2)")

    with monkeypatch.context() as patched:
        patched.setattr(cleanup, "remove_worktrees", broken)
        with pytest.raises(Unavailable, match="flags"):
            control.rollback(two.rt, two.id, "1")
    assert (held(two), tasks(two)) == (False, ["completed", "completed"])
    control.rollback(two.rt, two.id, "1")
    assert tasks(two) == ["completed", "pending"]
