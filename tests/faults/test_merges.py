"""A merge, or its way back, that was cut short by a kill or a full disk: finished, told, never forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from maestro.core.commands import control, delivery
from maestro.core.guards import storage
from maestro.core.integration import checkpoints, merges, rollbacks
from maestro.core.supervisor import recovery
from maestro.errors import Conflict, CutShort, GitError, NotAllowed
from maestro.worktrees import checkout
from maestro.worktrees.git import GitResult
from tests.app_process import wait_for
from tests.landing import Bench, bench, plan_of
from tests.repos import commit, make_repo, run_git


class Killed(BaseException):
    """As a kill -9 at this instant."""


@pytest.fixture
def done(tmp_path: Path) -> Iterator[Bench]:
    """A completed session whose work is in ``a.txt``."""
    repo = make_repo(tmp_path / "repo", {"README.md": "Hello\n"})
    with bench(tmp_path, repo, plan_of({"id": "t1"})) as b:
        assert b.work({"a.txt": "a"}).status == "completed"
        assert b.complete() == "completed"
        yield b


def ends(error: BaseException) -> Callable[..., Any]:
    def raises(*_: object, **__: object) -> None:
        raise error

    return raises


def state(b: Bench) -> tuple[bool, bool, str]:
    """Whether it is recorded as merged, whether the work is in the user's branch, and what their git would say."""
    names = run_git(b.repo, "ls-tree", "--name-only", "main").split()
    return b.session.merge_json is not None, "a.txt" in names, run_git(b.repo, "status", "--porcelain")


def test_an_unmerge_that_was_killed_between_files_and_branch_is_finished_at_the_start(
    done: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery.merge(done.rt, done.id)
    with monkeypatch.context() as patch:
        patch.setattr(checkout, "move_ref", ends(Killed()))
        with pytest.raises(Killed):
            delivery.unmerge(done.rt, done.id)
    assert state(done) == (True, True, "D  a.txt")
    done.reopen()
    recovery.before_serving(done.rt)
    assert state(done) == (False, False, "")
    assert "was interrupted; it is finished now" in done.logs()
    delivery.merge(done.rt, done.id)
    commit(done.repo, {"b.txt": "b"}, "Later work")
    with pytest.raises(Conflict, match="Later work"):
        delivery.unmerge(done.rt, done.id)
    recovery.before_serving(done.rt)  # a refused one is not taken for a half-done one
    assert state(done) == (True, True, "")


def test_a_merge_that_could_not_be_recorded_is_recorded_by_whatever_comes_next(
    done: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = OperationalError("INSERT", {}, Exception("database or disk is full"))

    def cut_short() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(merges, "_close", ends(full))
            with pytest.raises(OperationalError):
                delivery.merge(done.rt, done.id)
        assert state(done) == (False, True, "")

    cut_short()
    assert delivery.merge(done.rt, done.id).merge is not None
    delivery.unmerge(done.rt, done.id)
    cut_short()
    delivery.unmerge(done.rt, done.id)
    assert state(done) == (False, False, "")
    cut_short()
    commit(done.repo, {"b.txt": "b"}, "Later work")
    with pytest.raises(NotAllowed):
        control.rollback(done.rt, done.id, "0")
    assert state(done) == (True, True, "")


def test_a_move_that_broke_off_between_the_files_stays_begun_until_it_is_finished(
    done: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    git, lock, file = checkout.git, done.repo / ".git/index.lock", done.repo / "a.txt"

    def full(root: Path, *args: str, **more: Any) -> GitResult:
        if args[0] == "read-tree":
            file.write_text("")
        if args[0] == "read-tree" or "--index-info" in args:
            raise GitError("unable to write file: No space left on device")
        return git(root, *args, **more)

    monkeypatch.setattr(checkout, "_LOCK_WAIT_S", 0)
    with monkeypatch.context() as patch:
        patch.setattr(checkout, "git", full)
        with pytest.raises(CutShort, match=r"No space left on device\. It is partly done"):
            delivery.merge(done.rt, done.id)
        assert "A merge was interrupted: unable to write file" in done.logs()
        with pytest.raises(Conflict, match="could not be finished: unable to write file"):
            delivery.merge(done.rt, done.id)
    lock.write_text("")  # and then the power went
    done.reopen()
    recovery.before_serving(done.rt)
    with pytest.raises(Conflict, match=r"delete .*index\.lock"):
        control.rollback(done.rt, done.id, "0")
    assert state(done) == (False, False, "?? a.txt")
    lock.unlink()
    stale, health = merges._open(done.rt, done.id), storage.health(done.rt)
    with health._lock:
        health._stopped("error", "a disk that was full for a moment")
    health.check()
    wait_for(lambda: done.session.merge_json is not None, 120, "the merge to be finished")
    assert (state(done), file.read_text()) == ((True, True, ""), "a")
    with monkeypatch.context() as patch:
        patch.setattr(checkout, "git", full)
        with pytest.raises(CutShort):
            delivery.unmerge(done.rt, done.id)
    delivery.unmerge(done.rt, done.id)
    assert state(done) == (False, False, "")
    with monkeypatch.context() as patch:
        patch.setattr(merges, "_open", lambda *_: stale)
        assert merges.finish_half_done(done.rt) == []


def test_no_merge_while_a_rollback_is_under_way_which_it_does_not_end(done: Bench) -> None:
    with done.rt.db.write() as tx:
        point = checkpoints.find_checkpoint(tx.db, done.id, "0")
        rollbacks._intend(tx, done.id, "rollback", {"checkpoint": point.id, "automatic": False})
    with pytest.raises(Conflict, match="A rollback of this session is in progress"):
        delivery.merge(done.rt, done.id)
    assert state(done) == (False, False, "")
    rollbacks.finish_half_done(done.rt)
    assert done.session.status == "paused"
