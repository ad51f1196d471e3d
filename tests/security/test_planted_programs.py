"""A relative entry of ``PATH`` is a folder that an agent fills: no program of Maestro's own is taken from there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from maestro import programs
from maestro.confinement import probing
from maestro.confinement.profile import Profile
from maestro.confinement.wrapping import command
from maestro.core.kernel.endpoint import Endpoint
from maestro.core.workspaces import environ
from maestro.worktrees import kept_folders
from maestro.worktrees.git import git
from tests.app_process import ROOT
from tests.repos import make_repo

_BIN = "node_modules/.bin"


@pytest.fixture(params=[f"./{_BIN}", _BIN, ""])
def worktree(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One where an agent planted programs, and a PATH on which they come first."""
    repo = make_repo(tmp_path / "repo", {"a.txt": "words\n"})
    folder = repo / (_BIN if request.param else ".")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("bwrap", "socat", "grep", "git", "cp", "sh", "env"):
        (folder / name).write_text(f"#!/bin/sh\n/usr/bin/touch {tmp_path}/pwned\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{request.param}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(repo)
    return repo


def test_the_sandbox_is_the_systems_own(worktree: Path, tmp_path: Path) -> None:
    user = tmp_path / "home"
    user.mkdir()
    argv = command(
        Profile(worktree=worktree, home=user), ["/bin/sh", "-c", f"echo inside; echo x > {tmp_path}/outside"]
    )
    done = subprocess.run(argv, cwd=worktree, capture_output=True, text=True, check=False)
    assert done.stdout == "inside\n", done.stderr
    probing.available.cache_clear()
    assert probing.available().works
    assert [path.name for path in tmp_path.iterdir() if path.name in ("pwned", "outside")] == []


def test_what_maestro_starts_in_a_worktree_is_the_systems_own(worktree: Path, tmp_path: Path) -> None:
    assert "./a.txt" in kept_folders._holding(worktree, "words")
    assert git(worktree, "rev-parse", "--is-inside-work-tree").text == "true"
    fresh = [sys.executable, "-c", "from maestro.worktrees import git_command"]  # GitPython runs git when it is loaded
    subprocess.run(fresh, cwd=worktree, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)
    assert not (tmp_path / "pwned").exists()


def test_an_agents_program_looks_in_whole_paths_only(worktree: Path, tmp_path: Path) -> None:
    endpoint = Endpoint(kind="anthropic", api_key="sk-x")
    path = environ.worker_environment(endpoint, tmp_path / "demo")["PATH"]
    assert all(part.startswith("/") for part in path.split(os.pathsep))
    assert shutil.which("git", path=path) == programs.find("git")
    assert environ.base_environment()["PATH"] == os.environ["PATH"]  # checks run confined, and may count on it
