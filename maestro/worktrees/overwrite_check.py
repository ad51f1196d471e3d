"""Looking at a checkout before its files are moved from one commit to another: whose work is in the way?

Each file that differs is looked at in the index and on disk. Where both are at one of the two states, the
file can be brought to the other; anything else is uncommitted work. Other files are never looked at.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from maestro import untrusted
from maestro.errors import GitError
from maestro.worktrees.git import git

#: Of a file that may be half written, so much is compared.
_TORN_BYTES = 1_000_000_000
_SUBMODULE = "160000"


@dataclass(frozen=True)
class Blob:
    """A file's content and mode, as git names them."""

    mode: str
    oid: str


@dataclass(frozen=True)
class Change:
    """One path that differs between two commits; None: it is not there."""

    path: str
    old: Blob | None
    new: Blob | None


@dataclass(frozen=True)
class _Indexed:
    blob: Blob
    hidden: bool  # assume-unchanged or skip-worktree: git itself does not look at the file
    unmerged: bool


_OTHER = Blob("other", "")  # neither state: somebody's work


def changes(repo: Path, before: str, after: str) -> list[Change]:
    """What differs between two commits or trees; a rename is a removal and an addition."""
    out = git(repo, "diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", before, after, "--").fields
    found = []
    for meta, path in zip(out[::2], out[1::2], strict=True):
        old_mode, new_mode, old, new, _ = meta.removeprefix(":").split(" ")
        found.append(
            Change(
                path,
                Blob(old_mode, old) if old.strip("0") else None,
                Blob(new_mode, new) if new.strip("0") else None,
            )
        )
    return found


@dataclass(frozen=True)
class Survey:
    """What a checkout says to a move: paths in the way; what the index has to say first; half-written files."""

    in_the_way: list[str]
    settle: dict[str, Blob | None]
    torn: list[Change]


def survey(root: Path, before: str, after: str, *, resume: bool = False) -> Survey:
    """Look at every path that differs between ``before`` and ``after``.

    ``resume`` says that such a move was begun and killed: a file that is missing or breaks off early is
    then git's own half-done write, and no one's work.
    """
    differences = changes(root, before, after)
    found = Survey([], {}, [])
    if not differences:
        return found
    index = _read_index(root)
    plain = ("--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty")
    unstaged = set(git(root, "diff", "--name-only", "-z", *plain).fields)
    changed = {change.path for change in differences}
    on_disk = _on_disk(root, [c for c in differences if _needs_look(c.path, index, unstaged)], index, changed)
    for change in differences:
        states = (change.old, change.new)
        entry = index.get(change.path)
        staged = entry.blob if entry else None
        state = on_disk.get(change.path, staged)
        if (entry and entry.unmerged) or staged not in states:
            found.in_the_way.append(change.path)
        elif state not in states:
            if resume and _torn(root, change, state):
                found.torn.append(change)
            else:
                found.in_the_way.append(change.path)
        elif state != staged:
            found.settle[change.path] = state
    return found


def _torn(root: Path, change: Change, state: Blob | None) -> bool:
    """Whether a file is missing, or holds only the beginning of one of its two contents."""
    if state is None:
        return True
    if state == _OTHER or state.mode not in ("100644", "100755"):
        return False
    data = untrusted.head(root / change.path, _TORN_BYTES)
    for blob in (change.old, change.new):
        if blob is not None and blob.mode != _SUBMODULE:
            whole = git(root, "cat-file", "--filters", f"--path={change.path}", blob.oid).stdout
            if len(data) < len(whole) and whole.startswith(data):
                return True
    return False


def _needs_look(path: str, index: dict[str, _Indexed], unstaged: set[str]) -> bool:
    entry = index.get(path)
    return entry is None or ((entry.hidden or path in unstaged) and entry.blob.mode != _SUBMODULE)


def _read_index(root: Path) -> dict[str, _Indexed]:
    found = {}
    for line in git(root, "ls-files", "-v", "-s", "-z").fields:
        meta, _, path = line.partition("\t")
        tag, mode, oid, stage = meta.split(" ")
        found[path] = _Indexed(Blob(mode, oid), tag.islower() or tag == "S", stage != "0")
    return found


def _on_disk(root: Path, wanted: list[Change], index: dict[str, _Indexed], changed: set[str]) -> dict[str, Blob | None]:
    """What lies at these paths now, in git's terms."""
    found: dict[str, Blob | None] = {}
    regular: list[tuple[str, str]] = []
    modes_count = git(root, "config", "--get", "core.fileMode", check=False).text.strip() != "false"
    for change in wanted:
        path = change.path
        blocker = _blocking_parent(root, path)
        if blocker is not None:
            # A file where a folder is needed: fine only if the move itself takes that file away.
            found[path] = None if blocker in changed or change.new is None else _OTHER
            continue
        try:
            status = (root / path).lstat()
        except FileNotFoundError:
            entry = index.get(path)
            # Outside a sparse checkout a file is not there and yet not deleted.
            found[path] = entry.blob if entry and entry.hidden else None
            continue
        if stat.S_ISLNK(status.st_mode):
            sample = change.new or change.old
            # Path.readlink would tidy the target up, and its hash would not fit.
            data = os.fsencode(os.readlink(root / path))  # noqa: PTH115
            found[path] = Blob("120000", _blob_id(data, len(sample.oid) if sample else 40))
        elif stat.S_ISREG(status.st_mode):
            mode = "100755" if status.st_mode & stat.S_IXUSR else "100644"
            if not modes_count:
                mode = next((b.mode for b in (change.old, change.new) if b), mode)
            regular.append((path, mode))
        elif stat.S_ISDIR(status.st_mode):
            found[path] = None if _only_tracked(root, path, index) else _OTHER
        else:
            found[path] = _OTHER
    return found | _hash(root, regular)


def _blocking_parent(root: Path, path: str) -> str | None:
    """The nearest part of ``path`` above it that exists and is no folder (a symlink is none)."""
    parts = path.split("/")[:-1]
    for count in range(1, len(parts) + 1):
        above = "/".join(parts[:count])
        try:
            status = (root / above).lstat()
        except OSError:
            return None
        if not stat.S_ISDIR(status.st_mode):
            return above
    return None


def _only_tracked(root: Path, folder: str, index: dict[str, _Indexed]) -> bool:
    for place, folders, names in os.walk(root / folder):
        here = Path(place).relative_to(root).as_posix()
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        if any(f"{here}/{name}" not in index for name in (*names, *links)):
            return False
    return True


def _hash(root: Path, files: list[tuple[str, str]]) -> dict[str, Blob | None]:
    """Object names of files as git would store them (line ends and filters applied)."""
    if not files:
        return {}
    lines = b"".join(_quoted(path) + b"\n" for path, _ in files)
    result = git(root, "hash-object", "--stdin-paths", input=lines, check=False, timeout_s=600)
    oids = result.text.split()
    if result.code != 0 or len(oids) != len(files):
        raise GitError(f"git could not read files in {root}: {result.stderr.decode('utf-8', 'replace').strip()}")
    return {path: Blob(mode, oid) for (path, mode), oid in zip(files, oids, strict=True)}


def _quoted(path: str) -> bytes:
    """A path as a line of input: the only way to pass one with a newline."""
    raw = os.fsencode(path)
    if not raw.startswith(b'"') and b"\n" not in raw:
        return raw
    return b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'


def _blob_id(data: bytes, length: int) -> str:
    digest = hashlib.sha256 if length == 64 else hashlib.sha1
    return digest(b"blob %d\0" % len(data) + data).hexdigest()
