"""One tool chain as a user has it: a small repository, one known failure in it, honest work and two lies."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

Files = dict[str, str]

_HOME = Path(pwd.getpwuid(os.getuid()).pw_dir)


@dataclass(frozen=True)
class Chain:
    """A repository of one tool chain. Every repository has tests of ``add``, and one that fails before any work.

    ``programs``: what has to be on PATH. ``tests``: the file whose removal is a lie. ``broken``: ``add`` as
    it must not land. ``honest``: a new function with a test of its own. ``names``: parts of names of tests that the
    baseline must tell. ``installs``: whether the set-up asks a package registry.
    """

    name: str
    programs: tuple[str, ...]
    files: Files
    honest: Files
    broken: Files
    tests: str
    names: tuple[str, ...] = ("adds",)
    setup: tuple[str, ...] | None = None  # None: what Maestro offers
    checks: tuple[str, ...] | None = None  # None: what Maestro offers
    installs: bool = False
    lock: str | None = None  # the command that writes the lock file, before the first commit

    @property
    def missing(self) -> list[str]:
        """Programs that this machine does not have."""
        return [program for program in self.programs if not _works(program)]


#: Where a tool chain in the user's home is found although tests have a home of their own.
TOOL_HOMES = {
    name: str(folder)
    for name, folder in (("RUSTUP_HOME", _HOME / ".rustup"), ("CARGO_HOME", _HOME / ".cargo"))
    if folder.is_dir()
}


@cache
def _works(program: str) -> bool:
    """Whether a program is there; rustup puts a ``cargo`` on PATH that may stand for none."""
    if shutil.which(program) is None:
        return False
    if program != "cargo":
        return True
    done = subprocess.run([program, "--version"], env={**os.environ, **TOOL_HOMES}, capture_output=True, check=False)
    return done.returncode == 0
