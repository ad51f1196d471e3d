"""Moving a branch together with the checkouts that hold it, without touching anybody's uncommitted work.

Each file that differs between ``before`` and ``after`` is looked at in the index and on disk. Where both
are at one of the two states, the file can be brought to the other; where anything else is found, it is
uncommitted work, and nothing moves. So the same call finishes a move that was killed half-way, and taking
a move back is the same call with the two swapped. All other files are never looked at.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from maestro.errors import Conflict, GitError, MaestroError
from maestro.worktrees.git import git, own_git_dir, repository_lock
from maestro.worktrees.listing import checkouts_of, held_by_operation, operation
from maestro.worktrees.refs import branch_ref, move_ref

_SHOWN = 10
_LOCK_WAIT_S = 3.0
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


def overlaps(root: Path, before: str, after: str) -> list[str]:
    """Files of the checkout at ``root`` whose uncommitted state stands in the way of ``before`` → ``after``.

    Staged, unstaged, untracked and ignored files count alike, files that git was told not to look at too.
    """
    return _survey(root, changes(root, before, after))[0]


def bring(root: Path, before: str, after: str) -> None:
    """Bring index and files of the checkout at ``root`` from ``before`` to ``after``; HEAD stays.

    Uncommitted work elsewhere survives byte for byte. Raises Conflict, with nothing changed, when some is
    in the way or another git process holds the index.
    """
    differences = changes(root, before, after)
    in_the_way, settle = _survey(root, differences)
    if in_the_way:
        raise Conflict(_blocked(root, in_the_way), files=in_the_way)
    busy = _index_busy(root)
    if busy:
        raise Conflict(busy)
    if settle:
        git(root, "update-index", "-z", "--index-info", input=_index_info(settle, len(before)))
    git(root, "update-index", "-q", "--refresh", check=False)
    moved = git(root, "read-tree", "-m", "-u", before, after, check=False, timeout_s=600)
    if moved.code != 0:
        said = moved.stderr.decode("utf-8", "replace").strip().removeprefix("error: ").removeprefix("fatal: ")
        raise Conflict(f"git could not update the files in {root}: {said}")


def obstacles(repo: Path, branch: str, before: str, after: str) -> list[str]:
    """Sentences that say why ``branch`` cannot be moved now, as far as its checkouts are concerned."""
    reasons = []
    under_way = held_by_operation(repo, branch)
    if under_way:
        reasons.append(f"A {under_way} of {branch} is under way. Finish or abort it first.")
    for entry in checkouts_of(repo, branch):
        if entry.missing:
            reasons.append(f"{branch} is checked out at {entry.path}, which is not there now.")
            continue
        doing = operation(entry.path)
        if doing and doing != under_way:
            reasons.append(f"A {doing} is under way in {entry.path}. Finish or abort it first.")
        elif not doing:
            in_the_way = overlaps(entry.path, before, after)
            busy = None if in_the_way else _index_busy(entry.path)
            if in_the_way or busy:
                reasons.append(busy or _blocked(entry.path, in_the_way))
    return reasons


def move_branch(repo: Path, branch: str, before: str, after: str, reason: str) -> None:
    """Move ``branch`` from ``before`` to ``after``, and every checkout that holds it along.

    Files first, then the branch: killed in between, the checkout shows the work as staged changes, which
    harms nobody, and a second call finishes it. Raises Conflict, with all as it was, when it cannot be.
    """
    with repository_lock(repo):
        reasons = obstacles(repo, branch, before, after)
        if reasons:
            raise Conflict(" ".join(reasons), reasons=reasons)
        brought: list[Path] = []
        try:
            for entry in checkouts_of(repo, branch):
                brought.append(entry.path)
                bring(entry.path, before, after)
            move_ref(repo, branch_ref(branch), after, before, reason)
        except MaestroError:
            for path in brought:
                with suppress(MaestroError):
                    bring(path, after, before)
            raise


def _index_busy(root: Path) -> str | None:
    """Why the index cannot be written now; waits a little, for instance for a git of a killed Maestro."""
    lock = own_git_dir(root) / "index.lock"
    deadline = time.monotonic() + _LOCK_WAIT_S
    while lock.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    if not lock.exists():
        return None
    return (
        f"Another git process is working in {root}. Try again when it is done; if there is none, "
        f"one was killed: delete {lock}."
    )


def _blocked(root: Path, paths: list[str]) -> str:
    names = ", ".join(paths[:_SHOWN]) + (f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else "")
    return f"Uncommitted work in {root} would be overwritten: {names}. Commit, stash or move it first."


def _survey(root: Path, differences: list[Change]) -> tuple[list[str], dict[str, Blob | None]]:
    """Paths in the way, and what the index has to say first where it lags behind the file."""
    if not differences:
        return [], {}
    index = _read_index(root)
    unstaged = set(git(root, "diff", "--name-only", "-z", "--no-ext-diff", "--no-textconv").fields)
    changed = {change.path for change in differences}
    on_disk = _on_disk(root, [c for c in differences if _needs_look(c.path, index, unstaged)], index, changed)
    in_the_way: list[str] = []
    settle: dict[str, Blob | None] = {}
    for change in differences:
        states = (change.old, change.new)
        entry = index.get(change.path)
        staged = entry.blob if entry else None
        found = on_disk.get(change.path, staged)
        if (entry and entry.unmerged) or not _one_of(staged, states) or not _one_of(found, states):
            in_the_way.append(change.path)
        elif found != staged:
            settle[change.path] = found
    return in_the_way, settle


def _one_of(blob: Blob | None, states: Iterable[Blob | None]) -> bool:
    return any(blob == state for state in states)


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


def _index_info(entries: dict[str, Blob | None], oid_length: int) -> bytes:
    lines = []
    for path, blob in sorted(entries.items(), key=lambda item: item[1] is not None):
        # Removals first, so that a folder can take a file's place.
        words = f"{blob.mode} {blob.oid} 0" if blob else f"0 {'0' * oid_length} 0"
        lines.append(words.encode() + b"\t" + os.fsencode(path) + b"\0")
    return b"".join(lines)
