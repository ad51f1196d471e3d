"""Moving a branch together with the checkouts that hold it, without touching anybody's uncommitted work.

``overwrite_check`` says what is in the way. The same call finishes a move that was killed half-way, and taking a
move back is the same call with the two commits swapped.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from maestro.errors import Conflict, CutShort, MaestroError
from maestro.worktrees.git import git, own_git_dir, repository_lock
from maestro.worktrees.listing import checkouts_of, held_by_operation, operation
from maestro.worktrees.overwrite_check import Blob, Change, Survey, survey
from maestro.worktrees.refs import branch_ref, move_ref

_SHOWN = 10
_SAID_LINES = 3
_LOCK_WAIT_S = 3.0


def overlaps(root: Path, before: str, after: str) -> list[str]:
    """Files of the checkout at ``root`` whose uncommitted state stands in the way of ``before`` → ``after``.

    Staged, unstaged, untracked and ignored files count alike, files that git was told not to look at too.
    """
    return survey(root, before, after).in_the_way


def bring(root: Path, before: str, after: str, *, resume: bool = False) -> None:
    """Bring index and files of the checkout at ``root`` from ``before`` to ``after``; HEAD stays.

    Uncommitted work elsewhere survives byte for byte. ``resume``: such a move was begun and killed before.
    Raises Conflict, with nothing changed, when work is in the way or another git process holds the index.
    """
    _write(root, before, after, _inspect(root, before, after, resume))


def _inspect(root: Path, before: str, after: str, resume: bool) -> Survey:
    found = survey(root, before, after, resume=resume)
    if found.in_the_way:
        raise Conflict(_blocked(root, found.in_the_way), files=found.in_the_way)
    busy = _index_busy(root)
    if busy:
        raise Conflict(busy)
    return found


def _write(root: Path, before: str, after: str, found: Survey) -> None:
    settle = found.settle | {change.path: change.new for change in found.torn}
    if settle:
        git(root, "update-index", "-z", "--index-info", input=_index_info(settle, len(before)))
    if found.torn:
        _mend(root, found.torn)
    git(root, "update-index", "-q", "--refresh", check=False)
    moved = git(root, "read-tree", "-m", "-u", before, after, check=False, timeout_s=600)
    if moved.code != 0:
        lines = moved.stderr.decode("utf-8", "replace").strip().splitlines()[:_SAID_LINES]
        said = "\n".join(lines).removeprefix("error: ").removeprefix("fatal: ")
        raise Conflict(f"git could not update the files in {root}: {said}")


def _mend(root: Path, torn: list[Change]) -> None:
    """Write half-written files anew, as the index has them."""
    for change in torn:
        (root / change.path).unlink(missing_ok=True)
    paths = b"".join(os.fsencode(change.path) + b"\0" for change in torn if change.new is not None)
    git(root, "checkout-index", "-f", "-q", "-z", "--stdin", input=paths)


def obstacles(
    repo: Path, branch: str, before: str, after: str, *, resume: bool = False, apart: Path | None = None
) -> list[str]:
    """Sentences that say why ``branch`` cannot be moved now, as far as its checkouts (but those below ``apart``) go."""
    reasons = []
    under_way = held_by_operation(repo, branch, apart=apart)
    if under_way:
        reasons.append(f"A {under_way} of {branch} is in progress. Finish or abort it first.")
    for entry in checkouts_of(repo, branch):
        if apart is not None and entry.path.resolve().is_relative_to(apart.resolve()):
            continue
        if entry.missing:
            reasons.append(f"{branch} is checked out at {entry.path}, which does not exist now.")
            continue
        doing = operation(entry.path)
        if doing and doing != under_way:
            reasons.append(f"A {doing} is in progress in {entry.path}. Finish or abort it first.")
        elif not doing:
            in_the_way = survey(entry.path, before, after, resume=resume).in_the_way
            busy = None if in_the_way else _index_busy(entry.path)
            if in_the_way or busy:
                reasons.append(busy or _blocked(entry.path, in_the_way))
    return reasons


def move_branch(repo: Path, branch: str, before: str, after: str, reason: str, *, resume: bool = False) -> None:
    """Move ``branch`` from ``before`` to ``after``, and every checkout that holds it along.

    Files first, then the branch: killed in between, the checkout shows the work as staged changes, which
    harms nobody, and a second call (``resume``) finishes it. Raises Conflict, with all as it was, when it cannot be,
    and CutShort when files were written and cannot be put back: then, too, a second call finishes it.
    """
    with repository_lock(repo):
        reasons = obstacles(repo, branch, before, after, resume=resume)
        if reasons:
            raise Conflict(" ".join(reasons), reasons=reasons)
        brought: list[Path] = []
        try:
            for entry in checkouts_of(repo, branch):
                found = _inspect(entry.path, before, after, resume)
                brought.append(entry.path)
                _write(entry.path, before, after, found)
            move_ref(repo, branch_ref(branch), after, before, reason)
        except (MaestroError, OSError) as error:
            if not _put_back(brought, before, after):
                said = str(error).rstrip(".")
                raise CutShort(f"{said}. It is partly done. Fix that and try again to finish it.") from error
            raise


def _put_back(roots: list[Path], before: str, after: str) -> bool:
    """Bring checkouts from ``after``, or from half-way there, back to ``before``; whether all are there again."""
    whole = True
    for root in roots:
        try:
            bring(root, after, before, resume=True)
        except (MaestroError, OSError):
            whole = False
    return whole


def _index_busy(root: Path) -> str | None:
    """Why the index cannot be written now; waits a little, for instance for a git of a killed Maestro."""
    lock = own_git_dir(root) / "index.lock"
    deadline = time.monotonic() + _LOCK_WAIT_S
    while lock.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    if not lock.exists():
        return None
    return (
        f"Another git process is working in {root}. Try again when it is done. If none is running, "
        f"one was killed: delete {lock}."
    )


def _blocked(root: Path, paths: list[str]) -> str:
    names = ", ".join(paths[:_SHOWN]) + (f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else "")
    return f"Uncommitted work in {root} would be overwritten: {names}. Commit, stash or move it first."


def _index_info(entries: dict[str, Blob | None], oid_length: int) -> bytes:
    lines = []
    for path, blob in sorted(entries.items(), key=lambda item: item[1] is not None):
        # Removals first, so that a folder can take a file's place.
        words = f"{blob.mode} {blob.oid} 0" if blob else f"0 {'0' * oid_length} 0"
        lines.append(words.encode() + b"\t" + os.fsencode(path) + b"\0")
    return b"".join(lines)
