"""The user's own Claude hooks in workers, with the real CLI: off, told, and on where the user wants them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from maestro.demo.server import ScriptedServer
from tests.scripted import WorkerRun, bash, scenario, task_rule

#: A script that Maestro cannot read: never free where nothing confines it.
ASKS = """python3 -c "open('hi.txt', 'w')\""""


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(scenario(task_rule("Greet", bash(ASKS), "Done.", *["Still done."] * 3))) as scripted:
        yield scripted


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    return tmp_path / "hooks-ran"


@pytest.fixture(params=["home", "CLAUDE_CONFIG_DIR"])
def env(request: pytest.FixtureRequest, tmp_path: Path, ran: Path) -> dict[str, str]:
    """A user with hooks; a Stop hook sends the agent on once, as one that wants the tests green does for ever."""
    once = f"test -e {ran} || {{ echo stop >> {ran}; echo go on >&2; exit 2; }}; echo stop >> {ran}"
    hooks = {
        "Stop": [{"hooks": [{"type": "command", "command": once}]}],
        "PreToolUse": [{"matcher": "Bash", "hooks": [{"type": "command", "command": f"echo tool >> {ran}"}]}],
    }
    folder = tmp_path / ("home/.claude" if request.param == "home" else "elsewhere")
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps({"hooks": hooks, "env": {"FROM_SETTINGS": "1"}}))
    return {} if request.param == "home" else {"CLAUDE_CONFIG_DIR": str(folder)}


def _run(server: ScriptedServer, tmp_path: Path, env: dict[str, str], **spec: Any) -> WorkerRun:
    run = WorkerRun(tmp_path, server.url, env=env, prompt="Greet", permission_mode="edits", **spec)
    try:
        gate = run.wait("gate")
        run.decide(gate, True)
        assert run.result()["outcome"] == "success", run.stderr()
    finally:
        run.end()
    return run


def test_they_do_not_run_and_that_is_said(
    server: ScriptedServer, tmp_path: Path, env: dict[str, str], ran: Path
) -> None:
    run = _run(server, tmp_path, env)
    assert not ran.exists()
    assert (run.worktree / "hi.txt").exists(), "Maestro's own hook gates as ever"
    assert [words for words in run.logs("system") if "PreToolUse, Stop" in words and "do not run" in words]


def test_they_run_where_the_user_switches_them_on(
    server: ScriptedServer, tmp_path: Path, env: dict[str, str], ran: Path
) -> None:
    run = _run(server, tmp_path, env, user_hooks=True)
    assert {"stop", "tool"} <= set(ran.read_text().split())
    assert [words for words in run.logs("system") if "PreToolUse, Stop" in words and "run in this worker" in words]


def test_without_hooks_nothing_is_said(server: ScriptedServer, tmp_path: Path) -> None:
    assert not [words for words in _run(server, tmp_path, {}).logs("system") if "hooks" in words]
