"""Whether a check's run proves a commit: by its single tests where it names them, else by its exit code."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass, field, replace

from maestro.core.proving.baseline import Baseline, Comparison, compare, counted_before, named_before
from maestro.core.proving.reports import collect
from maestro.core.proving.reports.model import UNCLEAR, TestReport
from maestro.core.proving.runner_errors import is_internal
from maestro.core.workspaces.run_command import CommandOutcome
from maestro.db.models import CheckRun

#: What test runners end with when tests failed and nothing worse happened.
_TESTS_FAILED = frozenset({1, 101})
#: From here on an exit code tells of a signal or of a program that could not be started.
_SIGNALS = 126

#: Programs that run tests and nothing else, so that whatever they end with is about these.
_RUNNER = re.compile(
    r"(\w+=\S* )*(uv|poetry|pdm|pipenv|rye|hatch)?( run )?( ?(npx|bunx|pnpm exec|yarn)( -\S+)* )?"
    r"(\S*python[\d.]* (-\w+ )*-m (pytest|unittest)|(\S*/)?(pytest|py\.test|jest|vitest|mocha|ava|phpunit|rspec)"
    r"|node( --\S+)* --test|go test|cargo (test|nextest run))( |$)"
)
#: What is said when all tests pass and the check is to fail all the same.
_THRESHOLD = re.compile(
    r"coverage[^\n]{0,120}(?:not reached|not met|not meet|is less than|is below|below the)|\d+ snapshots? unused",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run is worth, and why.

    ``doubtful``: a new failure is of a test that passed before. ``unproven``: no test passed, and what failed, or was
    skipped, did so on the base. ``besides``: all tests are as before and the exit code is that of the base; only the user
    can say whether what else it means matters.
    """

    passed: bool
    note: str | None = None
    comparison: Comparison = field(default_factory=Comparison)
    missing: list[str] = field(default_factory=list)  # tests the user has to agree to lose
    flaky: list[str] = field(default_factory=list)
    doubtful: bool = False
    failed_before: bool = False
    unproven: bool = False
    besides: bool = False


def judge(
    command: str, outcome: CommandOutcome, report: TestReport | None, base: Baseline, agreed: Set[str]
) -> Verdict:
    """One run against the base. ``agreed`` are missing tests that the user has accepted."""
    run = base.runs.get(command)
    failed_before = run is not None and not run.passed
    if (report is None or report is UNCLEAR) and outcome.passed and counted_before(command, base):
        # Whatever ended with 0 here, the tests it ran before did not, as far as anybody can tell.
        report = TestReport({}, 0, 0, 0, complete=bool(named_before(command, base)))
    if report is None or report is UNCLEAR:
        return Verdict(outcome.passed, failed_before=failed_before)
    compared = compare(report, command, base)
    failed = Verdict(False, comparison=compared, failed_before=failed_before)
    # Also with exit code 0, which may be that of a pipe or of what came after the tests.
    if compared.newly_failing:
        again = outcome.exit_code is not None and any(
            _may_have_passed(t, command, base) for t in compared.newly_failing
        )
        return replace(failed, doubtful=again)
    if outcome.exit_code is None or is_internal(report):
        return failed
    if report.failed and not report.passed:
        return replace(failed, unproven=_none_passed_before(command, base) and not compared.missing)
    notes = []
    missing = [t for t in compared.missing if t not in agreed]
    skipped = all_skipped(report) and ran_none(run) and run is not None and run.exit_code == outcome.exit_code
    if not outcome.passed and not skipped and not only_tests_failed(command, outcome, report, base):
        if not _ended_so_before(command, outcome, report, base):
            return failed
        if not missing and not _means_no_more(command, outcome, run):
            return replace(failed, besides=True)
        notes.append(f"all tests pass; it ended with exit code {outcome.exit_code} before the work began, too")
    if compared.still_failing:
        notes.append(f"with known failures: {_some(compared.still_failing)} failed before the work began, too")
    if missing:
        notes.append(f"tests are missing or newly skipped: {_some(missing)}")
    elif compared.missing:
        notes.append(f"you accepted that these are missing or skipped: {_some(compared.missing)}")
    return Verdict(not missing, "; ".join(notes) or None, compared, missing, failed_before=failed_before)


def may_be_so_on_base(outcome: CommandOutcome, report: TestReport | None, verdict: Verdict) -> bool:
    """Whether nothing is wrong with the tests, so that only a look at the base can say what the exit code means."""
    if report is None or report is UNCLEAR or verdict.passed or verdict.comparison.newly_failing:
        return False
    return bool(report.passed or all_skipped(report)) and outcome.exit_code in range(1, _SIGNALS)


def all_skipped(report: TestReport) -> bool:
    """Whether a report holds tests, and each was skipped."""
    return bool(report.skipped) and not report.passed and not report.failed


def ran_none(run: CheckRun | None) -> bool:
    """Whether a run told of its tests, and not one of them was run."""
    told = run.tests_summary if run is not None else None
    return told is not None and not told.get("passed") and not told.get("failed")


def judge_again(
    command: str,
    outcome: CommandOutcome,
    report: TestReport | None,
    base: Baseline,
    agreed: Set[str],
    first: Verdict,
) -> Verdict:
    """The second run after a doubtful one: what fails in one of them only is flaky, which is told and not counted."""
    second = judge(command, outcome, report, base, agreed)
    if report is None or report is UNCLEAR:
        return replace(second, doubtful=False)
    before, now = set(first.comparison.newly_failing), set(second.comparison.newly_failing)
    # A test that passed in the first run and fails in the second is no more broken by the work than the other way round.
    flaky = sorted(t for t in before - now if _passes(t, report)) + sorted(now - before)
    if now and not now & before:
        outcomes = report.outcomes | dict.fromkeys(now, "passed")
        others = replace(report, outcomes=outcomes, failed=report.failed - len(now), passed=report.passed + len(now))
        second = judge(command, outcome if others.failed else replace(outcome, exit_code=0), others, base, agreed)
    elif now - before:
        second = replace(second, comparison=replace(second.comparison, newly_failing=sorted(now & before)))
    note = "; ".join(
        n for n in (second.note, f"flaky, failed once and then passed: {_some(flaky)}" if flaky else None) if n
    )
    return replace(second, note=note or None, flaky=flaky, doubtful=False)


def only_tests_failed(command: str, outcome: CommandOutcome, report: TestReport, base: Baseline) -> bool:
    """Whether the exit code means nothing but "tests failed", so that the tests can speak for it."""
    code = outcome.exit_code
    if code is None or not report.failing or is_internal(report):
        return False
    if not report.complete and len(report.failing) != report.failed:
        return False  # some of what failed is not named
    run = base.runs.get(command)
    if (run is not None and run.exit_code == code) or code in {min(report.failed, 255), report.failed % 256}:
        return True  # as before, or it is their number
    if not collect.is_plain(command):
        return False
    return code in _TESTS_FAILED or (report.complete and _runner(command) is not None and 0 < code < _SIGNALS)


def _passes(test: str, report: TestReport) -> bool:
    """Whether a test passed in a run, as far as it names what passes."""
    return report.outcomes.get(test) == "passed" or (not report.complete and test not in report.outcomes)


def _ended_so_before(command: str, outcome: CommandOutcome, report: TestReport, base: Baseline) -> bool:
    """Whether all tests pass, as on the base, and the exit code says otherwise, as on the base.

    A check that names tests which the base does not hold is compared with others of the same runner.
    """
    if report.failed or outcome.exit_code not in range(1, _SIGNALS):
        return False
    runner = _runner(command)
    runs = [run for known, run in base.runs.items() if known == command or (runner and _runner(known) == runner)]
    return any(_all_passed(run) and run.exit_code == outcome.exit_code for run in runs)


def _all_passed(run: CheckRun) -> bool:
    told = run.tests_summary or {}
    return bool(told.get("passed")) and not told.get("failed")


def _runner(command: str) -> str | None:
    """The test runner that a command is, without what it is to run; None where it is more, or something else."""
    found = _RUNNER.match(command) if collect.is_plain(command) else None
    return found[0].strip() if found else None


def _means_no_more(command: str, outcome: CommandOutcome, run: CheckRun | None) -> bool:
    """Whether the exit code can be of nothing but the tests' own run: a threshold, say."""
    if _runner(command):
        return True
    return run is not None and all(_THRESHOLD.search(output) for output in (run.output, outcome.output))


def _none_passed_before(command: str, base: Baseline) -> bool:
    """Whether no test of this check is known to have passed, on the base or since."""
    run, last = base.runs.get(command), base.accepted.get(command)
    summaries = [run.tests_summary or {}] if run else []
    summaries += [last.summary] if last else []
    return not any(summary.get("passed") for summary in summaries)


def _may_have_passed(test: str, command: str, base: Baseline) -> bool:
    """Whether a test passed on the base, as far as is known: a quiet runner names only what failed."""
    run = base.runs.get(command)
    quiet = run is not None and not (run.tests_summary or {"complete": True}).get("complete")
    return base.before(command).get(test) == "passed" or quiet


def _some(tests: list[str]) -> str:
    return ", ".join(tests[:3]) + (f" and {len(tests) - 3} more" if len(tests) > 3 else "")
