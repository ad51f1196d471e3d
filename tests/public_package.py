"""A real Python package that is none of ours, from its source archive on the package registry, as a git repository."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

from tests import machine
from tests.repos import run_git

NAME = "pathspec"
VERSION = "1.1.1"
_CACHE = Path(sys.prefix) / "maestro-test-packages"


def clone(path: Path) -> Path:
    """A fresh clone of the package at ``path``. Raises AssertionError when its archive cannot be had."""
    origin = path.with_name(f"{path.name}-origin")
    origin.mkdir(parents=True)
    with tarfile.open(_archive()) as archive:
        archive.extractall(origin, filter="data")
    source = origin / f"{NAME}-{VERSION}"
    run_git(source, "init", "-q", "-b", "main")
    run_git(source, "add", "-A")
    run_git(source, "commit", "-q", "-m", f"{NAME} {VERSION}")
    run_git(path.parent, "clone", "-q", str(source), str(path))
    return path


def _archive() -> Path:
    archive = _CACHE / f"{NAME}-{VERSION}.tar.gz"
    if not archive.exists():
        _CACHE.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        done = subprocess.run(
            [*command, "--dest", str(_CACHE), f"{NAME}=={VERSION}"],
            env=machine.with_registries(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert archive.exists(), f"the source archive of {NAME} {VERSION} could not be had: {done.stderr}"
    return archive
