"""How a git process is started: by GitPython's command wrapper, held to what Maestro's calls depend on.

GitPython hands the app's whole environment on, and starts git in the app's process group. Here every call gets the
built environment and the switches of ``git_environment``, and a session of its own.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from maestro import programs
from maestro.errors import Unavailable
from maestro.worktrees.git_environment import FIXED, OPTIONS, PASSED_ON

# GitPython asks git for its version when it is loaded, and raises where there is none: said at the first call instead.
# By its whole path: the working folder may be a repository with a program of that name.
_AT_LOADING = {"GIT_PYTHON_REFRESH": "quiet", "GIT_PYTHON_GIT_EXECUTABLE": programs.find("git") or "/usr/bin/git"}
os.environ.update(_AT_LOADING)
try:
    from git import cmd
    from git.exc import GitCommandNotFound
finally:
    for _name in _AT_LOADING:
        del os.environ[_name]

#: Seconds that a call of the object model may take.
_LIMIT_S = 120


def environment(repo: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """All that git is to know of the app's environment in ``repo``, and what ``extra`` says."""
    built = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    # ``./node_modules/.bin`` on PATH would have git look for its helpers in the repository.
    built["PATH"] = programs.whole_path(built.get("PATH", os.defpath))
    built |= FIXED
    # A worktree that lost its .git file must not turn into a call on some repository above it
    # (the data folder may well lie inside one).
    built["GIT_CEILING_DIRECTORIES"] = str(repo.resolve().parent)
    return built | dict(extra)


class Command(cmd.Git):
    """GitPython's wrapper of git in one checkout."""

    def execute(self, command: Sequence[str], *args: Any, **more: Any) -> Any:
        """As ``git.cmd.Git.execute``; further keywords are those of ``_popen``."""
        place = Path(self.working_dir or "/")
        more.setdefault("built", environment(place, {}))
        if not more.get("as_process"):
            more.setdefault("kill_after_timeout", _LIMIT_S)
        program, *rest = command
        whole = [program, *OPTIONS, "-C", str(place), *rest]
        return super().execute(whole, *args, start_new_session=True, **more)

    def start(
        self, args: Sequence[str], extra: Mapping[str, str], *, has_input: bool, stderr: int
    ) -> subprocess.Popen[bytes]:
        """Start a call, with further variables, and hand its process to the caller.

        ``stderr`` is a descriptor or ``subprocess.PIPE``. Raises Unavailable when there is no git.
        """
        try:
            running = self.execute(
                ["git", *args],
                istream=subprocess.PIPE if has_input else None,
                as_process=True,
                built=environment(Path(self.working_dir or "/"), extra),
                errors=stderr,
            )
        except GitCommandNotFound:
            raise Unavailable("git was not found. Install git 2.38 or newer and start again.") from None
        process: subprocess.Popen[bytes] = running.proc
        running.proc = None  # else GitPython ends it as soon as the wrapper is forgotten
        return process


def _popen(
    command: Sequence[str], *, built: dict[str, str] | None = None, errors: int | None = None, **more: Any
) -> subprocess.Popen[bytes]:
    """Start a process with exactly the environment ``built``, in place of the app's that GitPython hands on."""
    if built is not None:
        more["env"] = built
        more["cwd"] = None  # git is told where by -C, and says itself when that is gone
    if errors is not None:
        more["stderr"] = errors
    return subprocess.Popen(command, **more)


# The seam that GitPython has for what is different on Windows.
cmd.safer_popen = _popen
