"""Checks as evidence: run, compared with the base, recorded row by row, and turned into words for the agent."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlmodel import col, select

from maestro.core.agent_config import in_force
from maestro.core.environment import command_environment
from maestro.core.execution import prompts
from maestro.core.guards import limits
from maestro.core.hooks import Finding
from maestro.core.keeping.cleanup import worktrees_folder
from maestro.core.locks import Stopped
from maestro.core.proving import (
    as_before,
    baseline,
    infrastructure,
    judging,
    missing_tests,
    questions,
    sheltered,
    test_reports,
)
from maestro.core.proving.judging import Verdict
from maestro.core.proving.questions import Question
from maestro.core.proving.report import UNCLEAR, TestReport
from maestro.core.runtime import Runtime
from maestro.core.validation import CommandOutcome
from maestro.db import models
from maestro.errors import MaestroError, SetupFailed
from maestro.worktrees import scratch


@dataclass(frozen=True, slots=True)
class CheckSite:
    """What is checked: a commit in a folder, for a task or for the session as a whole."""

    session: models.Session
    task: models.Task | None
    folder: Path
    commit: str
    phase: str  # baseline, task, integration, validation

    @property
    def start(self) -> str:
        """The commit that the work is compared with: where the task began; for the whole, all that came in."""
        return (self.task.start_commit if self.task else None) or self.commit


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of one check: how it ended, and the single tests where it told (see ``test_reports.read_report``)."""

    outcome: CommandOutcome
    report: TestReport | None


def measure(rt: Runtime, site: CheckSite, command: str, stop: Callable[[], bool]) -> Ran:
    """Run a check on the untouched base and keep it as evidence of what was so before."""
    ran = execute(rt, site.session, site.folder, command, stop)
    cause = None if ran.outcome.passed else infrastructure.could_not_run(ran.outcome)
    note = f"It could not run: {cause.reason}" if cause else None
    _record(rt, site, command, ran, Verdict(ran.outcome.passed, note), could_not_run=cause is not None)
    scratch.discard_changes(site.folder)
    return ran


def first_failure(
    rt: Runtime, site: CheckSite, checks: Sequence[str], stop: Callable[[], bool], *, again: bool = False
) -> Finding | Question | None:
    """Prove checks in order up to the first that does not pass; what to tell or to ask because of it.

    ``again``: those as well that have passed on this commit, in another folder.
    """
    for command in checks:
        answer = prove(rt, site, command, stop, again=again)
        if answer is not None:
            return answer
    return None


def prove(
    rt: Runtime, site: CheckSite, command: str, stop: Callable[[], bool], *, again: bool = False
) -> Finding | Question | None:
    """Run one check and judge it against the base; None when it proves the commit.

    What the check leaves behind in the folder is removed: the next one, and the next attempt, are about
    the commit and nothing else. A check that has passed on this very commit is not run again (a landing
    goes through here again after each answer of the person), except ``again``. Raises Stopped, with nothing recorded, when
    ``stop`` said so.
    """
    if not again and _proven_before(rt, site, command):
        return None
    base = baseline.on_branch(rt, site.session, baseline.wait_for(rt, site.session.id, stop), site.start)
    agreed = questions.accepted(rt, site.session.id, None, "tests_missing")
    ran = execute(rt, site.session, site.folder, command, stop)
    verdict = judging.judge(command, ran.outcome, ran.report, base, agreed)
    scratch.discard_changes(site.folder)
    if verdict.doubtful:
        words = "New failures: it is run again, to tell a flaky test."
        first = _record(rt, site, command, ran, replace(verdict, note=words))
        try:
            second = execute(rt, site.session, site.folder, command, stop)
        except Stopped:
            _forget(rt, first)  # it counts when it can be told from the second run
            raise
        scratch.discard_changes(site.folder)
        verdict = judging.judge_again(command, second.outcome, second.report, base, agreed, verdict)
        ran = second
    verdict = missing_tests.look(site.session, site.commit, command, ran.report, base, agreed, verdict)
    if verdict.passed or verdict.missing:
        _record(rt, site, command, ran, verdict)
        return missing_tests.question(command, ran.report, verdict, base) if verdict.missing else None
    if not verdict.comparison.newly_failing and as_before.accepted(rt, site.session, command, ran.outcome, base):
        agreed_note = "it fails as it did before the work began, and you went on with that"
        _record(rt, site, command, ran, replace(verdict, passed=True, note=agreed_note))
        return None
    question = None if verdict.comparison.newly_failing else _surroundings(rt, site, command, ran, base, stop)
    note = str(question.detail["reason"]) if question else verdict.note
    _record(rt, site, command, ran, replace(verdict, note=note), could_not_run=question is not None)
    question = question or _breaker(rt, site, command, ran.outcome)
    if question is not None:
        finding = _finding(command, ran.outcome, verdict)
        told = {"finding": finding.reason, "command": command, "phase": site.phase, "exit_code": ran.outcome.exit_code}
        return replace(question, prompt=finding.prompt, detail=told | question.detail)
    return _finding(command, ran.outcome, verdict)


def execute(rt: Runtime, session: models.Session, folder: Path, command: str, stop: Callable[[], bool]) -> Ran:
    """Run a check's command, asked to report single tests where that does not change what it means.

    What it leaves behind is the caller's to discard; a kill before that is noted (``scratch.begin_check``).
    Raises Stopped when ``stop`` said so, with the folder put back to its commit: what half a check left behind would
    be committed as work by the next landing.
    """
    limit = rt.settings.check_timeout_minutes * 60
    env = command_environment(rt.settings, session.agent_config)
    with limits.check_slot(rt, stop), tempfile.TemporaryDirectory(prefix="maestro-check-") as aside:
        asked, told_not_to = test_reports.instrument(command, Path(aside), folder), False
        scratch.begin_check(folder)
        outcome = sheltered.run(rt, session.id, asked.command, folder, env | asked.env, limit, stop)
        if not outcome.passed and outcome.stopped is None and test_reports.refused(outcome.output):
            asked, told_not_to = test_reports.Instrumented(command), True
            outcome = sheltered.run(rt, session.id, command, folder, env, limit, stop)
        if outcome.stopped == "stopped":
            with contextlib.suppress(MaestroError):
                scratch.discard_changes(folder)
            raise Stopped
        report, output = test_reports.read_report(asked, outcome.output, cut=outcome.output_cut)
    return Ran(replace(outcome, output=output), UNCLEAR if report is None and told_not_to else report)


def _proven_before(rt: Runtime, site: CheckSite, command: str) -> bool:
    if site.task is None:
        return False
    query = select(models.CheckRun.passed).where(
        models.CheckRun.task_id == site.task.id,
        models.CheckRun.phase == site.phase,
        models.CheckRun.attempt == site.task.attempt,
        models.CheckRun.command == command,
        models.CheckRun.commit == site.commit,
    )
    with rt.db.read() as db:
        return db.exec(query.order_by(col(models.CheckRun.created_at).desc())).first() is True


def _surroundings(
    rt: Runtime, site: CheckSite, command: str, ran: Ran, base: baseline.Baseline, stop: Callable[[], bool]
) -> Question | None:
    """A question when the failure is not the work's: it could not run, or fails as on the untouched base."""
    below = worktrees_folder(rt, site.session.id)
    known = infrastructure.signature(command, ran.outcome.exit_code, ran.outcome.output, below)
    if known in questions.blamed(rt, site.session.id):
        return None
    cause = infrastructure.could_not_run(ran.outcome)
    if cause is not None and (cause.certain or _base_cannot_either(rt, site, command, base, stop)):
        words = f"`{command}` could not run: {cause.reason} This is not the work's fault."
        return questions.stop_the_train(words, known, ran.outcome.output)
    return as_before.look(rt, site.session, command, ran.outcome, base)


def _base_cannot_either(
    rt: Runtime, site: CheckSite, command: str, base: baseline.Baseline, stop: Callable[[], bool]
) -> bool:
    """Whether a check that looks as if it could not run cannot run on the untouched base either, now."""
    run = base.runs.get(command)
    if run is not None and run.could_not_run:
        return True
    session = site.session
    name = f"probe-{site.task.key if site.task else 'whole'}"
    try:
        with baseline.checkout(rt, session, name, session.base_commit) as folder:
            ran = execute(rt, session, folder, command, stop)
    except SetupFailed:
        return True
    return not ran.outcome.passed and infrastructure.could_not_run(ran.outcome) is not None


def _breaker(rt: Runtime, site: CheckSite, command: str, outcome: CommandOutcome) -> Question | None:
    """The person, after alike failures in a row: whoever works on it does not get anywhere."""
    below = worktrees_folder(rt, site.session.id)
    key = infrastructure.signature(command, outcome.exit_code, outcome.output, below)
    last = in_force(site.session.agent_config, rt.settings).max_attempts
    asked_anyway = site.task is not None and last is not None and site.task.attempt >= last
    if asked_anyway or not outcome.output.strip() or key in questions.blamed(rt, site.session.id):
        return None
    query = select(models.CheckRun).where(
        models.CheckRun.session_id == site.session.id,
        models.CheckRun.phase != "baseline",
        models.CheckRun.command == command,
    )
    with rt.db.read() as db:
        rows = db.exec(query.order_by(col(models.CheckRun.created_at).desc()).limit(infrastructure.BREAKER)).all()
    alike = [not r.passed and infrastructure.signature(command, r.exit_code, r.output, below) == key for r in rows]
    if len(rows) < infrastructure.BREAKER or not all(alike):
        return None
    words = f"`{command}` failed {infrastructure.BREAKER} times in a row with the same output."
    return questions.stop_the_train(words, key, outcome.output)


def _record(
    rt: Runtime, site: CheckSite, command: str, ran: Ran, verdict: Verdict, *, could_not_run: bool = False
) -> str:
    """Keep a run as evidence; returns its row's id."""
    outcome, report = ran.outcome, None if ran.report is UNCLEAR else ran.report
    task_id = site.task.id if site.task else None
    summary = None
    if report is not None:
        summary = {**report.counts(), "complete": report.complete, **verdict.comparison.as_json()}
        if verdict.flaky:
            summary["flaky"] = verdict.flaky
    words = _words(outcome, verdict) + (f": {verdict.note}" if verdict.note else "")
    counted = f" ({report.passed} of {report.total} tests passed)" if report and report.total else ""
    with rt.db.write() as tx:
        row = models.CheckRun(
            session_id=site.session.id,
            task_id=task_id,
            phase=site.phase,
            attempt=site.task.attempt if site.task else site.session.validation_attempt + 1,
            command=command,
            commit=site.commit,
            exit_code=outcome.exit_code,
            passed=verdict.passed,
            duration_s=outcome.duration_s,
            output=outcome.output,
            output_cut=outcome.output_cut,
            tests=report.outcomes if report else None,
            tests_summary=summary,
            note=verdict.note,
            could_not_run=could_not_run,
        )
        tx.db.add(row)
        tx.log(
            site.session.id,
            f"Check `{command}` {words}{counted} in {outcome.duration_s:.1f} s ({site.phase})",
            level="info" if verdict.passed else "warn",
            kind="check",
            source="checks",
            task_id=task_id,
            details={"output": prompts.clip(outcome.output, 4000), "exit_code": outcome.exit_code, "phase": site.phase},
        )
        tx.emit(
            "check_finished",
            site.session.id,
            task_id=task_id,
            phase=site.phase,
            command=command,
            passed=verdict.passed,
            duration_s=outcome.duration_s,
            tests=report.counts() if report else None,
        )
    return row.id


def _forget(rt: Runtime, run_id: str) -> None:
    with rt.db.write() as tx:
        row = tx.db.get(models.CheckRun, run_id)
        if row is not None:
            tx.db.delete(row)


def _words(outcome: CommandOutcome, verdict: Verdict) -> str:
    if verdict.passed:
        return "passed"
    if outcome.passed:
        return "ended with exit code 0 and does not count"
    return (
        "was stopped at the time limit" if outcome.exit_code is None else f"failed with exit code {outcome.exit_code}"
    )


def _finding(command: str, outcome: CommandOutcome, verdict: Verdict) -> Finding:
    failing = verdict.comparison.newly_failing
    named = f" New failures: {', '.join(failing[:5])}{' …' if len(failing) > 5 else ''}." if failing else ""
    prompt = prompts.check_failed_prompt(
        command,
        outcome.exit_code,
        outcome.output,
        failed_before=verdict.failed_before,
        newly_failing=failing,
        still_failing=verdict.comparison.still_failing,
    )
    return Finding(f"Check `{command}` {_words(outcome, verdict)}.{named}", prompt)
