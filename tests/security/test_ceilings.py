"""A check or set-up command that takes all memory, or starts processes without end, is ended with all that it started."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pytest

from maestro.confinement.profile import Profile
from maestro.confinement.wrapping import command
from maestro.core.workspaces import ceiling, sheltered
from maestro.core.workspaces.run_command import run_command
from tests.landing import bench, plan_of
from tests.repos import make_repo

_PYTHON = shlex.quote(sys.executable)
_GROWS = f"echo begun; {_PYTHON} -c 'held = [bytearray(b\"x\") * 10_000_000 for _ in range(500)]'"
#: Six processes that share what the first had: no more than it alone.
_SHARES = f"""{_PYTHON} -c '
import os, time
held = bytearray(b"x") * 150_000_000
children = [os.fork() for _ in range(3)]
time.sleep(2)
for child in children:
    child and os.waitpid(child, 0)
'"""


@pytest.fixture(params=["as the user", "confined"])
def wrap(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Sequence[str]], list[str]]:
    if request.param == "as the user":
        return list
    (tmp_path / "home").mkdir()
    readable = (Path(sys.prefix), Path(sys.base_prefix))
    profile = Profile(worktree=tmp_path, home=tmp_path / "home", readable=readable)
    return lambda argv: command(profile, argv)


def test_more_memory_than_a_worker_may_use(tmp_path: Path, wrap: Callable[[Sequence[str]], list[str]]) -> None:
    done = run_command(_GROWS, tmp_path, os.environ, 100, wrap=wrap, memory_mb=400)
    assert (done.exit_code, done.stopped) == (137, None)
    assert done.output.startswith("begun\n")
    assert "more than 400 MB (setting worker_memory_mb)" in done.output


def test_memory_that_processes_share_counts_once(tmp_path: Path) -> None:
    done = run_command(_SHARES, tmp_path, os.environ, 100, memory_mb=400)
    assert done.passed, done.output


def test_processes_without_end(
    tmp_path: Path, wrap: Callable[[Sequence[str]], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ceiling, "MOST_PROCESSES", 60)
    bomb = "while :; do sleep 987 & done" if wrap is list else "f() { sleep 987 & f & }; f; sleep 987"
    done = run_command(f"ulimit -u 2000; {bomb}", tmp_path, os.environ, 100, wrap=wrap)
    assert done.exit_code == 137
    assert "more than 60 processes" in done.output
    left = [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", "987"]]
    assert left == []


def test_a_session_s_checks_have_its_limit(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", {"a.txt": "1\n"})
    with bench(tmp_path, repo, plan_of({"id": "t1"}), worker_memory_mb=300) as b:
        done = sheltered.run(b.rt, b.session, _GROWS, b.begin(), os.environ, 100, lambda: False)
    assert "more than 300 MB" in done.output
