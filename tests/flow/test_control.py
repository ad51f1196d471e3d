"""Gates, pause, cancel, retry, skip, rollback, restart: the user's hand on running work, with the real CLI."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from maestro.core import queries
from maestro.core.commands import approvals, control, sessions
from maestro.core.kernel import processes
from maestro.db import models
from maestro.demo.server import ScriptedServer
from maestro.errors import NotAllowed
from tests.app_process import wait_for
from tests.engine import Engine, engine
from tests.repos import make_repo, run_git
from tests.scripted import bash, error, say, scenario, task_rule, write

#: Runs code, so mode "edits" asks.
RISKY = "python3 -c \"open('allowed.txt', 'w').write('x')\""


def plan(*tasks: dict[str, object], checks: list[str] | None = None) -> dict[str, object]:
    return {"summary": "Test", "checks": checks or [], "tasks": list(tasks)}


def one(key: str = "t1", **more: object) -> dict[str, object]:
    return {"id": key, "title": f"Task {key}", "checks": [f"test -s {key}.txt"], **more}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", {"README.md": "Hello\n"})


def does(key: str, *before: object) -> dict[str, object]:
    return task_rule(f"# Task {key}:", *before, write(f"{key}.txt", f"{key}\n"), say("Done."))


def test_a_risky_command_waits_for_the_user_and_runs_when_allowed(tmp_path: Path, repo: Path) -> None:
    with engine(tmp_path, scenario(does("t1", bash(RISKY)))) as e:
        session = e.run(repo, plan(one(checks=["test -e allowed.txt"])))
        asked = e.until("approval_requested")
        assert "allowed.txt" in asked.payload["title"]
        assert e.task(session.id, "t1").status == "waiting"
        assert not list(e.rt.data_dir.glob("worktrees/*/t1/allowed.txt"))
        approvals.decide(e.rt, asked.payload["approval_id"], "allow")
        e.until("state_changed", to="completed")


def test_while_the_user_is_away_agents_hear_no_and_what_only_a_user_may_decide_waits(
    tmp_path: Path, repo: Path
) -> None:
    script = scenario(does("t1", bash(RISKY), bash(RISKY + " # again")), does("t2", bash(RISKY)))
    with engine(tmp_path, script) as e:
        session = e.run(repo, plan(one(), one("t2", depends_on=["t1"], requires_approval=True)))
        asked = e.until("approval_requested")
        sessions.update_session(e.rt, session.id, sessions.SessionChanges(away=True))
        e.until("approval_resolved", approval_id=asked.payload["approval_id"], decision="denied", by="away")
        e.until("approval_resolved", decision="denied", by="away")
        # The work went on without it; starting a task that asks first is nobody else's to decide.
        assert e.until("approval_requested").payload["kind"] == "task_start"
        assert e.task(session.id, "t1").status == "completed"
        told = [ev.payload["title"] for ev in e.seen if ev.type == "notification"]
        assert told == ["Denied while you are away"]
        heard = [r for r in queries.list_logs(e.rt, session.id, limit=500) if "The user is away" in r.message]
        assert len(heard) == 2
        sessions.update_session(e.rt, session.id, sessions.SessionChanges(away=False))
        (waits,) = queries.list_approvals(e.rt, session_id=session.id)
        approvals.decide(e.rt, waits.id, "allow")
        again = e.until("approval_requested")
        assert again.payload["kind"] == "tool"
        approvals.decide(e.rt, again.payload["approval_id"], "allow")
        e.until("state_changed", to="completed")
        by = [a.resolved_by for a in queries.list_approvals(e.rt, status=None, session_id=session.id)]
        assert by == ["away", "away", "you", "you"]
        assert "Denied while you were away: 2." in e.until("notification").payload["text"]


def test_an_answer_counts_once(tmp_path: Path, repo: Path) -> None:
    with engine(tmp_path, scenario(does("t1", bash(RISKY)))) as e:
        e.run(repo, plan(one()))
        asked = e.until("approval_requested")
        approvals.decide(e.rt, asked.payload["approval_id"], "deny", "Not needed")
        with pytest.raises(NotAllowed):
            approvals.decide(e.rt, asked.payload["approval_id"], "allow")
        e.until("state_changed", to="completed")
        assert queries.get_approval(e.rt, asked.payload["approval_id"]).status == "denied"


def test_allow_for_this_session_asks_only_once(tmp_path: Path, repo: Path) -> None:
    script = scenario(does("t1", bash(RISKY), bash(RISKY)))
    with engine(tmp_path, script) as e:
        session = e.run(repo, plan(one()))
        approvals.decide(e.rt, e.until("approval_requested").payload["approval_id"], "allow_session")
        e.until("state_changed", to="completed")
        statuses = {a.status for a in queries.list_approvals(e.rt, status=None, session_id=session.id)}
        assert statuses == {"allowed"}
        assert sum(event.type == "approval_requested" for event in e.seen) == 1


def test_a_task_that_asks_first_does_not_start_without_a_yes(tmp_path: Path, repo: Path) -> None:
    with engine(tmp_path, scenario(does("t1"), does("t2"))) as e:
        session = e.run(repo, plan(one(requires_approval=True), one("t2", requires_approval=True)))
        first, second = e.until("approval_requested"), e.until("approval_requested")
        assert queries.list_workers(e.rt, session.id) == []
        approvals.decide(e.rt, first.payload["approval_id"], "allow")
        approvals.decide(e.rt, second.payload["approval_id"], "deny")
        e.until("state_changed", to="completed")
        assert {t.status for t in queries.list_tasks(e.rt, session.id)} == {"completed", "skipped"}


def test_pause_stops_the_worker_at_once_and_resume_goes_on(tmp_path: Path, repo: Path) -> None:
    with engine(tmp_path, scenario(does("t1", {"content": [bash("ls")], "delay_s": 1.5}))) as e:
        session = e.run(repo, plan(one()))
        e.until("worker_spawned")
        wait_for(lambda: queries.list_workers(e.rt, session.id)[0].status == "running", 120, "a running worker")
        control.pause(e.rt, session.id)
        worker = queries.list_workers(e.rt, session.id)[0]
        assert worker.status == "paused"
        assert worker.pid is not None
        tree = [psutil.Process(worker.pid), *psutil.Process(worker.pid).children(recursive=True)]
        # A zombie has ended; the stopped parent will reap it.
        assert {p.status() for p in tree} - {psutil.STATUS_ZOMBIE} == {psutil.STATUS_STOPPED}
        control.resume(e.rt, session.id)
        e.until("state_changed", to="completed")
        assert e.task(session.id, "t1").interruptions == 0


def test_cancel_leaves_no_process_and_keeps_unfinished_work(tmp_path: Path, repo: Path) -> None:
    script = scenario(task_rule("# Task t1:", write("half.txt", "half done\n"), {"hang": True}))
    with engine(tmp_path, script) as e:
        session = e.run(repo, plan(one()))
        e.until("log_entry", kind="tool_result")
        with e.rt.db.read() as db:
            worker = db.get(models.Worker, queries.list_workers(e.rt, session.id)[0].id)
        assert worker is not None
        control.cancel(e.rt, session.id, "enough")
        assert not processes.alive(worker)
        kept = run_git(repo, "for-each-ref", "--format=%(refname)", f"refs/maestro/{session.id}/recovered/").split()
        assert any(run_git(repo, "show", f"{ref}:half.txt", check=False) == "half done" for ref in kept)
        assert run_git(repo, "worktree", "list", "--porcelain").count("worktree ") == 1
        assert e.get(session.id).status == "cancelled"


def test_a_task_that_keeps_failing_asks_the_user_and_a_hint_reaches_the_agent(tmp_path: Path, repo: Path) -> None:
    wrong = task_rule("# Task t1:", write("t1.txt", ""), say("Done."), write("t2.txt", ""), say("Done again."))
    hinted = {
        "match": {"has_tool": "Bash", "asked": "use words"},
        "from_asked": True,
        "steps": [[write("t1.txt", "words\n")], [say("Done.")]],
    }
    with engine(tmp_path, scenario(hinted, wrong)) as e:
        session = e.run(repo, plan(one()), max_attempts=2)
        asked = e.until("approval_requested", kind="task_failed")
        assert e.task(session.id, "t1").status == "failed"
        assert "attempt 2 of 2" in (e.task(session.id, "t1").error_message or "")
        approvals.decide(e.rt, asked.payload["approval_id"], "allow", "use words")
        e.until("state_changed", to="completed")


def test_skip_lets_dependents_start(tmp_path: Path, repo: Path) -> None:
    with engine(tmp_path, scenario(task_rule("# Task t1:", say("I cannot.")), does("t2"))) as e:
        session = e.run(repo, plan(one(), one("t2", depends_on=["t1"])), max_attempts=1)
        e.until("task_failed")
        assert "without changing anything" in (e.task(session.id, "t1").error_message or "")
        control.skip_task(e.rt, session.id, "t1")
        e.until("state_changed", to="completed")
        assert e.task(session.id, "t2").status == "completed"


def test_a_refused_key_fails_the_task_with_the_reason_and_the_session_can_be_given_up_and_retried(
    tmp_path: Path, repo: Path
) -> None:
    refusing = {
        "match": {"has_tool": "Bash", "prompt": "# Task t1:"},
        "reply": error(401, "authentication_error", "invalid x-api-key"),
    }
    working = {
        "match": {"has_tool": "Bash", "asked": "The key is right now"},
        "from_asked": True,
        "steps": [[write("t1.txt", "t1\n")], [say("Done.")]],
    }
    with engine(tmp_path, scenario(working, refusing)) as e:
        session = e.run(repo, plan(one()))
        failed = e.until("task_failed")
        assert "ANTHROPIC_API_KEY" in failed.payload["error"]
        assert e.task(session.id, "t1").attempt == 1
        control.fail_session(e.rt, session.id)
        assert e.get(session.id).status == "failed"
        control.retry(e.rt, session.id, hint="The key is right now")
        e.until("state_changed", to="completed")


def test_checks_of_the_whole_that_fail_become_a_repair_task(tmp_path: Path, repo: Path) -> None:
    repair = task_rule("# Task repair-1:", write("whole.txt", "now\n"), say("Mended."))
    with engine(tmp_path, scenario(repair, does("t1"))) as e:
        session = e.run(repo, plan(one(), checks=["test -s whole.txt"]))
        e.until("state_changed", to="completed")
        assert e.task(session.id, "repair-1").status == "completed"
        assert e.get(session.id).result == e.get(session.id).result | {"proven": True}


def test_a_whole_that_never_passes_fails_with_the_reason(tmp_path: Path, repo: Path) -> None:
    repair = task_rule("# Task repair-1:", write("other.txt", "now\n"), say("Mended."))
    with engine(tmp_path, scenario(repair, does("t1"))) as e:
        session = e.run(repo, plan(one(), checks=["test -s whole.txt"]), max_attempts=2)
        # The repair task's own check is the whole's check, so it fails its attempts before the whole is tried again.
        e.until("task_failed")
        control.skip_task(e.rt, session.id, "repair-1")
        e.until("session_failed")
        view = e.get(session.id)
        assert view.status == "failed"
        assert "test -s whole.txt" in (view.error_message or "")


def test_rollback_takes_later_tasks_back_and_keeps_their_commits(tmp_path: Path, repo: Path) -> None:
    with engine(tmp_path, scenario(does("t1"), does("t2"))) as e:
        session = e.run(repo, plan(one(), one("t2", depends_on=["t1"])))
        e.until("state_changed", to="completed")
        tip = e.get(session.id).session_commit
        assert tip
        view = control.rollback(e.rt, session.id, "1")
        assert view.status == "paused"
        assert run_git(repo, "ls-tree", "--name-only", session.session_branch).split() == ["README.md", "t1.txt"]
        assert tip in run_git(repo, "for-each-ref", "--format=%(objectname)", f"refs/maestro/{session.id}/recovered/")
        assert [t.status for t in queries.list_tasks(e.rt, session.id)] == ["completed", "pending"]
        control.resume(e.rt, session.id)
        e.until("state_changed", to="completed")
        assert "t2.txt" in run_git(repo, "ls-tree", "--name-only", session.session_branch)


def test_a_worker_outlives_the_app_and_is_taken_back(tmp_path: Path, repo: Path) -> None:
    script = scenario(does("t1", {"content": [bash("ls")], "delay_s": 2}))
    with ScriptedServer(script) as server:
        first = Engine(tmp_path / "data", server.url)
        session = first.run(repo, plan(one()))
        first.until("log_entry", kind="system", source="W-1")
        pid = queries.list_workers(first.rt, session.id)[0].pid
        first.close(stop_workers=False)
        assert pid is not None
        assert psutil.pid_exists(pid)
        second = Engine(tmp_path / "data", server.url)
        try:
            second.until("state_changed", to="completed")
            assert len(queries.list_workers(second.rt, session.id)) == 1
            rows = [r.message for r in queries.list_logs(second.rt, session.id, limit=500) if r.kind == "tool"]
            assert rows == ["Run `ls`", "Write t1.txt"]
        finally:
            second.close()


def test_a_conflict_goes_to_the_later_tasks_agent_and_both_changes_come_in(tmp_path: Path, repo: Path) -> None:
    merge = "git merge $(git for-each-ref --format='%(refname:short)' 'refs/heads/maestro/*/main')"
    resolving = {
        "match": {"has_tool": "Bash", "asked": "# Conflict with work"},
        "from_asked": True,
        "steps": [[bash(merge)], [write("README.md", "from t1 and t2\n")], [say("Resolved.")]],
    }
    t1 = task_rule("# Task t1:", write("README.md", "from t1\n"), say("Done."))
    t2 = task_rule("# Task t2:", write("README.md", "from t2\n"), {"content": [say("Done.")], "delay_s": 3})
    with engine(tmp_path, scenario(resolving, t1, t2), permission_mode="bypass") as e:
        session = e.run(repo, plan(one(checks=["grep -q t1 README.md"]), one("t2", checks=["grep -q t2 README.md"])))
        e.until("state_changed", to="completed")
        assert run_git(repo, "show", f"{session.session_branch}:README.md") == "from t1 and t2"
        assert e.task(session.id, "t2").attempt == 2


def test_a_retry_of_a_failed_session_does_not_leave_tasks_waiting_for_answers_nobody_can_give(
    tmp_path: Path, repo: Path
) -> None:
    going_on = {
        "match": {"has_tool": "Bash", "asked": "# Go on"},
        "from_asked": True,
        "steps": [[write("t1.txt", "t1\n")], [say("Done.")]],
    }
    with engine(tmp_path, scenario(going_on, does("t1", bash(RISKY)), does("t2"))) as e:
        session = e.run(repo, plan(one(), one("t2", requires_approval=True)))
        kinds = {e.until("approval_requested").payload["kind"] for _ in range(2)}
        assert kinds == {"tool", "task_start"}
        control.fail_session(e.rt, session.id)
        control.retry(e.rt, session.id)
        again = e.until("approval_requested", kind="task_start")
        approvals.decide(e.rt, again.payload["approval_id"], "allow")
        e.until("state_changed", to="completed")
