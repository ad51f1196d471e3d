"""What an agent may leave in a worktree and no commit can hold: pipes that git would read, files of a terabyte, odd names.

Told before git tries: it would read a pipe for ever, and compress a file of holes for hours.
"""

from __future__ import annotations

import re
from pathlib import Path

from maestro.errors import GitError
from maestro.worktrees import blocked
from maestro.worktrees.git import git

#: Larger files are none that somebody meant to commit; a few minutes are enough for git to store one of this size.
MOST_BYTES = 4 << 30
_LISTED_S = 600
_SHOWN = 5
_INVALID = re.compile(r"invalid path '(.+)'")


class Uncommittable(GitError):
    """Something in a worktree cannot be committed; ``detail`` names it and says what to do."""


def refuse_large(worktree: Path, env: dict[str, str] | None = None) -> None:
    """Raise Uncommittable where a new or changed file is too large, before anything reads it."""
    listed = git(
        worktree, "ls-files", "-z", "--others", "--modified", "--exclude-standard", env=env, timeout_s=_LISTED_S
    )
    large = {path: size for path in listed.fields if (size := _size(worktree / path)) > MOST_BYTES}
    if large:
        named = ", ".join(f"{path!a} ({size / 2**30:,.0f} GB)" for path, size in [*large.items()][:_SHOWN])
        raise Uncommittable(
            f"Files that are too large for a commit: {named}. Delete them, or name them in .gitignore if only this machine "
            "needs them."
        )


def named(worktree: Path, error: GitError) -> Uncommittable | None:
    """What in the worktree a failed call of git was about; None where it was something else."""
    if isinstance(error, Uncommittable):
        return error
    invalid = _INVALID.search(error.detail)
    if invalid:
        return Uncommittable(f"git refuses files of the name {invalid[1]!a}. Rename or delete them.")
    odd = blocked.anywhere(worktree)
    if odd is None or not odd.is_relative_to(worktree):
        return None
    return Uncommittable(f"{str(odd.relative_to(worktree))!a} is a pipe or a device, and git would read it. Delete it.")


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except (OSError, ValueError):
        return 0
