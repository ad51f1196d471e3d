"""A task's own check that is as red as before, and of which no further test passes: nothing says that its work is done.

A failure that was there before the work excuses a check of the whole plan. What a task brings as its own check is there
to turn green by its work, or to hold a new test; where neither has happened, only the user can say that this is meant.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

from maestro.core.approvals.question import Question
from maestro.core.kernel.text import clip
from maestro.core.proving.baseline import Baseline
from maestro.core.proving.reports.model import UNCLEAR, TestReport
from maestro.core.proving.verdicts import Verdict
from maestro.core.tasks import prompts
from maestro.core.workspaces.run_command import CommandOutcome
from maestro.db import models


def review(
    task: models.Task | None,
    command: str,
    plan_checks: Set[str],
    report: TestReport | None,
    base: Baseline,
    agreed: Set[str],
    verdict: Verdict,
) -> Verdict:
    """The verdict on one check; not passed where it is the task's own and says of its tests just what it said before."""
    own = task is not None and command in task.checks and command not in plan_checks
    if not own or report is None or report is UNCLEAR or not verdict.passed or not verdict.comparison.still_failing:
        return verdict
    before = base.before(command)
    if any(outcome == "passed" and before.get(name) != "passed" for name, outcome in report.outcomes.items()):
        return verdict
    if _item(command) in agreed:
        return verdict
    return replace(verdict, passed=False, missing=[_item(command)], note="fails as it did before the work")


def asks(command: str, verdict: Verdict) -> bool:
    """Whether a verdict is one of these."""
    return verdict.missing == [_item(command)]


def question(command: str, outcome: CommandOutcome, verdict: Verdict) -> Question:
    """What to ask then."""
    failing = verdict.comparison.still_failing
    named = ", ".join(failing[:3]) + (f" and {len(failing) - 3} more" if len(failing) > 3 else "")
    detail = {
        "command": command,
        "reason": f"No test in this check has been fixed. Still failing: {named}.",
        "output": clip(outcome.output, 6000),
        "vanished": [],
        "skipped_now": [],
        "new": [],
        "allow": "this is intended",
        "deny": "send it back",
    }
    prompt = prompts.check_failed_prompt(
        command, outcome.exit_code, outcome.output, failed_before=True, newly_failing=[], still_failing=failing
    )
    title = f"The task's own check `{command}` fails as it did before the work. Is this intended?"
    return Question("tests_missing", title, verdict.missing, prompt, detail)


def _item(command: str) -> str:
    return f"`{command}` fails as before"
