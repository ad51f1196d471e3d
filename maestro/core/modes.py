"""Which permission mode is in force on this machine, why, and what it means, in words for pages, ``doctor`` and questions."""

from __future__ import annotations

from dataclasses import dataclass

from maestro.confinement import probing
from maestro.core.agent_config import AgentConfig, permission_mode
from maestro.settings import PermissionMode, Settings

#: What each mode means, for a page's one line.
_MEANS = {
    "sandboxed": "Agents, checks and set-up write in their worktrees only, and see neither your keys nor the rest of your home.",
    "edits": "Agents ask before risky actions. Checks and set-up commands run as you, with all that you may read and write.",
    "ask": "Agents ask before every change. Checks and set-up commands run as you, with all that you may read and write.",
    "bypass": "Nothing is asked. Agents, checks and set-up commands run as you, with all that you may read and write.",
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
        why = "automatic: this machine has a sandbox" if support.works else "automatic: there is no sandbox here"
    kept = mode != "sandboxed" or support.works
    means = _MEANS[mode] if kept else "No work starts until there is a sandbox."
    return InForce(mode, why, means, kept, support.missing, support.install)


def no_sandbox() -> str:
    """Why nothing can be confined here, and what changes that; empty where it can."""
    return probing.available().words
