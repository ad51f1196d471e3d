"""Files of mise, asdf and direnv: they hold for a folder only after the user has trusted them there, at each new path.

The trust is offered as set-up, with the reason; nothing is trusted unasked, for such files run what they name.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from maestro.worktrees.manifests import Manifests

_MISE = (
    "mise.toml", ".mise.toml", "mise/config.toml", ".mise/config.toml", ".config/mise.toml", ".config/mise/config.toml",
    ".rtx.toml",
)  # fmt: skip
_MISE_COMMAND = "mise trust --yes && mise install"
_LARGEST_BYTES = 256_000


@dataclass(frozen=True, slots=True)
class Trust:
    """A command that makes such a file hold in a new worktree, why, and the program it starts with."""

    command: str
    reason: str
    tool: str


def detect(at: Manifests) -> list[Trust]:
    """What one folder of a commit needs; first, since what is installed after it may come from there."""
    found = [*_tools(at), *_direnv(at)]
    return [Trust(at.command(each.command), each.reason, each.tool) for each in found]


def _tools(at: Manifests) -> list[Trust]:
    mise = next((name for name in _MISE if at.has(name)), None)
    if mise is not None:
        return [Trust(_MISE_COMMAND, _why(at.path(mise), "mise"), "mise")]
    if not at.has(".tool-versions"):
        return []
    name = at.path(".tool-versions")
    if shutil.which("mise") and not shutil.which("asdf"):
        return [Trust(_MISE_COMMAND, _why(name, "mise"), "mise")]
    return [Trust("asdf install", f"{name} is in the repository", "asdf")]


def _direnv(at: Manifests) -> list[Trust]:
    name = at.path(".envrc")
    if at.has(".envrc"):
        return [Trust("direnv allow .", _why(name, "direnv"), "direnv")]
    if _is_plain(at.repo / name):
        # It is there only where it is copied as well.
        return [Trust("test ! -e .envrc || direnv allow .", _why(name, "direnv", "in your checkout"), "direnv")]
    return []


def _why(name: str, tool: str, where: str = "in the repository") -> str:
    return f"{name} is {where}, and {tool} does not run it in a new folder until it is trusted there"


def _is_plain(path: Path) -> bool:
    try:
        return path.is_file() and not path.is_symlink() and path.stat().st_size <= _LARGEST_BYTES
    except OSError:
        return False
