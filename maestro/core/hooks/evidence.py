"""No change, a refusal that mattered, or a run that ended badly is no success, whatever the agent says."""

from __future__ import annotations

from maestro.core.execution import prompts
from maestro.core.hooks import Finding, Landing
from maestro.worktrees import integration

_EDITS = frozenset({"Write", "Edit", "MultiEdit", "NotebookEdit"})


def the_run_ended_well(landing: Landing) -> Finding | None:
    """An API failure may end as "success" with an error flag; an agent may exit 0 without a result."""
    outcome, failure = landing.result.get("outcome", "success"), landing.result.get("failure")
    if outcome == "success" and not landing.result.get("is_error") and not failure:
        return None
    words = str(landing.result.get("message") or failure or "no reason given")
    return Finding(f"The agent's run ended with an error: {words[:300]}", prompts.run_failed_prompt(words))


def something_changed(landing: Landing) -> Finding | None:
    """The work must differ from where the task began."""
    if integration.diff_summary(landing.repo, landing.start, landing.head).files:
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
