"""Which permission mode is in force on this machine, why, and what it means, in words for pages, ``doctor`` and questions."""

from __future__ import annotations

from dataclasses import dataclass

from maestro.confinement import probing
from maestro.core.kernel.agent_config import AgentConfig, permission_mode
from maestro.settings import PermissionMode, Settings

#: What each mode means, for a page's one line.
_MEANS = {
    "sandboxed": "Agents, checks, and setup commands write only in their worktrees and cannot see your keys or your home folder.",
    "edits": "Agents ask before risky actions. Checks and setup commands run as you and can read and write everything you can.",
    "ask": "Agents ask before every change. Checks and setup commands run as you and can read and write everything you can.",
    "bypass": "Agents never ask. Agents, checks, and setup commands run as you and can read and write everything you can.",
}


@dataclass(frozen=True, slots=True)
class InForce:
    """The mode of work that starts now. ``kept``: False where it was chosen and this machine cannot keep it."""

    mode: PermissionMode
    why: str  # a clause: "automatic: this machine has a sandbox"
    means: str
    kept: bool
    missing: str  # what a sandbox lacks here, a sentence; empty where there is one
    install: str  # the line that changes it; may be empty


def in_force(settings: Settings) -> InForce:
    """The mode of a session that says nothing of its own. Blocks: looks anew where there was no sandbox before."""
    if not probing.available().works:
        probing.available.cache_clear()
    support = probing.available()
    mode = permission_mode(AgentConfig(), settings)
    why = "as the settings say"
    if support.works and mode != "sandboxed":
        why += "; this machine has a sandbox, which auto would use"
    if settings.permission_mode == "auto":
        why = "automatic: this machine has a sandbox" if support.works else "automatic: this machine has no sandbox"
    kept = mode != "sandboxed" or support.works
    means = _MEANS[mode] if kept else "No work starts until a sandbox is available."
    return InForce(mode, why, means, kept, support.missing, support.install)


def no_sandbox() -> str:
    """Why nothing can be confined here, and what changes that; empty where it can."""
    return probing.available().words
