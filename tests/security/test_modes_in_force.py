"""Which permission mode is in force, why, and the one line that gives a sandbox: in ``doctor`` and on the pages."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from maestro.cli.doctor import examine
from maestro.confinement import probing
from maestro.core.kernel import modes
from maestro.settings import Settings


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A Debian machine that has neither bubblewrap nor socat."""
    release = tmp_path / "os-release"
    release.write_text('ID=debian\nPRETTY_NAME="Debian"\n')
    monkeypatch.setattr(probing, "_OS_RELEASE", release)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("PATH", str(tmp_path))
    probing.available.cache_clear()
    yield
    probing.available.cache_clear()


def _doctor(settings: Settings) -> str:
    return next(found.line for found in examine(settings) if "permission mode" in found.what)


def test_with_a_sandbox_auto_is_sandboxed_and_says_so(tmp_path: Path) -> None:
    settings = Settings(permission_mode="auto", data_dir=tmp_path)
    found = modes.in_force(settings)
    assert (found.mode, found.kept, found.missing) == ("sandboxed", True, "")
    assert "this machine has a sandbox" in found.why
    assert _doctor(settings).startswith("✓ permission mode sandboxed (automatic: this machine has a sandbox)")
    assert "auto would use" in _doctor(Settings(permission_mode="edits", data_dir=tmp_path))


@pytest.mark.usefixtures("without")
def test_without_one_auto_is_edits_and_the_install_line_is_given(tmp_path: Path) -> None:
    settings = Settings(permission_mode="auto", data_dir=tmp_path)
    found = modes.in_force(settings)
    assert (found.mode, found.kept, found.install) == ("edits", True, "sudo apt install bubblewrap socat")
    line = _doctor(settings)
    assert line.startswith("· permission mode edits (automatic: this machine has no sandbox)")
    assert "sudo apt install bubblewrap socat" in line


@pytest.mark.usefixtures("without")
def test_a_mode_that_cannot_be_kept_is_a_fault(tmp_path: Path) -> None:
    line = _doctor(Settings(permission_mode="sandboxed", data_dir=tmp_path))
    assert line.startswith("✗ permission mode sandboxed")
    assert "sudo apt install bubblewrap socat" in line


@pytest.mark.parametrize(
    ("system", "line"),
    [
        ("ID=ubuntu\nID_LIKE=debian", "sudo apt install bubblewrap socat"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"', "sudo dnf install bubblewrap socat"),
        ("ID=arch", "sudo pacman -S bubblewrap socat"),
        ("ID=manjaro\nID_LIKE=arch", "sudo pacman -S bubblewrap socat"),
        ('ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"', "sudo zypper install bubblewrap socat"),
        ("ID=alpine", "sudo apk add bubblewrap socat"),
        ("ID=nixos", "nix-env -iA nixos.bubblewrap nixos.socat"),
        ("ID=unknown", "install bubblewrap socat with this system's package manager"),
    ],
)
def test_the_install_line_is_the_systems_own(
    system: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = tmp_path / "os-release"
    release.write_text(system)
    monkeypatch.setattr(probing, "_OS_RELEASE", release)
    assert probing._install_line(["bubblewrap", "socat"]) == line
