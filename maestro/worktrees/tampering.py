"""What an agent may plant in the user's repository for git to run, and whose commits a branch was moved to.

``watched`` only reads files: a git call on a repository where something was just planted might run it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from maestro import untrusted
from maestro.worktrees.git import git
from maestro.worktrees.stray_work import reflog

_SINGLE = ("config", "config.worktree", "info/attributes", "info/exclude")
_MAX_BYTES = 1_000_000

#: What ``git sparse-checkout`` writes, ours as well.
_SPARSE = re.compile(rb"\[(core|index)\]|(sparsecheckout(cone)?|sparse)\s*=\s*(true|false)", re.IGNORECASE)
#: Nothing may follow: git reads another section in the same line as well.
_BRANCH = re.compile(rb'\[branch "([^"\\]|\\.)*"\]')


def watched(shared: Path, included: Iterable[str] = ()) -> dict[str, str]:
    """Fingerprints of the files that make git do things: in its shared folder by path in there, and ``included``.

    What worktrees have of their own is there only where it says more than git wrote when it made them.
    """
    found = {name: _mark(shared / name) for name in (*_SINGLE, *included) if (shared / name).exists()}
    hooks = shared / "hooks"
    for path in sorted(hooks.rglob("*")) if hooks.is_dir() else []:
        # git itself never runs a sample.
        if (path.is_file() or path.is_symlink()) and path.suffix != ".sample":
            found[str(path.relative_to(shared))] = _mark(path)
    return found | _added_in_worktrees(shared)


def of_worktrees(shared: Path) -> list[str]:
    """Files of the worktrees' own that say where their configuration is, or are it, by path in git's shared folder."""
    found = (path for name in ("config.worktree", "commondir") for path in shared.glob(f"worktrees/*/{name}"))
    return sorted(str(path.relative_to(shared)) for path in found)


def included(repo: Path, shared: Path) -> list[str]:
    """Whole paths of what the repository's own configuration includes, also where nothing is there yet."""
    places = ("config", "config.worktree", *of_worktrees(shared))
    if not any(b"include" in _read(shared / name).lower() for name in places):
        return []
    asked = ("config", "-z", "--show-scope", "--show-origin", "--get-regexp", r"^include(if\..*)?\.path$")
    fields = git(repo, *asked, check=False).fields
    found = []
    for scope, origin, entry in zip(fields[::3], fields[1::3], fields[2::3], strict=True):
        value = os.path.expanduser(entry.partition("\n")[2])  # noqa: PTH111 - raises for nobody's ~name
        if scope in ("local", "worktree") and value:
            path = repo / Path(origin.removeprefix("file:")).parent / value
            found.append(str(path.parent.resolve() / path.name))
    return sorted(set(found))


def copy_of(to: Path, name: str) -> Path:
    """Where ``save_copies`` keeps a file."""
    return to / name.removeprefix("/")


def _added_in_worktrees(shared: Path) -> dict[str, str]:
    # git gives a new worktree a copy of the main one's configuration, and this very line.
    given = {b"../..", *_lines(_read(shared / "config.worktree"))}
    found = {}
    for name in of_worktrees(shared):
        added = [line for line in _lines(_read(shared / name)) if line not in given]
        if added:
            found[name] = hashlib.sha256(b"\n".join(added)).hexdigest()[:32]
    return found


def _lines(config: bytes) -> list[bytes]:
    lines = (line.strip() for line in config.splitlines())
    return [line for line in lines if line and not _SPARSE.fullmatch(line)]


def _read(path: Path) -> bytes:
    try:
        return untrusted.head(path, _MAX_BYTES, follow=True)
    except OSError:
        return b""


def _mark(path: Path) -> str:
    try:
        data = untrusted.head(path, _MAX_BYTES, follow=True)
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
            apart = _BRANCH.fullmatch(line.strip()) is not None
        if not apart and line.strip():
            kept.append(line.strip())
    return b"\n".join(kept)


def save_copies(shared: Path, names: list[str], to: Path) -> None:
    """Keep copies that an undo can use; readable by the user alone, for a configuration may hold passwords."""
    for name in names:
        target = copy_of(to, name)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            data = untrusted.read(shared / name, follow=True)
        except OSError:
            continue
        target.touch(mode=0o600)
        target.write_bytes(data)
        target.chmod(0o600 | ((shared / name).stat().st_mode & 0o100))


def heads(repo: Path) -> dict[str, str]:
    """The user's branches and tags, and where HEAD stands; Maestro's own left out."""
    out = git(repo, "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags").text
    pairs = (line.partition(" ") for line in out.splitlines())
    found = {name: oid for oid, _, name in pairs if not name.startswith("refs/heads/maestro/")}
    found["HEAD"] = git(repo, "rev-parse", "--verify", "--quiet", "HEAD", check=False).text
    return found


def made_in(worktree: Path) -> set[str]:
    """Commits that were once checked out in a worktree, so also all that were made there."""
    return set(reflog(worktree, "HEAD"))
