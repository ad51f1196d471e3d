"""Prepared worktrees of large repositories: handed over by a rename instead of a checkout.

Writing 50,000 files takes seconds; renaming their folder and bringing it to another commit a tenth of one.
A pooled worktree lies beside a session's others as ``p<11 digits>``, on no branch. Its git folder holds the note
``PREPARED`` from the moment all is right with it until it has arrived where it is needed: a kill leaves either
a pooled worktree that can be used, one without the note that ``tidy`` clears, or one at its new place whose
arrival the next call finishes.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from maestro import untrusted
from maestro.errors import GitError, MaestroError
from maestro.worktrees import manager, sparse, submodules
from maestro.worktrees.abort_operations import clear_stale_lock
from maestro.worktrees.deleting import delete_tree
from maestro.worktrees.git import common_dir, git, own_git_dir, repository_lock
from maestro.worktrees.listing import git_dir_of, list_worktrees, registered
from maestro.worktrees.manager import PREPARED, WorktreeReport
from maestro.worktrees.refs import branch_ref, check_branch_name, commit_of, ref_commit
from maestro.worktrees.sanitizing import scrub
from maestro.worktrees.tampering import watched

_PREFIX = "p"
_DIGITS = 11
#: The second form is an earlier version's.
_NAME = re.compile(rf"{_PREFIX}\d{{{_DIGITS}}}|\.pool-[0-9a-f]+")

_CHECKOUT_S = 600

#: Pooled worktrees that this process is making or cleaning now.
_busy: set[Path] = set()
_ahead: dict[Path, threading.Lock] = {}
_guard = threading.Lock()

Stop = Callable[[], bool]


def pooled(below: Path) -> list[Path]:
    """The pooled worktrees in a session's folder, usable or not."""
    return sorted(path for path in below.glob("*") if _NAME.fullmatch(path.name))


def ready(repo: Path, below: Path) -> list[Path]:
    """Those that can be handed over now."""
    rules = _rules(repo) if pooled(below) else ""
    return [place for place in pooled(below) if place not in _busy and _noted(repo, place) == rules]


def prepare_ahead(repo: Path, below: Path, commit: str, stop: Stop) -> None:
    """Make one for whoever comes next; ``obtain`` waits for it. Raises GitError."""
    with _ahead_lock(below):
        _prepare(repo, below, commit, stop)


def add_worktree(
    repo: Path, path: Path, branch: str, start: str, stop: Stop, *, folders: Sequence[str] | None = None
) -> WorktreeReport:
    """As ``manager.add_worktree``, from the pool in ``path``'s folder; with ``folders`` a new, sparse one.

    Raises GitError when ``stop`` calls it off.
    """
    check_branch_name(branch, "branch")
    with repository_lock(repo):
        found = manager.found_there(repo, path, branch, start)
        if found is not None and not (own_git_dir(path) / PREPARED).exists():
            return found
        made = ref_commit(repo, branch_ref(branch)) is None
        if made:
            manager.create_branch(repo, branch, start)
    try:
        if found is None and folders is not None:
            _move(repo, _prepare(repo, path.parent, start, stop, folders), path)
        elif found is None:
            obtain(repo, path, start, stop)
        arrive(path, branch)
    except MaestroError:
        if made:
            git(repo, "update-ref", "-d", branch_ref(branch), commit_of(repo, start), check=False)
        raise
    return WorktreeReport(path, True, submodules.fill(path))


def obtain(repo: Path, path: Path, commit: str, stop: Stop) -> None:
    """Put a pooled worktree at ``path``; where none is ready one is made. It must ``arrive`` then."""
    if _take(repo, path):
        return
    with _ahead_lock(path.parent):
        pass  # one that is being made is ready sooner than another begun now
    if not _take(repo, path):
        _move(repo, _prepare(repo, path.parent, commit, stop), path)


def arrive(worktree: Path, branch: str | None, commit: str = "HEAD") -> None:
    """Bring a worktree that ``obtain`` has put there onto ``branch``, or onto ``commit`` and no branch."""
    clear_stale_lock(worktree)
    git_dir = own_git_dir(worktree)
    before = commit_of(worktree, "HEAD")
    # The log says where the worktree has been, which for its new owner begins now.
    (git_dir / "logs" / "HEAD").unlink(missing_ok=True)
    target = ["--no-guess", branch] if branch else ["--detach", commit]
    command = (*sparse.options(git_dir), "checkout", "--force", "--quiet", "--no-recurse-submodules")
    git(worktree, *command, *target, "--", timeout_s=_CHECKOUT_S)
    if _attributes_differ(worktree, before):
        # They say how files are written, those too that are the same in both commits.
        (git_dir / "index").unlink()
        git(worktree, *sparse.options(git_dir), "reset", "--hard", "--quiet", timeout_s=_CHECKOUT_S)
    for name in ("ORIG_HEAD", PREPARED):
        (git_dir / name).unlink(missing_ok=True)


def put_back(repo: Path, path: Path, *, recover_as: str | None, below: Path) -> None:
    """Into the pool with a worktree whose use is over, or away with it when it cannot be made like new.

    Work in it is kept first, as ``manager.remove_worktree`` does.
    """
    place = _new_place(below)
    with _making(place):
        if _leave(repo, path, place, recover_as):
            try:
                scrub(repo, place)
                _note(place, _rules(repo))
            except (MaestroError, OSError):
                _clear(repo, place)
        else:
            manager.remove_worktree(repo, path, recover_as=recover_as, below=below)
    tidy(repo, below)


def tidy(repo: Path, below: Path) -> None:
    """Clear pooled worktrees that cannot be used: a kill came while they were made, or git's rules have changed."""
    usable = ready(repo, below)
    for place in pooled(below):
        if place not in usable and place not in _busy:
            _clear(repo, place)
    _forget_missing(repo, below)


def drop(repo: Path, below: Path) -> None:
    """Clear the whole pool of a session."""
    for place in pooled(below):
        if place not in _busy:
            _clear(repo, place)
    _forget_missing(repo, below)


def _prepare(repo: Path, below: Path, commit: str, stop: Stop, folders: Sequence[str] | None = None) -> Path:
    place = _new_place(below)
    with _making(place):
        try:
            with repository_lock(repo):
                below.mkdir(parents=True, exist_ok=True)
                quiet = ("--quiet", "--detach", "--no-checkout")
                git(repo, "worktree", "add", *quiet, "--", str(place), commit)
            # Outside the lock: it takes seconds and touches nothing that worktrees share.
            if folders is None:
                git(place, "reset", "--hard", "--quiet", "--no-recurse-submodules", timeout_s=_CHECKOUT_S, stop=stop)
            else:
                sparse.lay_out(place, folders)
            _note(place, _rules(repo) if folders is None else "sparse: for one task alone")
        except BaseException:
            _clear(repo, place)
            raise
    return place


def _take(repo: Path, path: Path) -> bool:
    with repository_lock(repo):
        for place in ready(repo, path.parent):
            with suppress(GitError):
                _move(repo, place, path)
                return True
            _clear(repo, place)
    return False


def _leave(repo: Path, path: Path, place: Path, recover_as: str | None) -> bool:
    """Move a worktree aside, its work kept; False, with nothing moved, when it is not one that can be used again."""
    entry = registered(repo, path)
    if entry is None or entry.missing or entry.main or not (path / ".git").is_file():
        return False
    # Modules of a worktree are cloned into its git folder; and git does not move a worktree that has any.
    if own_git_dir(path).resolve() != git_dir_of(repo, path) or (path / ".gitmodules").exists():
        return False
    if recover_as is not None:
        manager.keep_work(repo, entry, recover_as)  # without the lock: the next task's start may wait for it
    with suppress(GitError):
        _move(repo, path, place)
        return True
    return False


def _move(repo: Path, path: Path, to: Path) -> None:
    with repository_lock(repo):
        git(repo, "worktree", "move", str(path), str(to))


def _clear(repo: Path, place: Path) -> None:
    """Nothing in a pooled worktree is anybody's work. What cannot be deleted now is tried again at the next start."""
    with suppress(MaestroError, OSError):
        manager.remove_worktree(repo, place, recover_as=None, below=place.parent)
    if place.exists() and registered(repo, place) is None:
        with suppress(MaestroError, OSError):
            delete_tree(place)


def _forget_missing(repo: Path, below: Path) -> None:
    """Registrations of pooled worktrees whose folders were deleted, or have moved with the data folder."""
    for entry in list_worktrees(repo):
        if entry.missing and _NAME.fullmatch(entry.path.name) and entry.path.parent.name == below.name:
            manager.forget(repo, entry.path)


def _note(place: Path, rules: str) -> None:
    untrusted.write(own_git_dir(place) / PREPARED, rules)


def _noted(repo: Path, place: Path) -> str | None:
    git_dir = git_dir_of(repo, place)
    return untrusted.note(git_dir / PREPARED) if git_dir and (place / ".git").is_file() else None


def _rules(repo: Path) -> str:
    """A fingerprint of what says how git writes files here, apart from the commit."""
    return hashlib.sha256(json.dumps(watched(common_dir(repo)), sort_keys=True).encode()).hexdigest()[:32]


def _attributes_differ(worktree: Path, before: str) -> bool:
    spec = (":(top,glob)**/.gitattributes",)
    options = ("--no-ext-diff", "--no-textconv", "--name-only")
    return bool(git(worktree, "diff-tree", "-r", *options, before, "HEAD", "--", *spec).stdout)


def _new_place(below: Path) -> Path:
    return below / f"{_PREFIX}{secrets.randbelow(10**_DIGITS):0{_DIGITS}}"


def _ahead_lock(below: Path) -> threading.Lock:
    with _guard:
        return _ahead.setdefault(below, threading.Lock())


@contextmanager
def _making(place: Path) -> Iterator[None]:
    _busy.add(place)
    try:
        yield
    finally:
        _busy.discard(place)
