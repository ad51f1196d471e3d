"""The model's key is not in what an agent's commands are given, nor in what they can read of the processes above them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from maestro.demo.server import ScriptedServer
from tests.scripted import DUMMY_KEY, WorkerRun, bash, scenario, task_rule

_TOKEN = "sk-ant-oat01-scripted-login-0000"

#: What a curious command would do: its own variables, then those of all processes above it, and what they have open.
_LOOKS = """
env > seen; pid=$$
while [ "$pid" -gt 1 ]; do
  echo "== $pid $(tr '\\0' ' ' < /proc/$pid/cmdline | cut -c 1-60)" >> seen
  tr '\\0' '\\n' < /proc/$pid/environ >> seen 2>/dev/null
  for fd in /proc/$pid/fd/*; do
    case "${fd##*/} $(readlink $fd)" in [012]" "*) ;; *pipe:*) timeout 0.3 cat < $fd >> seen 2>/dev/null;; esac
  done
  pid=$(sed -n 's/^PPid:[[:space:]]*//p' /proc/$pid/status)
done
grep -rlaF -e scripted-0000 -e scripted-login ~ /tmp/claude* 2>/dev/null >> seen
echo done
"""


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(scenario(task_rule("", bash("sh looks.sh"), "Looked."))) as running:
        yield running


def keys(server: ScriptedServer) -> set[str]:
    """What the requests to the model were signed with."""
    found = [request["headers"] for request in server.requests]
    return {h.get("x-api-key") or h.get("authorization", "").removeprefix("Bearer ") for h in found if h}


def look(server: ScriptedServer, tmp_path: Path, **env: str) -> str:
    (tmp_path / "worktree").mkdir()
    (tmp_path / "worktree/looks.sh").write_text(_LOOKS)
    run = WorkerRun(tmp_path, server.url, env=env, permission_mode="bypass")
    try:
        assert run.result()["outcome"] == "success", run.stderr()
    finally:
        run.end()
    return (run.worktree / "seen").read_text(errors="replace")


def test_a_key_reaches_the_model_and_no_command(server: ScriptedServer, tmp_path: Path) -> None:
    seen = look(server, tmp_path)
    assert keys(server) == {DUMMY_KEY}
    assert seen.count("== ") >= 3, "the shell, the CLI, the worker"
    assert "scripted" not in seen.replace(str(tmp_path), "")


def test_a_login_token_reaches_the_model_and_no_command(server: ScriptedServer, tmp_path: Path) -> None:
    seen = look(server, tmp_path, ANTHROPIC_API_KEY="", CLAUDE_CODE_OAUTH_TOKEN=_TOKEN)
    assert keys(server) == {_TOKEN}
    assert "scripted" not in seen.replace(str(tmp_path), "")
