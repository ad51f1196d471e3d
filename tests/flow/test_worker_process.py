"""The worker as a process: lock, life, death, and what it leaves behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from maestro.demo.server import ScriptedServer
from maestro.secrets import HIDDEN
from maestro.worker import launch, proctable, tree
from maestro.worker.spool import Spool
from tests.app_process import wait_for
from tests.scripted import WorkerRun, bash, call, scenario, task_rule

SLEEPER = [sys.executable, "-c", "import time; print('on it', flush=True); time.sleep(60)"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    runs: list[WorkerRun] = []

    def _start(url: str = "http://127.0.0.1:9", **more: Any) -> WorkerRun:
        runs.append(WorkerRun(tmp_path, url, **more))
        return runs[-1]

    yield _start
    for run in runs:
        run.end()


def command(start: Any, *arguments: str, **more: Any) -> WorkerRun:
    run: WorkerRun = start(agent_type="command", command=list(arguments), **more)
    return run


def python(start: Any, code: str, *arguments: str, **more: Any) -> WorkerRun:
    return command(start, sys.executable, "-c", code, *arguments, **more)


def test_a_command_agent_gets_the_prompt_and_its_lines_become_log_lines(start: Any) -> None:
    code = (
        "import sys; said = sys.stdin.read().upper().encode();"
        " sys.stdout.buffer.write(said + b'\\n' + b'x' * 100_000 + b'\\nbad \\xff\\nend'); open('made.txt', 'w')"
    )
    run = python(start, code, prompt="- héllo")
    result = run.result()
    assert (result["outcome"], result["message"]) == ("success", "end")
    lines = run.logs("text")
    assert lines[0] == "- HÉLLO"
    assert sum(line.count("x") for line in lines) == 100_000
    assert "bad \ufffd" in lines
    assert (run.worktree / "made.txt").exists()


def test_a_command_agent_can_take_the_prompt_as_an_argument(start: Any) -> None:
    run = python(start, "import sys; print(sys.argv[1:])", "{prompt}", prompt="--version")
    assert run.result()["message"] == "[' --version']"


def test_a_command_that_fails_or_is_not_there_says_so(start: Any) -> None:
    failed = python(start, "import sys; sys.exit('no luck')").result()
    assert (failed["failure"], failed["message"][-7:]) == ("agent", "no luck")
    missing = command(start, "no-such-program").wait("result")
    assert missing["failure"] == "missing"
    unknown = start(agent_type="nonsense").wait("result")
    assert "`nonsense`" in unknown["message"]


def test_a_second_worker_on_the_same_spool_is_refused(start: Any) -> None:
    run = command(start, *SLEEPER)
    run.wait("started")
    arguments = [sys.executable, "-P", "-m", "maestro.worker", str(run.spool.path)]
    environment = {**run.env, "PYTHONPATH": str(Path(__file__).parents[2])}
    second = subprocess.run(
        arguments, env=environment, input=run.orders(), capture_output=True, text=True, timeout=30, check=False
    )
    assert second.returncode == 3
    assert "Another worker" in second.stderr
    assert run.spool.is_locked()
    assert run.alive()
    assert len(run.events("started")) == 1


def test_sigterm_ends_the_run_as_interrupted_with_all_it_started(start: Any) -> None:
    detached = (
        "import subprocess, time; subprocess.Popen(['sleep', '61'], start_new_session=True);"
        " print('up', flush=True); time.sleep(60)"
    )
    run = python(start, detached)
    run.until(lambda: "up" in run.logs("text"))
    run.until(lambda: any(p.name() == "sleep" for p in tree.processes_of(run.spec.worker_id)))
    os.kill(run.known.pid, signal.SIGTERM)
    assert run.result()["outcome"] == "interrupted"
    run.until(lambda: not run.alive())
    assert tree.processes_of(run.spec.worker_id) == []


def test_what_an_agent_leaves_running_ends_before_the_result_is_told(start: Any) -> None:
    code = "import subprocess; p = subprocess.Popen(['sleep', '62'], start_new_session=True); print(p.pid)"
    run = python(start, code)
    result = run.result()
    assert result["outcome"] == "success"
    assert not psutil.pid_exists(int(result["message"])) or psutil.Process(int(result["message"])).status() == "zombie"
    assert "Ended what was left running: sleep." in run.logs("system")


def test_killing_the_worker_takes_the_cli_along_and_its_command_is_found(start: Any) -> None:
    with ScriptedServer(scenario(task_rule("", bash("sleep 63"), "Done."))) as server:
        run = start(server.url, permission_mode="bypass")

        def names() -> set[str]:
            names = set()
            for process in tree.processes_of(run.spec.worker_id):
                with contextlib.suppress(psutil.NoSuchProcess):  # ended since it was found
                    names.add(process.name())
            return names

        run.until(lambda: {"claude", "sleep"} <= names())
        os.kill(run.known.pid, signal.SIGKILL)
        run.until(lambda: not run.alive() and "claude" not in names())
        tree.kill_tree(run.known.pid, run.known.pid_started, run.spec.worker_id)
        assert names() == set()


def test_a_worker_killed_at_a_gate_asks_anew_when_it_is_started_again(start: Any) -> None:
    push = task_rule("", bash("git push"), "Done.")
    with ScriptedServer(
        scenario({**push, "match": {"has_tool": "Bash", "asked": "Do the task"}, "from_asked": True})
    ) as server:
        run = start(server.url)
        first = run.wait("gate")
        tree.kill_tree(run.known.pid, run.known.pid_started, run.spec.worker_id)
        with run.spool.events.open("a") as events:
            events.write('{"type": "torn')
        again = start(server.url, resume=True, conversation_id=run.spec.conversation_id)
        second = again.wait("gate")
        assert second["request_id"] != first["request_id"]
        again.decide(second, allow=True)
        assert again.result()["outcome"] == "success"
        assert [e["type"] for e in again.events()].count("garbled") <= 1


def test_suspending_stops_the_whole_tree_and_resuming_lets_it_go_on(start: Any) -> None:
    run = python(start, "import sys, subprocess; subprocess.run(['sleep', '64'])")
    run.until(lambda: "sleep" in {p.name() for p in tree.processes_of(run.spec.worker_id)})
    known = tree.Known(run.known.pid, run.known.pid_started, run.spec.worker_id)

    def states() -> set[str]:
        return {p.status() for p in [psutil.Process(run.known.pid), *tree.processes_of(run.spec.worker_id)]}

    tree.suspend_trees([known])
    run.until(lambda: states() == {"stopped"})
    tree.resume_trees([known])
    run.until(lambda: "stopped" not in states())
    tree.kill_tree(*known)
    run.until(lambda: not run.alive())


def test_a_process_with_another_start_time_is_never_signalled() -> None:
    with subprocess.Popen(["sleep", "65"]) as stranger:
        started = proctable.started(stranger.pid)
        assert tree.is_alive(stranger.pid, started)
        assert not tree.is_alive(stranger.pid, started - 100)
        assert tree.kill_tree(stranger.pid, started - 100, "nobody") == 0
        assert stranger.poll() is None
        stranger.kill()
        stranger.wait()
        assert not tree.is_alive(stranger.pid, started)


def test_a_broken_spec_ends_with_a_result(start: Any, tmp_path: Path) -> None:
    run = command(start, "true")
    run.result()
    run.until(lambda: not run.spool.is_locked())
    run.spool.spec.write_text('{"worker_id": "x"}')
    arguments = [sys.executable, "-P", "-m", "maestro.worker", str(run.spool.path)]
    environment = {**run.env, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(arguments, env=environment, input=run.orders(), text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert run.events("result")[-1]["failure"] == "protocol"


def test_keys_do_not_reach_the_spool(start: Any) -> None:
    run = python(start, "import os; print(os.environ['ANTHROPIC_API_KEY'])")
    assert run.result()["message"] == HIDDEN
    assert run.env["ANTHROPIC_API_KEY"] not in "".join(p.read_text() for p in run.spool.path.iterdir())


def test_unknown_tools_and_calls_do_not_break_a_run(start: Any) -> None:
    with ScriptedServer(
        scenario(task_rule("", call("NoSuchTool", x=1), call("mcp__maestro__report_progress", percent=400), "Done."))
    ) as server:
        run = start(server.url)
        assert run.result()["outcome"] == "success"
        assert run.events("progress") == []


def standby_of(folder: Path) -> launch.Standby:
    worker_id = f"test-{uuid.uuid4().hex}"
    return launch.stand_by(Spool(folder / worker_id), worker_id, {"PATH": os.environ["PATH"]})


def test_a_standby_works_in_the_environment_of_its_orders_and_is_known_by_its_id(tmp_path: Path) -> None:
    standby = standby_of(tmp_path)
    found = partial(tree.processes_of, standby.worker_id)
    wait_for(lambda: [p.pid for p in found()] == [standby.process.pid], 120, "its id in its environment")
    ended = threading.Event()
    code = "import os; print(sorted(os.environ))"
    run = WorkerRun(
        tmp_path,
        "http://127.0.0.1:9",
        standby=standby,
        on_end=ended.set,
        agent_type="command",
        command=[sys.executable, "-c", code],
        env={"ONLY_IN_THE_ORDERS": "1"},
    )
    assert "'ONLY_IN_THE_ORDERS'" in run.result()["message"]
    assert "PYTHONPATH" not in run.result()["message"]
    assert run.known.pid == standby.process.pid
    assert ended.wait(20)


def test_a_standby_ends_with_the_app_and_leaves_nothing(tmp_path: Path) -> None:
    app = subprocess.run(
        [sys.executable, "-c", _STANDS_BY_AND_DIES, str(tmp_path / "w")],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert app.returncode == -signal.SIGKILL
    wait_for(lambda: not psutil.pid_exists(int(app.stdout)) and not (tmp_path / "w").exists(), 120, "it ended")


_STANDS_BY_AND_DIES = """
import os, pathlib, signal, sys
from maestro.worker import launch, spool
standby = launch.stand_by(spool.Spool(pathlib.Path(sys.argv[1])), "w", {})
print(standby.process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_standby_that_died_is_replaced(tmp_path: Path) -> None:
    standby = standby_of(tmp_path)
    standby.process.kill()
    standby.process.wait()
    run = WorkerRun(tmp_path, "http://127.0.0.1:9", standby=standby, agent_type="command", command=["echo", "here"])
    assert run.result()["message"] == "here"
    assert run.known.pid != standby.process.pid


def test_a_standby_that_is_not_needed_goes_with_its_folder(tmp_path: Path) -> None:
    standby = standby_of(tmp_path)
    standby.dismiss()
    assert not tree.processes_of(standby.worker_id)
    assert not standby.spool.path.exists()
