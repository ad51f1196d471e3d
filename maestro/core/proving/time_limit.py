"""A check that did not end in time, on the base as little as now: nothing is known of how it would have ended."""

from __future__ import annotations

import re

from maestro.core.approvals import questions
from maestro.core.approvals.question import Question
from maestro.core.proving.baseline import Baseline
from maestro.core.workspaces.run_command import CommandOutcome

_WATCHES = re.compile(
    r"[Ww]atch(?:ing|er)\b[^\n]{0,40}\b(?:file|change)|[Ww]aiting for (?:file )?changes|Watch Usage|\bPress [`'\"]?\w+[`'\"]? to "
    r"|press (?:Ctrl|\^)C|listening (?:on|at) |Local:\s+http|ready in \d+ ?ms"
)


def question(command: str, outcome: CommandOutcome, base: Baseline, limit_minutes: float) -> Question | None:
    """What to ask when it was so on the base, too. There is no going on with it: that would prove nothing."""
    run = base.runs.get(command)
    if outcome.stopped != "time limit" or run is None or run.passed or run.exit_code is not None:
        return None
    why = "It may be waiting for input." if outcome.output.strip() else "It printed nothing."
    if _WATCHES.search(outcome.output):
        why = "It seems to watch for changes or serve and never end: a check has to end on its own."
    words = (
        f"`{command}` was stopped at the time limit of {limit_minutes:g} minutes, before the work, too. {why} "
        "This says nothing about the task."
    )
    return questions.infrastructure_question(words, key_of(command), outcome.output[-6000:])


def key_of(command: str) -> str:
    """What makes two of them the same: the check."""
    return f"{command}\ntime limit"
