"""What a check or a set-up command has to itself: ports, a temporary folder, and its turn where a repository takes turns."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil

from maestro.core.kernel.agent_config import in_force
from maestro.core.kernel.runtime import Runtime
from maestro.core.workspaces import bytecode, hatch, planted, ports
from maestro.core.workspaces.check_slots import turn
from maestro.core.workspaces.environ import PORT_VARIABLE
from maestro.db import models
from maestro.errors import MaestroError
from maestro.worktrees.deleting import delete_tree
from maestro.worktrees.git import common_dir

_PREFIX = "maestro-tmp-"


@contextmanager
def held(rt: Runtime, session: models.Session, folder: Path, stop: Callable[[], bool]) -> Iterator[dict[str, str]]:
    """Hold it while a command runs in ``folder``; the variables that tell the command.

    Where the repository's checks share what cannot be told apart (a database, a fixed port), they wait for each
    other here. Raises WorkCancelled when ``stop`` says so meanwhile.
    """
    with ExitStack() as stack:
        if in_force(session.agent_config, rt.settings).serial_checks:
            stack.enter_context(turn(rt, common_dir(Path(session.repo_path)), stop))
        base = stack.enter_context(ports.held(rt, session.id, folder))
        aside = str(stack.enter_context(_temporary_folder()))
        planted.put_aside(rt, session, folder)
        compiled = str(bytecode.ready(rt, session.id, folder))
        own = {PORT_VARIABLE: str(base), "TMPDIR": aside, "TMP": aside, "TEMP": aside, bytecode.VARIABLE: compiled}
        yield own | hatch.place(folder)


def clear_left_behind() -> None:
    """At start: the temporary folders of commands that ran when an app was killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        with suppress(OSError, MaestroError):
            if pid.isdecimal() and folder.stat().st_uid == os.getuid() and not psutil.pid_exists(int(pid)):
                delete_tree(folder)


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    """Of the same length each time, and short: sockets in it have a limit of about a hundred characters."""
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid():07}-")).resolve()
    try:
        yield folder
    finally:
        with suppress(OSError, MaestroError):  # what cannot be deleted now goes at the next start
            delete_tree(folder)
