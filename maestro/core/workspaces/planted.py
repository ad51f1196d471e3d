"""Settings that appeared over worktrees since their place was chosen: tools in them would read these for their own.

A session's folder is Maestro's: what an agent wrote there (``../pytest.ini``) steers the checks of all tasks. It goes
aside before a command runs. Further up it may be the user's, so it is told.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from maestro.core.kernel import projects
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Service
from maestro.core.workspaces import sheltered
from maestro.db import models

#: What was told of, by session.
_TOLD = Service(set[tuple[str, Path]])


def put_aside(rt: Runtime, session: models.Session, worktree: Path) -> None:
    """Look over ``worktree``, put aside what lies in its session's folder, and tell of the rest, once."""
    below, told = worktree.parent.resolve(), rt.service(_TOLD)
    for path in [found.path for found in projects.above(below) if found.path not in rt.worktrees.above]:
        if path.parent == below:
            if not (path / ".git").exists():  # a worktree that an earlier version named after its task
                _move(rt, session, path)
        elif (session.id, path) not in told:
            told.add((session.id, path))
            words = f"{path} is above this session's worktrees. Tools that search parent folders read it, so checks may prove"
            _report(
                rt,
                session,
                f"{words} the wrong thing. Move it away, or restart Maestro and start a new session.",
            )


def _move(rt: Runtime, session: models.Session, path: Path) -> None:
    aside = sheltered.put_back_folder(rt) / session.id / "beside" / f"{datetime.now():%Y%m%d-%H%M%S-%f}-{path.name}"
    with suppress(FileNotFoundError):  # another check was quicker
        aside.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, aside)
        words = f"{path.name} was written next to the worktrees by an agent; tools look there for settings."
        _report(rt, session, f"{words} It was moved to {aside}.")


def _report(rt: Runtime, session: models.Session, words: str) -> None:
    with rt.db.write() as tx:
        tx.log(session.id, words, level="warn", kind="git", source="git")
