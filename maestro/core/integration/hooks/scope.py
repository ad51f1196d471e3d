"""Changes far outside the files that the plan gave to a task, and commits of what is the user's own."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import PurePosixPath

from maestro.core.approvals.question import COPIES, Question
from maestro.core.integration.hooks import HookContext
from maestro.core.proving.file_kinds import is_test, names_tests_of
from maestro.worktrees import copying, diffs, history

#: What tools write along with other changes, and what a new file may need beside it.
_ALONG = ("*.lock", "*-lock.json", "*-lock.yaml", "go.sum", "go.mod", ".gitignore", "__init__.py", "CHANGELOG*")
_WILDCARD = re.compile(r"[*?\[]")


def only_declared_files(landing: HookContext) -> Question | None:
    """Files in the folders of the declared ones, lock files, new tests and those that a check runs are fine.

    Others the user decides. Raises WorkCancelled when the session is called off while the base is being measured.
    """
    task = landing.task
    if not task.files:
        return None
    changed = diffs.changed_status(landing.repo, landing.start, landing.head)
    is_far = _far_from(task.files)
    far = [p for p, status in changed.items() if is_far(p) and not (status == "A" and is_test(p))]
    if any(changed[p] == "M" and is_test(p) for p in far):
        # Of tests that the task's checks run, the old version is tried afterwards (``check_changes``).
        known = landing.known_tests()
        far = [p for p in far if not (changed[p] == "M" and is_test(p) and names_tests_of(p, known))]
    agreed = landing.accepted("outside_files")
    if not [p for p in far if p not in agreed]:
        return None
    shown = ", ".join(far[:5]) + (f" and {len(far) - 5} more" if len(far) > 5 else "")
    listed = "\n".join(f"- {p}" for p in far[:100])
    prompt = (
        "# Changes outside your task\n\nYour task is about "
        f"{', '.join(task.files[:20])}. You also changed these, and the user does not want that:\n{listed}\n\n"
        "Put them back as they were and solve the task without them."
    )
    detail = {
        "files": far[:500],
        "declared": task.files,
        "reason": "The plan did not give this task these files. Other tasks may rely on them.",
        "allow": "accept these files",
        "deny": "send it back",
    }
    return Question("outside_files", f"{task.key} changed files outside its task: {shown}", far, prompt, detail)


def no_copied_files(landing: HookContext) -> Question | None:
    """Files that Maestro copied from the user's checkout (``.env``…) are in no commit, unless the user agrees."""
    copied = copying.copied_into(landing.worktree) - set(landing.task.files)
    if not copied:
        return None
    agreed = landing.accepted("outside_files")
    told = sorted(copied & history.added_paths(landing.repo, landing.start, landing.head) - agreed)
    if not told:
        return None
    shown = ", ".join(told[:5]) + (f" and {len(told) - 5} more" if len(told) > 5 else "")
    listed = "\n".join(f"- {p}" for p in told[:100])
    prompt = (
        f"# Files that are not yours to commit\n\nThese are the user's own, copied here so that things run:\n{listed}\n\n"
        "Take them out of every commit of yours, so that no history holds them: "
        f"`git reset --soft {landing.start}`, `git rm --cached` these, let .gitignore name them, commit again. "
        "Leave the files themselves where they are."
    )
    detail = {
        "files": told[:500],
        "declared": landing.task.files,
        "reason": "They were copied from your checkout and may hold secrets. Commits keep them permanently.",
        "what": COPIES,
        "allow": "commit them",
        "deny": "send it back",
    }
    return Question(
        "outside_files", f"{landing.task.key} committed copies of your files: {shown}", told, prompt, detail
    )


def _far_from(declared: list[str]) -> Callable[[str], bool]:
    """Tells the paths that are far from the declared ones. The patterns are compiled once, not for each path."""
    from pathspec import GitIgnoreSpec

    spec = GitIgnoreSpec.from_lines(p if p.startswith("/") else f"/{p}" for p in declared)
    folders = {_folder(p) for p in declared}

    def is_far(path: str) -> bool:
        if any(fnmatch(PurePosixPath(path).name, pattern) for pattern in _ALONG) or spec.match_file(path):
            return False
        return not any(_is_below(path, folder) for folder in folders)

    return is_far


def _folder(pattern: str) -> str:
    """The folder of a declared path: what stands before its first wildcard, without the file's name."""
    fixed = _WILDCARD.split(pattern.removeprefix("/"), maxsplit=1)[0]
    return fixed.rpartition("/")[0]


def _is_below(path: str, folder: str) -> bool:
    # A file declared in the root opens the root, not everything below it.
    return path.startswith(f"{folder}/") if folder else "/" not in path
