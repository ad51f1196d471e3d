"""Find what tests need of the system, or get it: git-lfs; on Linux bubblewrap and socat that work, and strace.

As root on Debian they are installed with ``apt-get``. Elsewhere this fails and says what to install: nothing is skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

LINUX = sys.platform.startswith("linux")
PROGRAMS = {"git-lfs": "git-lfs"} | ({"bwrap": "bubblewrap", "socat": "socat", "strace": "strace"} if LINUX else {})


def missing() -> list[str]:
    """The packages whose programs are not there."""
    return [package for program, package in PROGRAMS.items() if not shutil.which(program)]


def install_from_debian(packages: list[str]) -> None:
    """As root on Debian; elsewhere do nothing."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    print(f"Maestro: installing {' '.join(packages)} with apt-get", file=sys.stderr)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-y", "-q", *packages]):
        subprocess.run(command, env=environment, stdout=sys.stderr, stdin=subprocess.DEVNULL, check=False)


def main() -> None:
    """Say that all is there, or exit with what to do."""
    if packages := missing():
        install_from_debian(packages)
    if packages := missing():
        names = " ".join(packages)
        sys.exit(
            f"Maestro: the tests need {names}. Install them (Debian: apt-get install {names}; Fedora: dnf install {names};\n"
            f"Arch: pacman -S {names}; macOS: brew install {names})."
        )
    if not LINUX:
        print("git-lfs; what confines commands is macOS's own")
        return
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - check.sh starts this in the checkout
    from maestro.confinement.probing import available

    if not available().works:
        sys.exit(f"Maestro: the tests confine commands, and this machine cannot: {available().words}")
    print("git-lfs, bubblewrap, socat and strace")


if __name__ == "__main__":
    main()
