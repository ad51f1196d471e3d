"""How Maestro starts Claude Code: tools, settings, environment, sandbox, and what ends it with its worker."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maestro import claude_home
from maestro.agents import claude_launcher, claude_shell, claude_tools
from maestro.agents.base import AgentLink, AgentSpec
from maestro.agents.claude_gate import Gatekeeper
from maestro.claude_models import may_be_claude
from maestro.confinement import probing

if TYPE_CHECKING:
    from claude_agent_sdk import ClaudeAgentOptions

#: One message of the CLI, file contents included.
_MESSAGE_LIMIT = 64 * 1024 * 1024

#: Tools that make no sense when nobody watches, or that outlive the run.
_DISALLOWED = [
    "EnterPlanMode", "ExitPlanMode", "EnterWorktree", "ExitWorktree", "CronCreate", "CronDelete",
    "CronList", "ScheduleWakeup", "Monitor", "SendMessage", "ListAgents", "Workflow", "TaskStop", "ReportFindings",
    "PushNotification", "RemoteTrigger",
]  # fmt: skip

_ENVIRONMENT = {
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",  # a command that outlives the run is a leak
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",  # it would write into the user's home
    "CLAUDE_CODE_DISABLE_TERMINAL_TITLE": "1",  # saves a model call
    "DISABLE_AUTOUPDATER": "1",
    "ENABLE_TOOL_SEARCH": "false",  # otherwise Maestro's own tools are hidden behind a search
    "MCP_TOOL_TIMEOUT": "2000000000",  # ms: a question may wait for its answer over a holiday
}
#: The CLI repeats what it was sent when it takes it into the conversation (``claude_words``).
_REPEAT: dict[str, str | None] = {"replay-user-messages": None}
#: Until the first byte of an answer, in ms; a user's own value wins. Without it a dead endpoint costs ten minutes.
_API_TIMEOUT_MS = "120000"


def options(
    spec: AgentSpec, link: AgentLink, gate: Gatekeeper, *, resume: bool, stderr: Callable[[str], None]
) -> ClaudeAgentOptions:
    """Everything the SDK needs for one run.

    In a worker, helper files go to its spool folder, which is its working folder.
    """
    from claude_agent_sdk import ClaudeAgentOptions, HookMatcher

    scratch = Path.cwd() if "MAESTRO_WORKER_ID" in os.environ else None
    built = ClaudeAgentOptions(
        cwd=spec.worktree,
        cli_path=_executable(spec.cli_path, scratch),
        system_prompt={"type": "preset", "preset": "claude_code"},
        extra_args=_system_append(claude_shell.explained(spec, scratch), scratch) | _hooks(spec) | _REPEAT,
        permission_mode="default",
        can_use_tool=gate.may_use,
        hooks={
            "PreToolUse": [HookMatcher(hooks=[gate.before_tool], on_failure="block")],
            "PostToolUse": [HookMatcher(hooks=[gate.after_tool])],
            "PostToolUseFailure": [HookMatcher(hooks=[gate.after_tool])],
        },
        disallowed_tools=_DISALLOWED,
        mcp_servers={"maestro": claude_tools.server(link, gate.waiting)},
        setting_sources=None if spec.trust_repository else ["user"],
        strict_mcp_config=not spec.trust_repository,
        # Otherwise a user's or a repository's settings could switch off the hook that gates.
        settings=json.dumps({"disableAllHooks": False}),
        resume=spec.conversation_id if resume else None,
        session_id=None if resume else spec.conversation_id or None,
        model=spec.model,
        effort=spec.effort,  # type: ignore[arg-type]  # checked with the plan
        max_turns=spec.max_turns,
        # Any other model the CLI would count at a price of Claude's, and stop for money that nobody pays.
        max_budget_usd=spec.budget_usd if may_be_claude(spec.model) else None,
        env={
            **_ENVIRONMENT,
            "API_TIMEOUT_MS": os.environ.get("API_TIMEOUT_MS", _API_TIMEOUT_MS),
            **claude_shell.environment(spec, scratch),
        },
        verbatim_prompts=True,
        max_buffer_size=_MESSAGE_LIMIT,
        stderr=stderr,
    )
    if spec.permission_mode == "sandboxed" and not claude_shell.confines(spec, scratch):
        built.sandbox = _sandbox(spec.deny_read)
    return built


def missing_for_sandbox() -> str:
    """Why nothing can be confined on this machine, and what changes that; empty when it can."""
    return probing.available().words


def _system_append(text: str, scratch: Path | None) -> dict[str, str | None]:
    """As a file where possible: one argument holds at most 128 KiB, and arguments are readable by everyone."""
    if not text:
        return {}
    if scratch is None:
        return {"append-system-prompt": text}
    path = scratch / "system_append.txt"
    path.write_text(text, encoding="utf-8")
    return {"append-system-prompt-file": str(path)}


def hooks_words(spec: AgentSpec) -> str:
    """What becomes of the user's own hooks, for the log; empty where there are none."""
    found = claude_home.hooks(claude_home.folder())
    if not found:
        return ""
    named = ", ".join(found)
    if _hooks(spec):
        return (
            f"Your own Claude hooks ({named}) do not run in workers. Turn on `user_hooks` in the settings to run them."
        )
    return f"Your own Claude hooks ({named}) run in this worker."


def _hooks(spec: AgentSpec) -> dict[str, str | None]:
    """Without the user's hooks only those of an organization and ours run.

    A repository whose settings the user trusts keeps its hooks, and the CLI does not tell the two apart.
    """
    if spec.user_hooks or spec.trust_repository:
        return {}
    return {"managed-settings": json.dumps({"allowManagedHooksOnly": True})}


def _sandbox(deny_read: list[str]) -> Any:
    return {
        "enabled": True,
        "failIfUnavailable": True,
        "autoAllowBashIfSandboxed": True,
        "allowUnsandboxedCommands": False,
        "filesystem": {"denyRead": deny_read},
    }


def _executable(wanted: str | None, scratch: Path | None) -> str | None:
    """The CLI, through what ends it with this process and keeps its key out of its environment (``claude_launcher``)."""
    if scratch is None:
        return wanted
    if wanted is None:
        import claude_agent_sdk

        bundled = Path(claude_agent_sdk.__file__).parent / "_bundled" / "claude"
        wanted = str(bundled) if bundled.is_file() else shutil.which("claude")
    if wanted is None or not Path(wanted).is_file():
        return wanted
    wrapper = scratch / "claude"
    words = shlex.join([sys.executable, "-I", "-S", claude_launcher.__file__, wanted])
    wrapper.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    wrapper.chmod(0o700)
    return str(wrapper)
