"""The one way to run something confined."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from maestro.confinement import linux, macos
from maestro.confinement.profile import Profile


def command(profile: Profile, argv: Sequence[str]) -> list[str]:
    """The argv that runs ``argv`` in the profile's worktree, confined as it says.

    What it leaves running ends with it (Linux), also when the process that started it is killed. Whether this machine
    can do so is told by ``probing.available()``.
    """
    return macos.command(profile, argv) if sys.platform == "darwin" else linux.command(profile, argv)
