"""Who decides about a tool call: the permission modes as data, and one pure function, ``judge``.

A call is first sorted into a kind (reading, editing in the worktree, editing git's files, a check of the
plan…); the mode's row in ``POLICY`` says which kinds are free and which are refused; everything else asks
the person, unless an allowance ("allow for this session") covers its signature.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from maestro.agents import shell
from maestro.agents.base import PermissionMode

Action = Literal["allow", "ask", "deny"]
Risk = Literal["low", "medium", "high"]
Kind = Literal[
    "own", "read", "read_outside", "edit", "edit_settings", "edit_git", "edit_outside",
    "shell_read", "shell_check", "shell_edit", "shell", "web", "other",
]  # fmt: skip

#: What each mode decides by itself; a kind that is not named asks. ``bypass`` allows everything.
POLICY: dict[PermissionMode, dict[Kind, Action]] = {
    "ask": {"own": "allow", "read": "allow", "shell_read": "allow"},
    "edits": {
        **dict.fromkeys(("own", "read", "shell_read", "edit", "shell_check", "shell_edit"), "allow"),
    },
    "sandboxed": {
        **dict.fromkeys(("own", "read", "edit", "shell", "shell_read", "shell_check", "shell_edit"), "allow"),
        **dict.fromkeys(("edit_outside", "edit_git"), "deny"),
    },
}

#: Tools that touch nothing but the conversation: they start what is judged by itself.
_OWN_TOOLS = frozenset({"Agent", "Task", "Skill", "ToolSearch", "TodoWrite", "TaskOutput", "ReportFindings"})
_READERS = {"Read": "file_path", "Grep": "path", "Glob": "path", "LS": "path", "NotebookRead": "notebook_path"}
_EDITORS = {"Write": "file_path", "Edit": "file_path", "MultiEdit": "file_path", "NotebookEdit": "notebook_path"}

#: Folders of the system that hold no secrets of a person; reading there is free.
_SYSTEM_FOLDERS = tuple(Path(p) for p in ("/usr", "/lib", "/lib64", "/opt", "/bin", "/dev/null"))
#: In the worktree, but obeyed by the agent itself or by editors: changing these changes what runs later.
_SETTINGS = frozenset({".claude", ".mcp.json", ".vscode", ".idea"})

_HIGH_RISK = re.compile(
    r"\brm\s+(?:-\S*\s+)*-{1,2}(?:[a-zA-Z]*[rR]|recursive)|\bgit\s+(?:\S+\s+)*?(?:push|config|remote|clean|filter-branch|update-ref)\b"
    r"|\b(?:sudo|su|doas|ssh|scp|sftp|rsync|dd|mkfs\S*|shutdown|reboot|crontab|systemctl|launchctl|docker|podman|kubectl|nc|ncat|socat)\b"
    r"|\b(?:curl|wget)\b|\|\s*(?:ba|z|da|k)?sh\b|\beval\b"
    r"|\b(?:pip3?|npm|pnpm|yarn|bun|cargo|gem|go|uv|pipx|poetry|conda|brew|apt|apt-get|dnf|yum|apk|pacman)\s+(?:\S+\s+)*?(?:install|i|add|ci|update|upgrade|sync|get)\b"
    r"|\b(?:npx|uvx|bunx)\b|\bch(?:mod|own)\s+-\S*R|\bkill(?:all)?\b|\bpkill\b|(?:^|[\s/'\"])\.git/|>\s*(?:/(?!dev/null)|~|\.\.)"
)  # fmt: skip
# fmt: off
#: Programs that run what their arguments say: an allowance covers only the very same command.
_INTERPRETERS = frozenset({
    "python", "python3", "node", "deno", "bun", "perl", "ruby", "php", "sh", "bash", "zsh", "dash", "env",
    "xargs", "sudo", "doas", "su", "eval", "exec", "source", ".", "nohup", "timeout", "time", "nice", "ssh",
    "awk", "sed", "find", "parallel", "watch", "osascript", "rm",
})
_WITH_SUBCOMMAND = frozenset({
    "git", "npm", "pnpm", "yarn", "pip", "pip3", "uv", "cargo", "go", "make", "docker", "podman", "kubectl",
    "gh", "apt", "apt-get", "brew", "poetry", "npx", "uvx", "conda", "gem",
})
# fmt: on
#: Python modules that an allowance may cover by name.
_MODULES = frozenset({"pytest", "unittest", "mypy", "ruff", "build", "compileall", "coverage"})
_EDITING_PROGRAMS = frozenset({"mkdir", "touch", "cp", "mv"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What happens to a tool call, and how to put it to the person."""

    action: Action
    title: str
    risk: Risk
    signature: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Finding:
    kind: Kind
    title: str
    risk: Risk
    signature: str
    reason: str


def judge(
    mode: PermissionMode,
    tool: str,
    tool_input: dict[str, Any],
    worktree: Path,
    checks: Iterable[str] = (),
    allowances: Iterable[str] = (),
) -> Verdict:
    """Decide about one tool call. Looks at the file system only to follow links; changes nothing."""
    found = _find(tool, tool_input, worktree.resolve(), list(checks))
    if mode == "sandboxed" and tool_input.get("dangerouslyDisableSandbox"):
        found = replace(found, kind="other", risk="high", reason="It asks to leave the sandbox.")
    action: Action = "allow" if mode == "bypass" else POLICY[mode].get(found.kind, "ask")
    if action == "ask" and _covered(found.signature, allowances):
        action = "allow"
    return Verdict(action=action, title=found.title, risk=found.risk, signature=found.signature, reason=found.reason)


def describe(tool: str, tool_input: dict[str, Any], worktree: Path) -> str:
    """A tool call as a short human line: ``Edit src/a.py``, ``Run `pytest -q```."""
    path = str(tool_input.get(_EDITORS.get(tool) or _READERS.get(tool) or "file_path") or "")
    if tool == "Bash":
        return f"Run `{_short(str(tool_input.get('command', '')))}`"
    if tool in _EDITORS:
        return f"{'Write' if tool == 'Write' else 'Edit'} {_relative(path, worktree)}"
    if tool in ("Grep", "Glob"):
        return f"Search for {_short(str(tool_input.get('pattern', '')))}"
    if tool in _READERS:
        return f"Read {_relative(path, worktree)}"
    if tool == "WebFetch":
        return f"Fetch {_short(str(tool_input.get('url', '')))}"
    if tool == "WebSearch":
        return f"Search the web for {_short(str(tool_input.get('query', '')))}"
    if tool in ("Agent", "Task"):
        return f"Delegate: {_short(str(tool_input.get('description', '')))}"
    return f"Use {tool.removeprefix('mcp__').replace('__', ': ')}"


def _find(tool: str, tool_input: dict[str, Any], worktree: Path, checks: list[str]) -> _Finding:
    title = describe(tool, tool_input, worktree)
    if tool in _OWN_TOOLS or tool.startswith("mcp__maestro__"):
        return _Finding("own", title, "low", tool, "")
    if tool in _READERS:
        return _reading(str(tool_input.get(_READERS[tool]) or "."), title, worktree)
    if tool in _EDITORS:
        return _editing(tool_input.get(_EDITORS[tool]), title, worktree)
    if tool == "Bash":
        return _running(str(tool_input.get("command") or ""), title, worktree, checks)
    if tool == "WebFetch":
        return _Finding("web", title, "medium", f"WebFetch:{_host(tool_input)}", "It talks to the network.")
    if tool == "WebSearch":
        return _Finding("web", title, "low", "WebSearch", "It talks to the network.")
    return _Finding("other", title, "medium", tool, "Maestro does not know this tool.")


def _reading(path: str, title: str, worktree: Path) -> _Finding:
    if shell.is_within(path, worktree):
        return _Finding("read", title, "low", "Read", "")
    try:
        resolved = (worktree / path).expanduser().resolve()
    except (OSError, ValueError, RuntimeError):
        resolved = Path("/")
    if any(resolved.is_relative_to(folder) for folder in _SYSTEM_FOLDERS):
        return _Finding("read", title, "low", "Read", "")
    return _Finding("read_outside", title, "medium", "Read:outside", "It reads outside the worktree.")


def _editing(path: Any, title: str, worktree: Path) -> _Finding:
    kind = _edit_kind(path, worktree) if isinstance(path, str) and path else "edit_outside"
    if kind == "edit":
        return _Finding(kind, title, "low", "Write:worktree", "It changes a file of the worktree.")
    if kind == "edit_settings":
        return _Finding(kind, title, "medium", "Write:settings", "It changes settings that tools obey.")
    if kind == "edit_git":
        return _Finding(kind, title, "high", "Write:git", "It changes git's own files.")
    return _Finding("edit_outside", title, "high", "Write:outside", "It writes outside the worktree.")


def _edit_kind(path: str, worktree: Path) -> Kind:
    if not shell.is_within(path, worktree):
        return "edit_outside"
    given = Path(path)
    if given.is_absolute():
        given = given.relative_to(worktree) if given.is_relative_to(worktree) else Path()
    # Both spellings count: the one given, and the one behind links. Case is folded for macOS.
    parts = (*(worktree / path).resolve().relative_to(worktree).parts, *given.parts)
    names = {part.lower() for part in parts}
    if ".git" in names:
        return "edit_git"
    return "edit_settings" if _SETTINGS & names else "edit"


def _running(command: str, title: str, worktree: Path, checks: list[str]) -> _Finding:
    parsed = shell.parse(command.strip())
    if command.strip() in checks or (parsed and _is_check(parsed, worktree, checks)):
        return _Finding("shell_check", title, "low", "Bash:check", "It runs a check of the plan.")
    risk: Risk = "high" if _HIGH_RISK.search(command) else "medium"
    if parsed is None:
        return _Finding("shell", title, risk, _exactly(command), "It does more than Maestro can read off the command.")
    kinds = [_command_kind(c, worktree, checks) for c in parsed]
    if all(kind == "shell_read" for kind in kinds):
        return _Finding("shell_read", title, "low", "Bash:read", "")
    rest = [c for c, kind in zip(parsed, kinds, strict=True) if kind != "shell_read"]
    if "shell" not in kinds:
        return _Finding("shell_edit", title, "low", "Bash:edit", "It changes files of the worktree.")
    return _Finding("shell", title, risk, _signature(rest, command), "It runs a command that is no check of the plan.")


def _command_kind(command: shell.Command, worktree: Path, checks: list[str]) -> Kind:
    if shell.is_read_only(command, worktree):
        return "shell_read"
    if _is_check([shell.Command(command.words, command.globbed)], worktree, checks):
        return "shell_check"
    if command.program in _EDITING_PROGRAMS and shell.stays_inside(command, worktree):
        operands = [a for a in command.arguments if not a.startswith("-")]
        if operands and not command.globbed and all(_edit_kind(a, worktree) == "edit" for a in operands):
            return "shell_edit"
    return "shell"


def _is_check(parsed: list[shell.Command], worktree: Path, checks: list[str]) -> bool:
    wanted = [c.shape() for c in shell.without_wrapping(parsed, worktree)]
    return any([c.shape() for c in known] == wanted for known in map(shell.parse, checks) if known)


def _signature(commands: list[shell.Command], whole: str) -> str:
    """``Bash:git push``; several programs are joined; what runs code given to it is covered only word for word."""
    names = set()
    for command in commands:
        if command.words[1:2] == ["-m"] and command.program.startswith("python") and _MODULES & {*command.words[2:3]}:
            names.add(" ".join(command.words[:3]))
        elif command.program in _INTERPRETERS or "/" in command.program or "=" in command.program:
            return _exactly(whole)
        elif command.program in _WITH_SUBCOMMAND:
            operands = [a for a in command.arguments if not a.startswith("-")]
            if command.arguments[:1] != operands[:1]:
                return _exactly(whole)
            names.add(" ".join([command.program, *operands[:1]]))
        else:
            names.add(command.program)
    return "Bash:" + " + ".join(sorted(names))


def _exactly(command: str) -> str:
    return f"Bash:exactly {hashlib.sha256(command.strip().encode('utf-8', 'replace')).hexdigest()[:16]}"


def _covered(signature: str, allowances: Iterable[str]) -> bool:
    tool, _, names = signature.partition(":")
    known = {part for a in allowances if a.partition(":")[0] == tool for part in a.partition(":")[2].split(" + ")}
    return set(names.split(" + ")) <= known


def _host(tool_input: dict[str, Any]) -> str:
    found = re.match(r"[a-z]+://([^/?#]+)", str(tool_input.get("url", "")), re.IGNORECASE)
    return found.group(1).lower() if found else "unknown"


def _relative(path: str, worktree: Path) -> str:
    given = Path(path)
    return _short(str(given.relative_to(worktree)) if given.is_relative_to(worktree) else path)


def _short(text: str, limit: int = 160) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
