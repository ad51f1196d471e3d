"""What a worker's commands did in the user's checkout: another branch, staged or changed files.

The user works there, too, and nothing says who wrote what. So a difference counts when a command of the
worker's led there: it named a path of the checkout.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import Any

from maestro.core.kernel import places
from maestro.core.kernel.runtime import Runtime
from maestro.db import models
from maestro.worktrees.fingerprint import Fingerprint, fingerprint

_SHOWN = 10
#: More files than this are not undone by one command that a user can read.
_UNDONE = 50
_WORD = re.compile(r"[^\s'\"`;|&<>()=:]+")


def changes(
    rt: Runtime, session: models.Session, worker: models.Worker, details: list[dict[str, Any]]
) -> list[dict[str, str]]:
    """What differs in the checkout from before the worker's run, with the way to undo it where there is one.

    ``details``: those of the worker's log. Empty where no command of the worker's named the checkout. Raises GitError.
    """
    kept = (worker.checkout_before or {}).get("checkout")
    root = Path(session.repo_path).resolve()
    if not kept or not _was_there(rt, worker, root, details):
        return []
    before, now = Fingerprint(**kept), fingerprint(root, ignore=places.ours(rt))
    return [*_head(root, before, now), *_files(root, before, now)]


def leads_to(command: str, root: Path, worktree: Path, *apart: Path) -> bool:
    """Whether a shell command names a path of ``root``, seen from ``worktree``; what lies below ``apart`` is none."""
    for word in _WORD.findall(command):
        if not word.startswith(("/", "~")) and ".." not in word:
            continue
        path = Path(os.path.normpath(worktree / os.path.expanduser(word)))  # noqa: PTH111 - raises for nobody's ~name
        if path.is_relative_to(root) and not any(path.is_relative_to(folder) for folder in apart):
            return True
    return False


def _was_there(rt: Runtime, worker: models.Worker, root: Path, details: list[dict[str, Any]]) -> bool:
    with rt.db.read() as db:
        task = db.get(models.Task, worker.task_id)
    if task is None or not task.worktree_path:
        return False
    inputs = [d["input"] for d in details if d.get("tool") == "Bash" and isinstance(d.get("input"), dict)]
    worktree, apart = Path(task.worktree_path).resolve(), [folder.resolve() for folder in places.ours(rt)]
    return any(leads_to(str(given.get("command") or ""), root, worktree, *apart) for given in inputs)


def _head(root: Path, before: Fingerprint, now: Fingerprint) -> list[dict[str, str]]:
    at = f"git -C {shlex.quote(str(root))}"
    if before.branch != now.branch:
        names = [name.removeprefix("refs/heads/") or "no branch" for name in (before.branch, now.branch)]
        back = f"switch {shlex.quote(names[0])}" if before.branch else f"switch --detach {before.head}"
        what = f"Your checkout was switched from {names[0]} to {names[1]}"
        return [_change(what, f"{at} {back}", f"branch {now.branch}")]
    if before.head != now.head:
        what = f"HEAD of your checkout moved from {before.head[:10]} to {now.head[:10]}"
        return [_change(what, f"{at} reset --keep {before.head}", f"head {now.head}")]
    return []


def _files(root: Path, before: Fingerprint, now: Fingerprint) -> list[dict[str, str]]:
    item = f"files {now.index} {now.many_files} {sorted(now.files.items())}"
    changed = sorted(
        name for name in before.files.keys() | now.files.keys() if before.files.get(name) != now.files.get(name)
    )
    if not changed:
        other = (before.index, before.many_files) != (now.index, now.many_files) and before.head == now.head
        return [_change("Staged or changed files in your checkout are different now", "", item)] if other else []
    at = f"git -C {shlex.quote(str(root))}"
    ours = [name for name in changed if name not in before.files]  # clean before: HEAD has what was there
    fresh = [name for name in ours if now.files[name][:1] in "?A"]
    edited = [name for name in ours if name not in fresh]
    mixed = [name for name in changed if name in before.files]
    made = []
    if edited:
        undo = f"{at} restore --staged --worktree -- {shlex.join(edited)}" if len(edited) <= _UNDONE else ""
        made.append(_change(f"{_names(edited)} changed in your checkout", undo, item))
    if fresh:
        undo = f"{at} reset -q -- {shlex.join(fresh)}; cd {shlex.quote(str(root))} && rm -- {shlex.join(fresh)}"
        made.append(_change(f"{_names(fresh)} is new in your checkout", undo if len(fresh) <= _UNDONE else "", item))
    if mixed:
        what = f"{_names(mixed)}, where you had changes of your own, changed in your checkout"
        made.append(_change(what, "", item))
    return made


def _names(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _change(what: str, undo: str, item: str) -> dict[str, str]:
    return {"what": what, "undo": undo, "item": f"checkout {item}"}
