"""Steps that cannot be taken now, and answers that come late: nothing stands still unseen, nothing is stopped for nothing."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from maestro.core import queries
from maestro.core.approvals import asking
from maestro.core.commands import approvals, control
from maestro.core.guards import storage
from maestro.core.integration import rollbacks
from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime
from maestro.core.tasks import transitions
from maestro.db import models
from maestro.db.types import utcnow
from maestro.demo.server import ScriptedServer
from maestro.errors import Conflict, Unavailable
from maestro.worktrees import integration, snapshot
from tests.app_process import wait_for
from tests.engine import Engine
from tests.faults.commands import run, task
from tests.landing import Bench, bench, plan_of
from tests.repos import make_repo, run_git, write_files
from tests.scripted import scenario


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", {"README.md": "Hello\n"})


@pytest.fixture
def two(tmp_path: Path, repo: Path) -> Iterator[Bench]:
    """Two tasks: the first has work on the session branch or is at work, the second begins."""
    with bench(tmp_path, repo, plan_of({"id": "t1"}, {"id": "t2"})) as made:
        yield made


def waits(b: Bench, tmp_path: Path, key: str, kind: str, *, live: bool = False) -> None:
    """The task's worker (which lives, or has ended) has led to a question of this kind, and the task waits for it."""
    (tmp_path / "spool").mkdir(exist_ok=True)
    with b.rt.db.write() as tx:
        session, task = lookup.session_row(tx.db, b.id), lookup.task_row(tx.db, b.id, key)
        task.status = "waiting"
        worker = models.Worker(session_id=b.id, task_id=task.id, name="W-1", spool_path=str(tmp_path / "spool"))
        worker.status, worker.ended_at = ("waiting", None) if live else ("ended", utcnow())
        tx.db.add(worker)
        tx.db.flush()
        task.assigned_worker_id = worker.id
        tx.db.add(task)
        of_worker = {"worker_id": worker.id, "request_id": "r"} if kind != "budget" else {}
        asking.ask(tx, session, task, kind=kind, title="?", detail={"reason": "r"}, **of_worker)


def held(b: Bench) -> bool:
    with b.rt.db.read() as db:
        return lookup.rollback_in_progress(db, b.id)


@pytest.mark.parametrize("kind", ["stuck", "budget", "tool"])
def test_a_retry_lets_every_task_go_on_whose_question_is_gone(two: Bench, tmp_path: Path, kind: str) -> None:
    two.begin("t1")
    two.begin("t2")
    waits(two, tmp_path, "t1", kind)
    with two.rt.db.write() as tx:
        transitions.task_failed(tx, lookup.session_row(tx.db, two.id), lookup.task_row(tx.db, two.id, "t2"), "broke")
    control.fail_session(two.rt, two.id)
    control.retry(two.rt, two.id)
    assert [two.task(key).status for key in ("t1", "t2")] == ["running", "running"]
    assert two.asked() == []


@pytest.mark.parametrize("answered", [True, False], ids=["by an answer", "by a command"])
@pytest.mark.parametrize("kind", ["tool", "stuck", "budget", "task_start", "check_changed"])
def test_in_a_failed_session_nothing_waits(two: Bench, tmp_path: Path, kind: str, answered: bool) -> None:
    for key in ("t1", "t2"):
        two.begin(key)
    waits(two, tmp_path, "t1", kind, live=kind == "tool")
    with two.rt.db.write() as tx:
        transitions.task_failed(tx, lookup.session_row(tx.db, two.id), lookup.task_row(tx.db, two.id, "t2"), "broke")
    if answered:
        two.answer("deny", "task_failed")
    else:
        control.fail_session(two.rt, two.id)
    session = queries.get_session(two.rt, two.id)
    assert (session.status, session.pending_approvals, session.live_workers) == ("failed", 0, 0)
    assert "waiting" not in session.tasks.by_status
    control.retry(two.rt, two.id)
    assert "waiting" not in queries.get_session(two.rt, two.id).tasks.by_status


def test_a_retry_asks_again_about_what_it_leaves_out_and_its_hint_reaches_the_repair_of_the_whole(
    tmp_path: Path, repo: Path
) -> None:
    plan = plan_of({"id": "t1", "checks": ["true"]}, {"id": "t2"}, checks=["test -e wanted.txt"])
    with bench(tmp_path, repo, plan, max_attempts=1) as b:
        for key in ("t1", "t2"):
            with b.rt.db.write() as tx:
                task = lookup.task_row(tx.db, b.id, key)
                transitions.start(tx, b.session, task)
                transitions.task_failed(tx, b.session, task, f"{key} broke", failure="auth")
        control.fail_session(b.rt, b.id)
        control.retry(b.rt, b.id, task="t1")
        (asked,) = b.asked()
        assert (asked.task_key, asked.detail["reason"], asked.detail["failure"]) == ("t2", "t2 broke", None)
        control.skip_task(b.rt, b.id, "t2")
        assert b.work({"a.txt": "a"}, "t1").status == "completed"
        assert b.complete() == "failed"
        control.retry(b.rt, b.id, hint="It must be called wanted.txt")
        assert b.complete() == "executing"  # though it is the last attempt
        assert b.task("repair-1").hint == "It must be called wanted.txt"
        control.skip_task(b.rt, b.id, "repair-1")
        assert b.complete() == "failed"


def test_an_answer_given_during_a_pause_lets_the_task_go_on(two: Bench, tmp_path: Path) -> None:
    two.begin("t1")
    waits(two, tmp_path, "t1", "tool", live=True)
    control.pause(two.rt, two.id)
    two.answer("allow")
    control.resume(two.rt, two.id)
    assert two.task("t1").status == "running"
    control.fail_session(two.rt, two.id)
    control.retry(two.rt, two.id)
    assert two.task("t1").status == "running"


def test_a_refused_rollback_stops_nothing_and_one_refused_late_lets_all_go_on(
    two: Bench, tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert two.work({"a.txt": "a"}, "t1").status == "completed"
    worktree = two.begin("t2")
    write_files(worktree, {"half.txt": "half"})
    waits(two, tmp_path, "t2", "tool", live=True)
    tip = run_git(repo, "rev-parse", two.session.session_branch)
    run_git(repo, "checkout", "-q", two.session.session_branch)
    with pytest.raises(Conflict, match="Switch that checkout"):
        control.rollback(two.rt, two.id, "0")
    with two.rt.db.read() as db:
        assert len(lookup.live_workers(db, two.id)) == 1
    assert (two.task("t2").status, len(two.asked("tool")), (worktree / "half.txt").exists()) == ("waiting", 1, True)
    monkeypatch.setattr(integration, "check_move", lambda *_a, **_k: None)  # checked out right after the look
    with pytest.raises(Conflict, match="Switch that checkout"):
        control.rollback(two.rt, two.id, "0")
    assert (two.task("t2").status, two.asked(), held(two)) == ("running", [], False)
    assert run_git(repo, "rev-parse", two.session.session_branch) == tip
    monkeypatch.undo()
    run_git(repo, "checkout", "-q", "main")
    worktree = two.begin("t2")  # an agent's own checkout is no reason
    run_git(worktree, "checkout", "-q", two.session.session_branch)
    write_files(worktree, {"a.txt": "changed"})
    control.rollback(two.rt, two.id, "0")
    kept = next(
        r.split()[0] for r in run_git(repo, "for-each-ref", "--format=%(refname)").splitlines() if "rollback-" in r
    )
    run_git(repo, "checkout", "-q", two.session.session_branch)
    with pytest.raises(Conflict, match="Switch that checkout"):
        control.restore(two.rt, two.id, kept)
    run_git(repo, "checkout", "-q", "main")
    control.restore(two.rt, two.id, kept)
    assert two.task("t1").status == "completed"


def test_a_landing_waits_for_a_branch_that_the_user_has_checked_out_and_says_so_once(
    tmp_path: Path, repo: Path
) -> None:
    check, ran = tmp_path / "check.sh", tmp_path / "ran"
    check.write_text(f"echo x >> {ran}")
    with bench(tmp_path, repo, plan_of({"id": "t1"}, {"id": "t2"}, checks=[f"sh {check}"])) as b:
        branch = b.session.session_branch
        run_git(repo, "checkout", "-q", branch)
        b.work({"a.txt": "a"}, "t1")
        task = b.land("t1")
        assert (task.status, "Switch that checkout" in (task.progress_note or "")) == ("checking", True)
        assert (b.logs().count("Switch that checkout"), ran.exists()) == (1, False)
        run_git(repo, "checkout", "-q", "main")
        assert b.land("t1").status == "completed"

        begun, switched = tmp_path / "begun", tmp_path / "switched"
        check.write_text(f"echo x >> {ran}; touch {begun}; until [ -e {switched} ]; do sleep 0.02; done")

        def switch() -> None:  # the user, while the checks run
            try:
                wait_for(begun.exists, 60, "the checks to run")
                run_git(repo, "checkout", "-q", branch)
            finally:
                switched.touch()

        user = threading.Thread(target=switch)
        user.start()
        assert b.work({"b.txt": "b"}, "t2").status == "integrating"
        user.join()
        task, runs = b.land("t2"), ran.read_text()
        assert "Switch that checkout" in (task.progress_note or "")
        assert (b.logs().count("Switch that checkout"), b.land("t2").status) == (2, "integrating")
        assert ran.read_text() == runs
        check.write_text("")
        run_git(repo, "checkout", "-q", "main")
        assert b.land("t2").status == "completed"


def fails_with(number: int, words: str) -> Callable[..., None]:
    def fail(*_args: object, **_more: object) -> None:
        raise OSError(number, words)

    return fail


def test_a_rollback_that_a_full_disk_cut_short_is_finished_when_there_is_room(
    two: Bench, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert two.work({"a.txt": "a"}, "t1").status == "completed"
    write_files(two.begin("t2"), {"half.txt": "half"})
    with monkeypatch.context() as patched:  # nothing but the disk is at fault: it stays begun
        patched.setattr(snapshot.tempfile, "TemporaryDirectory", fails_with(errno.ENOSPC, "No space left on device"))
        with pytest.raises(Unavailable, match="No space left"):
            control.rollback(two.rt, two.id, "0")
    assert held(two)
    storage.health(two.rt).check()
    wait_for(lambda: not held(two), 120, "the rollback to be finished")
    assert [two.task(key).status for key in ("t1", "t2")] == ["pending", "pending"]
    assert run_git(repo, "rev-parse", two.session.session_branch) == two.session.base_commit
    with monkeypatch.context() as patched:  # something else: it is over, and can be tried again
        patched.setattr(rollbacks, "stop_all_work", fails_with(errno.EACCES, "Permission denied"))
        with pytest.raises(Unavailable, match="Permission denied"):
            control.rollback(two.rt, two.id, "0")
    assert not held(two)
    assert queries.list_recovered(two.rt, two.id)
    control.rollback(two.rt, two.id, "0")


def test_two_sessions_that_are_given_up_at_once_both_go_back(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, go, still = (
        plan_of({"id": "t1", "checks": ["true"]}, checks=["false"]),
        threading.Event(),
        rollbacks.stop_all_work,
    )
    with bench(tmp_path, repo, plan, max_attempts=1) as b:
        first = b.id

        def slowly(rt: Runtime, session_id: str) -> None:
            assert session_id != first or go.wait(60)
            still(rt, session_id)

        monkeypatch.setattr(rollbacks, "stop_all_work", slowly)
        for _ in range(2):
            with b.rt.db.write() as tx:
                repair = transitions.repair_task(tx, lookup.session_row(tx.db, b.id), [("true", "it is broken")]).key
            assert b.work({"r.txt": "r"}, repair).status == "completed"
            assert b.complete() == "failed"
            assert held(b)
            if b.id == first:
                b.another(plan, max_attempts=1)
        wait_for(lambda: not held(b), 120, "the second session to go back")
        b.id = first
        assert held(b)
        go.set()
        wait_for(lambda: not held(b), 120, "the first session to go back")
        control.retry(b.rt, b.id, hint="Begin with r.txt")
        assert (b.task(repair).status, b.task(repair).hint) == ("pending", "Begin with r.txt")


def test_a_session_branch_that_was_deleted_before_the_last_checks_is_asked_about(two: Bench, repo: Path) -> None:
    assert two.work({"a.txt": "a"}, "t1").status == "completed"
    assert two.work({"b.txt": "b"}, "t2").status == "completed"
    run_git(repo, "branch", "-D", two.session.session_branch)
    assert two.complete() == "validating"
    (asked,) = two.asked("infrastructure")
    way = asked.detail["reason"].partition("To restore it: `git ")[2].rstrip("`")
    run_git(repo, *way.split())
    two.answer("allow")
    assert two.complete() == "completed"


def test_a_stuck_worker_stands_still_through_pause_disk_trouble_and_restart_until_the_answer(
    tmp_path: Path, repo: Path
) -> None:
    go = tmp_path / "go"
    quiet = f"while ! test -e {go}; do sleep 1; done; echo t1 > t1.txt"
    with ScriptedServer(scenario()) as server:
        e = Engine(tmp_path / "data", server.url, stuck_silence_minutes=0.05)
        session = run(e, repo, task(), command=quiet)
        process = psutil.Process(e.until("worker_spawned").payload["pid"])
        asked = e.until("approval_requested", kind="stuck").payload["approval_id"]

        def stands_still() -> bool:
            e.until("metric")  # a look later
            return process.status() == psutil.STATUS_STOPPED

        control.pause(e.rt, session.id)
        control.resume(e.rt, session.id)
        assert stands_still()
        health = storage.health(e.rt)
        with health._lock:
            health._stopped("error", "a disk that was away for a moment")
        e.until("storage_problem", kind=None)
        assert stands_still()
        e.close(stop_workers=False)
        e = Engine(tmp_path / "data", server.url)
        try:
            assert stands_still()
            go.touch()
            approvals.decide(e.rt, asked, "deny")
            e.until("state_changed", to="completed")
            assert len(queries.list_workers(e.rt, session.id)) == 1
        finally:
            e.close()
