"""Who decides about a tool call: the permission modes as data, and one pure function, ``judge``.

A call is first sorted into a kind (reading, editing in the worktree, editing git's files, a check of the
plan…); the mode's row in ``POLICY`` says which kinds are free and which are refused; everything else asks
the user, unless an allowance ("allow for this session") covers its signature.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from maestro.agents import allowances, claude_tools, named_tasks, obeyed, policies, shell
from maestro.agents.base import PermissionMode
from maestro.agents.read_only import is_read_only, stays_inside
from maestro.agents.shell_folders import Place, places
from maestro.agents.titles import EDITORS, READERS, describe
from maestro.agents.tooling import is_own_tool
from maestro.policy import Policy

Action = Literal["allow", "ask", "deny"]
Risk = Literal["low", "medium", "high"]
Kind = Literal[
    "own", "read", "read_outside", "edit", "edit_settings", "edit_git", "edit_outside",
    "shell_read", "shell_check", "shell_tool", "shell_edit", "shell", "shell_settings", "web", "other",
]  # fmt: skip

#: What each mode decides by itself; a kind that is not named asks. ``bypass`` allows everything.
POLICY: dict[PermissionMode, dict[Kind, Action]] = {
    "ask": {"own": "allow", "read": "allow", "shell_read": "allow"},
    "edits": {
        **dict.fromkeys(("own", "read", "shell_read", "edit", "shell_check", "shell_tool", "shell_edit"), "allow"),
    },
    "sandboxed": {
        **dict.fromkeys(
            ("own", "read", "edit", "shell", "shell_read", "shell_check", "shell_tool", "shell_edit"), "allow"
        ),
        **dict.fromkeys(("edit_outside", "edit_git"), "deny"),
    },
}

_NO_POLICY = Policy()

#: Tools that touch nothing but the conversation: they start what is judged by itself.
_OWN_TOOLS = frozenset({"Agent", "Task", "Skill", "ToolSearch", "TodoWrite", "TaskOutput", "ReportFindings"})
_KNOWN = {"Bash", "WebFetch", "SandboxNetworkAccess", "WebSearch", *READERS, *EDITORS}

#: Folders of the system that hold no secrets of a user; reading there is free.
_SYSTEM_FOLDERS = tuple(Path(p) for p in ("/usr", "/lib", "/lib64", "/opt", "/bin", "/dev/null"))

#: Programs that make and move files, with the options they may have: those that take no value.
_EDITING_PROGRAMS = {"mkdir": "pv", "touch": "acm", "cp": "afinpruvxPRLH", "mv": "finuv"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What happens to a tool call, and how to put it to the user."""

    action: Action
    title: str
    risk: Risk
    signature: str
    reason: str = ""
    #: Whether the tool is one whose input Maestro understands.
    known: bool = True


@dataclass(frozen=True, slots=True)
class _Finding:
    kind: Kind
    title: str
    risk: Risk
    signature: str
    reason: str
    host: str = ""  # ``host:port`` of a connection
    path: Path | None = None  # where it reads or writes outside
    parts: tuple[policies.Part, ...] = ()  # the commands of a line that is understood
    ordered: bool = True  # no command moves what a later one is judged by


def judge(
    mode: PermissionMode,
    tool: str,
    tool_input: dict[str, Any],
    worktree: Path,
    checks: Iterable[str] = (),
    allowed: Iterable[str] = (),
    folder: Path | None = None,
    policy: Policy = _NO_POLICY,
    private: Iterable[Path] = (),
    approved: named_tasks.Approved | None = None,
) -> Verdict:
    """Decide about one tool call. Looks at the file system only to follow links; changes nothing.

    ``allowed``: signatures that the user allowed for the session. ``folder``: where the agent's shell is.
    ``policy``: the user's table, over the mode's row. ``private``: folders that no rule of it opens. ``approved``: what
    names such as ``npm test`` meant when the work began; None where that is not known.
    """
    root = worktree.resolve()
    place = Place(root, (folder.resolve() if folder else root,))
    found = _find(tool, tool_input, place, _Known(list(checks), approved))
    if mode == "sandboxed" and tool_input.get("dangerouslyDisableSandbox"):
        signature = allowances.exactly(str(tool_input.get("command") or ""), place, sandboxed=False)
        found = replace(
            found, kind="other", risk="high", signature=signature, reason="It asks to run outside the sandbox."
        )
    action: Action = "allow" if mode == "bypass" else POLICY[mode].get(found.kind, "ask")
    call = policies.Call(
        tool=tool,
        kind=found.kind,
        text=str(tool_input.get("command") or "") if tool == "Bash" else "",
        host=found.host,
        path=found.path,
        parts=found.parts,
        place=place,
        private=tuple(private),
        ordered=found.ordered,
    )
    action, found = _under_policy(policy, mode, action, found, call)
    if action == "ask" and allowances.covered(found.signature, allowed):
        action = "allow"
    return Verdict(
        action=action,
        title=found.title,
        risk=found.risk,
        signature=found.signature,
        reason=found.reason,
        known=tool in _KNOWN,
    )


def _under_policy(
    policy: Policy, mode: PermissionMode, action: Action, found: _Finding, call: policies.Call
) -> tuple[Action, _Finding]:
    """The mode's action with the user's policy over it. A deny of either stays; ``bypass`` asks nothing."""
    said = policies.decide(policy, call)
    if said is None or action == "deny" or (mode == "bypass" and said.answer != "deny"):
        return action, found
    if said.answer == "deny":
        return "deny", replace(found, reason=f"The user's policy denies this: {said.why}.")
    if said.answer == "ask" and action == "allow":
        found = replace(found, reason=f"Your policy asks before this: {said.why}.")
    return said.answer, found


@dataclass(frozen=True, slots=True)
class _Known:
    """What commands are compared with: the plan's checks, and what names meant when the work began."""

    checks: list[str]
    approved: named_tasks.Approved | None

    def means_something_new(self, command: shell.Command, place: Place, depth: int = 0) -> bool:
        """Whether a command runs something by a name that was changed, to more than the repository's own tools."""
        changed = named_tasks.changed(command, place, self.approved) if self.approved is not None else None
        if changed is None:
            return False
        if changed.lines is None or depth > _DEEPEST:
            return True
        return not all(self._is_harmless(line, changed.place, depth + 1) for line in changed.lines)

    def _is_harmless(self, line: str, place: Place, depth: int) -> bool:
        parsed = shell.parse(line)
        if not parsed:
            return False
        return all(
            is_read_only(c, p) or (is_own_tool(c, p, self.checks) and not self.means_something_new(c, p, depth))
            for c, p in zip(parsed, places(parsed, place), strict=True)
        )


#: Scripts that start scripts.
_DEEPEST = 4


def _find(tool: str, tool_input: dict[str, Any], place: Place, known: _Known) -> _Finding:
    title = describe(tool, tool_input, place.worktree)
    if tool in _OWN_TOOLS or tool in claude_tools.NAMES:
        return _Finding("own", title, "low", tool, "")
    if tool in READERS:
        return _reading(_read_path(tool, tool_input), title, place)
    if tool in EDITORS:
        return _editing(tool_input.get(EDITORS[tool]), title, place)
    if tool == "Bash":
        return _running(str(tool_input.get("command") or ""), title, place, known)
    if tool in ("WebFetch", "SandboxNetworkAccess"):
        return _connecting(tool, tool_input, title)
    if tool == "WebSearch":
        return _Finding("web", title, "low", "WebSearch", "It uses the network.")
    return _Finding("other", title, "medium", allowances.of_use(tool, tool_input), "Maestro does not know this tool.")


def _connecting(tool: str, tool_input: dict[str, Any], title: str) -> _Finding:
    """A connection to another machine: its host and port are named, and held by the signature."""
    if tool == "WebFetch":
        url = str(tool_input.get("url") or "")
        signature, where = allowances.of_fetching(url), allowances.host_and_port(url)
    else:
        host, port = str(tool_input.get("host") or ""), str(tool_input.get("port") or allowances.ANY_PORT)
        signature, where = allowances.of_connecting(host, port), f"{host}:{port}"
    host, _, port = where.rpartition(":")
    reason = (
        f"It connects to {host}, {allowances.port_in_words(port)}."
        if where
        else "It connects to an address that can be read in several ways."
    )
    return _Finding("web", title, "medium", signature, reason, host=where)


def _read_path(tool: str, tool_input: dict[str, Any]) -> str:
    """What a reading tool looks at; a ``Glob``'s pattern may lead out of its folder."""
    path = str(tool_input.get(READERS[tool]) or ".")
    pattern = str(tool_input.get("pattern") or "") if tool == "Glob" else ""
    start, _, rest = re.sub(r"[*?\[{]", "*", pattern).partition("*")
    if start.startswith(("/", "~")):
        return start
    return "/" if ".." in rest else f"{path}/{start}"


def _reading(path: str, title: str, place: Place) -> _Finding:
    if place.holds(path):
        return _Finding("read", title, "low", "Read", "")
    try:
        resolved = place.target(path)
    except (OSError, ValueError, RuntimeError):
        resolved = Path("/")
    if any(resolved.is_relative_to(folder) for folder in _SYSTEM_FOLDERS):
        return _Finding("read", title, "low", "Read", "")
    hidden = resolved.parent == Path.home() or any(part.startswith(".") for part in resolved.parts)
    signature = allowances.of_reading(resolved, hidden=hidden)
    return _Finding("read_outside", title, "medium", signature, "It reads outside the worktree.", path=resolved)


def _editing(path: Any, title: str, place: Place) -> _Finding:
    kind = place.edit_kind(path) if isinstance(path, str) and path else "edit_outside"
    if kind == "edit":
        return _Finding(kind, title, "low", "Write:worktree", "It changes a file in the worktree.")
    try:
        target: object = place.target(path)
    except (OSError, ValueError, RuntimeError, TypeError):
        target = path
    signature = allowances.of_writing(target)
    if kind == "edit_settings":
        return _Finding(kind, title, "medium", signature, "It changes settings that affect tools.")
    if kind == "edit_git":
        return _Finding(kind, title, "high", signature, "It changes git's own files.")
    where = target if isinstance(target, Path) else None
    return _Finding("edit_outside", title, "high", signature, "It writes outside the worktree.", path=where)


def _running(command: str, title: str, start: Place, known: _Known) -> _Finding:
    line_given, checks = command.strip(shell.BLANKS), known.checks
    parsed = shell.parse(line_given)
    new = (
        any(known.means_something_new(c, p) for c, p in zip(parsed, places(parsed, start), strict=True))
        if parsed
        else False
    )
    if (
        not new
        and start.holds(".")
        and (line_given in checks or (parsed and _is_check(parsed, start.worktree, checks)))
    ):
        return _Finding("shell_check", title, "low", "Bash:check", "It is one of the plan's checks.")
    risk: Risk = "high" if allowances.is_risky(command) else "medium"
    if parsed is None:
        exactly = allowances.exactly(command, start)
        if (kind := _keeping_output(line_given, start, known)) is not None:
            return _Finding(kind, title, "low", exactly, "It changes files in the worktree.")
        if obeyed.may_write(line_given):
            return _Finding("shell_settings", title, risk, exactly, "It may change settings that affect tools.")
        return _Finding("shell", title, risk, exactly, "Maestro can't tell what this script does.")
    line = list(zip(parsed, places(parsed, start), strict=True))
    kinds = [_command_kind(c, place, known) for c, place in line]
    ordered = not any(_moves_unseen(c, place) for c, place in line[:-1])
    if not ordered:
        kinds = ["shell" if kind in ("shell_edit", "shell_tool") else kind for kind in kinds]
    if all(kind == "shell_read" for kind in kinds):
        return _Finding("shell_read", title, "low", "Bash:read", "")
    if {*kinds} <= {"shell_read", "shell_check"}:
        return _Finding("shell_check", title, "low", "Bash:check", "It is one of the plan's checks.")
    if {*kinds} <= {"shell_read", "shell_check", "shell_edit"}:
        return _Finding("shell_edit", title, "low", "Bash:edit", "It changes files in the worktree.")
    rest = [(c, place, kind) for (c, place), kind in zip(line, kinds, strict=True) if kind != "shell_read"]
    signature = allowances.of_command(rest, command, start)
    parts = tuple((c, place, kind) for (c, place), kind in zip(line, kinds, strict=True))
    if "shell" not in kinds:
        reason = "It runs the repository’s own tools in the worktree."
        return _Finding("shell_tool", title, "low", signature, reason, parts=parts, ordered=ordered)
    if any(kind == "shell" and obeyed.may_write(shlex.join(c.words)) for c, _place, kind in parts):
        reason = "It may change settings that affect tools."
        return _Finding("shell_settings", title, risk, signature, reason, parts=parts, ordered=ordered)
    reason = "What it runs by that name was changed by this work." if new else "Not one of the plan's checks."
    return _Finding("shell", title, risk, signature, reason, parts=parts, ordered=ordered)


def _keeping_output(line: str, start: Place, known: _Known) -> Kind | None:
    """What a line of known commands is that keeps their output in plain files of the worktree; None where it is more."""
    read = shell.parse_writing(line)
    if read is None:
        return None
    commands, files = read
    if any(".git" in word.split("/") for command in commands for word in command.words):
        return None  # a plain file would be committed, with what git's own hold
    parts = list(zip(commands, places(commands, start), strict=True))
    kinds = [_command_kind(c, place, known) for c, place in parts]
    first = min(index for index, _ in files)
    if "shell" in kinds or "shell_tool" in kinds[first + 1 :]:
        return None  # a tool is judged by its files as they are now
    if any(_moves_unseen(c, place) for c, place in parts):
        return None
    if not all(_is_or_may_be_plain(path, parts[index][1]) for index, path in files):
        return None
    return "shell_tool" if {"shell_tool", "shell_check"} & {*kinds} else "shell_edit"


def _is_or_may_be_plain(path: str, place: Place) -> bool:
    """Whether writing to a path changes one plain file of the worktree, no link on the way, with no other name elsewhere."""
    if any(part.startswith("-") for part in Path(path).parts) or place.edit_kind(path) != "edit":
        return False  # named like an option, it would be one to what comes upon it by a wildcard
    for folder in place.folders:
        spot = Path(os.path.normpath(folder / path))
        try:
            if (folder / path).resolve() != spot:
                return False
            found = spot.lstat()
        except FileNotFoundError:
            continue
        except (OSError, ValueError, RuntimeError):
            return False
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            return False
    return True


def _command_kind(command: shell.Command, place: Place, known: _Known) -> Kind:
    if is_read_only(command, place):
        return "shell_read"
    alone = shell.Command(command.words, command.globbed)
    if known.means_something_new(alone, place):
        return "shell"
    if place.holds(".") and _is_check([alone], place.worktree, known.checks):
        return "shell_check"
    if is_own_tool(alone, place, known.checks):
        return "shell_tool"
    return "shell_edit" if _makes_files(command, place) else "shell"


def _makes_files(command: shell.Command, place: Place) -> bool:
    """Whether a command just makes, copies or moves plain files of the worktree."""
    letters = _EDITING_PROGRAMS.get(command.program)
    operands = [a for a in command.arguments if not a.startswith("-")]
    options = [a for a in command.arguments if a.startswith("-")]
    if letters is None or not operands or command.globbed or not stays_inside(command, place):
        return False
    if not all(len(option) > 1 and set(option[1:]) <= set(letters) for option in options):
        return False  # -t, --target-directory: a path in an option
    if any("L" in o or ("r" in o and sys.platform == "darwin") for o in options) and not place.links_stay(
        folder / source for folder in place.folders for source in operands[:-1]
    ):
        return False  # what links lead to would be copied
    written = list(operands)
    if command.program in ("cp", "mv") and len(operands) > 1:
        # Into a folder: what stands there under the same name could be a link.
        inside = [f"{operands[-1]}/{source.rpartition('/')[2] or '.'}" for source in operands[:-1]]
        if any(set("aRr") & set(option) for option in options) and any(_stands(path, place) for path in inside):
            return False  # links in the copy that is there already would be followed
        written += inside
    return all(place.edit_kind(path) == "edit" for path in written)


def _stands(path: str, place: Place) -> bool:
    return any(os.path.lexists(folder / path) for folder in place.folders)


def _moves_unseen(command: shell.Command, place: Place) -> bool:
    """Whether a command brings a folder or a link to another name: what follows it cannot be judged by today's names."""
    sources = [a for a in command.arguments[:-1] if not a.startswith("-")] if command.program in ("cp", "mv") else []
    return not all(_is_plain_file(folder / source) for source in sources for folder in place.folders)


def _is_plain_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def _is_check(parsed: list[shell.Command], worktree: Path, checks: list[str]) -> bool:
    wanted = [c.shape() for c in shell.without_wrapping(parsed, worktree)]
    return any([c.shape() for c in known] == wanted for known in map(shell.parse, checks) if known)
