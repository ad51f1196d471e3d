"""What a check, a set-up command or an agent leaves running is ended, whatever it did to get away."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from maestro.core.workspaces.run_command import run_command
from tests.scripted import WorkerRun

#: Each leaves a program behind that has written its pid into ``pid``.
_STAYS = "exec /bin/sh -c 'echo $$ > pid.new; mv pid.new pid; exec /bin/sleep 600'"
_DEAF = "trap '' HUP TERM INT; "
_PYTHON = """
import os, time
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
os.execve("/bin/sh", ["sh", "-c", "echo $$ > pid.new; mv pid.new pid; exec /bin/sleep 600"], {})
"""
_WAYS = {
    "in the background": f"({_STAYS}) &",
    "nohup": f"nohup sh -c {shlex.quote(_STAYS)} >/dev/null 2>&1 &",
    "setsid with an empty environment": f"setsid env -i /bin/sh -c {shlex.quote(f'({_STAYS}) &')} >/dev/null 2>&1",
    "a double fork by hand": f"{shlex.quote(sys.executable)} -c {shlex.quote(_PYTHON)}",
    "ignoring what can be ignored": f"setsid env -i /bin/sh -c {shlex.quote(_DEAF + _STAYS)} &",
}
_UNTIL_THERE = "\nwhile [ ! -e pid ]; do sleep 0.01; done"


def gone(folder: Path) -> bool:
    pid = int((folder / "pid").read_text())
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("way", _WAYS)
def test_what_a_command_leaves_running_ends_with_it(tmp_path: Path, way: str) -> None:
    outcome = run_command(_WAYS[way] + _UNTIL_THERE, tmp_path, dict(os.environ), 60)
    assert outcome.passed, outcome
    assert gone(tmp_path)


def test_it_ends_too_when_the_command_is_stopped(tmp_path: Path) -> None:
    command = _WAYS["setsid with an empty environment"] + "\n sleep 600"
    outcome = run_command(command, tmp_path, dict(os.environ), 60, stop=(tmp_path / "pid").exists)
    assert outcome.stopped == "stopped"
    assert gone(tmp_path)


def test_it_ends_too_when_the_app_is_killed(tmp_path: Path) -> None:
    command = _WAYS["setsid with an empty environment"] + "\n sleep 600"
    code = (
        "import os, sys; from pathlib import Path; from maestro.core.workspaces.run_command import run_command;"
        "run_command(sys.argv[1], Path(sys.argv[2]), dict(os.environ), 600)"
    )
    arguments = [sys.executable, "-c", code, command, str(tmp_path)]
    with subprocess.Popen(arguments, cwd=Path(__file__).parents[2]) as app:
        _until(lambda: (tmp_path / "pid").exists())
        left = psutil.Process(app.pid).children(recursive=True)
        assert len(left) >= 3, "the keeper, the command, and what that left"
        app.send_signal(signal.SIGKILL)
    psutil.wait_procs(left, 60)
    assert gone(tmp_path)


def test_a_command_ends_as_without_a_keeper_and_knows_nothing_of_it(tmp_path: Path) -> None:
    def run(command: str) -> tuple[int | None, str]:
        outcome = run_command(command, tmp_path, dict(os.environ), 60)
        return outcome.exit_code, outcome.output

    assert run("exit 3") == (3, "")
    assert run("kill -SEGV $$")[0] == -signal.SIGSEGV
    assert run("kill -9 $$")[0] == -signal.SIGKILL
    assert run("read line; echo $?") == (0, "1\n"), "nothing comes on standard input, and nobody waits"
    assert run(f"{shlex.quote(sys.executable)} -c 'import os; print(os.getsid(0) == os.getpid())'") == (0, "True\n")
    assert run("yes | head -n 1") == (0, "y\n"), "a closed pipe ends a program as ever"
    assert run("kill 0; echo on")[0] == -signal.SIGTERM, "its own group, and nobody else's"


def test_commands_side_by_side_end_only_what_is_their_own(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    stop = threading.Event()
    command = _WAYS["setsid with an empty environment"] + "\n sleep 600"
    longer = threading.Thread(target=run_command, args=(command, one, dict(os.environ), 600, stop.is_set))
    longer.start()
    try:
        _until(lambda: (one / "pid").exists())
        assert run_command(_WAYS["nohup"] + _UNTIL_THERE, other, dict(os.environ), 60).passed
        assert gone(other)
        assert not gone(one)
    finally:
        stop.set()
        longer.join(60)
    assert gone(one)


def test_what_an_agent_leaves_running_ends_with_its_worker(tmp_path: Path) -> None:
    leaves = _WAYS["setsid with an empty environment"] + _UNTIL_THERE
    run = WorkerRun(tmp_path, "http://127.0.0.1:9", agent_type="command", command=["/bin/sh", "-c", leaves])
    run.result()
    assert gone(run.worktree)
    run.end()


def _until(is_so: object, patience_s: float = 60) -> None:
    assert callable(is_so)
    deadline = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)
