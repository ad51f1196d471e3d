"""What an agent may plant in the person's repository for git to run, and whose commits a branch was moved to.

``watched`` only reads files: a git call on a repository where something was just planted might run it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from maestro.worktrees.git import git
from maestro.worktrees.leftovers import reflog

_SINGLE = ("config", "config.worktree", "info/attributes", "info/exclude")
_MAX_BYTES = 1_000_000


def watched(shared: Path) -> dict[str, str]:
    """Fingerprints of the files in git's shared folder that make git do things, by path in there."""
    found = {name: _mark(shared / name) for name in _SINGLE if (shared / name).exists()}
    hooks = shared / "hooks"
    for path in sorted(hooks.rglob("*")) if hooks.is_dir() else []:
        # git itself never runs a sample.
        if (path.is_file() or path.is_symlink()) and path.suffix != ".sample":
            found[str(path.relative_to(shared))] = _mark(path)
    return found


def _mark(path: Path) -> str:
    try:
        data = path.read_bytes()[:_MAX_BYTES]
        mode = path.stat().st_mode & 0o111
    except OSError:
        return "unreadable"
    if path.name == "config":
        data = _without_tracking(data)
    return f"{hashlib.sha256(data).hexdigest()[:32]} {mode:o}"


def _without_tracking(config: bytes) -> bytes:
    """A configuration without what says which branch follows which: git writes that at any push or switch."""
    kept, apart = [], False
    for line in config.splitlines():
        if line.lstrip().startswith(b"["):
            apart = line.lstrip().startswith(b"[branch ")
        if not apart and line.strip():
            kept.append(line.strip())
    return b"\n".join(kept)


def save_copies(shared: Path, names: list[str], to: Path) -> None:
    """Keep copies that an undo can use; readable by the person alone, for a configuration may hold passwords."""
    for name in names:
        target = to / name
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            data = (shared / name).read_bytes()
        except OSError:
            continue
        target.touch(mode=0o600)
        target.write_bytes(data)
        target.chmod(0o600 | ((shared / name).stat().st_mode & 0o100))


def heads(repo: Path) -> dict[str, str]:
    """The person's branches and tags, and where HEAD stands; Maestro's own left out."""
    out = git(repo, "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags").text
    pairs = (line.partition(" ") for line in out.splitlines())
    found = {name: oid for oid, _, name in pairs if not name.startswith("refs/heads/maestro/")}
    found["HEAD"] = git(repo, "rev-parse", "--verify", "--quiet", "HEAD", check=False).text
    return found


def made_in(worktree: Path) -> set[str]:
    """Commits that were once checked out in a worktree, so also all that were made there."""
    return set(reflog(worktree, "HEAD"))
