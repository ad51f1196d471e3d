"""A fingerprint of the person's checkout, to notice when an agent wrote there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from maestro.worktrees.git import common_dir, git

_LISTED = 500
_WORDS = {
    "head": "the checked-out commit (HEAD) moved",
    "branch": "another branch was checked out",
    "index": "what is staged changed",
    "files": "files changed",
    "branches": "branches or tags moved",
    "config": "git's configuration (.git/config) changed",
    "hooks": "git hooks (.git/hooks) changed",
    "attributes": "git's attributes or excludes (.git/info) changed",
}


def fingerprint(repo_root: Path, *, ignore: Sequence[Path] = ()) -> dict[str, str]:
    """The state of a checkout, part by part; equal parts mean that nothing was written there.

    Maestro's own branches and refs are left out, and what lies below the folders in ``ignore`` (the data
    folder, when it is inside the repository). Writes nothing.
    """
    shared = common_dir(repo_root)
    return {
        "head": git(repo_root, "rev-parse", "HEAD", check=False).text,
        "branch": git(repo_root, "symbolic-ref", "--quiet", "HEAD", check=False).text,
        # Entries, not the file: any look by an editor's git refreshes the file's time stamps.
        "index": _hash(git(repo_root, "ls-files", "-s", "-z").stdout),
        "files": _listing(_files(repo_root, ignore)),
        "branches": _listing(_branches(repo_root)),
        "config": _hash(_content(shared / "config") + b"\0" + _content(shared / "config.worktree")),
        "hooks": _hash(json.dumps(_hooks(shared / "hooks")).encode()),
        "attributes": _hash(b"\0".join(_content(shared / "info" / name) for name in ("attributes", "exclude"))),
    }


def difference(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """What changed between two fingerprints, in words for a person; empty: nothing."""
    said = []
    for part, words in _WORDS.items():
        old, new = before.get(part, ""), after.get(part, "")
        if old == new:
            continue
        if part in ("head", "branch"):
            short = [(value.removeprefix("refs/heads/") or "none") for value in (old, new)]
            words += f" from {short[0][:60]} to {short[1][:60]}"
        elif part in ("files", "branches"):
            words += _names(old, new)
        said.append(words)
    return said


def _files(root: Path, ignore: Sequence[Path]) -> dict[str, str]:
    apart = [folder.resolve() for folder in ignore]
    place = root.resolve()
    stamps = {}
    # Not into submodules: they have configurations of their own, which may name filters.
    options = ("--no-renames", "--untracked-files=all", "--ignore-submodules=dirty")
    fields = git(root, "status", "--porcelain", "-z", *options).fields
    for line in fields:
        path = place / line[3:]
        if any(path.is_relative_to(folder) for folder in apart):
            continue
        try:
            status = path.lstat()
            stamp = f"{line[:2]} {status.st_size} {status.st_mtime_ns} {status.st_mode:o}"
        except OSError:
            stamp = line[:2]
        stamps[line[3:]] = stamp
    return stamps


def _branches(root: Path) -> dict[str, str]:
    out = git(root, "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags").text
    pairs = (line.partition(" ") for line in out.splitlines())
    return {name: oid for oid, _, name in pairs if not name.startswith("refs/heads/maestro/")}


def _hooks(folder: Path) -> list[tuple[str, str, str]]:
    if not folder.is_dir():
        return []
    files = sorted(path for path in folder.rglob("*") if path.is_file() or path.is_symlink())
    return [(str(p.relative_to(folder)), f"{p.lstat().st_mode:o}", _hash(_content(p))) for p in files]


def _listing(entries: dict[str, str]) -> str:
    text = json.dumps(entries, sort_keys=True)
    # A short list can later name what changed; a long one only that something did.
    return text if len(entries) <= _LISTED else _hash(text.encode())


def _names(old: str, new: str) -> str:
    if not (old.startswith("{") and new.startswith("{")):
        return ""
    first, second = json.loads(old), json.loads(new)
    names = sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))
    shown = [name.removeprefix("refs/heads/").removeprefix("refs/tags/") for name in names[:10]]
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return f": {', '.join(shown)}{more}"


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
