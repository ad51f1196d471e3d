"""The model's key is not in what an agent's commands are given, nor in what they can read of the processes above them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from maestro.core.workspaces.environ import only_for_the_model
from maestro.demo.server import ScriptedServer
from maestro.settings import Settings
from tests.scripted import DUMMY_KEY, WorkerRun, bash, scenario, task_rule

_TOKEN = "sk-ant-oat01-scripted-login-0000"

#: What a curious command would do: its own variables, then those of all processes above it, and what they have open.
#: Up to the test's own process: what is read from a pipe is gone, and pytest's words to itself go through one.
_LOOKS = """
env > seen; pid=$$
while [ "$pid" -gt 1 ] && [ "$pid" -ne TEST ]; do
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


def look(server: ScriptedServer, tmp_path: Path, withheld: Sequence[str] = (), **env: str) -> str:
    (tmp_path / "worktree").mkdir()
    (tmp_path / "worktree/looks.sh").write_text(_LOOKS.replace("TEST", str(os.getpid())))
    run = WorkerRun(tmp_path, server.url, env=env, permission_mode="bypass", withheld=list(withheld))
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


def test_what_the_cli_must_have_in_its_environment_is_kept_from_the_commands(
    server: ScriptedServer, tmp_path: Path
) -> None:
    """They see it where they look into the CLI itself, which only the sandbox keeps them from."""
    given = {"ANTHROPIC_API_KEY": "", "ANTHROPIC_AUTH_TOKEN": _TOKEN, "AWS_SECRET_ACCESS_KEY": "aws-scripted-0000"}
    seen = look(server, tmp_path, withheld=["ANTHROPIC_AUTH_TOKEN", "AWS_SECRET_ACCESS_KEY"], **given)
    assert keys(server) == {_TOKEN}
    of_the_command = seen.split("== ")[0]
    assert "HOME=" in of_the_command
    assert "scripted" not in of_the_command.replace(str(tmp_path), "")


def test_only_what_opens_the_way_to_the_model_is_kept_from_commands() -> None:
    environ = {
        "CLAUDE_CODE_USE_BEDROCK": "1", "AWS_REGION": "eu-west-1", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t",
        "AWS_BEARER_TOKEN_BEDROCK": "b", "UV_INDEX_PASSWORD": "p",
    }  # fmt: skip
    env = {**environ, "ANTHROPIC_AUTH_TOKEN": "x"}
    names = ["ANTHROPIC_AUTH_TOKEN", "AWS_BEARER_TOKEN_BEDROCK", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
    assert only_for_the_model(env, Settings(), {}, environ) == names
    assert only_for_the_model(env, Settings(), {"pass_env": ["AWS_S*"]}, environ) == names[:2]
