"""What a confined command may see and write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_LISTS = ("writable", "readable", "hidden")
_TABLES = ("overlaid", "caches")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The confinement of one command: outside of what is named here it writes nothing, and below ``hidden`` it reads nothing.

    The deeper path wins: a worktree below a hidden data folder is seen, a key below a readable folder is not.
    A path that does not exist is left out, except the worktree and ``writable``, which the caller has made.
    Home is an empty folder for the time of the command unless ``own_home`` is given; ``/tmp`` and ``/var/tmp`` always are.
    """

    worktree: Path  # written, and where the command begins; its ``.git`` is only read
    home: Path  # the user's; what is below it is hidden
    writable: tuple[Path, ...] = ()  # further folders and files that may be written
    readable: tuple[Path, ...] = ()  # read below what is hidden
    hidden: tuple[Path, ...] = ()  # besides home: the data folder, the user's checkout
    overlaid: Mapping[Path, Path] = field(
        default_factory=dict
    )  # a place -> our folder or file that is seen there, read
    caches: Mapping[Path, Path] = field(default_factory=dict)  # the same, written
    own_home: Path | None = None  # what home is instead of an empty folder: one of Maestro's own, written
    proxy: Path | None = None  # socket of a ``proxy.Proxy``, the only way out; None: no network but its own loopback
    everything_proxied: bool = True  # False: only package managers and git are sent to the proxy, not every program
    closed_ports: tuple[int, ...] = ()  # Maestro's, where loopback cannot be the command's own (macOS)
    git_writable: bool = False  # the worktree's own ``.git`` file or folder may be written
    variables: Mapping[str, str] = field(default_factory=dict)  # set for the command, beside those of its environment

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; without the proxy, which is the runner's own."""
        return {
            "worktree": str(self.worktree),
            "home": str(self.home),
            **{name: [str(path) for path in getattr(self, name)] for name in _LISTS},
            **{name: {str(k): str(v) for k, v in getattr(self, name).items()} for name in _TABLES},
            "own_home": str(self.own_home) if self.own_home else None,
            "everything_proxied": self.everything_proxied,
            "closed_ports": list(self.closed_ports),
            "git_writable": self.git_writable,
            "variables": dict(self.variables),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Profile:
        """From ``to_json``'s form. Raises KeyError and TypeError for another."""
        return cls(
            worktree=Path(data["worktree"]),
            home=Path(data["home"]),
            writable=tuple(map(Path, data["writable"])),
            readable=tuple(map(Path, data["readable"])),
            hidden=tuple(map(Path, data["hidden"])),
            overlaid={Path(k): Path(v) for k, v in data["overlaid"].items()},
            caches={Path(k): Path(v) for k, v in data["caches"].items()},
            own_home=Path(data["own_home"]) if data["own_home"] else None,
            everything_proxied=data["everything_proxied"],
            closed_ports=tuple(data["closed_ports"]),
            git_writable=data["git_writable"],
            variables=dict(data["variables"]),
        )
