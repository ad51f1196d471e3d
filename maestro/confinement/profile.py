"""What a confined command may see and write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The confinement of one command: outside of what is named here it writes nothing, and below ``hidden`` it reads nothing.

    The deeper path wins: a worktree below a hidden data folder is seen, a key below a readable folder is not.
    A path that does not exist is left out, except the worktree and ``writable``, which the caller has made.
    Home is an empty folder for the time of the command, and so are ``/tmp`` and ``/var/tmp``.
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
    proxy: Path | None = None  # socket of a ``proxy.Proxy``, the only way out; None: no network but its own loopback
    everything_proxied: bool = True  # False: only package managers and git are sent to the proxy, not every program
    closed_ports: tuple[int, ...] = ()  # Maestro's, where loopback cannot be the command's own (macOS)
    git_writable: bool = False  # the worktree's own ``.git`` file or folder may be written
    variables: Mapping[str, str] = field(default_factory=dict)  # set for the command, beside those of its environment
