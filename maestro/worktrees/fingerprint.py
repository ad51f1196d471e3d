"""A fingerprint of the user's checkout: what is checked out, staged and changed, to notice when an agent was there.

What git could be made to run (configuration, hooks, attributes) is ``tampering``'s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from maestro.worktrees.git import git

#: Of a longer list of changed files only a hash is kept: that something changed can be told then, not what.
_LISTED = 500


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Two of them are equal when nothing was written in between. ``files``: changed ones with a mark each."""

    head: str
    branch: str
    index: str
    files: dict[str, str]
    many_files: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain values, to be kept; ``Fingerprint(**kept)`` is the same again."""
        return asdict(self)


def fingerprint(repo_root: Path, *, ignore: Sequence[Path] = ()) -> Fingerprint:
    """The state of a checkout. What lies below the folders in ``ignore`` (the data folder) is left out. Writes nothing."""
    files, many = _files(repo_root, ignore), ""
    if len(files) > _LISTED:
        files, many = {}, _hash(repr(sorted(files.items())).encode())
    return Fingerprint(
        head=git(repo_root, "rev-parse", "--verify", "--quiet", "HEAD", check=False).text,
        branch=git(repo_root, "symbolic-ref", "--quiet", "HEAD", check=False).text,
        # Entries, not the file: any look by an editor's git refreshes the file's time stamps.
        index=_hash(git(repo_root, "ls-files", "-s", "-z").stdout),
        files=files,
        many_files=many,
    )


def _files(root: Path, ignore: Sequence[Path]) -> dict[str, str]:
    apart = [folder.resolve() for folder in ignore]
    place = root.resolve()
    stamps = {}
    # Not into submodules: they have configurations of their own, which may name filters.
    options = ("--no-renames", "--untracked-files=all", "--ignore-submodules=dirty")
    fields = git(root, "status", "--porcelain", "-z", *options).fields
    for line in fields:
        path = place / line[3:]
        if any(path.is_relative_to(folder) for folder in apart):
            continue
        try:
            status = path.lstat()
            stamp = f"{line[:2]} {status.st_size} {status.st_mtime_ns} {status.st_mode:o}"
        except OSError:
            stamp = line[:2]
        stamps[line[3:]] = stamp
    return stamps


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
