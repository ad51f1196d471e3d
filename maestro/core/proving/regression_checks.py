"""The checks of earlier tasks that a task has to pass too, because it touches the tests which these brought.

A task is proven by its own checks. Where it changes or removes a test that came in with an earlier task, or
decides anew which tests run, its own checks may never look there; the check that brought the test does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from maestro.core.kernel.runtime import Runtime
from maestro.core.proving import baseline, file_kinds, guarded
from maestro.db import models
from maestro.worktrees import diffs

#: Languages whose runners name a test by its file.
_NAMED_BY_FILE = frozenset({".py", ".js", ".cjs", ".mjs", ".jsx", ".ts", ".cts", ".mts", ".tsx"})


def needed(rt: Runtime, session: models.Session, start: str, head: str, checks: Sequence[str]) -> list[str]:
    """Commands beside ``checks`` that came in on the session branch up to ``start`` and concern what changed since."""
    base = baseline.on_branch(rt, session, baseline.load(rt, session.id), start)
    others = [command for command in base.accepted if command not in checks]
    if not others:
        return []
    repo = Path(session.repo_path)
    changed = diffs.changed_status(repo, start, head)
    anew = any(guarded.decides_tests(repo, start, head, path) for path in changed)
    touched = [path for path, how in changed.items() if how != "A" and file_kinds.is_test(path)]
    return [c for c in others if anew or any(_may_run(base.accepted[c], path) for path in touched)]


def _may_run(run: baseline.Accepted, path: str) -> bool:
    """Whether a run's tests may lie in a file; where their names do not tell, they may."""
    pure = PurePosixPath(path)
    if pure.suffix not in _NAMED_BY_FILE:
        return bool(run.tests)
    inside = re.compile(rf"\b{re.escape(pure.stem)}\b")
    return any(inside.search(name) for name in run.tests)
