"""The two points that every tool call of Claude Code passes.

A ``PreToolUse`` hook sees all calls first, subagents' included, and judges: allow, deny, or "ask", which also
overrules allow-rules in the user's own settings. What must ask (and what the CLI itself finds sensitive)
arrives at ``can_use_tool``, which may wait for the user for as long as it takes; hooks have a time limit.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from maestro.agents import claude_questions
from maestro.agents.base import AgentLink, AgentSpec, GateDecision, GateRequest
from maestro.agents.gates import Verdict, judge
from maestro.agents.held_commands import HeldCommands
from maestro.agents.titles import READERS
from maestro.policy import Policy

_READING = frozenset(READERS)
_ON_FILES = _READING | {"Write", "Edit", "MultiEdit", "NotebookEdit"}
_MOVED = "Its path leads to another place now than when it was allowed."
_ONLY_INSIDE = (
    "There is nothing at that path that this tool sees. Your commands have a /tmp and a home of their own: use `cat`."
)


class Gatekeeper:
    """Judges one run's tool calls and remembers what was denied."""

    def __init__(self, spec: AgentSpec, link: AgentLink) -> None:
        self._spec = spec
        self._link = link
        self._policy = Policy.model_validate(spec.policy)
        self.denied: list[dict[str, str]] = []
        self.asking = 0  # questions that wait for the user right now
        self._folders: dict[str, Path] = {}  # where the shell was at a call, by the call's id
        self._held = HeldCommands()

    def _judge(self, tool: str, tool_input: dict[str, Any], folder: Path | None) -> Verdict:
        spec, allowed = self._spec, self._link.allowances()
        return judge(
            spec.permission_mode,
            tool,
            tool_input,
            Path(spec.worktree),
            spec.checks,
            allowed,
            folder,
            policy=self._policy,
            private=[Path(path).resolve() for path in spec.private],
            approved=spec.approved,
        )

    async def before_tool(self, event: Any, tool_use_id: str | None, _context: Any) -> Any:
        """The hook: quick, never asks."""
        tool, call = event["tool_name"], tool_use_id or ""
        if tool in _ON_FILES and self._spec.confinement is not None:
            self._held.hold(call)  # before it is judged: what was judged is what the tool finds
        answer = self._answer(event, tool_use_id)
        if tool not in _ON_FILES and self._spec.confinement is not None:
            await self._held.command(call)
        elif answer.get("hookSpecificOutput", {}).get("permissionDecision", "allow") != "allow":
            self._held.ended(call)
        return answer

    async def after_tool(self, _event: Any, tool_use_id: str | None, _context: Any) -> Any:
        """The hook after a call, whether it failed or not."""
        self._held.ended(tool_use_id or "")
        return {}

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While the user is waited for, which is no time at work."""
        self.asking += 1
        try:
            yield
        finally:
            self.asking -= 1

    def _answer(self, event: Any, tool_use_id: str | None) -> Any:
        tool, tool_input = event["tool_name"], event["tool_input"]
        if tool == claude_questions.OWN:
            return _decided("ask", "The user answers it.")
        folder = Path(event["cwd"]) if event.get("cwd") else None
        verdict = self._judge(tool, tool_input, folder)
        if folder and tool_use_id:
            self._folders[tool_use_id] = folder
        if verdict.action == "ask" and tool in _READING and self._is_only_inside(tool, tool_input, folder):
            verdict = replace(verdict, action="deny", reason=_ONLY_INSIDE)
        if verdict.action == "ask" and tool in _READING:
            return {}  # the CLI knows its own files (long tool output, for one) and asks for all others
        if verdict.action == "deny":
            self._note_denied(tool, verdict, verdict.reason)
        reason = f"{verdict.title}: {verdict.reason}" if verdict.reason else verdict.title
        return _decided(verdict.action, reason)

    def _is_only_inside(self, tool: str, tool_input: dict[str, Any], folder: Path | None) -> bool:
        """Whether confined commands may see a file at a path where this tool sees none: in a ``/tmp`` of their own, say."""
        given = tool_input.get(READERS.get(tool, ""))
        if self._spec.confinement is None or not isinstance(given, str) or not given:
            return False
        try:
            return not os.path.lexists((folder or Path(self._spec.worktree)) / given)
        except ValueError:
            return False

    async def may_use(self, tool: str, tool_input: dict[str, Any], context: Any) -> Any:
        """``can_use_tool``: asks the user, and waits."""
        from claude_agent_sdk import PermissionResultAllow, PermissionResultDeny

        if tool == claude_questions.OWN:
            with self.waiting():
                answers = await claude_questions.answered(self._link, tool_input)
            if isinstance(answers, str):
                return PermissionResultDeny(message=answers)
            return PermissionResultAllow(updated_input=answers)
        folder = self._folders.pop(context.tool_use_id, None)
        verdict = self._judge(tool, tool_input, folder)
        if verdict.action == "deny":
            self._note_denied(tool, verdict, verdict.reason)
            return PermissionResultDeny(message=verdict.reason)
        decision = (
            GateDecision(True) if verdict.action == "allow" else await self._ask(tool, tool_input, verdict, folder)
        )
        if decision.allow and self._is_still(verdict, tool, tool_input, folder, context.tool_use_id):
            return PermissionResultAllow()
        words = _MOVED if decision.allow else decision.message or "The user denied it."
        self._note_denied(tool, verdict, words)
        return PermissionResultDeny(message=f"{words} Do it another way, or say what you cannot do without it.")

    def _is_still(
        self, verdict: Verdict, tool: str, tool_input: dict[str, Any], folder: Path | None, call: str | None
    ) -> bool:
        """Whether a file tool finds what was asked about: commands may have put a link there since. They are held then."""
        if tool not in _ON_FILES or self._spec.confinement is None:
            return True
        self._held.hold(call or "")
        same = self._judge(tool, tool_input, folder).signature == verdict.signature
        if not same:
            self._held.ended(call or "")
        return same

    async def _ask(self, tool: str, tool_input: dict[str, Any], verdict: Verdict, folder: Path | None) -> GateDecision:
        request = GateRequest(
            tool=tool,
            title=verdict.title,
            detail=_shown(tool_input, verdict) | self._elsewhere(tool, folder),
            risk=verdict.risk,
            signature=verdict.signature,
        )
        with self.waiting():
            return await self._link.ask(request)

    def _elsewhere(self, tool: str, folder: Path | None) -> dict[str, str]:
        """Where a command runs, when that is not the worktree's own folder: the same words do something else there."""
        if tool != "Bash" or folder is None or folder.resolve() == Path(self._spec.worktree).resolve():
            return {}
        return {"runs_in": str(folder)}

    def _note_denied(self, tool: str, verdict: Verdict, reason: str) -> None:
        entry = {"tool": tool, "title": verdict.title, "reason": reason, "signature": verdict.signature}
        self.denied.append(entry)
        self._link.log("system", f"Denied: {verdict.title}", level="warn", tool=tool, reason=reason)


def _shown(tool_input: dict[str, Any], verdict: Verdict) -> dict[str, Any]:
    """What a question shows: the whole input, for what is cut off would be allowed unseen.

    The input of a tool that Maestro does not know is kept apart: a member of it could pass for the question's own words.
    """
    given = tool_input if verdict.known else {"input": tool_input}
    return {**given, "reason": verdict.reason}


def _decided(action: str, reason: str) -> Any:
    return {
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": action,
            "permissionDecisionReason": reason,
        }
    }
