"""A check that fails as on the untouched base, where no test tells more: the user says once whether to go on with it."""

from __future__ import annotations

import re
from dataclasses import replace

from maestro.core.approvals import questions
from maestro.core.approvals.question import AS_BEFORE, Question
from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime
from maestro.core.proving import infrastructure, runner_errors, unproven
from maestro.core.proving.baseline import Baseline
from maestro.core.proving.reports.model import TestReport
from maestro.core.proving.verdicts import Verdict
from maestro.core.workspaces.cleanup import worktrees_folder
from maestro.core.workspaces.run_command import CommandOutcome
from maestro.db import models

#: What runners print about tests that pass, which is other words with each test that is added.
_COUNTS = re.compile(
    r"^[.sxX]+ *(\[ *\d+%\])?$|\b\d+ (?:passed|passing|skipped|tests?|suites?|total|ok|examples?|files?)\b|\bRan \d+\b"
    r"|^.*\b\d+(?:\.\d+)?%.*$|^(?:# |ℹ )\w+ \d+.*$|^\s*(?:ok \d+|✔|✓|PASS\b).*$|^.*\b(?:PASSED|ok)\b.*$",
    re.MULTILINE,
)


def review(
    rt: Runtime, session: models.Session, command: str, outcome: CommandOutcome, base: Baseline
) -> Question | None:
    """The question, when a check fails as it did on the base. A yes lets it pass, where all of its output is the same."""
    if not _fails_so(rt, session, command, outcome, base):
        return None
    if runner_errors.broke_off(outcome, None) or unproven.could_not_import(outcome.output):
        return unproven.question(session, command, outcome, None, base)
    below = worktrees_folder(rt, session.id)
    words = f"`{command}` fails with the same output as before any work."
    known = infrastructure.signature(command, outcome.exit_code, outcome.output, below)
    question = questions.infrastructure_question(words, known, outcome.output)
    if not infrastructure.says_the_same(base.runs[command].output, outcome.output, below):
        return question
    go_on = {"what": AS_BEFORE, "allow": "continue: it failed before too"}
    return replace(question, detail=question.detail | go_on)


def besides(rt: Runtime, session: models.Session, command: str, outcome: CommandOutcome) -> Question:
    """The question when all tests pass and a check ends with the exit code it had on the base all the same."""
    words = (
        f"All tests of `{command}` pass; it still ended with exit code {outcome.exit_code}, as it did before the "
        "work. Its other output has changed since then."
    )
    asked = questions.infrastructure_question(words, _besides_key(rt, session, command, outcome), outcome.output)
    return replace(asked, detail=asked.detail | {"what": AS_BEFORE, "allow": "continue: it failed before too"})


def accepted(
    rt: Runtime,
    session: models.Session,
    command: str,
    outcome: CommandOutcome,
    base: Baseline,
    report: TestReport | None = None,
    verdict: Verdict | None = None,
) -> str | None:
    """Why a check that fails just as it did on the base counts as passed; None when it does not."""
    if verdict is not None and verdict.comparison.newly_failing:
        return None
    went_on = questions.accepted_failures(rt, session.id)
    if verdict is not None and verdict.besides:
        below, before = worktrees_folder(rt, session.id), base.runs[command].output
        if infrastructure.says_the_same(_uncounted(before), _uncounted(outcome.output), below):
            return f"all tests pass; it ended with exit code {outcome.exit_code} before the work began, too"
        agreed = _besides_key(rt, session, command, outcome) in went_on
        return "all tests pass, and you accepted its exit code" if agreed else None
    if verdict is not None and verdict.unproven:
        agreed = unproven.could_load(outcome, report) and unproven.key_of(command, report) in went_on
        return "no test passes, as before the work, and you accepted that" if agreed else None
    below = worktrees_folder(rt, session.id)
    known = infrastructure.signature(command, outcome.exit_code, outcome.output, below)
    agreed = (
        known in went_on
        and _fails_so(rt, session, command, outcome, base)
        and infrastructure.says_the_same(base.runs[command].output, outcome.output, below)
    )
    return "it fails as it did before the work, and you accepted that" if agreed else None


def is_new(rt: Runtime, session: models.Session, command: str, output: str) -> bool:
    """Whether a check is about something that the base does not hold, so that it is the work's to make it run."""
    return infrastructure.is_new(session, command, output, _planned(rt, session))


def _besides_key(rt: Runtime, session: models.Session, command: str, outcome: CommandOutcome) -> str:
    below = worktrees_folder(rt, session.id)
    return infrastructure.signature(f"{command}\nbesides", outcome.exit_code, _uncounted(outcome.output), below)


def _uncounted(output: str) -> str:
    return _COUNTS.sub("", output)


def _fails_so(rt: Runtime, session: models.Session, command: str, outcome: CommandOutcome, base: Baseline) -> bool:
    below = worktrees_folder(rt, session.id)
    return infrastructure.fails_as_before(session, command, outcome, base, below, _planned(rt, session))


def _planned(rt: Runtime, session: models.Session) -> list[str]:
    with rt.db.read() as db:
        return [path for task in lookup.tasks_of(db, session.id) for path in task.files]
