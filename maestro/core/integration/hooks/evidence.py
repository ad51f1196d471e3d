"""A refusal that mattered, or a run that ended badly is no success, whatever the agent says."""

from __future__ import annotations

import re

from maestro.core.integration.hooks import HookContext
from maestro.core.proving.findings import Finding
from maestro.core.tasks import prompts

_COMMITS = frozenset({"Bash:git add", "Bash:git commit", "Bash:git add + git commit"})
#: A message of several lines, as Claude Code writes it; no signature tells of such a command.
_COMMIT_IN_LINES = re.compile(r"Run `(git add [^&|;`$]*&& )?git commit -m \"\$\(cat <<")
_FORCED = re.compile(r"\bgit add [^&|;]*(-\w*f|--force)")
_EDITS = frozenset({"Write", "Edit", "MultiEdit", "NotebookEdit"})


def the_run_ended_well(landing: HookContext) -> Finding | None:
    """An API failure may end as "success" with an error flag; an agent may exit 0 without a result."""
    outcome, failure = landing.result.get("outcome", "success"), landing.result.get("failure")
    if outcome == "success" and not landing.result.get("is_error") and not failure:
        return None
    words = str(landing.result.get("message") or failure or "no reason given")
    return Finding(f"The agent's run ended with an error: {words[:300]}", prompts.run_failed_prompt(words))


def nothing_needed_was_denied(landing: HookContext) -> Finding | None:
    """A refused edit always matters; a refused command matters where no check proves the work without it.

    A refused commit never does: Maestro commits what is left.
    """
    denied = [d for d in landing.result.get("denied") or [] if isinstance(d, dict)]
    mattered = [d for d in denied if d.get("tool") in _EDITS or not (landing.checks or _is_commit(d))]
    if not mattered:
        return None
    titles = [str(d.get("title") or d.get("tool")) for d in mattered]
    return Finding(f"Denied, but needed: {', '.join(titles)}.", prompts.denied_prompt(titles))


def _is_commit(denied: dict[str, object]) -> bool:
    """Whether only a commit was refused, of files that git does not ignore."""
    title = str(denied.get("title"))
    if denied.get("tool") != "Bash" or _FORCED.search(title):
        return False
    return denied.get("signature") in _COMMITS or _COMMIT_IN_LINES.match(title) is not None
