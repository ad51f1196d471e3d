"""Whether this machine can confine commands, found by trying, and what to install where it cannot."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from maestro import programs

_PATIENCE_S = 10
_OS_RELEASE = Path("/etc/os-release")
_APPARMOR = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
_SEATBELT = "/usr/bin/sandbox-exec"

_INSTALLERS = {
    "debian": "apt install", "ubuntu": "apt install", "fedora": "dnf install", "rhel": "dnf install", "centos": "dnf install",
    "arch": "pacman -S", "suse": "zypper install", "opensuse": "zypper install", "alpine": "apk add", "gentoo": "emerge",
    "void": "xbps-install",
}  # fmt: skip
_PROFILE_FOR_BWRAP = (
    r"printf 'abi <abi/4.0>,\ninclude <tunables/global>\nprofile bwrap /usr/bin/bwrap flags=(unconfined) {\n  userns,\n}\n' "
    "| sudo tee /etc/apparmor.d/bwrap && sudo systemctl reload apparmor"
)


@dataclass(frozen=True, slots=True)
class Support:
    """Whether commands can be confined here; else why not, in a sentence, and one line that changes it (may be empty)."""

    works: bool
    missing: str = ""
    install: str = ""

    @property
    def words(self) -> str:
        """What to tell the user; empty where it works."""
        if self.works:
            return ""
        return f"{self.missing} {f'To change that: {self.install}' if self.install else ''}".strip()


@functools.cache
def available() -> Support:
    """Look and try once in the life of this process; ``available.cache_clear()`` looks again."""
    if sys.platform == "darwin":
        works = os.access(_SEATBELT, os.X_OK)
        return Support(works, "" if works else f"{_SEATBELT} is missing, with which macOS confines programs.")
    if not sys.platform.startswith("linux"):
        return Support(False, "Commands can be confined on Linux and macOS only.")
    lacks = [package for name, package in (("bwrap", "bubblewrap"), ("socat", "socat")) if not programs.find(name)]
    if lacks:
        return Support(
            False, f"{' and '.join(lacks)} {'is' if len(lacks) == 1 else 'are'} missing.", _install_line(lacks)
        )
    return _try()


def _try() -> Support:
    """Namespaces may be forbidden where bubblewrap is installed: in containers, by Ubuntu's AppArmor."""
    spaces = (
        "--unshare-user-try",
        "--unshare-pid",
        "--unshare-net",
        "--unshare-ipc",
        "--unshare-uts",
        "--cap-drop",
        "ALL",
    )
    mounts = ("--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", tempfile.gettempdir())
    attempt = [programs.find("bwrap") or "/usr/bin/bwrap", *spaces, *mounts, "--die-with-parent", "--", "true"]
    try:
        done = subprocess.run(attempt, capture_output=True, check=False, timeout=_PATIENCE_S, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Support(False, f"bubblewrap does not run: {error}.")
    if done.returncode == 0:
        return Support(True)
    said = " ".join(done.stderr.decode("utf-8", "replace").split())[:200]
    if _is_on(_APPARMOR):
        return Support(False, f"AppArmor forbids bubblewrap to make namespaces ({said}).", _PROFILE_FOR_BWRAP)
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        words = "Start the container with `--security-opt seccomp=unconfined --security-opt systempaths=unconfined`."
        return Support(False, f"This container may not make namespaces ({said}). {words}")
    return Support(
        False, f"bubblewrap cannot make namespaces here ({said}).", "sudo sysctl -w kernel.unprivileged_userns_clone=1"
    )


def _install_line(packages: list[str]) -> str:
    names = " ".join(packages)
    try:
        lines = _OS_RELEASE.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    told = dict(line.partition("=")[::2] for line in lines)
    systems = f"{told.get('ID', '')} {told.get('ID_LIKE', '')}".replace('"', "").split()
    if "nixos" in systems:
        return f"nix-env -iA {' '.join(f'nixos.{package}' for package in packages)}"
    installer = next((_INSTALLERS[name] for name in systems if name in _INSTALLERS), None)
    return f"sudo {installer} {names}" if installer else f"install {names} with this system's package manager"


def _is_on(switch: Path) -> bool:
    try:
        return switch.read_text().strip() not in ("", "0")
    except OSError:
        return False
