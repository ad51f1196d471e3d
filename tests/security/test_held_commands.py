"""Claude Code's file tools work outside of the sandbox: no command changes what a path means between judgement and use."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from maestro.agents import held_commands
from maestro.agents.base import AgentSpec, GateDecision
from maestro.agents.claude_gate import Gatekeeper

_SANDBOX = ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--unshare-pid", "--die-with-parent"]


class _Link:
    """The user, who allows; ``meanwhile`` happens before the answer."""

    def __init__(self, meanwhile: Any = None) -> None:
        self.meanwhile = meanwhile

    def allowances(self) -> list[str]:
        return []

    def log(self, *_words: Any, **_more: Any) -> None:
        pass

    async def ask(self, _request: Any) -> GateDecision:
        if self.meanwhile:
            self.meanwhile()
        return GateDecision(True)


def gatekeeper(worktree: Path, link: _Link) -> Gatekeeper:
    spec = AgentSpec(
        worker_id="w", session_id="s", task_id="t", task_key="t1", agent_type="claude_code", worktree=str(worktree),
        prompt="", permission_mode="sandboxed", confinement={},
    )  # fmt: skip
    return Gatekeeper(spec, link)  # type: ignore[arg-type]  # only what is used


def event(worktree: Path, tool: str, **given: str) -> dict[str, Any]:
    return {"tool_name": tool, "tool_input": given, "cwd": str(worktree)}


def states() -> set[str]:
    return {one.status() for one in held_commands.confined()}


async def until_running(count: int) -> None:
    while [one.name() for one in held_commands.confined()].count("sleep") < count:
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("ended", ["told", "time"])
def test_what_runs_in_the_sandbox_stands_while_a_file_tool_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ended: str
) -> None:
    monkeypatch.setattr(held_commands, "_LONGEST_S", 60 if ended == "told" else 0.2)

    async def run() -> None:
        gate = gatekeeper(tmp_path, _Link())
        await gate.before_tool(event(tmp_path, "Bash", command="sleep 60"), "c1", None)
        running = await asyncio.create_subprocess_exec(*_SANDBOX, "sh", "-c", "sleep 300; :")
        try:
            await until_running(1)
            write = event(tmp_path, "Write", file_path=str(tmp_path / "a.txt"), content="x")
            said = await gate.before_tool(write, "w1", None)
            assert said["hookSpecificOutput"]["permissionDecision"] == "allow"
            assert states() == {psutil.STATUS_STOPPED}
            second = asyncio.create_task(gate.before_tool(event(tmp_path, "Bash", command="ls"), "c2", None))
            await asyncio.sleep(0)
            if ended == "told":
                await asyncio.sleep(0.05)
                assert not second.done(), "a command that begins now waits"
                await gate.after_tool(write, "w1", None)
            await second
            assert psutil.STATUS_STOPPED not in states()
            outside = event(tmp_path, "Write", file_path="/etc/evil", content="x")
            await gate.before_tool(outside, "w2", None)
            assert psutil.STATUS_STOPPED not in states(), "what is not allowed holds nothing"
        finally:
            running.kill()
            await running.wait()

    asyncio.run(run())


@pytest.mark.parametrize("moves", [False, True])
def test_a_path_that_leads_elsewhere_after_the_answer_is_not_written(tmp_path: Path, moves: bool) -> None:
    worktree, home = tmp_path / "worktree", tmp_path / "home"
    worktree.mkdir()
    home.mkdir()

    def link_it() -> None:
        if moves:
            (worktree / ".envrc").symlink_to(home / ".bashrc")

    async def run() -> str:
        gate = gatekeeper(worktree, _Link(link_it))
        context = SimpleNamespace(tool_use_id="w1")
        given = {"file_path": str(worktree / ".envrc"), "content": "x"}
        return type(await gate.may_use("Write", given, context)).__name__

    assert asyncio.run(run()) == ("PermissionResultDeny" if moves else "PermissionResultAllow")
