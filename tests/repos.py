"""Small git repositories for tests, made with real git and nothing of the machine's own configuration."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_PERSON = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "Ada"), ("EMAIL", "ada@example.org"))
}


def run_git(repo: Path, *args: str, check: bool = True, env: dict[str, str] | None = None) -> str:
    """Run git as the user "Ada" would, in ``repo``; returns what it prints, without the last newline.

    No identity is written to any configuration: Maestro meets a repository without one.
    """
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    result = subprocess.run(
        ["git", "-C", str(repo), *args],
        env=clean | _PERSON | {"GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8"} | (env or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if check and result.returncode != 0:
        raise AssertionError(f"git {' '.join(args)}: {result.stderr.decode(errors='replace')}")
    return result.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")


def write_files(folder: Path, files: dict[str, str | bytes]) -> None:
    """Write files below ``folder``, parents included."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def commit(repo: Path, files: dict[str, str | bytes], message: str = "A change") -> str:
    """Write files, commit all that changed, and return the commit."""
    write_files(repo, files)
    run_git(repo, "add", "-A")
    run_git(repo, "commit", "-q", "--no-verify", "--allow-empty", "-m", message)
    return run_git(repo, "rev-parse", "HEAD")


def make_repo(path: Path, files: dict[str, str | bytes], branch: str = "main") -> Path:
    """A repository at ``path`` with one commit that holds ``files``; returns ``path``."""
    path.mkdir(parents=True, exist_ok=True)
    run_git(path, "init", "-q", "-b", branch)
    commit(path, files, "First commit")
    return path
