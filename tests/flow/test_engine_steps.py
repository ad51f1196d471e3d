"""The engine's steps: what is blocked costs nothing, what fails is asked about, what an answer brings is never lost."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pathspec import GitIgnoreSpec

from maestro.cli import drive
from maestro.core import queries
from maestro.core.commands import approvals, control, sessions
from maestro.core.execution import digest, resuming, starting
from maestro.core.guards import integrity
from maestro.core.integration import landing, validation
from maestro.core.integration.hooks import scope
from maestro.core.kernel.session_states import move
from maestro.core.supervisor import lifecycle, stepping
from maestro.core.supervisor import loop as supervising
from maestro.core.supervisor.loop import Supervisor
from maestro.core.tasks import pausing
from maestro.db import models
from maestro.db.keeping import Fact
from maestro.db.session import Database
from maestro.db.types import utcnow
from maestro.worker import launch, spool
from tests.engine import Engine, engine
from tests.flow.test_damaged_rows import store
from tests.flow.test_damaged_spools import add_work, opened
from tests.repos import make_repo
from tests.scripted import bash, say, scenario, task_rule, write

RISKY = "python3 -c \"open('allowed.txt', 'w').write('x')\""


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", {"README.md": "Hello\n"})


def plan(checks: list[str] | None = None, **more: Any) -> dict[str, Any]:
    task = {"id": "t1", "title": "Task t1", "checks": ["test -s t1.txt"], **more}
    return {"summary": "Test", "checks": checks or [], "tasks": [task]}


def does(*before: Any) -> dict[str, Any]:
    return task_rule("# Task t1:", *before, write("t1.txt", "t1\n"), say("Done."))


def begun_by_looks(e: Engine, monkeypatch: pytest.MonkeyPatch, looks: int = 25) -> list[str]:
    """The jobs that whole looks begin, with the clock's own looks standing still."""
    e.rt.service(lifecycle.SCHEDULER).pause()
    supervisor, begun, start = Supervisor(e.rt), [], e.rt.jobs.start
    supervisor._tick_all()  # what has happened until now is taken up
    monkeypatch.setattr(stepping, "_IDLE_S", 0.0)  # as if the while had passed each time

    def counted(name: str, *job: Any) -> bool:
        begun.append(name)
        return start(name, *job)

    monkeypatch.setattr(e.rt.jobs, "start", counted)
    for _ in range(looks):
        supervisor._tick_all()
    monkeypatch.setattr(e.rt.jobs, "start", start)
    e.rt.service(lifecycle.SCHEDULER).resume()
    return begun


def test_a_session_that_waits_for_its_set_up_begins_nothing_and_goes_on_with_the_answer(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = tmp_path / "ready"
    with engine(tmp_path, scenario(does())) as e:
        session = e.run(repo, plan(["true"]), setup=[f"test -e {ready}"])
        asked = e.until("approval_requested", kind="infrastructure")
        # The base and the task are set up side by side: one of them asks.
        e.rt.jobs.wait_for([f"start:{e.task(session.id, 't1').id}", f"baseline:{session.id}"], 200)
        assert begun_by_looks(e, monkeypatch) == []
        ready.touch()
        approvals.decide(e.rt, asked.payload["approval_id"], "allow")
        e.until("state_changed", to="completed")
        assert e.get(session.id).status == "completed"


def test_a_session_whose_train_is_stopped_begins_nothing(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine(tmp_path, scenario(does())) as e:
        e.run(repo, plan(checks=["no-such-program-at-all"]))
        e.until("approval_requested", kind="infrastructure", timeout_s=90)
        assert begun_by_looks(e, monkeypatch) == []


def test_a_worker_that_waits_at_a_gate_costs_looks_at_two_files(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine(tmp_path, scenario(does(bash(RISKY)))) as e:
        e.run(repo, plan())
        asked = e.until("approval_requested")
        assert begun_by_looks(e, monkeypatch) == []
        e.rt.service(lifecycle.SCHEDULER).pause()
        supervisor, reads, read = Supervisor(e.rt), [], Database.read
        supervisor._tick_all()
        supervisor._news.clear()
        supervisor._looked_at = float("inf")  # nothing is due by the clock

        def counted(db: Database) -> Any:
            reads.append(1)
            return read(db)

        monkeypatch.setattr(Database, "read", counted)
        for _ in range(20):
            supervisor.tick()
        assert reads == []
        monkeypatch.setattr(Database, "read", read)
        e.rt.service(lifecycle.SCHEDULER).resume()
        approvals.decide(e.rt, asked.payload["approval_id"], "allow")
        e.until("state_changed", to="completed")


def test_the_baseline_is_begun_only_when_one_is_missing(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine(tmp_path, scenario(does(bash(RISKY)))) as e:
        session = e.run(repo, plan(["true"]))
        e.until("approval_requested")
        while not queries.list_evidence(e.rt, session.id):
            e.until("check_finished")
        assert not [name for name in begun_by_looks(e, monkeypatch) if name.startswith("baseline")]


def fails(*_: Any, **__: Any) -> Any:
    """As the system answers when too many files are open."""
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


STEPS = {
    "start": (starting, "prepare_worktree"),
    "land": (landing, "_commit"),
    "validate": (validation, "prove"),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_keeps_failing_is_told_and_asked_about_and_goes_on_when_it_is_mended(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr(stepping, "FIRST_WAIT_S", 0.01)
    module, name = STEPS[step]
    with engine(tmp_path, scenario(does())) as e:
        with monkeypatch.context() as broken:
            broken.setattr(module, name, fails)
            session = e.run(repo, plan(["true"]))
            asked = e.until("approval_requested", kind="infrastructure", timeout_s=90)
            assert "5 times in a row" in asked.payload["title"]
            assert "Too many open files" in asked.payload["detail"]["reason"]
            told = [row.message for row in queries.list_logs(e.rt, session.id) if "Trying again in" in row.message]
            assert len(told) == 4
            assert e.task(session.id, "t1").status == ("completed" if step == "validate" else "waiting")
            assert begun_by_looks(e, monkeypatch) == []
        approvals.decide(e.rt, asked.payload["approval_id"], "allow")
        e.until("state_changed", to="completed")


@pytest.mark.parametrize("step", STEPS)
def test_who_gives_up_on_a_step_that_keeps_failing_is_not_asked_for_ever(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr(stepping, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(*STEPS[step], fails)
    with engine(tmp_path, scenario(does())) as e:
        session = e.run(repo, plan(["true"]))
        asked = e.until("approval_requested", kind="infrastructure", timeout_s=90)
        approvals.decide(e.rt, asked.payload["approval_id"], "deny")
        if step != "validate":
            assert "Too many open files" in e.until("task_failed").payload["error"]
        else:
            e.until("state_changed", to="failed")
            assert "Too many open files" in str(e.get(session.id).error_message)


def test_a_session_whose_tasks_can_never_start_says_so(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stepping, "FIRST_WAIT_S", 0.01)
    with engine(tmp_path, scenario(does())) as e:
        session = e.session(repo, plan())
        store(e.rt.data_dir, "tasks", "depends_on", '["t9"]', e.task(session.id, "t1").id)
        control.execute(e.rt, session.id)
        asked = e.until("approval_requested", kind="infrastructure")
        assert "t9" in asked.payload["detail"]["reason"]


def test_a_session_with_a_damaged_configuration_says_so_and_the_other_one_completes(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stepping, "FIRST_WAIT_S", 0.01)
    with engine(tmp_path, scenario(does())) as e:
        bad, good = e.session(repo, plan()), e.session(repo, plan())
        store(e.rt.data_dir, "sessions", "agent_config", '{"max_workers": "many"', bad.id)
        control.execute(e.rt, bad.id)
        control.execute(e.rt, good.id)
        asked = e.until("approval_requested", kind="infrastructure")
        assert asked.session_id == bad.id
        assert "configuration is not valid" in asked.payload["detail"]["reason"]
        while e.until("state_changed", to="completed").session_id != good.id:
            pass
        # It is mended where it is shown.
        sessions.update_session(e.rt, bad.id, sessions.SessionChanges(agent_config={"max_workers": 1}))
        approvals.decide(e.rt, asked.payload["approval_id"], "allow")
        e.until("state_changed", to="completed")


CAUSES = {"budget": {"budget": "session:x", "paused": True, "measure": "usd"}, "escape": {"items": ["x"]}}


@pytest.mark.parametrize("kind", CAUSES)
@pytest.mark.parametrize("answer", ["allowed", "denied"])
def test_an_answer_whose_follow_up_was_lost_is_taken_up_at_the_next_start(
    tmp_path: Path, repo: Path, kind: str, answer: str
) -> None:
    """Killed right after the answer's commit."""
    with engine(tmp_path, scenario(does(bash(RISKY)))) as e:
        session = e.run(repo, plan())
        e.until("approval_requested", kind="tool")
        e.rt.service(lifecycle.SCHEDULER).pause()
        pausing.pause(e.rt, session.id, source="supervisor")
        with e.rt.db.write() as tx:
            tx.db.add(
                models.Approval(
                    session_id=session.id,
                    kind=kind,
                    title="?",
                    detail=CAUSES[kind],
                    status=answer,
                    resolved_at=utcnow(),
                )
            )
        supervisor = Supervisor(e.rt)  # as after a start: it knows nothing but the rows
        supervisor.tick()
        assert e.get(session.id).status == ("executing" if answer == "allowed" else "paused")
        e.rt.service(lifecycle.SCHEDULER).resume()


def test_a_pause_by_hand_and_one_with_an_open_question_stay(tmp_path: Path, repo: Path) -> None:
    with engine(tmp_path, scenario(does(bash(RISKY)))) as e:
        session = e.run(repo, plan())
        e.until("approval_requested", kind="tool")
        control.pause(e.rt, session.id)
        with e.rt.db.write() as tx:
            tx.db.add(
                models.Approval(session_id=session.id, kind="escape", title="?", status="allowed", resolved_at=utcnow())
            )
        assert not resuming.resume_due(e.rt)
        control.resume(e.rt, session.id)
        pausing.pause(e.rt, session.id, source="supervisor")
        with e.rt.db.write() as tx:
            tx.db.add(models.Approval(session_id=session.id, kind="escape", title="?"))
        resuming.resume_due(e.rt)
        assert e.get(session.id).status == "paused"
        assert len(integrity.alarms(e.rt, session.id)) == 1


def test_an_answer_is_stored_although_what_follows_fails_and_follows_later(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine(tmp_path, scenario(does(bash(RISKY)))) as e:
        e.run(repo, plan())
        asked = e.until("approval_requested")
        with monkeypatch.context() as full:
            full.setattr(spool, "append", fails)
            answer = approvals.decide(e.rt, asked.payload["approval_id"], "allow")
            assert answer.status == "allowed"
        e.until("state_changed", to="completed")


def test_a_digest_that_cannot_be_made_is_made_later(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "_DIGEST_AGAIN_S", 0.0)
    rt = opened(tmp_path / "data")
    with rt.db.write() as tx:
        tx.db.merge(Fact(name="stopped_at", value=utcnow().isoformat()))
    rows = add_work(rt, repo)
    spool.append(rows.spool.events, {"type": "log", "kind": "text", "message": "Done meanwhile."})
    supervisor = Supervisor(rt)
    with monkeypatch.context() as broken:
        broken.setattr(digest.ingest, "ingest", fails)
        supervisor._catch_up()
        assert digest.of_last_start(rt) is None
    supervisor._catch_up()
    assert digest.of_last_start(rt) is not None
    rt.db.close()


def test_declared_patterns_are_compiled_once_for_all_changed_files(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, from_lines = [], GitIgnoreSpec.from_lines

    def counted(lines: Any) -> GitIgnoreSpec:
        compiled.append(1)
        return from_lines(lines)

    monkeypatch.setattr(GitIgnoreSpec, "from_lines", counted)
    is_far = scope._far_from(["src/**/*.py", "docs/a.md", "*.toml"])
    told = [
        is_far(path)
        for path in ["src/a/b.py", "src/x.txt", "docs/b.md", "other/x.py", "uv.lock", "pyproject.toml"] * 100
    ]
    assert told[:6] == [False, False, False, True, False, False]
    assert len(compiled) == 1


def test_how_a_worker_ended_is_told_without_a_wait() -> None:
    """Nobody else can write while a transaction is open: the wait for its end comes before."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        launch._started["w1"] = launch._started["w2"] = child
        assert launch.exit_code("w1") is None  # it still runs
        child.kill()
        launch.reap("w2")
    assert launch.exit_code("w2") == -signal.SIGKILL


def test_workers_of_a_session_that_is_over_are_ended_although_its_end_was_not_carried_out(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "_LINGER_S", 0.0)
    with engine(tmp_path, scenario(does(bash(RISKY)))) as e:
        session = e.run(repo, plan())
        e.until("approval_requested")
        with e.rt.db.write() as tx:
            row = tx.db.get(models.Session, session.id)
            assert row
            move(tx, row, "error", approved=True)
        e.until("worker_terminated")
        e.until("approval_resolved", decision="expired")


class _Paused:
    """What the API answers about a session that stays paused and asks nothing."""

    session: ClassVar = {"status": "paused", "pending_approvals": 0, "error_message": None}

    @contextlib.contextmanager
    def events(self, _session_id: str) -> Iterator[Any]:
        yield self

    def next(self, _patience_s: float) -> None:
        return None

    def get(self, _path: str, **_: Any) -> Any:
        return self.session


def test_run_with_yes_does_not_wait_for_ever_for_a_session_that_nobody_resumes() -> None:
    ended = drive.Driver(_Paused(), "0123456789", yes=True, say=print).run()  # type: ignore[arg-type]
    assert (ended.code, ended.reason) == (drive.WAITS, "Paused. Resume with: maestro resume 01234567")
