"""The target branch has moved: its news come into the session branch as a task, by themselves or with an agent's help.

The task begins at a merge commit of both as git made it, conflict markers included. What an agent does on top of it
becomes, with it, one merge commit of session branch and target, which lands when the checks pass.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from sqlmodel import Session as DbSession
from sqlmodel import col, select

from maestro.core.kernel import lookup, places
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.text import clip
from maestro.core.proving.findings import Finding
from maestro.core.tasks import transitions
from maestro.db import models
from maestro.db.after import BranchUpdate
from maestro.db.session import Transaction
from maestro.errors import Conflict, MaestroError
from maestro.worktrees import commits, diffs, history, integration, manager, refs, tracked_files

_DIFF_BYTES = 6000
_FILES = 30
_SUBJECTS = 30
_FILE_BYTES = 4_000_000
_MARKER = re.compile(r"^(?:<{7}|>{7})(?: |$)", re.MULTILINE)


def of_task(db: DbSession, task_id: str) -> BranchUpdate | None:
    """The update that a task is, if it is one."""
    return db.get(BranchUpdate, task_id)


def prepare(rt: Runtime, task_id: str) -> bool:
    """Before an update's worker starts: merge the two branches in the object store. Whether no worker is needed now.

    A merge without conflicts goes to its checks at once; only where they fail does an agent begin. Can be repeated.
    Raises MaestroError where the branches cannot be merged at all.
    """
    with rt.db.read() as db:
        update = of_task(db, task_id)
        task = db.get(models.Task, task_id)
        session = db.get(models.Session, task.session_id) if task else None
    if update is None or task is None or session is None:
        return False
    if task.status != "running" or not transitions.is_active(session):
        return False
    if task.start_commit is None:
        _begin(rt, session, task, update)
    with rt.db.write() as tx:
        row, found = lookup.task_row(tx.db, session.id, task_id), of_task(tx.db, task_id)
        by_itself = found is not None and not found.conflicts and row.attempt == 1
        if row.status != "running" or not by_itself or row.prompt or row.assigned_worker_id:
            return False
        transitions.check(tx, row)
        tx.log(session.id, f"{update.target} merges without conflicts. Running the checks.", kind="git", task_id=row.id)
    rt.wake()
    return True


def _begin(rt: Runtime, session: models.Session, task: models.Task, update: BranchUpdate) -> None:
    repo = lookup.repository(session)
    target = refs.ref_commit(repo, refs.branch_ref(update.target)) or update.commit
    tip = lookup.session_tip(session)
    merged = commits.merge_trees(repo, tip, target)
    start = commits.commit_tree(repo, merged.tree, [tip, target], f"Merge {update.target}, as git made it\n")
    branch = manager.task_branch(session.session_branch, task.key)
    manager.delete_branch(repo, branch, keep_as=integration.recovered_ref(session.id, f"branch-{task.key}"))
    described = _described(rt, session, update.target, (tip, target, start), merged.conflicts, merged.detail)
    with rt.db.write() as tx:
        row, found = lookup.task_row(tx.db, session.id, task.id), of_task(tx.db, task.id)
        now = lookup.session_row(tx.db, session.id)
        if found is None or row.start_commit is not None:
            return
        found.commit, found.merged, found.conflicts = target, start, merged.conflicts
        row.start_commit, row.branch, row.description = start, branch, described
        row.worktree_path = str(places.of_task(rt, session.id, row.key))
        now.base_commit = target  # what was so before the session's work is the target's news from now on
        tx.db.add_all([found, row, now])
        if merged.conflicts:
            files = ", ".join(merged.conflicts[:5])
            words = f"{update.target} and the session changed the same lines in {files}. An agent resolves it."
            tx.log(session.id, words, level="warn", kind="git", task_id=row.id)


def give_back_base(tx: Transaction, session: models.Session, tasks: Sequence[models.Task]) -> None:
    """These tasks are not part of the session branch (any more): the base of updates among them is as it was before."""
    ids = [task.id for task in tasks]
    query = select(BranchUpdate).where(col(BranchUpdate.task_id).in_(ids)).order_by(col(BranchUpdate.created_at))
    first = tx.db.exec(query).first()
    if first is not None:
        session.base_commit = first.base_before
        tx.db.add(session)


def take_base(tx: Transaction, session: models.Session, tasks: Sequence[models.Task]) -> None:
    """These tasks are part of the session branch again: its base is what the last update among them brought in."""
    ids = [task.id for task in tasks]
    query = select(BranchUpdate).where(col(BranchUpdate.task_id).in_(ids)).order_by(col(BranchUpdate.created_at).desc())
    last = tx.db.exec(query).first()
    if last is not None:
        session.base_commit = last.commit
        tx.db.add(session)


def commit(worktree: Path, task: models.Task, update: BranchUpdate, trailers: dict[str, str]) -> str:
    """Mark the commits that were made on top of the merge; the head. Raises Conflict when the work lies elsewhere."""
    head = integration.head(worktree)
    assert update.merged is not None
    if _is_sealed(worktree, head, update):
        return head
    if not refs.is_ancestor(worktree, update.merged, head):
        raise Conflict(f"The work does not come from {update.merged[:12]}, the merge that {task.key} began with.")
    return integration.add_trailers(worktree, update.merged, trailers)


def seal(worktree: Path, tip: str, update: BranchUpdate, message: str, trailers: dict[str, str]) -> str:
    """Make what the worktree's branch holds one merge commit of the session branch and the target; the new head.

    Raises Conflict when the session branch is not where the merge began.
    """
    head = integration.head(worktree)
    if _is_sealed(worktree, head, update):
        return head
    assert update.merged is not None
    if commits.read_commit(worktree, update.merged).parents[0] != tip:
        raise Conflict(
            "The session branch moved during this update. Roll back to the checkpoint before it, then resume."
        )
    words = commits.with_trailers(message, trailers)
    sealed = commits.commit_tree(worktree, commits.tree_of(worktree, head), [tip, update.commit], words)
    integration.move_head(worktree, sealed, head, "maestro: merge")
    return sealed


def _is_sealed(worktree: Path, head: str, update: BranchUpdate) -> bool:
    parents = commits.read_commit(worktree, head).parents
    return head != update.merged and len(parents) == 2 and parents[1] == update.commit


def unresolved(repo: Path, update: BranchUpdate, head: str) -> Finding | None:
    """What an agent left undone: conflict markers, or the target's changes taken back where nothing conflicted."""
    assert update.merged is not None
    ours, theirs = commits.read_commit(repo, update.merged).parents[:2]
    marked = [path for path in update.conflicts if _is_marked(repo, path, head, (ours, theirs))]
    if marked:
        listed = "\n".join(f"- {path}" for path in marked)
        prompt = f"# Conflict markers are left\n\nThese files still hold `<<<<<<<` or `>>>>>>>`:\n{listed}\n\nResolve them all."
        return Finding(f"Conflict markers are left in {', '.join(marked[:5])}.", prompt, tuple(marked))
    dropped = _taken_back(repo, update, ours, theirs, head)
    if dropped:
        listed = "\n".join(f"- {path}" for path in dropped[:50])
        prompt = (
            f"# Changes of {update.target} are gone\n\nThese files are as they were before {update.target} came in, so "
            f"merging this later would undo its changes:\n{listed}\n\nBring them back (`git checkout {update.merged[:12]} -- "
            "<file>`) and adapt the session's own code instead."
        )
        return Finding(f"Changes of {update.target} are missing in {', '.join(dropped[:5])}.", prompt)
    return None


def one_sided(repo: Path, update: BranchUpdate, head: str) -> str:
    """Which conflicts were resolved by taking one side whole, in words for the log; empty where none was."""
    if not update.conflicts or update.merged is None:
        return ""
    ours, theirs = commits.read_commit(repo, update.merged).parents[:2]
    now, own, came = (diffs.contents(repo, at, update.conflicts) for at in (head, ours, theirs))
    session = [path for path in update.conflicts if now[path] == own[path] != came[path]]
    target = [path for path in update.conflicts if now[path] == came[path] != own[path]]
    said = [f"the session's version of {', '.join(session[:10])}"] if session else []
    said += [f"{update.target}'s version of {', '.join(target[:10])}"] if target else []
    return f"Conflicts resolved by keeping one side: {'; '.join(said)}." if said else ""


def _is_marked(repo: Path, path: str, head: str, sides: tuple[str, str]) -> bool:
    known = {line for side in sides for line in _MARKER.findall(_text(repo, side, path))}
    return any(line not in known for line in _MARKER.findall(_text(repo, head, path)))


def _text(repo: Path, at: str, path: str) -> str:
    try:
        return tracked_files.read_file(repo, at, path, _FILE_BYTES).decode("utf-8", "replace")
    except MaestroError:
        return ""


def _taken_back(repo: Path, update: BranchUpdate, ours: str, theirs: str, head: str) -> list[str]:
    """Files without a conflict that the target changed and that are as if it had not."""
    assert update.merged is not None
    changed = set(diffs.changed_files(repo, update.merged, head)) - set(update.conflicts)
    came = sorted(changed & set(diffs.changed_files(repo, history.merge_base(repo, ours, theirs), theirs)))
    if not came:
        return []
    before, now = diffs.contents(repo, ours, came), diffs.contents(repo, head, came)
    return [path for path in came if before[path] == now[path]]


def _described(
    rt: Runtime, session: models.Session, target: str, ends: tuple[str, str, str], conflicts: list[str], detail: str
) -> str:
    """The task's description: what both sides did, and what is to be done. ``ends``: session, target, git's merge."""
    repo, (tip, commit_, start) = Path(session.repo_path), ends
    base = history.merge_base(repo, tip, commit_)
    came = history.subjects(repo, base, commit_, _SUBJECTS)
    with rt.db.read() as db:
        own = [t for t in lookup.tasks_of(db, session.id) if t.result_commit]
    parts = [
        f"The branch `{target}` has moved since this session began. Its commits are merged into your worktree already; do "
        f"not merge or rebase anything. The result must keep the meaning of both sides: everything that `{target}` brought, "
        "and everything that this session made. Where both cannot be, the newer behavior of the target holds and the "
        "session's code is adapted to it.",
        f"## What came in from {target}\n" + "\n".join(f"- {clip(line, 200)}" for line in came),
        "## What this session made\n" + "\n".join(f"- {t.key}: {t.title}" for t in own),
    ]
    if not conflicts:
        parts.append("There were no textual conflicts. Adapt the code so that the checks pass.")
    for path in conflicts[:_FILES]:
        theirs, ours = _diff(repo, base, commit_, path), _diff(repo, base, tip, path)
        marked = _MARKER.search(_text(repo, start, path))
        note = (
            ""
            if marked
            else "\n\ngit left no markers in it (deleted on one side, or not text): decide which version stays."
        )
        parts.append(f"## Conflict in {path}\n\n{target} changed:{theirs}\n\nThis session changed:{ours}{note}")
    if conflicts:
        parts.append(
            f"{clip(detail)}\n\nText files hold git's conflict markers. Resolve every one of them and leave none."
        )
    return "\n\n".join(parts)


def _diff(repo: Path, before: str, after: str, path: str) -> str:
    text, cut = diffs.path_diff(repo, before, after, [path], _DIFF_BYTES)
    end = f"\n[… cut here: `git diff {before[:12]} {after[:12]} -- {path}` shows all …]" if cut else ""
    return f"\n\n```diff\n{text.strip()}{end}\n```"
