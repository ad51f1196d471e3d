"""Branches and worktrees of sessions and tasks: names, making, reusing, removing."""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
import time
import unicodedata
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from maestro import untrusted
from maestro.errors import Conflict, GitError, MaestroError
from maestro.worktrees import submodules
from maestro.worktrees.copying import copy_ignored
from maestro.worktrees.deleting import delete_tree
from maestro.worktrees.git import git, own_git_dir, repository_lock
from maestro.worktrees.listing import WorktreeEntry, git_dir_of, list_worktrees, moved_here, operation, registered
from maestro.worktrees.refs import (
    branch_ref,
    check_branch_name,
    commit_of,
    keep,
    move_ref,
    name_part,
    ref_commit,
)
from maestro.worktrees.snapshot import save_work

__all__ = [
    "WorktreeReport",
    "add_worktree",
    "copy_ignored",
    "create_branch",
    "delete_branch",
    "remove_worktree",
    "session_branch",
    "task_branch",
]

_SLUG_CHARS = 40
_ADD_S = 600
_LOG_BYTES = 16_000_000
_UNFINISHED = "initializing"  # the reason git locks a worktree with while it is being added
_UNFINISHED_WAIT_S = 5.0

#: How the name of a removed worktree ends until its files are deleted, too; a killed removal leaves it behind.
TRASH = ".removed"

_log = logging.getLogger(__name__)

#: In a worktree's git folder: its files are prepared (``pool``) and nobody has worked there yet.
PREPARED = "maestro-prepared"


@dataclass(frozen=True)
class WorktreeReport:
    """A worktree that is ready; ``created`` is False when an earlier one was reused."""

    path: Path
    created: bool
    warnings: list[str] = field(default_factory=list)


def session_branch(title: str, session_id: str) -> str:
    """The name of a session's branch: ``maestro/<slug>-<id8>/main``."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_SLUG_CHARS].strip("-") or "session"
    short = re.sub(r"[^A-Za-z0-9]", "", session_id)[:8].lower() or "0"
    return f"maestro/{slug}-{short}/main"


def is_session_branch(name: str) -> bool:
    """Whether a stored name can be that of a session's branch."""
    return re.fullmatch(r"maestro/[\w-]{1,200}/main", name, re.ASCII) is not None


def task_branch(session_branch: str, task_key: str) -> str:
    """The name of a task's branch, beside the session's ``main``."""
    part = name_part(task_key)
    if part != task_key or part == "main":
        # Two odd keys must not become one name, and none may take the session branch's.
        part = f"{part}-{hashlib.sha256(task_key.encode('utf-8', 'surrogateescape')).hexdigest()[:6]}"
    return f"{session_branch.removesuffix('/main')}/{part}"


def create_branch(repo: Path, branch: str, commit: str) -> None:
    """Create ``branch`` at ``commit``; fine when it already stands there, Conflict when it stands elsewhere."""
    check_branch_name(branch, "branch")
    start = commit_of(repo, commit)
    with repository_lock(repo):
        current = ref_commit(repo, branch_ref(branch))
        if current == start:
            return
        if current is not None:
            raise Conflict(f"The branch {branch} already exists and points elsewhere, to {current[:12]}.")
        move_ref(repo, branch_ref(branch), start, None, "maestro: create")


def delete_branch(repo: Path, branch: str, *, keep_as: str | None) -> None:
    """Delete one of Maestro's branches, its head kept under the ref ``keep_as`` first; none there is fine."""
    if not branch.startswith("maestro/"):
        raise GitError(f"{branch} is not one of Maestro's own branches.")
    with repository_lock(repo):
        current = ref_commit(repo, branch_ref(branch))
        if current is None:
            return
        holder = next((entry for entry in list_worktrees(repo) if entry.branch == branch), None)
        if holder is not None and not holder.missing:
            raise Conflict(f"The branch {branch} is checked out in {holder.path}.")
        if keep_as is not None:
            keep(repo, keep_as, current)
        git(repo, "update-ref", "-d", branch_ref(branch), current)


def add_worktree(repo: Path, path: Path, branch: str, start: str) -> WorktreeReport:
    """Make a worktree at ``path`` on ``branch``, which is created at ``start`` unless it exists (a retry).

    A worktree of that branch that is there already is reused; leftovers of a killed add or of a deleted
    folder are cleared. A failed add leaves nothing behind. Raises Conflict when ``path`` holds something
    else or the branch is checked out elsewhere.
    """
    check_branch_name(branch, "branch")
    with repository_lock(repo):
        found = found_there(repo, path, branch, start)
        if found is not None:
            return found
        made = ref_commit(repo, branch_ref(branch)) is None
        if made:
            create_branch(repo, branch, start)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            # The branch is there already, so there is nothing for git to track or guess.
            git(repo, "worktree", "add", "--quiet", str(path), branch, timeout_s=_ADD_S)
        except MaestroError:
            _clear(repo, path)
            if made:
                git(repo, "update-ref", "-d", branch_ref(branch), commit_of(repo, start), check=False)
            raise
    return WorktreeReport(path, True, submodules.fill(path))


def found_there(repo: Path, path: Path, branch: str, start: str) -> WorktreeReport | None:
    """The complete worktree of ``branch`` that is at ``path`` already; what is stale there is cleared.

    Its branch, where it was deleted, comes back, at ``start`` when nobody knows where it stood. Raises Conflict when
    something else is in the way. Call it with the repository's lock held.
    """
    if _reusable(repo, path, branch):
        _restore_branch(repo, path, branch, start)
        doing = operation(path)
        return WorktreeReport(path, False, [f"A {doing} was left unfinished here."] if doing else [])
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        words = f"{path} is in the way: it exists and is not a worktree of {branch}."
        raise Conflict(f"{words} Move it elsewhere (it may hold work), then try again.")
    return None


def _reusable(repo: Path, path: Path, branch: str) -> bool:
    """Clear what is stale; True when ``path`` is a complete worktree of ``branch``."""
    _found_again(repo, path)
    for entry in list_worktrees(repo):
        if entry.branch == branch and entry.missing and not entry.main:
            forget(repo, entry.path)
    found = _finished(repo, path)
    if found is None:
        return False
    if found.missing:
        forget(repo, path)
        return False
    if found.locked == _UNFINISHED:
        _clear(repo, path)
        return False
    if not (path / ".git").exists():
        git(repo, "worktree", "repair", check=False)
    if own_git_dir(path).resolve() != git_dir_of(repo, path):
        raise Conflict(f"{path} was turned into its own repository (git init). Remove it to continue.")
    if found.main:
        raise Conflict(f"{path} is the main checkout of its repository.")
    # Detached or on a branch of the agent's own making: commit_all puts that right, or says why it cannot.
    return True


def _restore_branch(repo: Path, path: Path, branch: str, start: str) -> None:
    """Bring back a branch that was deleted underneath the worktree that stands on it: where that stood last."""
    on_it = git(path, "symbolic-ref", "--quiet", "HEAD", check=False).text.strip() == branch_ref(branch)
    if on_it and ref_commit(repo, branch_ref(branch)) is None:
        create_branch(repo, branch, _stood_last(repo, path) or start)


def _stood_last(repo: Path, path: Path) -> str | None:
    """The last commit that a worktree's own log of HEAD names; git reads that log only while there is a branch."""
    lines = (untrusted.note(own_git_dir(path) / "logs" / "HEAD", _LOG_BYTES) or "").splitlines()
    named = re.match(r"([0-9a-f]{40,64}) ([0-9a-f]{40,64}) ", lines[-1]) if lines else None
    if named is None:
        return None
    last = named[2] if named[2].strip("0") else named[1]  # a deletion is an entry, too
    return last if git(repo, "cat-file", "-e", f"{last}^{{commit}}", check=False).code == 0 else None


def _finished(repo: Path, path: Path) -> WorktreeEntry | None:
    """The registration of ``path``, after waiting for an add that a killed Maestro left running."""
    deadline = time.monotonic() + _UNFINISHED_WAIT_S
    found = registered(repo, path)
    while found is not None and found.locked == _UNFINISHED and time.monotonic() < deadline:
        time.sleep(0.1)
        found = registered(repo, path)
    return found


def _found_again(repo: Path, path: Path) -> None:
    """Tell git where a worktree is that was moved with the data folder."""
    if registered(repo, path) is None and moved_here(repo, path):
        git(repo, "worktree", "repair", str(path), check=False)


def forget(repo: Path, path: Path) -> None:
    """Drop the registration of one worktree. Not ``prune``: that would drop the user's unmounted ones too."""
    git(repo, "worktree", "remove", "--force", "--force", str(path), check=False)


def _clear(repo: Path, path: Path) -> None:
    """Take away what an unfinished add left; nobody has worked there yet."""
    forget(repo, path)
    delete_tree(path)


def remove_worktree(repo: Path, path: Path, *, recover_as: str | None, below: Path) -> str | None:
    """Remove a worktree; uncommitted work, and commits on no branch, are kept under ``recover_as`` first.

    It is renamed to ``….removed`` and then deleted; what resists deletion stays under that name. Returns the commit
    that keeps them, or None when nothing had to be kept. Raises Conflict for anything that is not a registered
    worktree below ``below`` (the data folder); what is gone already is fine.
    """
    place, limit = path.resolve(), below.resolve()
    if limit not in place.parents:
        raise Conflict(f"{path} is not below {below}, so Maestro does not remove it.")
    # A name of its own: what cannot be deleted today is not in the way of the next one.
    trash = place.with_name(f".{place.name}.{secrets.token_hex(3)}{TRASH}")
    with repository_lock(repo):
        _found_again(repo, place)
        entry = registered(repo, place)
        if entry is None and place.exists():
            raise Conflict(f"{path} is not a worktree of {repo}, so Maestro does not remove it.")
        if entry is None:
            return None
        if entry.main:
            raise Conflict(f"{path} is the main checkout of its repository, so Maestro does not remove it.")
        saved = keep_work(repo, entry, recover_as) if recover_as is not None else None
        with suppress(FileNotFoundError):  # gone already
            place.rename(trash)
        forget(repo, place)
    try:
        delete_tree(trash)
    except GitError as error:
        _log.warning("%s", error.detail)  # its work is kept, and git knows it no more; tried again at each clean-up
    return saved


def keep_work(repo: Path, entry: WorktreeEntry, ref: str) -> str | None:
    """Keep a worktree's uncommitted work, or else commits on no branch, under ``ref``; the commit that does."""
    git_dir = git_dir_of(repo, entry.path)
    if git_dir is not None and (git_dir / PREPARED).exists():
        return None
    saved = None
    if not entry.missing:
        saved = save_work(repo, entry.path, ref, f"Uncommitted work of {entry.path.name}")
    if saved is None and entry.branch is None and entry.head.strip("0"):
        saved = _keep_detached(repo, entry.head, ref)
    return saved


def _keep_detached(repo: Path, commit: str, ref: str) -> str | None:
    if git(repo, "for-each-ref", "--count=1", "--contains", commit).text:
        return None
    keep(repo, ref, commit)
    return commit
