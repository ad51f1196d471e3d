"""The demo's sample repository and the idea it is tried with."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import tomllib
from pathlib import Path

from maestro.errors import GitError

DEMO_TITLE = "CSV export (demo)"
DEMO_IDEA = """\
I keep my expenses with this little tool. For my tax adviser I need them as a spreadsheet: a command that writes a CSV file, \
for one month or for everything.
"""

_FILES = Path(__file__).with_name("sample.toml")
_SAFE = (
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "commit.gpgSign=false",
    "-c",
    "gc.auto=0",
)
_MOST_COPIES = 1000


def make_repository(path: Path) -> Path:
    """Make the sample repository at ``path``: one commit on ``main``, nothing else.

    One that is there and untouched is used again; where somebody worked on it (the demo was merged, files
    were changed) it stays as it is and a fresh one is made beside it. Returns the path of the fresh one.
    Raises GitError.
    """
    for number in range(1, _MOST_COPIES):
        candidate = path if number == 1 else path.with_name(f"{path.name}-{number}")
        if not candidate.exists():
            return _make(candidate)
        if _untouched(candidate):
            return candidate
    raise GitError(f"There are {_MOST_COPIES} sample repositories next to {path}. Remove some.")


def _make(path: Path) -> Path:
    """Built aside and moved into place whole, so that a crash leaves no half repository at ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=".making-", dir=path.parent))
    try:
        for name, content in tomllib.loads(_FILES.read_text(encoding="utf-8"))["files"].items():
            file = building / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
        _git(building, "init", "--quiet", "--initial-branch=main")
        _git(building, "add", "--all")
        _git(building, "commit", "--quiet", "--message", "A small tool that keeps track of expenses")
        building.chmod(0o755)
        building.rename(path)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    return path


def _untouched(path: Path) -> bool:
    """Whether ``path`` still is what ``_make`` left there."""
    try:
        one_commit = _git(path, "rev-list", "--count", "HEAD") == "1"
        return (
            one_commit and _git(path, "branch", "--show-current") == "main" and not _git(path, "status", "--porcelain")
        )
    except (GitError, OSError):
        return False


def _git(path: Path, *arguments: str) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_CEILING_DIRECTORIES": str(path.resolve().parent),
        "GIT_AUTHOR_NAME": "Maestro demo",
        "GIT_AUTHOR_EMAIL": "demo@localhost",
        "GIT_COMMITTER_NAME": "Maestro demo",
        "GIT_COMMITTER_EMAIL": "demo@localhost",
    }
    done = subprocess.run(
        ["git", *_SAFE, "-C", str(path), *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise GitError(f"The sample repository could not be made: {done.stderr.strip()}")
    return done.stdout.strip()
