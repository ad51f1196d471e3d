"""Stops and crashes of the app: what it finds, what it tells, what it finishes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import psutil
import pytest
from fastapi.testclient import TestClient

from maestro.api.app import build_api
from maestro.core import queries
from maestro.core.commands import control, delivery, plans, sessions
from maestro.core.integration import checkpoints, retention, rollbacks
from maestro.core.kernel import lookup, places, processes
from maestro.core.workspaces import cleanup, sheltered
from maestro.core.workspaces.run_command import run_command
from maestro.db import models
from maestro.demo.server import ScriptedServer
from maestro.errors import Conflict, GitError, NotAllowed
from maestro.worker import tree
from maestro.worktrees import integration
from tests.app_process import wait_for
from tests.engine import Engine, engine
from tests.faults.commands import chain, run, task, until_working
from tests.landing import bench, plan_of
from tests.repos import commit, make_repo, run_git, write_files
from tests.scripted import scenario


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", {"README.md": "Hello\n"})


def test_the_next_start_tells_what_happened_meanwhile(tmp_path: Path, repo: Path) -> None:
    go = tmp_path / "go"
    with ScriptedServer(scenario()) as server:
        first = Engine(tmp_path / "data", server.url)
        session = run(first, repo, task(), task("t2"), go=go)
        until_working(first, "t1", "t2")
        assert queries.last_digest(first.rt) is None
        first.close(stop_workers=False)
        go.touch()
        spools = list((tmp_path / "data" / "workers").glob("*/events.jsonl"))
        wait_for(lambda: all('"type": "result"' in s.read_text() for s in spools), 120, "both agents to finish")
        second = Engine(tmp_path / "data", server.url)
        try:
            told = second.until("digest").payload
            assert told["agents_finished"] == 2
            assert told["lines"][0] == "2 agents finished"
            stored = queries.last_digest(second.rt)
            assert stored is not None
            assert not stored.crashed
            assert [s.session_id for s in stored.sessions] == [session.id]
            second.until("state_changed", to="completed")
        finally:
            second.close()


def test_a_pause_that_was_stored_and_not_carried_out_is_carried_out_at_the_start(tmp_path: Path, repo: Path) -> None:
    go = tmp_path / "go"
    with ScriptedServer(scenario()) as server:
        first = Engine(tmp_path / "data", server.url)
        session = run(first, repo, task(), go=go)
        worker = psutil.Process(first.until("worker_spawned").payload["pid"])
        first.until("log_entry", message="working on t1")
        control.pause(first.rt, session.id)
        worker.resume()  # as if the app had been killed before it stopped the process
        first.close(stop_workers=False)
        second = Engine(tmp_path / "data", server.url)
        try:
            wait_for(lambda: worker.status() == psutil.STATUS_STOPPED, 120, "the worker to stand still")
            control.resume(second.rt, session.id)
            go.touch()
            second.until("state_changed", to="completed")
            assert second.task(session.id, "t1").interruptions == 0
        finally:
            second.close()


def test_a_long_pause_parks_the_worker_and_resume_goes_on_after_a_restart(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, suspend = tmp_path / "go", processes.suspend
    with ScriptedServer(scenario()) as server:
        first = Engine(tmp_path / "data", server.url, park_after_minutes=0)
        session = run(first, repo, task(), go=go)
        worker = psutil.Process(first.until("worker_spawned").payload["pid"])
        first.until("log_entry", message="working on t1")

        def late(*workers: models.Worker) -> None:
            first.until("worker_parked")
            suspend(*workers)

        with monkeypatch.context() as patch:
            patch.setattr(processes, "suspend", late)
            control.pause(first.rt, session.id)
        first.until("worker_terminated", outcome="parked")
        wait_for(lambda: not worker.is_running(), 120, "the process to be gone")
        assert [w.status for w in queries.list_workers(first.rt, session.id)] == ["parked"]
        first.close()
        second = Engine(tmp_path / "data", server.url)
        try:
            assert second.get(session.id).status == "paused"
            control.resume(second.rt, session.id)
            go.touch()
            second.until("state_changed", to="completed")
            assert [w.status for w in queries.list_workers(second.rt, session.id)] == ["ended", "ended"]
            assert second.task(session.id, "t1").interruptions == 0
        finally:
            second.close()


def test_a_moved_data_folder_goes_on_where_it_stood(tmp_path: Path, repo: Path) -> None:
    go = tmp_path / "go"
    with ScriptedServer(scenario()) as server:
        first = Engine(tmp_path / "data", server.url)
        session = run(first, repo, *chain(2), go=go)
        first.until("log_entry", message="working on t1")
        first.close(stop_workers=False)
        shutil.move(tmp_path / "data", tmp_path / "elsewhere")
        go.touch()
        second = Engine(tmp_path / "elsewhere", server.url)
        try:
            second.until("state_changed", to="completed")
            assert "t2.txt" in run_git(repo, "ls-tree", "--name-only", session.session_branch)
            assert not (tmp_path / "data" / "worktrees").exists()
            listed = ("worktree", "list", "--porcelain")
            wait_for(lambda: run_git(repo, *listed).count("worktree ") == 1, 60, "the worktrees to be cleaned up")
        finally:
            second.close()


def test_a_worktree_folder_that_was_deleted_underneath_is_made_again(tmp_path: Path, repo: Path) -> None:
    go = tmp_path / "go"
    with engine(tmp_path, scenario()) as e:
        session = run(e, repo, task(), go=go)
        spawned = e.until("worker_spawned")
        e.until("log_entry", message="working on t1")
        shutil.rmtree(cleanup.worktrees_folder(e.rt, session.id))
        psutil.Process(spawned.payload["pid"]).kill()
        go.touch()
        told = "The worktree of t1 was missing. It was recreated from its branch, without uncommitted changes."
        e.until("log_entry", message=told)
        e.until("state_changed", to="completed")


def test_a_worktree_deleted_before_the_landing_costs_no_attempt(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1", "checks": ["grep -q more a.txt"]}), max_attempts=1) as b:
        b.measure_baseline()
        worktree = b.begin()
        commit(worktree, {"a.txt": "half\n"})
        write_files(worktree, {"a.txt": "more\n"})
        b.end()
        shutil.rmtree(worktree)
        task = b.land()
        assert (task.status, task.attempt, task.interruptions) == ("running", 1, 1)
        assert (b.begin() / "a.txt").read_text() == "half\n"
        assert "The worktree of t1 was missing." in b.logs()
        assert b.work({"a.txt": "more\n"}).status == "completed"
        assert b.logs().count("was missing") == 1


def test_an_index_lock_of_a_killed_git_does_not_stop_the_landing(tmp_path: Path, repo: Path) -> None:
    go = tmp_path / "go"
    with engine(tmp_path, scenario()) as e:
        session = run(e, repo, task(), go=go)
        e.until("log_entry", message="working on t1")
        lock = Path(run_git(places.of_task(e.rt, session.id, "t1"), "rev-parse", "--absolute-git-dir")) / "index.lock"
        lock.touch()
        go.touch()
        e.until("state_changed", to="completed")


def test_a_rollback_shows_what_it_would_take_away_and_can_be_taken_back(tmp_path: Path, repo: Path) -> None:
    with engine(tmp_path, scenario()) as e:
        session = run(e, repo, *chain(3))
        e.until("state_changed", to="completed")
        tip = run_git(repo, "rev-parse", session.session_branch)
        seen = queries.rollback_preview(e.rt, session.id, "1")
        assert (seen.tasks, seen.files) == (["t2", "t3"], ["t2.txt", "t3.txt"])
        assert seen.commits == ["Task t3", "Task t2"]
        control.rollback(e.rt, session.id, "1")
        assert [t.status for t in queries.list_tasks(e.rt, session.id)] == ["completed", "pending", "pending"]
        kept = next(r for r in queries.list_recovered(e.rt, session.id) if r.restorable)
        assert kept.commit == tip
        where = integration.checkpoint_ref(session.id, 3)
        run_git(repo, "update-ref", "-d", where)
        run_git(repo, "update-ref", f"{where}/taken", tip)  # what cannot be restored leaves all as it is
        with pytest.raises(GitError):
            control.restore(e.rt, session.id, kept.ref)
        assert run_git(repo, "rev-parse", session.session_branch) == seen.commit
        run_git(repo, "update-ref", "-d", f"{where}/taken")
        control.restore(e.rt, session.id, kept.ref)
        assert run_git(repo, "rev-parse", session.session_branch) == tip
        assert [t.status for t in queries.list_tasks(e.rt, session.id)] == ["completed"] * 3
        assert [c.number for c in queries.list_checkpoints(e.rt, session.id)] == [0, 1, 2, 3]
        control.resume(e.rt, session.id)
        e.until("state_changed", to="completed")


def test_a_restore_is_refused_when_other_work_came_in_since(tmp_path: Path, repo: Path) -> None:
    with engine(tmp_path, scenario()) as e:
        session = run(e, repo, *chain(2))
        e.until("state_changed", to="completed")
        control.rollback(e.rt, session.id, "1")
        kept = next(r for r in queries.list_recovered(e.rt, session.id) if r.restorable)
        control.resume(e.rt, session.id)
        e.until("state_changed", to="completed")
        control.rollback(e.rt, session.id, "2")  # pauses it, takes nothing away
        with pytest.raises(Conflict, match="Work was integrated since"):
            control.restore(e.rt, session.id, kept.ref)


@pytest.mark.parametrize("moved", [False, True], ids=["before the branch moved", "after the branch moved"])
def test_a_rollback_that_was_killed_half_way_is_finished_at_the_start(tmp_path: Path, repo: Path, moved: bool) -> None:
    with ScriptedServer(scenario()) as server:
        first = Engine(tmp_path / "data", server.url)
        session = run(first, repo, *chain(2))
        first.until("state_changed", to="completed")
        with first.rt.db.write() as tx:
            point = checkpoints.find_checkpoint(tx.db, session.id, "1")
            intent = rollbacks._intend(tx, session.id, "rollback", {"checkpoint": point.id, "automatic": False})
        if moved:
            detail = rollbacks._take_stock(first.rt, intent)
            integration.reset_branch(repo, session.session_branch, detail["to"], keep_as=detail["kept"])
        first.close()
        second = Engine(tmp_path / "data", server.url)
        try:
            assert second.get(session.id).status == "paused"
            assert run_git(repo, "rev-parse", session.session_branch) == point.commit
            assert [t.status for t in queries.list_tasks(second.rt, session.id)] == ["completed", "pending"]
            assert any(r.restorable for r in queries.list_recovered(second.rt, session.id))
            with second.rt.db.read() as db:
                assert not lookup.rollback_in_progress(db, session.id)
        finally:
            second.close()


def test_a_session_that_is_given_up_goes_back_to_before_its_repairs(tmp_path: Path, repo: Path) -> None:
    """The repair mends one check of the whole and breaks the other, so it helped nobody.

    A planned task whose id reads like a repair's is work like any other.
    """
    script = (
        "words=$(cat); case $words in *'# Task repair-1'*) touch mended; echo x > r.txt;;"
        " *'# Task repair-2'*) echo repair-2 > repair-2.txt;; *) echo t1 > t1.txt;; esac"
    )
    checks = ["test ! -e t1.txt || test -e mended", "test ! -e mended"]
    with engine(tmp_path, scenario()) as e:
        planned = [task(), task("repair-2", depends_on=["t1"])]
        session = run(e, repo, *planned, checks=checks, command=script, max_attempts=2)
        rolled = e.until("rolled_back").payload
        assert (rolled["number"], rolled["automatic"]) == (2, True)
        view = e.get(session.id)
        assert view.status == "failed"
        kept = run_git(repo, "ls-tree", "--name-only", session.session_branch).split()
        assert kept == ["README.md", "repair-2.txt", "t1.txt"]
        assert {t.key: t.status for t in queries.list_tasks(e.rt, session.id)} == {
            "t1": "completed",
            "repair-2": "completed",
            "repair-1": "pending",
        }
        assert any(r.restorable for r in queries.list_recovered(e.rt, session.id))


def test_a_repository_that_was_moved_away_is_told_and_nothing_changes(tmp_path: Path, repo: Path) -> None:
    plan = {"summary": "Test", "checks": [], "tasks": [task()]}
    with engine(tmp_path, scenario()) as e:
        done = run(e, repo, task())
        e.until("state_changed", to="completed")
        reviewed = e.session(repo, plan)
        plans.replace_plan(e.rt, reviewed.id, plan | {"summary": "Another"})
        away = repo.rename(tmp_path / "elsewhere")
        for call in (
            lambda: queries.get_diff(e.rt, done.id),
            lambda: queries.rollback_preview(e.rt, done.id, "0"),
            lambda: control.rollback(e.rt, done.id, "0"),
            lambda: delivery.merge(e.rt, done.id),
            lambda: plans.approve_plan(e.rt, reviewed.id),
        ):
            with pytest.raises(Conflict, match="no longer at"):
                call()
        assert [e.get(s.id).status for s in (done, reviewed)] == ["completed", "plan_review"]
        away.rename(repo)
        delivery.merge(e.rt, done.id)
        with pytest.raises(NotAllowed, match="unmerge") as refused:
            control.rollback(e.rt, done.id, "0")
        assert "rollback" not in refused.value.allowed


def test_cancel_leaves_no_process_and_stores_what_was_said(tmp_path: Path, repo: Path) -> None:
    with engine(tmp_path, scenario()) as e:
        session = run(e, repo, task(), task("t2"), task("t3"), go=tmp_path / "never")
        until_working(e, "t1", "t2", "t3")
        ids = [w.id for w in queries.list_workers(e.rt, session.id)]
        control.cancel(e.rt, session.id)
        assert not [p for i in ids for p in tree.processes_of(i)]
        refs = [r for r in queries.list_recovered(e.rt, session.id) if r.kind == "worktree"]
        assert {run_git(repo, "show", f"{r.ref}:{r.label.removeprefix('worktree-')}.txt") for r in refs} == {"half"}
        assert queries.list_approvals(e.rt, session_id=session.id) == []


def test_a_deleted_sessions_work_is_kept_for_a_while_and_can_become_a_branch(tmp_path: Path, repo: Path) -> None:
    with engine(tmp_path, scenario(), keep_recovered_days=0) as e:
        session = run(e, repo, task())
        e.until("state_changed", to="completed")
        tip = run_git(repo, "rev-parse", session.session_branch)
        sessions.delete_session(e.rt, session.id)
        (gone,) = queries.list_deleted(e.rt)
        assert gone.title == "Test"
        kept = next(r for r in gone.recovered if r.commit == tip)
        branch = retention.make_branch(e.rt, session.id, kept.ref)
        assert run_git(repo, "rev-parse", branch) == tip
        assert not list((e.rt.data_dir / "workers").iterdir())
        assert retention.expire(e.rt) == 1
        assert queries.list_deleted(e.rt) == []
        assert run_git(repo, "for-each-ref", f"refs/maestro/{session.id}") == ""
        with e.rt.db.read() as db:
            assert db.get(models.Session, session.id) is None


def test_what_was_taken_away_is_listed_and_brought_back_over_rest(tmp_path: Path, repo: Path) -> None:
    with engine(tmp_path, scenario()) as e:
        session = run(e, repo, *chain(2))
        e.until("state_changed", to="completed")
        api = TestClient(build_api(e.rt))
        path = f"/sessions/{session.id}"
        assert api.get(f"{path}/rollback/preview", params={"checkpoint": "1"}).json()["tasks"] == ["t2"]
        assert api.post(f"{path}/rollback", json={"checkpoint": 1}).status_code == 200
        (kept,) = [r for r in api.get(f"{path}/recovered").json()["items"] if r["restorable"]]
        restored = api.post(f"{path}/restore", json={"ref": kept["ref"]}).json()
        assert restored["tasks"]["by_status"] == {"completed": 2}
        assert api.post(f"{path}/restore", json={"ref": "refs/heads/main"}).status_code == 404
        assert api.get("/digest").json() is None
        assert api.get("/health").json()["status"] == "ok"
        api.post(f"{path}/cancel", json={})
        assert api.delete(path).status_code == 204
        (gone,) = api.get("/deleted").json()["items"]
        made = api.post(f"/deleted/{session.id}/branch", json={"ref": gone["recovered"][0]["ref"]})
        assert run_git(repo, "rev-parse", made.json()["branch"]) == gone["recovered"][0]["commit"]


def test_what_a_check_left_that_a_kill_cut_short_is_no_work(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """Nothing is done after it."""

    def killed(*arguments: Any, **more: Any) -> None:
        run_command(*arguments, **more)
        raise Killed

    with bench(
        tmp_path, repo, plan_of({"id": "t1", "checks": ["echo x > left.txt; echo x >> README.md; test -s t1.txt"]})
    ) as b:
        b.measure_baseline()
        monkeypatch.setattr(sheltered, "run_command", killed)
        with pytest.raises(Killed):
            b.work({"t1.txt": "x\n"})
        monkeypatch.undo()
        assert (Path(str(b.task().worktree_path)) / "left.txt").exists()
        b.reopen()
        assert b.land().status == "completed"
        assert run_git(repo, "diff", "--name-only", "main", b.session.session_branch) == "t1.txt"
        kept = f"refs/maestro/{b.id}/recovered/check-t1"
        assert run_git(repo, "diff", "--name-only", "main", kept).split() == ["README.md", "left.txt", "t1.txt"]
