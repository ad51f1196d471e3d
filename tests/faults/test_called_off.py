"""Rolled back, given up, cancelled, deleted: what was called off stays so, and nothing of it goes on unseen."""

from __future__ import annotations

import contextlib
import shutil
import sys
import threading
from pathlib import Path

import psutil
import pytest

from maestro.core import queries
from maestro.core.commands import approvals, control, sessions
from maestro.core.integration import landing, retention, rollbacks, validation
from maestro.core.kernel import places
from maestro.core.kernel.locks import WorkCancelled
from maestro.core.kernel.runtime import Runtime
from maestro.core.workspaces import cleanup
from maestro.db import models
from maestro.demo.server import ScriptedServer
from maestro.errors import NotFound
from maestro.worker import tree
from tests.app_process import wait_for
from tests.engine import Engine, engine
from tests.faults.commands import SCRIPT, run, task, until_working
from tests.landing import bench, plan_of
from tests.repos import commit, make_repo, run_git, write_files
from tests.scripted import scenario


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
        assert b.land("t2").status == "waiting"
        assert [a.kind for a in queries.list_approvals(b.rt)] == ["nothing_changed"]
        kept = next(r for r in queries.list_recovered(b.rt, b.id) if r.label == "branch-t2")
        assert run_git(repo, "ls-tree", "--name-only", kept.commit).split() == ["README.md", "a.txt", "b.txt"]
        # What an agent had begun, and a rollback took away, is kept as well.
        control.rollback(b.rt, b.id, "0")
        write_files(b.begin("t1"), {"half.txt": "half"})
        control.rollback(b.rt, b.id, "0")
        assert not (b.begin("t1") / "half.txt").exists()
        assert any(r.label == "worktree-t1" for r in queries.list_recovered(b.rt, b.id))


def test_a_no_to_trying_a_failed_task_again_ends_the_other_workers_too(tmp_path: Path, repo: Path) -> None:
    fails = SCRIPT.replace("printf half", 'test "$key" = t2 && exit 7; printf half')
    with engine(tmp_path, scenario()) as e:
        session = run(e, repo, task("t1"), task("t2"), go=tmp_path / "never", command=fails, max_attempts=1)
        until_working(e, "t1")
        wait_for(lambda: e.task(session.id, "t2").status == "failed", 120, "t2 to fail")
        ids = [w.id for w in queries.list_workers(e.rt, session.id)]
        (asked,) = queries.list_approvals(e.rt, session_id=session.id)
        approvals.decide(e.rt, asked.id, "deny")
        assert e.get(session.id).status == "failed"
        assert not [p for i in ids for p in tree.processes_of(i)]
        assert {w.status for w in queries.list_workers(e.rt, session.id)} == {"ended"}


def test_a_cancel_that_was_stored_and_not_carried_out_is_carried_out_at_the_start(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with ScriptedServer(scenario()) as server:
        first = Engine(tmp_path / "data", server.url)
        session = run(first, repo, task(), go=tmp_path / "never")
        until_working(first, "t1")
        (worker,) = queries.list_workers(first.rt, session.id)
        with monkeypatch.context() as patch:
            patch.setattr(rollbacks, "stop_all_work", killed)
            with pytest.raises(Killed):
                control.cancel(first.rt, session.id)
        first.close(stop_workers=False)
        assert tree.processes_of(worker.id)
        second = Engine(tmp_path / "data", server.url)
        try:
            assert not tree.processes_of(worker.id)
            assert [w.status for w in queries.list_workers(second.rt, session.id)] == ["ended"]
            place = cleanup.worktrees_folder(second.rt, session.id)
            wait_for(lambda: not place.exists(), 120, "its worktree to be gone")
            (kept,) = [r for r in queries.list_recovered(second.rt, session.id) if r.kind == "worktree"]
            assert run_git(repo, "show", f"{kept.ref}:t1.txt") == "half"
        finally:
            second.close()


def test_a_session_that_is_being_deleted_is_not_set_to_work_again(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"})) as b:
        b.begin("t1")
        control.fail_session(b.rt, b.id)
        refused: list[NotFound] = []
        remove = cleanup.remove_branches

        def retry() -> None:
            with pytest.raises(NotFound) as error:
                control.retry(b.rt, b.id)
            refused.append(error.value)

        other = threading.Thread(target=retry)

        def retried_meanwhile(rt: Runtime, row: models.Session) -> None:
            other.start()
            other.join(0.3)  # as long as a retry takes that nothing holds up
            remove(rt, row)

        monkeypatch.setattr(cleanup, "remove_branches", retried_meanwhile)
        sessions.delete_session(b.rt, b.id)
        other.join(30)
        assert len(refused) == 1
        assert queries.list_sessions(b.rt)[1] == 0


def test_neither_a_moved_data_folder_nor_strays_beside_the_worktrees_hold_up_what_takes_work_away(
    tmp_path: Path, repo: Path
) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"}, {"id": "t2"})) as b:
        b.work({"a.txt": "a"}, "t1")
        write_files(b.begin("t2"), {"unsaved.txt": "precious"})
        control.pause(b.rt, b.id)
        b.reopen(at=tmp_path / "moved")
        place = cleanup.worktrees_folder(b.rt, b.id)
        shutil.copytree(
            places.of_task(b.rt, b.id, "t2"), place / "a-copy"
        )  # points at the same worktree, and comes before it
        (place / "link").symlink_to(repo)
        write_files(place, {".DS_Store": "", "notes.txt": "an agent's `> ../notes.txt`"})
        control.rollback(b.rt, b.id, "0")
        strays = [".DS_Store", "a-copy", "link", "notes.txt"]
        assert sorted(p.name for p in place.iterdir()) == strays
        assert all(f"{place / name} is not a worktree of this session" in b.logs() for name in strays)
        recovered = {r.kind: r for r in queries.list_recovered(b.rt, b.id)}
        assert run_git(repo, "show", f"{recovered['worktree'].ref}:unsaved.txt") == "precious"
        # What the user makes of recovered work is theirs, also when they have it checked out.
        mine = retention.make_branch(b.rt, b.id, recovered["rollback"].ref)
        run_git(repo, "switch", "-q", mine)
        commit(repo, {"mine.txt": "m"})
        control.cancel(b.rt, b.id)
        sessions.delete_session(b.rt, b.id)
        assert run_git(repo, "branch", "--list", "--format=%(refname:short)", "maestro/*") == mine
        assert sorted(p.name for p in place.iterdir()) == strays


#: By the number of its run: hangs in the baseline, passes there; fails, and hangs when it is run again; fails, passes.
_HANGS = """
import os, time, unittest
class Test(unittest.TestCase):
    def test_it(self):
        with open({runs!r}, "a+") as f:
            f.write(f"{{os.getpid()}}\\n"); f.seek(0); run = len(f.readlines())
        if run in (1, 4):
            open("left-behind.txt", "w").close(); open({runs!r} + f"-{{run}}", "w").close(); time.sleep(1000)
        self.assertNotIn(run, (3, 5))
"""


def test_a_pause_ends_checks_at_once_and_the_resume_repeats_them_at_no_cost(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    repo = make_repo(tmp_path / "repo", {"test_it.py": _HANGS.format(runs=str(runs)), ".gitignore": "__pycache__/\n"})
    plan = plan_of({"id": "t1"}, checks=[f"{sys.executable} -m unittest test_it"])
    with bench(tmp_path, repo, plan, max_attempts=1) as b:

        def pause_in_run(number: int) -> None:
            wait_for((tmp_path / f"runs-{number}").exists, 120, f"run {number} to hang")
            control.pause(b.rt, b.id)
            with contextlib.suppress(psutil.NoSuchProcess):
                assert psutil.Process(int(runs.read_text().split()[-1])).status() == psutil.STATUS_ZOMBIE

        def measure() -> None:
            with contextlib.suppress(WorkCancelled):
                validation.run_baseline(b.rt, b.id)

        b.rt.jobs.start(f"baseline:{b.id}", measure)
        pause_in_run(1)
        b.measure_baseline()
        assert len(runs.read_text().split()) == 1, "nothing is measured in a pause"
        control.resume(b.rt, b.id)
        b.measure_baseline()
        assert [r.passed for r in b.evidence("baseline")] == [True]
        write_files(b.begin(), {"a.txt": "a"})
        b.end()
        b.rt.jobs.start(f"land:{b.task().id}", landing.land, b.rt, b.task().id)
        pause_in_run(4)
        assert b.task().status == "checking"
        assert not b.evidence()
        control.resume(b.rt, b.id)
        done = b.land()
        assert (done.status, done.attempt, done.interruptions) == ("completed", 1, 0)
        assert [(r.passed, bool(r.tests_summary and r.tests_summary.get("flaky"))) for r in b.evidence()] == [
            (False, False),
            (True, True),
        ]
        files = run_git(repo, "ls-tree", "--name-only", b.session.session_branch)
        assert files.split() == [".gitignore", "a.txt", "test_it.py"]
