"""Deleting folders that agents and their tools made: read-only ones, deep ones, ones that something still writes into.

Several deletions of the same folder may run at once; each ends well when the folder is gone, whoever did it.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from maestro.errors import GitError

#: Pauses between tries, in seconds: a process that was just killed, or another deletion, may still be at work there.
_PAUSES_S = (0.0, 0.05, 0.2, 0.5)
_DEEP_S = 600


def delete_tree(path: Path) -> None:
    """Delete a file, link or folder with all that is in it; nothing a link leads to is touched.

    Raises GitError when something is left, because nobody may delete it or because something keeps writing there.
    """
    for pause in _PAUSES_S:
        time.sleep(pause)
        _delete(path)
        if not os.path.lexists(path):
            return
        _open_up(path)
    _delete(path)
    if os.path.lexists(path):
        raise GitError(f"{path} could not be deleted completely. Delete it by hand.")


def _delete(path: Path) -> None:
    """What can be deleted of it as it is."""
    with suppress(OSError):
        if not stat.S_ISDIR(path.lstat().st_mode):
            path.unlink()
            return
    try:
        shutil.rmtree(path, ignore_errors=True)
    except RecursionError:  # folders in folders, a thousand deep: shutil calls itself for each
        subprocess.run(["rm", "-rf", "--", str(path)], check=False, capture_output=True, timeout=_DEEP_S)


def _open_up(path: Path) -> None:
    """Let the owner write to the folders that are left: package caches (Go's, Nix's) make theirs read-only."""
    folders = [path]
    while folders:
        folder = folders.pop()
        with suppress(OSError):  # gone meanwhile, or somebody else's
            mode = folder.lstat().st_mode
            if not stat.S_ISDIR(mode):
                continue
            if mode & stat.S_IRWXU != stat.S_IRWXU:
                folder.chmod(stat.S_IMODE(mode) | stat.S_IRWXU)
            with os.scandir(folder) as entries:
                folders += [folder / entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
