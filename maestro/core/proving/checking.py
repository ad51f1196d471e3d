"""Checks as evidence: run, compared with the base, recorded row by row, and turned into words for the agent."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlmodel import col, select

from maestro.core.approvals import questions
from maestro.core.approvals.question import Question
from maestro.core.kernel import lookup, places
from maestro.core.kernel.locks import WorkCancelled
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Keyed, Service
from maestro.core.kernel.text import clip
from maestro.core.planning.plan import parse_plan
from maestro.core.proving import (
    baseline,
    checkouts,
    excuses,
    infrastructure,
    known_failures,
    loaded,
    missing_tests,
    network_needed,
    other_code,
    own_target,
    unproven,
    varying,
    verdicts,
)
from maestro.core.proving.findings import Finding
from maestro.core.proving.reports import collect
from maestro.core.proving.reports.model import UNCLEAR, TestReport
from maestro.core.proving.verdicts import Verdict
from maestro.core.tasks import prompts
from maestro.core.workspaces import command_place, sheltered
from maestro.core.workspaces.check_slots import check_slot
from maestro.core.workspaces.environ import command_environment
from maestro.core.workspaces.run_command import WATCH_MODE, CommandOutcome
from maestro.db import models
from maestro.errors import MaestroError, SetupFailed
from maestro.worktrees import links, scratch

#: The two looks of a landing: where nothing came in meanwhile, both are about the same commit.
_LANDING = ("task", "integration")


@dataclass(frozen=True, slots=True)
class CheckTarget:
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
class CheckResult:
    """One run of one check: how it ended, and the single tests where it told (see ``test_reports.read_report``).

    ``elsewhere``: what ran in it that is not the code of its folder.
    """

    outcome: CommandOutcome
    report: TestReport | None
    elsewhere: loaded.Elsewhere = loaded.NOTHING


def measure(rt: Runtime, site: CheckTarget, command: str, stop: Callable[[], bool]) -> CheckResult | Question:
    """Run a check on the untouched base and keep it as evidence of what was so before.

    Where it ran other code than the base's there is no evidence, but what to ask.
    """
    ran = execute(rt, site.session, site.folder, command, stop)
    asked = other_code.review_run(rt, site.session, site.folder, command, ran.elsewhere)
    if asked is not None:
        scratch.discard_changes(site.folder)
        return asked
    unmeasured = _unmeasured(ran)
    if unmeasured is None and network_needed.review(rt, site.session, None, command, ran.outcome):
        unmeasured = "It had no network access."
    note = unmeasured or _fails_hidden(site, ran)
    _record(rt, site, command, ran, Verdict(ran.outcome.passed, note), could_not_run=unmeasured is not None)
    scratch.discard_changes(site.folder)
    return ran


def _unmeasured(ran: CheckResult) -> str | None:
    """Why a run on the base says nothing about it: it is measured again when the user has mended that."""
    outcome, report = ran.outcome, ran.report
    cause = None if outcome.passed else infrastructure.could_not_run(outcome, report)
    if cause is not None:
        return f"It could not run: {cause.reason}"
    if outcome.stopped == "time limit":
        return "It did not end within the time limit."
    if report is not None and report.failing and not report.passed and not unproven.could_load(outcome, report):
        return "No test could be loaded."
    return None


def _fails_hidden(site: CheckTarget, ran: CheckResult) -> str | None:
    """What to say of tests that fail on the base, and are excused from then on, where the place may be the cause."""
    if ran.report is None or not ran.report.failing:
        return None
    failing = len(ran.report.failing)
    words = places.about_hidden(site.folder, Path(site.session.repo_path))
    return f"{failing} test{'s fail' if failing != 1 else ' fails'} before any work. {words}" if words else None


def first_failure(
    rt: Runtime, site: CheckTarget, checks: Sequence[str], stop: Callable[[], bool], *, again: bool = False
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
    rt: Runtime, site: CheckTarget, command: str, stop: Callable[[], bool], *, again: bool = False
) -> Finding | Question | None:
    """Run one check and judge it against the base; None when it proves the commit.

    What the check leaves behind in the folder is removed: the next one, and the next attempt, are about
    the commit and nothing else. A check that has passed on this very commit is not run again (a landing
    goes through here again after each answer of the user), except ``again``. Raises WorkCancelled, with nothing recorded, when
    ``stop`` said so.
    """
    if not again and _proven_before(rt, site, command):
        return None
    if not again:
        unproven.set_up_again(rt, site.session, site.task, site.folder)
    base = baseline.on_branch(rt, site.session, baseline.wait_for(rt, site.session.id, stop), site.start)
    ran, verdict = run_and_judge(rt, site, command, base, stop)
    asked = other_code.review_run(rt, site.session, site.folder, command, ran.elsewhere)
    if asked is not None:
        return asked
    if _names_vary(rt, site, command, ran, base, verdict, stop):
        base = baseline.on_branch(rt, site.session, baseline.load(rt, site.session.id), site.start)
        ran, verdict = run_and_judge(rt, site, command, base, stop)
    if command not in base.runs and verdicts.may_be_so_on_base(ran.outcome, ran.report, verdict):
        base = _measure_now(rt, site, command, base, stop)
        agreed = _agreed(rt, site.session)
        verdict = verdicts.judge(command, ran.outcome, ran.report, base, agreed)
        verdict = missing_tests.review(site.session, site.commit, command, ran.report, base, agreed, verdict)
    verdict = _beside_own_target(rt, site, command, ran, base, verdict)
    if own_target.asks(command, verdict):
        _record(rt, site, command, ran, verdict)
        return own_target.question(command, ran.outcome, verdict)
    if verdict.passed or (verdict.missing and not verdict.unproven):
        _record(rt, site, command, ran, verdict)
        return missing_tests.question(command, ran.report, verdict, base) if verdict.missing else None
    why = known_failures.accepted(rt, site.session, command, ran.outcome, base, ran.report, verdict)
    if why is not None:
        _record(rt, site, command, ran, replace(verdict, passed=True, note=why))
        return None

    def base_cannot_either() -> bool:
        return _base_cannot_either(rt, site, command, base, stop)

    question = network_needed.review(rt, site.session, site.task, command, ran.outcome) or excuses.review(
        rt, site.session, command, ran.outcome, ran.report, base, verdict, base_cannot_either, site.commit
    )
    note = str(question.detail["reason"]) if question else verdict.note
    _record(rt, site, command, ran, replace(verdict, note=note), could_not_run=question is not None)
    question = question or excuses.breaker(rt, site.session, site.task, command, ran.outcome)
    if question is not None:
        finding = _finding(command, ran.outcome, verdict)
        told = {"finding": finding.reason, "command": command, "phase": site.phase, "exit_code": ran.outcome.exit_code}
        asked = replace(question, prompt=finding.prompt, detail=told | question.detail)
        return network_needed.offering(asked, ran.outcome)
    return _finding(command, ran.outcome, verdict)


def _beside_own_target(
    rt: Runtime, site: CheckTarget, command: str, ran: CheckResult, base: baseline.Baseline, verdict: Verdict
) -> Verdict:
    if site.task is None or not verdict.passed or not verdict.comparison.still_failing:
        return verdict
    with rt.db.read() as db:
        plan = parse_plan(lookup.plan_row(db, site.session).plan_json)
    of_all = {*plan.checks, *(site.session.agent_config.get("checks") or [])}
    agreed = questions.accepted(rt, site.session.id, None, "tests_missing")
    return own_target.review(site.task, command, of_all, ran.report, base, agreed, verdict)


def run_and_judge(
    rt: Runtime,
    site: CheckTarget,
    command: str,
    base: baseline.Baseline,
    stop: Callable[[], bool],
    *,
    before: Callable[[], object] = lambda: None,
    after: Callable[[], object] = lambda: None,
    keep: bool = True,
) -> tuple[CheckResult, Verdict]:
    """Run a check and judge it; twice, where what fails new may be flaky. ``before`` makes the folder ready each time,
    ``after`` sees it as the check leaves it.

    ``keep``: the first of two runs is evidence of its own. Raises WorkCancelled, with nothing recorded.
    """
    agreed = _agreed(rt, site.session)
    before()
    ran = execute(rt, site.session, site.folder, command, stop)
    after()
    verdict = verdicts.judge(command, ran.outcome, ran.report, base, agreed)
    scratch.discard_changes(site.folder)
    if verdict.doubtful:
        words = "New failures: running it again to detect flaky tests."
        first = _record(rt, site, command, ran, replace(verdict, note=words)) if keep else None
        try:
            before()
            second = execute(rt, site.session, site.folder, command, stop)
        except WorkCancelled:
            if first is not None:
                _forget(rt, first)  # it counts when it can be told from the second run
            raise
        after()
        scratch.discard_changes(site.folder)
        verdict = verdicts.judge_again(command, second.outcome, second.report, base, agreed, verdict)
        ran = second
    return ran, missing_tests.review(site.session, site.commit, command, ran.report, base, agreed, verdict)


def _agreed(rt: Runtime, session: models.Session) -> set[str]:
    """What of the tests the user has agreed to miss."""
    return {*questions.accepted(rt, session.id, None, "tests_missing"), *questions.accepted_failures(rt, session.id)}


def execute(rt: Runtime, session: models.Session, folder: Path, command: str, stop: Callable[[], bool]) -> CheckResult:
    """Run a check's command, asked to report single tests where that does not change what it means.

    What it leaves behind is the caller's to discard; a kill before that is noted (``scratch.begin_check``).
    Raises WorkCancelled when ``stop`` said so, with the folder put back to its commit: what half a check left behind would
    be committed as work by the next landing.
    """
    limit = rt.settings.check_timeout_minutes * 60
    env = command_environment(rt.settings, session.agent_config)
    with (
        command_place.held(rt, session, folder, stop) as place,
        check_slot(rt, stop),
        tempfile.TemporaryDirectory(prefix="maestro-check-") as aside,
        links.away(folder) as gone,
    ):
        env |= place
        loaded.ask(Path(aside), folder, other_code.checkouts(session, folder), other_code.names(folder))
        asked, told_not_to = (
            collect.instrument(command, Path(aside), folder, env, rt.data_dir / "shims"),
            False,
        )
        scratch.begin_check(folder)
        outcome = sheltered.run(
            rt, session, asked.command, folder, env | asked.env, limit, stop, writable=[Path(aside)]
        )
        if not outcome.passed and outcome.stopped is None and collect.refused(outcome.output):
            asked, told_not_to = collect.Instrumented(command), True
            outcome = sheltered.run(rt, session, command, folder, env, limit, stop)
        if outcome.stopped == "stopped":
            with contextlib.suppress(MaestroError):
                scratch.discard_changes(folder)
            raise WorkCancelled
        report, output = collect.read_report(asked, outcome.output, cut=outcome.output_cut)
        if report is not None and report is not UNCLEAR:
            report = varying.placed(report, folder, env["TMPDIR"])
            report = replace(report, outcomes=varying.steady(report.outcomes, varying.known(rt, session.id)))
        elsewhere = loaded.read(Path(aside))
    if gone:
        _tell_links(rt, session.id, command, gone)
    return CheckResult(
        replace(outcome, output=output), UNCLEAR if report is None and told_not_to else report, elsewhere
    )


def _tell_links(rt: Runtime, session_id: str, command: str, gone: Mapping[str, str]) -> None:
    """What a check ran without, because it leads out of the worktree."""
    named = ", ".join(f"{path} → {says}" for path, says in list(gone.items())[:5])
    text = f"`{command}` ran without links that lead out of the worktree: {named}."
    text += " Add what it needs from there to the worktree setup."
    with rt.db.write() as tx:
        if tx.db.get(models.Session, session_id) is None:
            return  # a trial: its output says what is missing
        tx.log(session_id, text, level="warn", kind="check", source="checks", details={"links": dict(gone)})


def _proven_before(rt: Runtime, site: CheckTarget, command: str) -> bool:
    if site.task is None:
        return False
    query = select(models.CheckRun.passed).where(
        models.CheckRun.task_id == site.task.id,
        col(models.CheckRun.phase).in_(_LANDING if site.phase in _LANDING else [site.phase]),
        models.CheckRun.attempt == site.task.attempt,
        models.CheckRun.command == command,
        models.CheckRun.commit == site.commit,
    )
    with rt.db.read() as db:
        return db.exec(query.order_by(col(models.CheckRun.created_at).desc())).first() is True


#: By session and what the work began on.
_NAMES_TRIED: Service[Keyed[tuple[str, str | None], set[str]]] = Service(lambda: Keyed(lambda _start: set()))


def _names_vary(
    rt: Runtime,
    site: CheckTarget,
    command: str,
    ran: CheckResult,
    base: baseline.Baseline,
    verdict: Verdict,
    stop: Callable[[], bool],
) -> bool:
    """Whether tests only seem to have vanished, or to fail anew, because their names are other ones at each run.

    Looked up once for each kind of name, by another run of what the work began on.
    """
    if ran.report is None or ran.report is UNCLEAR or verdict.passed:
        return False
    before = base.before(command)
    new = [name for name in ran.report.outcomes if name not in before]
    tried = rt.service(_NAMES_TRIED).of((site.session.id, site.start))
    compared = verdict.comparison
    gone = {n for n in before if n not in ran.report.outcomes} if compared.newly_failing else {*compared.vanished}
    suspected = varying.suspects(gone, new) - tried
    if not suspected:
        return False
    tried |= suspected
    name = f"probe-{site.task.key if site.task else 'whole'}"
    with checkouts.checkout(rt, site.session, name, site.start) as folder:
        again = execute(rt, site.session, folder, command, stop).report
    found = varying.that_vary(suspected, before, again.outcomes) if again is not None else set()
    varying.known(rt, site.session.id).update(found)
    return bool(found)


def _measure_now(
    rt: Runtime, site: CheckTarget, command: str, base: baseline.Baseline, stop: Callable[[], bool]
) -> baseline.Baseline:
    """The baseline with a task's own check, which is not among those that were measured before the work began."""
    session = site.session
    name = f"probe-{site.task.key if site.task else 'whole'}"
    with contextlib.suppress(SetupFailed), checkouts.checkout(rt, session, name, session.base_commit) as folder:
        measure(rt, CheckTarget(session, None, folder, session.base_commit, "baseline"), command, stop)
    return replace(baseline.load(rt, session.id), accepted=base.accepted)


def _base_cannot_either(
    rt: Runtime, site: CheckTarget, command: str, base: baseline.Baseline, stop: Callable[[], bool]
) -> bool:
    """Whether a check that looks as if it could not run cannot run on the untouched base either, now."""
    run = base.runs.get(command)
    if run is not None and run.could_not_run:
        return True
    session = site.session
    name = f"probe-{site.task.key if site.task else 'whole'}"
    try:
        with checkouts.checkout(rt, session, name, session.base_commit) as folder:
            ran = execute(rt, session, folder, command, stop)
    except SetupFailed:
        return True
    return not ran.outcome.passed and infrastructure.could_not_run(ran.outcome, ran.report) is not None


def _record(
    rt: Runtime, site: CheckTarget, command: str, ran: CheckResult, verdict: Verdict, *, could_not_run: bool = False
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
            details={"output": clip(outcome.output, 4000), "exit_code": outcome.exit_code, "phase": site.phase},
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
        return "ended with exit code 0 but does not count"
    if outcome.stopped == WATCH_MODE:
        return "went into watch mode and was stopped"
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
        watches=outcome.stopped == WATCH_MODE,
    )
    return Finding(f"Check `{command}` {_words(outcome, verdict)}.{named}", prompt)
