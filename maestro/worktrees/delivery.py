"""The one move of the user's branch: looking ahead, merging, taking it back.

The result is built in the object store; then the checkouts of the target get the files, then the branch
moves. Killed anywhere, ``complete_merge`` (or the same call again) finishes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from maestro.errors import Conflict, InvalidInput
from maestro.worktrees.checkout import move_branch, obstacles
from maestro.worktrees.commits import Merged, commit_tree, merge_trees, tree_of, with_trailers
from maestro.worktrees.diffs import count_files
from maestro.worktrees.git import git, repository_lock
from maestro.worktrees.listing import operation
from maestro.worktrees.refs import branch_ref, is_ancestor, keep, ref_commit

METHODS = ("merge", "squash", "ff")


@dataclass(frozen=True)
class MergePreview:
    """What a merge would do, and what stands in its way (``blockers``: sentences; empty: it can be done)."""

    target: str
    method: str
    before: str
    after_hint: str | None  # the commit the target would stand at, where it is known beforehand
    commits: int
    files: int
    fast_forward_possible: bool
    conflicts: list[str]
    blockers: list[str]


@dataclass(frozen=True)
class MergeRecord:
    """A merge that was done, with what it takes to undo it."""

    target: str
    method: str
    before: str
    after: str


@dataclass(frozen=True)
class _Outlook:
    target: str
    before: str
    source: str
    fast_forward: bool
    merged: Merged
    blockers: list[str]


def preview(repo_root: Path, session_branch: str, target: str | None, method: str) -> MergePreview:
    """What merging would do, without doing it. ``target`` None: the branch that is checked out.

    Raises InvalidInput for an unknown target or method, Conflict for no target with a detached HEAD.
    """
    outlook = _inspect(repo_root, session_branch, target, method)
    before, source = outlook.before, outlook.source
    count = git(repo_root, "rev-list", "--count", f"{before}..{source}").text
    return MergePreview(
        target=outlook.target,
        method=method,
        before=before,
        after_hint=source if method == "ff" and outlook.fast_forward else None,
        commits=int(count),
        files=count_files(repo_root, before, outlook.merged.tree),
        fast_forward_possible=outlook.fast_forward,
        conflicts=outlook.merged.conflicts,
        blockers=outlook.blockers,
    )


def merge(
    repo_root: Path,
    session_branch: str,
    target: str | None,
    method: str,
    message: str,
    trailers: Mapping[str, str],
    on_intent: Callable[[str, str], None] | None = None,
) -> MergeRecord:
    """Merge the session branch into ``target`` (None: the branch that is checked out).

    ``on_intent(before, after)`` is called once all is checked and before anything moves. Raises Conflict
    with the reasons when it cannot be done; then everything is as it was.
    """
    with repository_lock(repo_root):
        outlook = _inspect(repo_root, session_branch, target, method)
        if outlook.blockers:
            raise Conflict(" ".join(outlook.blockers), reasons=outlook.blockers, files=outlook.merged.conflicts)
        before = outlook.before
        if method == "ff":
            after = outlook.source
        else:
            parents = [before, outlook.source] if method == "merge" else [before]
            after = commit_tree(repo_root, outlook.merged.tree, parents, with_trailers(message, trailers))
        if on_intent is not None:
            on_intent(before, after)
        move_branch(repo_root, outlook.target, before, after, f"maestro: merge {session_branch}")
    return MergeRecord(outlook.target, method, before, after)


def complete_merge(repo_root: Path, target: str, before: str, after: str) -> None:
    """Finish a merge whose intent was recorded and that was killed before its end; done stays done.

    Raises Conflict when the target has moved elsewhere, or work made since is in the way.
    """
    with repository_lock(repo_root):
        current = ref_commit(repo_root, branch_ref(target))
        if current is not None and is_ancestor(repo_root, after, current):
            return  # the branch moves last: all before it was done, and work may have come since
        if current != before:
            raise Conflict(_moved(repo_root, target, before, current))
        move_branch(repo_root, target, before, after, "maestro: complete merge", resume=True)


def unmerge(repo_root: Path, record: MergeRecord, keep_as: str) -> None:
    """Take a merge back; what the target held stays under the ref ``keep_as``. Done stays done.

    Raises Conflict when the target moved since (naming what came), or uncommitted work is in the way.
    """
    with repository_lock(repo_root):
        current = ref_commit(repo_root, branch_ref(record.target))
        if current == record.before:
            return
        if current != record.after:
            raise Conflict(
                _moved(repo_root, record.target, record.after, current)
                + " Undo the merge by hand (git revert), so that the later work stays."
            )
        before, after = record.after, record.before
        # Kept already: an earlier call began and was killed.
        resume = ref_commit(repo_root, keep_as) == before
        reasons = _busy(repo_root) + obstacles(repo_root, record.target, before, after, resume=resume)
        if reasons:
            raise Conflict(" ".join(dict.fromkeys(reasons)), reasons=reasons)
        keep(repo_root, keep_as, before)
        move_branch(repo_root, record.target, before, after, "maestro: unmerge", resume=resume)


def _inspect(repo_root: Path, session_branch: str, target: str | None, method: str) -> _Outlook:
    if method not in METHODS:
        raise InvalidInput(f"“{method[:50]}” is not a merge method.", {"method": f"one of {', '.join(METHODS)}"})
    name, before = _target(repo_root, target)
    source = ref_commit(repo_root, branch_ref(session_branch))
    if source is None:
        raise Conflict(f"The session branch {session_branch} no longer exists.")
    if name == session_branch:
        raise InvalidInput("The session branch cannot be merged into itself.", {"target": "choose another branch"})
    if git(repo_root, "merge-base", before, source, check=False).code != 0:
        raise Conflict(f"{name} and {session_branch} share no history, so they cannot be merged.")
    fast_forward = is_ancestor(repo_root, before, source)
    # A fast-forward takes the source's files as they are; no merge needs to be tried.
    merged = Merged(tree_of(repo_root, source), [], "") if fast_forward else merge_trees(repo_root, before, source)
    blockers = _busy(repo_root)
    if is_ancestor(repo_root, source, before):
        blockers.append(f"There is nothing to merge: {name} already holds the session's work.")
    elif method == "squash" and merged.tree == tree_of(repo_root, before):
        blockers.append(f"There is nothing to merge: {name} already holds the same changes.")
    elif method == "ff" and not fast_forward:
        blockers.append(f"{name} has new commits since the session started, so it cannot be fast-forwarded.")
    elif merged.conflicts:
        files = ", ".join(merged.conflicts)
        blockers.append(f"{name} and the session changed the same lines in: {files}.")
    else:
        blockers += obstacles(repo_root, name, before, merged.tree)
    return _Outlook(name, before, source, fast_forward, merged, list(dict.fromkeys(blockers)))


def _target(repo_root: Path, target: str | None) -> tuple[str, str]:
    if not target:
        head = git(repo_root, "symbolic-ref", "--quiet", "HEAD", check=False).text.removeprefix("refs/heads/")
        if not head:
            raise Conflict("The checkout is not on a branch (detached HEAD). Name the branch to merge into.")
        target = head
    commit = None if target.startswith("-") else ref_commit(repo_root, branch_ref(target))
    if commit is None:
        shown = target.replace("\0", "\\0")[:200]
        raise InvalidInput(f"There is no branch “{shown}” to merge into.", {"target": "no such local branch"})
    return target, commit


def _busy(repo_root: Path) -> list[str]:
    doing = operation(repo_root)
    return [f"A {doing} is in progress in {repo_root}. Finish or abort it first."] if doing else []


def _moved(repo_root: Path, target: str, since: str, current: str | None) -> str:
    if current is None:
        return f"{target} no longer exists."
    if not is_ancestor(repo_root, since, current):
        return f"{target} was moved since: it is now at {current[:12]}."
    lines = git(repo_root, "rev-list", "--oneline", "--max-count=5", f"{since}..{current}").text.splitlines()
    return f"{target} has new commits: {'; '.join(lines)}."
