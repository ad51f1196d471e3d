"""Whether a failed check is nobody's fault: it could not run, did not end, or proves as little as on the base."""

from __future__ import annotations

from collections.abc import Callable

from sqlmodel import col, select

from maestro.core.approvals import questions
from maestro.core.approvals.question import Question
from maestro.core.kernel.agent_config import in_force
from maestro.core.kernel.runtime import Runtime
from maestro.core.proving import infrastructure, known_failures, missing_library, time_limit, unproven
from maestro.core.proving.baseline import Baseline
from maestro.core.proving.reports.model import TestReport
from maestro.core.proving.verdicts import Verdict
from maestro.core.workspaces.cleanup import worktrees_folder
from maestro.core.workspaces.run_command import WATCH_MODE, CommandOutcome
from maestro.db import models


def review(
    rt: Runtime,
    session: models.Session,
    command: str,
    outcome: CommandOutcome,
    report: TestReport | None,
    base: Baseline,
    verdict: Verdict,
    base_cannot_either: Callable[[], bool],
    commit: str,
) -> Question | None:
    """What to ask the user before it is counted as the work's failure; nothing that the user has said is the work's."""
    asked: Question | None
    if verdict.comparison.newly_failing:
        asked = missing_library.review(rt, session, command, outcome, report, verdict, commit)
        return (
            None if asked is None or questions.confirmed_failures(rt, session.id).intersection(asked.items) else asked
        )
    below = worktrees_folder(rt, session.id)
    known = infrastructure.signature(command, outcome.exit_code, outcome.output, below)
    blamed = questions.confirmed_failures(rt, session.id)
    if known in blamed:
        return None
    if outcome.stopped == WATCH_MODE:
        return questions.watches(command, known, outcome.output)
    cause = infrastructure.could_not_run(outcome, report)
    if cause is not None and (cause.certain or base_cannot_either()):
        words = f"`{command}` could not run: {cause.reason} This is not caused by the task."
        asked = questions.infrastructure_question(words, known, outcome.output)
        return asked if cause.certain else unproven.offering_set_up(asked)
    if verdict.unproven:
        run = base.runs.get(command)
        if known_failures.is_new(rt, session, command, run.output if run else outcome.output):
            return None  # it was to fail until the work is done
        asked = unproven.question(session, command, outcome, report, base)
    elif verdict.besides:
        asked = known_failures.besides(rt, session, command, outcome)
    else:
        asked = time_limit.question(command, outcome, base, rt.settings.check_timeout_minutes)
        asked = asked or known_failures.review(rt, session, command, outcome, base)
        asked = asked or missing_library.review(rt, session, command, outcome, report, verdict, commit)
    return None if asked is None or blamed.intersection(asked.items) else asked


def raise_watches(rt: Runtime, session: models.Session, command: str, outcome: CommandOutcome) -> None:
    """Ask about a check that watches for changes as soon as that is seen on the base."""
    known = infrastructure.signature(command, outcome.exit_code, outcome.output, worktrees_folder(rt, session.id))
    if known not in questions.confirmed_failures(rt, session.id):
        questions.raise_question(rt, session, None, questions.watches(command, known, outcome.output))


def breaker(
    rt: Runtime, session: models.Session, task: models.Task | None, command: str, outcome: CommandOutcome
) -> Question | None:
    """The user, after alike failures in a row: whoever works on it does not get anywhere."""
    below = worktrees_folder(rt, session.id)
    key = infrastructure.signature(command, outcome.exit_code, outcome.output, below)
    last = in_force(session.agent_config, rt.settings).max_attempts
    asked_anyway = task is not None and last is not None and task.attempt >= last
    if asked_anyway or not outcome.output.strip() or key in questions.confirmed_failures(rt, session.id):
        return None
    query = select(models.CheckRun).where(
        models.CheckRun.session_id == session.id,
        models.CheckRun.phase != "baseline",
        models.CheckRun.command == command,
    )
    with rt.db.read() as db:
        rows = db.exec(query.order_by(col(models.CheckRun.created_at).desc()).limit(infrastructure.BREAKER)).all()
    alike = [not r.passed and infrastructure.signature(command, r.exit_code, r.output, below) == key for r in rows]
    if len(rows) < infrastructure.BREAKER or not all(alike):
        return None
    words = f"`{command}` failed {infrastructure.BREAKER} times in a row with the same output."
    return questions.infrastructure_question(words, key, outcome.output)
