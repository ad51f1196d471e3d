"""Checks that pass only beside code which git ignores prove nothing about the commit: it does not hold that code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from maestro.core.approvals.question import Question
from maestro.core.kernel.runtime import Runtime
from maestro.core.proving import checkouts
from maestro.core.proving.checking import CheckTarget, first_failure
from maestro.core.proving.findings import Finding
from maestro.worktrees import ignored


def review(
    rt: Runtime, site: CheckTarget, checks: Sequence[str], stop: Callable[[], bool]
) -> Finding | Question | None:
    """Run ``checks`` once more in a clean checkout, if the worktree holds ignored code that such a one does not.

    Raises WorkCancelled when ``stop`` said so, SetupFailed when there can be no clean checkout.
    """
    assert site.task is not None
    found = ignored.code(site.folder) if checks else []
    if not found:
        return None
    with checkouts.checkout(rt, site.session, f"clean-{site.task.key}", site.commit) as folder:
        missing = [path for path in found if not (folder / path).exists()]  # the set-up makes some everywhere
        if not missing:
            return None
        answer = first_failure(rt, replace(site, folder=folder), checks, stop, again=True)
    return _told(answer, missing) if isinstance(answer, Finding) else answer


def _told(failed: Finding, missing: list[str]) -> Finding:
    shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
    listed = "\n".join(f"- {path}" for path in missing[:50])
    reason = f"{failed.reason} It passed only with files that git ignores: {shown}."
    reason += " If a command creates them, add it under “Worktree setup…”."
    prompt = (
        f"{failed.prompt}\n\nIn your worktree it passes. These files there are ignored by git, so that no commit holds them, "
        f"and the run above was without them:\n{listed}\n\nIf they belong to the work, move them to where git does not ignore "
        "them, change .gitignore, or add them with `git add -f`. If a command of the repository makes them, let the test run "
        "it, or say so: the user can add it to the worktree setup."
    )
    return replace(failed, reason=reason, prompt=prompt)
