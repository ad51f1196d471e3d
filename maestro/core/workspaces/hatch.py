"""Hatch's environments: in the worktree and gone with it, not one more in the user's home for each path.

Hatch names no variable for "in the project" as Poetry and PDM do, and one path for all of its environments would mix
them; so it is told of a folder for its data. Pythons that it has installed for the user are not found there.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from maestro import untrusted

VARIABLE = "HATCH_DATA_DIR"
FOLDER = ".hatch"


def place(worktree: Path) -> dict[str, str]:
    """The variable for commands in a worktree of a project that Hatch manages; nothing for others."""
    folder = worktree / FOLDER
    if not _is_used(worktree) or folder.is_symlink():
        return {}
    with suppress(OSError):
        folder.mkdir(exist_ok=True)
        with (folder / ".gitignore").open("x") as ignored:  # it is no work, whatever the repository ignores
            ignored.write("*\n")
    return {VARIABLE: str(folder)}


def _is_used(worktree: Path) -> bool:
    if (worktree / "hatch.toml").is_file():
        return True
    try:
        text = untrusted.text(worktree / "pyproject.toml", follow=worktree)
    except OSError:
        return False
    return "[tool.hatch.env" in text or "tool.hatch.envs" in text
