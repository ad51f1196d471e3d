"""What an agent is told when its work does not apply any more: whose work came in, what that did, what its own did."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime
from maestro.core.tasks import prompts
from maestro.db import models
from maestro.worktrees import diffs, history
from maestro.worktrees.integration import RebaseResult

_DIFF_BYTES = 6000
_FILES = 50


def explain(rt: Runtime, session: models.Session, start: str, tip: str, moved: RebaseResult) -> str:
    """The prompt about a rebase from ``start`` onto ``tip`` that met conflicts."""
    repo, files = Path(session.repo_path), moved.conflicts[:_FILES]
    # Where it was no task that touched them, the user did on the session branch.
    came = _tasks(rt, session, start, tip, files) or [("on the session branch", "", _diff(repo, start, tip, files))]
    own = _diff(repo, start, moved.head, files)
    return prompts.conflict_prompt(moved.conflicts, moved.detail, session.session_branch, came, own)


def _tasks(
    rt: Runtime, session: models.Session, start: str, tip: str, files: Sequence[str]
) -> list[tuple[str, str, str]]:
    """The tasks whose work came in meanwhile and touched the files: name, description, what they did there."""
    repo = Path(session.repo_path)
    since = history.commits(repo, start, tip)
    with rt.db.read() as db:
        tasks = [t for t in lookup.tasks_of(db, session.id) if t.result_commit in since]
    found = []
    for task in tasks:
        before = str((task.result_json or {}).get("integrated_from"))
        touched = sorted(set(files) & set(diffs.changed_files(repo, before, str(task.result_commit))))
        if touched:
            changes = _diff(repo, before, str(task.result_commit), touched)
            found.append((f"{task.key}, {task.title}", task.description, changes))
    return found


def _diff(repo: Path, before: str, after: str, files: Sequence[str]) -> str:
    text, cut = diffs.path_diff(repo, before, after, list(files), _DIFF_BYTES)
    return f"{text}\n[… cut here: `git diff {before[:12]} {after[:12]}` shows all …]" if cut else text
