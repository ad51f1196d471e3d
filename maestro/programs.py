"""Programs that Maestro itself starts by name, where it works in folders that somebody else has filled.

``./node_modules/.bin`` (or nothing) on ``PATH`` means the folder that a program is started in: there an agent, or a repository,
would say what ``bwrap`` or ``grep`` is. So names are looked up in whole paths only.
"""

from __future__ import annotations

import os
import shutil


def whole_path(path: str) -> str:
    """A ``PATH`` without the entries that depend on the working folder; the system's own where none is left."""
    return os.pathsep.join(entry for entry in path.split(os.pathsep) if entry.startswith(os.sep)) or os.defpath


def find(name: str) -> str | None:
    """Where a program is; None where it is not installed."""
    return shutil.which(name, path=whole_path(os.environ.get("PATH", os.defpath)))
