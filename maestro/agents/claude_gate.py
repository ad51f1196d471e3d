"""The two points that every tool call of Claude Code passes.

A ``PreToolUse`` hook sees all calls first, subagents' included, and judges: allow, deny, or "ask", which also
overrules allow-rules in the user's own settings. What must ask (and what the CLI itself finds sensitive)
arrives at ``can_use_tool``, which may wait for the person for as long as it takes; hooks have a time limit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from maestro.agents.base import AgentLink, AgentSpec, GateDecision, GateRequest
from maestro.agents.claude_events import shortened
from maestro.agents.gates import Verdict, judge

_READING = frozenset({"Read", "Grep", "Glob", "LS", "NotebookRead"})


class Gatekeeper:
    """Judges one run's tool calls and remembers what was denied."""

    def __init__(self, spec: AgentSpec, link: AgentLink) -> None:
        self._spec = spec
        self._link = link
        self.denied: list[dict[str, str]] = []
        self.asking = 0  # questions that wait for the person right now

    def _judge(self, tool: str, tool_input: dict[str, Any]) -> Verdict:
        spec = self._spec
        return judge(spec.permission_mode, tool, tool_input, Path(spec.worktree), spec.checks, self._link.allowances())

    async def before_tool(self, event: Any, _tool_use_id: str | None, _context: Any) -> Any:
        """The hook: quick, never asks."""
        tool, tool_input = event["tool_name"], event["tool_input"]
        verdict = self._judge(tool, tool_input)
        if verdict.action == "ask" and tool in _READING:
            return {}  # the CLI knows its own files (long tool output, for one) and asks for all others
        if verdict.action == "deny":
            self._note_denied(tool, verdict, verdict.reason)
        reason = f"{verdict.title}: {verdict.reason}" if verdict.reason else verdict.title
        return {
            "hookSpecificOutput": {
                "hookEventName": "PreToolUse",
                "permissionDecision": verdict.action,
                "permissionDecisionReason": reason,
            }
        }

    async def may_use(self, tool: str, tool_input: dict[str, Any], _context: Any) -> Any:
        """``can_use_tool``: asks the person, and waits."""
        from claude_agent_sdk import PermissionResultAllow, PermissionResultDeny

        verdict = self._judge(tool, tool_input)
        if verdict.action == "allow":
            return PermissionResultAllow()
        if verdict.action == "deny":
            self._note_denied(tool, verdict, verdict.reason)
            return PermissionResultDeny(message=verdict.reason)
        decision = await self._ask(tool, tool_input, verdict)
        if decision.allow:
            return PermissionResultAllow()
        words = decision.message or "The person said no."
        self._note_denied(tool, verdict, words)
        return PermissionResultDeny(message=f"{words} Do it another way, or say what you cannot do without it.")

    async def _ask(self, tool: str, tool_input: dict[str, Any], verdict: Verdict) -> GateDecision:
        request = GateRequest(
            tool=tool,
            title=verdict.title,
            detail={**shortened(tool_input), "reason": verdict.reason},
            risk=verdict.risk,
            signature=verdict.signature,
        )
        self.asking += 1
        try:
            return await self._link.ask(request)
        finally:
            self.asking -= 1

    def _note_denied(self, tool: str, verdict: Verdict, reason: str) -> None:
        self.denied.append({"tool": tool, "title": verdict.title, "reason": reason})
        self._link.log("system", f"Denied: {verdict.title}", level="warn", tool=tool, reason=reason)
