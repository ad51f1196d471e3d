"""Single limits on a real database, real processes and a real repository, without an agent."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from claude_agent_sdk import AssistantMessage, ContentBlock, ToolResultBlock, ToolUseBlock, UserMessage

from maestro.agents.base import AgentSpec
from maestro.agents.claude_events import Transcript
from maestro.core import queries
from maestro.core.commands import approvals
from maestro.core.execution import ingest, run_end
from maestro.core.guards import heartbeat, resources, watchdog
from maestro.core.guards.loops import Trace
from maestro.core.guards.no_progress import Standstill
from maestro.core.kernel.agent_config import in_force
from maestro.core.kernel.locks import WorkCancelled
from maestro.core.kernel.runtime import Runtime, open_runtime
from maestro.core.limits import account, admission
from maestro.core.workspaces import ports
from maestro.core.workspaces.check_slots import check_slot
from maestro.core.workspaces.environ import PORTS_PER_WORKTREE, port_bases
from maestro.db import models
from maestro.db.types import utcnow
from maestro.settings import LoadedSettings
from maestro.worker import proctable
from maestro.worker.link import SpoolLink
from maestro.worker.spool import WORKER_ID_VARIABLE, Spool, append
from tests.app_process import wait_for
from tests.repos import make_repo


@dataclass
class Rows:
    """A session at work with one task and its worker."""

    rt: Runtime
    session: models.Session
    task: models.Task
    worker: models.Worker

    def task_now(self) -> models.Task:
        with self.rt.db.read() as db:
            found = db.get(models.Task, self.task.id)
        assert found is not None
        return found

    def pauses(self) -> list[models.AccountPause]:
        with self.rt.db.read() as db:
            return [p for p in [db.get(models.AccountPause, "account-1")] if p]


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[Rows]:
    rt = open_runtime(LoadedSettings(flags={"data_dir": tmp_path / "data"}, environment={}, dotenv=None))
    with rt.db.write() as tx:
        session = models.Session(status="executing", repo_path="/nowhere", base_commit="0", session_branch="m/x")
        tx.db.add(session)
        tx.db.flush()
        task = models.Task(session_id=session.id, key="t1", position=0, title="T", status="running", attempt=1)
        tx.db.add(task)
        tx.db.flush()
        spool = tmp_path / "spool"
        spool.mkdir()
        worker = models.Worker(
            id=uuid.uuid4().hex,
            session_id=session.id,
            task_id=task.id,
            name="W-1",
            status="running",
            spool_path=str(spool),
            account="account-1",
        )
        task.assigned_worker_id = worker.id
        tx.db.add(worker)
    yield Rows(rt, session, task, worker)
    rt.db.close()


def rejected(rows: Rows, **more: Any) -> None:
    told = {"status": "rejected", "resets_at": int(utcnow().timestamp()) + 7200, **more}
    entry = {"type": "log", "level": "warn", "kind": "system", "message": "Limit.", "metadata": {"rate_limit": told}}
    append(Spool(Path(rows.worker.spool_path)).events, entry)
    ingest.ingest(rows.rt, rows.worker.id)


def test_a_limit_told_during_a_run_pauses_the_account_until_its_reset(rows: Rows) -> None:
    rejected(rows)
    rejected(rows)
    (pause,) = rows.pauses()
    assert pause.paused_until is not None
    assert timedelta(hours=1) < pause.paused_until - utcnow() <= timedelta(hours=2)
    assert pause.strikes == 1


def test_a_limit_that_overage_covers_pauses_nothing(rows: Rows) -> None:
    rejected(rows, overage="allowed")
    assert rows.pauses() == []


def test_waits_for_an_overloaded_endpoint_grow_to_the_ceiling_and_an_answer_ends_them(rows: Rows) -> None:
    result = {"outcome": "failed", "failure": "overloaded", "message": "Overloaded."}
    waits = []
    for _ in range(7):
        with rows.rt.db.write() as tx:
            task, worker = tx.db.get(models.Task, rows.task.id), tx.db.get(models.Worker, rows.worker.id)
            session = tx.db.get(models.Session, rows.session.id)
            assert task
            assert worker
            assert session
            worker.result_json = result
            admission.endpoint_trouble(tx, rows.rt.settings, session, task, worker)
            assert task.retry_at is not None
            waits.append(round((task.retry_at - utcnow()).total_seconds()))
    assert waits == [5, 15, 45, 135, 405, 600, 600]
    append(Spool(Path(rows.worker.spool_path)).events, {"type": "usage", "output_tokens": 5, "model_calls": 1})
    ingest.ingest(rows.rt, rows.worker.id)
    assert (rows.task_now().retry_at, rows.task_now().endpoint_failures) == (None, 0)


def test_checks_wait_for_a_slot_and_can_be_called_off_while_they_wait(rows: Rows) -> None:
    rows.rt.loaded.reload({"check_slots": 1})
    ended: list[str] = []
    asked = threading.Event()

    def not_called_off() -> bool:
        asked.set()
        return False

    def second() -> None:
        with check_slot(rows.rt, not_called_off):
            ended.append("second")

    with check_slot(rows.rt):
        waiting = threading.Thread(target=second)
        waiting.start()
        assert asked.wait(30)  # it waits: only then it is asked
        with pytest.raises(WorkCancelled), check_slot(rows.rt, lambda: True):
            raise AssertionError("there was no slot")
        assert ended == []
    waiting.join(10)
    assert ended == ["second"]


def test_a_tree_over_its_processor_cap_gets_the_lowest_priority(rows: Rows) -> None:
    code = "import threading, time; [threading.Thread(target=time.sleep, args=[60]).start() for _ in range(2)]"
    child = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, WORKER_ID_VARIABLE: rows.worker.id})
    try:
        worker, process = rows.worker, psutil.Process(child.pid)
        wait_for(lambda: process.num_threads() == 3, 120, "its threads")
        worker.pid, worker.pid_started = child.pid, proctable.started(child.pid)
        config = in_force({"worker_cpu_percent": 100}, rows.rt.settings)
        run = resources._Run(rows.rt, rows.session, config, rows.task, worker, out_of_calls=False)
        before = process.nice()
        for use in (150.0, 151.0):
            worker.cpu_percent = use
            resources._processor(run)
        assert process.nice() == before
        worker.cpu_percent = 152.0
        resources._processor(run)
        threads = [t.id for t in process.threads()] if sys.platform.startswith("linux") else [child.pid]
        assert [os.getpriority(os.PRIO_PROCESS, thread) for thread in threads] == [19] * len(threads)
    finally:
        child.kill()
        child.wait()


def test_two_workers_that_start_at_the_same_moment_get_ports_of_their_own(rows: Rows) -> None:
    ids = ["00000001" + "0" * 24, "000001f5" + "0" * 24]  # tasks that prefer the same range
    assert len({next(port_bases(task)) for task in ids}) == 1
    workers = [models.Worker(session_id=rows.session.id, task_id=t, name=t[:8], spool_path="/nowhere") for t in ids]
    with rows.rt.db.write() as tx:
        for task in ids:
            tx.db.add(models.Task(id=task, session_id=rows.session.id, key=task[:8], position=1, title="T"))
        tx.db.flush()
        tx.db.add_all(workers)
    first, second = (ports.of_worker(rows.rt, worker) for worker in workers)
    assert abs(first - second) >= PORTS_PER_WORKTREE
    assert ports.of_worker(rows.rt, workers[0]) == first


def test_many_calls_that_change_nothing_are_seen_and_any_change_counts(rows: Rows, tmp_path: Path) -> None:
    rows.rt.loaded.reload({"stuck_calls_without_change": 6})
    repo = make_repo(tmp_path / "repo", {"README.md": "Hello\n"})

    def calls(eye: watchdog._RunState, count: int) -> list[str | None]:
        seen = []
        for number in range(count):
            eye.trace.tool(str(number), "Bash", {"command": f"look {number}"}, "Look")
            seen.append(eye.standstill.check(rows.rt, repo, eye.trace))
            rows.rt.jobs.wait_for([eye.standstill.job], 30)  # git is asked behind the look, never in it
            seen.append(eye.standstill.check(rows.rt, repo, eye.trace))
        return [words for words in seen if words]

    def new_eye() -> watchdog._RunState:
        return watchdog._RunState(Trace(4), Standstill(rows.worker.id), quiet_since=0.0)

    eye = new_eye()
    assert calls(eye, 5) == []
    assert calls(eye, 1) == ["6 tool calls in a row changed nothing in the worktree"]
    (repo / "made").mkdir()
    (repo / "made" / "a.txt").write_text("by a command\n")
    for change, text in (("README.md", "changed\n"), ("made/a.txt", "longer by a command\n"), ("made/b.txt", "new\n")):
        eye = new_eye()
        calls(eye, 5)
        (repo / change).write_text(text)
        assert calls(eye, 2) == [], change


def test_what_differs_only_after_the_cut_of_the_log_is_not_the_same_again(rows: Rows) -> None:
    spec = AgentSpec(
        worker_id="w", session_id="s", task_id="t", task_key="t1", agent_type="claude_code", worktree="/x", prompt="."
    )
    transcript = Transcript(spec, SpoolLink(Spool(Path(rows.worker.spool_path)), spec, key=b""))
    eye = watchdog._RunState(Trace(4), Standstill(rows.worker.id), quiet_since=0.0)

    def does(command: str, output: str) -> str | None:
        use = uuid.uuid4().hex
        blocks: list[ContentBlock] = [ToolUseBlock(use, "Bash", {"command": command, "description": use})]
        transcript.take(AssistantMessage(blocks, model="m"))
        transcript.take(UserMessage([ToolResultBlock(use, output)]))
        ingest.ingest(rows.rt, rows.worker.id)
        watchdog._read_on(rows.rt, eye, rows.worker)
        return eye.trace.circle()

    long = "a line\n" * 1000
    assert [does("make", f"{long}{number} failures left") for number in range(5)] == [None] * 5
    assert [does(f"{long}step({number})", "") for number in range(5)] == [None] * 5
    again = [does(f"{long}the same", f"{long}the same") for number in range(4)]
    assert again[:3] == [None] * 3
    assert again[3] is not None


def seen_after(rows: Rows, seconds: float, cpu: float) -> tuple[int, int, str | None]:
    """The steps taken and the questions asked when a worker was quiet for so long, with this use of the processor."""
    watch = heartbeat.watch(rows.rt)
    with rows.rt.db.write() as tx:
        worker = tx.db.get(models.Worker, rows.worker.id)
        assert worker is not None
        worker.cpu_percent = cpu
        tx.db.add(worker)
    config = in_force({"auto_unstick": True}, rows.rt.settings)
    watchdog.check(rows.rt, config, rows.task_now(), worker)
    watch.now += seconds
    watchdog.check(rows.rt, config, rows.task_now(), worker)
    state = rows.task_now().guard_state
    asked = queries.list_approvals(rows.rt, session_id=rows.session.id)
    return state.stuck_step, len(asked), state.stop.then if state.stop else None


def test_a_quiet_tool_that_computes_is_left_alone_before_and_after_a_word(rows: Rows) -> None:
    with rows.rt.db.write() as tx:
        place = {"task_id": rows.task.id, "worker_id": rows.worker.id, "source": "W-1"}
        for use, tool in (("1", "Bash"), ("2", "Read")):
            tx.log(rows.session.id, tool, kind="tool", details={"tool_use_id": use, "tool": tool, "input": {}}, **place)
        tx.log(rows.session.id, "read", kind="tool_result", details={"tool_use_id": "2"}, **place)
    assert seen_after(rows, 3600, 100.0) == (0, 0, None)
    assert seen_after(rows, 3600, 0.0) == (1, 0, None)
    assert seen_after(rows, 3600, 100.0) == (1, 0, None)
    assert seen_after(rows, 3600, 0.0) == (2, 0, "resume")


def test_a_quiet_command_is_left_alone_while_it_computes_and_asked_about_when_it_does_not(rows: Rows) -> None:
    with rows.rt.db.write() as tx:
        rows.session.agent_type = "command"
        tx.db.add(rows.session)
    assert seen_after(rows, 3600, 100.0) == (0, 0, None)
    assert seen_after(rows, 3600, 0.0) == (1, 1, None)  # it can neither hear a word nor go on where it was
    (asked,) = queries.list_approvals(rows.rt, session_id=rows.session.id)
    approvals.decide(rows.rt, asked.id, "allow", "try it offline")
    append(Spool(Path(rows.worker.spool_path)).events, {"type": "result", "outcome": "interrupted", "message": "."})
    ingest.ingest(rows.rt, rows.worker.id)
    run_end.close(rows.rt, rows.worker.id)
    task = rows.task_now()
    assert (task.status, "try it offline" in (task.prompt or "")) == ("running", True)


def test_a_night_asleep_uses_up_no_patience_with_the_endpoint(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    began = utcnow()
    rows.worker.result_json = {"outcome": "failed", "failure": "overloaded", "message": "Overloaded."}

    def fails_after(hours: float) -> str | None:
        monkeypatch.setattr(admission, "utcnow", lambda: began + timedelta(hours=hours))
        with rows.rt.db.write() as tx:
            session, task = tx.db.get(models.Session, rows.session.id), tx.db.get(models.Task, rows.task.id)
            assert session is not None
            assert task is not None
            return admission.endpoint_trouble(tx, rows.rt.settings, session, task, rows.worker)

    assert [fails_after(hours) for hours in (0, 10, 20)] == [None, None, None]  # the laptop was shut in between
    assert not admission.may_start(rows.rt, rows.session, rows.task_now())
    fails_after(2)  # the clock was set back: neither patience nor a wait without end
    assert admission.may_start(rows.rt, rows.session, rows.task_now()) is False
    monkeypatch.setattr(admission, "utcnow", lambda: began - timedelta(hours=9))
    assert admission.may_start(rows.rt, rows.session, rows.task_now())
    reasons = [fails_after(3 + tenth / 10) for tenth in range(60)]  # hours of nothing else
    assert next(reason for reason in reasons if reason).startswith("Overloaded. Tried")


def test_a_pause_of_the_account_ends_with_a_clock_that_was_set_back_before_it(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    with rows.rt.db.write() as tx:
        session = tx.db.get(models.Session, rows.session.id)
        assert session is not None
        account.limit_reached(tx, session, "account-1", until=None, reason="Too many requests.")
    account.release_due(rows.rt)
    assert rows.pauses()[0].active
    monkeypatch.setattr(account, "utcnow", lambda: utcnow() - timedelta(days=1))
    account.release_due(rows.rt)
    assert not rows.pauses()[0].active


def test_a_limit_of_another_worker_does_not_end_the_wait_for_the_answer_about_a_refused_key(rows: Rows) -> None:
    with rows.rt.db.write() as tx:
        session = tx.db.get(models.Session, rows.session.id)
        assert session is not None
        assert account.key_refused(tx, session, "account-1", "The key was refused.")
        soon = utcnow().timestamp() + 1
        account.limit_reached(tx, session, "account-1", until=soon, reason="Too many requests.")
        account.record_success(tx, "account-1")
        assert not account.key_refused(tx, session, "account-1", "The key was refused.")
    (pause,) = rows.pauses()
    assert (pause.active, pause.kind, pause.paused_until, pause.reason) == (True, "auth", None, "The key was refused.")
    with rows.rt.db.write() as tx:
        account.release_refused_key(tx, rows.session)
    assert not any(pause.active for pause in rows.pauses())
