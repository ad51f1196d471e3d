"""The commands of Claude Code in Maestro's own confinement, on Linux, and everywhere without the keys of the model.

The CLI's own sandbox leaves empty files in the user's checkout, which look like an escape and keep git from committing.
So it stays off there, and the CLI hands each command (and hook, and MCP server that it starts) to a small script, which
runs it confined as checks are.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from maestro import claude_home
from maestro.agents import claude_launcher, confined
from maestro.agents.base import AgentSpec

_SCRIPT = "shell"
#: The CLI writes here what the shell knows at its start: functions, aliases, the path.
_SNAPSHOTS = "shell-snapshots"
#: Inside: to where the CLI's shell is, then what it was to run.
_INSIDE = 'cd -- "$1" 2>/dev/null; exec "$2" -c "$3"'
_EXPLAINED = """

# Where your commands run

Your shell commands run in a sandbox and need no permission. They write in this worktree, in /tmp and in a home of their own
only, see nothing else of the user's files, and reach only package registries and hosts that the user named, through the
proxy that HTTPS_PROXY names. What a command leaves running ends with it: start a server and use it in the same command.
Commit as usual; branches other than the current one, tags and stashes stay in the sandbox.
""".rstrip()


def confines(spec: AgentSpec, scratch: Path | None) -> bool:
    """Whether this run's commands go through Maestro's confinement instead of the CLI's sandbox."""
    return sys.platform.startswith("linux") and spec.confinement is not None and scratch is not None


@contextmanager
def commands(spec: AgentSpec, refused: Callable[[str], None]) -> Iterator[None]:
    """Write the script that each command goes through, and hold the way out to the network open while the block lasts."""
    scratch = _scratch()
    if scratch is None or not _has_script(spec, scratch):
        yield
        return
    snapshots = claude_home.folder() / _SNAPSHOTS
    snapshots.mkdir(parents=True, exist_ok=True, mode=0o700)
    with confined.wrapping(spec, refused, [snapshots]) as wrap:
        words = shlex.join(wrap(["/bin/sh", "-c", _INSIDE, "maestro-shell"]))
        unset = f"unset {shlex.join(spec.withheld)}\n" if spec.withheld else ""
        script = scratch / _SCRIPT
        script.write_text(f'#!/bin/sh\n{unset}exec {words} "$PWD" {shlex.quote(_bash())} "$1"\n')
        script.chmod(0o700)
        yield


def environment(spec: AgentSpec, scratch: Path | None) -> dict[str, str]:
    """What the CLI is told of it. Where commands are confined, its temporary files lie where they see them too."""
    if scratch is None or not _has_script(spec, scratch):
        return {}
    told = {"CLAUDE_CODE_SHELL_PREFIX": str(scratch / _SCRIPT), "CLAUDE_CODE_SHELL": _bash()}
    shown = spec.confinement["profile"]["caches"] if spec.confinement and confines(spec, scratch) else {}
    temporary = shown.get("/tmp")  # noqa: S108 - what stands there
    return told | ({"TMPDIR": temporary, "CLAUDE_CODE_TMPDIR": temporary} if temporary else {})


def explained(spec: AgentSpec, scratch: Path | None) -> str:
    """What the agent is told beside its task, with where its commands run."""
    return spec.system_append + _EXPLAINED if confines(spec, scratch) else spec.system_append


def _has_script(spec: AgentSpec, scratch: Path) -> bool:
    """What goes to the CLI through a pipe is in no environment; only the rest has to be kept from its commands."""
    withheld = {*spec.withheld} - {*claude_launcher.DESCRIPTORS}
    own_sandbox = spec.permission_mode == "sandboxed" and not confines(spec, scratch)  # the CLI wraps commands itself
    return confines(spec, scratch) or (bool(withheld & {*os.environ}) and not own_sandbox)


def _bash() -> str:
    return shutil.which("bash") or "/bin/bash"


def _scratch() -> Path | None:
    """In a worker: its spool folder, which is its working folder."""
    return Path.cwd() if "MAESTRO_WORKER_ID" in os.environ else None
