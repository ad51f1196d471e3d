"""No change, or a refusal that mattered, is no success, whatever the agent says."""

from __future__ import annotations

from pathlib import Path

from maestro.core import prompts
from maestro.core.hooks import Finding, Landing
from maestro.worktrees import integration

_EDITS = frozenset({"Write", "Edit", "MultiEdit", "NotebookEdit"})


def something_changed(landing: Landing) -> Finding | None:
    """The work must differ from where the task began."""
    assert landing.task.start_commit is not None
    if integration.diff_summary(Path(landing.session.repo_path), landing.task.start_commit, landing.head).files:
        return None
    return Finding("The agent stopped without changing anything.", prompts.nothing_changed_prompt(_last_words(landing)))


def nothing_needed_was_denied(landing: Landing) -> Finding | None:
    """A refused edit always matters; a refused command matters where no check proves the work without it."""
    denied = [d for d in landing.result.get("denied") or [] if isinstance(d, dict)]
    mattered = [d for d in denied if d.get("tool") in _EDITS or not landing.checks]
    if not mattered:
        return None
    titles = [str(d.get("title") or d.get("tool")) for d in mattered]
    return Finding(f"Refused, and needed: {', '.join(titles)}.", prompts.denied_prompt(titles))


def _last_words(landing: Landing) -> str:
    return str(landing.result.get("message") or "(nothing)")
