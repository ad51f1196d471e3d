"""Whether a check's run proves a commit: by its single tests where it names them, else by its exit code."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field, replace

from maestro.core.proving import test_reports
from maestro.core.proving.baseline import Baseline, Comparison, compare, counted_before, named_before
from maestro.core.proving.report import UNCLEAR, TestReport
from maestro.core.validation import CommandOutcome

#: What test runners end with when tests failed and nothing worse happened.
_TESTS_FAILED = frozenset({1, 101})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run is worth, and why. ``doubtful``: every new failure is of a test that passed before."""

    passed: bool
    note: str | None = None
    comparison: Comparison = field(default_factory=Comparison)
    missing: list[str] = field(default_factory=list)  # tests the person has to agree to lose
    flaky: list[str] = field(default_factory=list)
    doubtful: bool = False
    failed_before: bool = False


def judge(
    command: str, outcome: CommandOutcome, report: TestReport | None, base: Baseline, agreed: Set[str]
) -> Verdict:
    """One run against the base. ``agreed`` are missing tests that the person has accepted."""
    run = base.runs.get(command)
    failed_before = run is not None and not run.passed
    if report is None and outcome.passed and counted_before(command, base):
        # Whatever ended with 0 here, the tests it ran before did not.
        report = TestReport({}, 0, 0, 0, complete=bool(named_before(command, base)))
    if report is None or report is UNCLEAR:
        return Verdict(outcome.passed, failed_before=failed_before)
    compared = compare(report, command, base)
    if not outcome.passed and not only_tests_failed(command, outcome, report, base):
        return Verdict(False, comparison=compared, failed_before=failed_before)
    # Also with exit code 0, which may be that of a pipe or of what came after the tests.
    if compared.newly_failing:
        doubtful = all(_may_have_passed(t, command, base) for t in compared.newly_failing)
        return Verdict(False, comparison=compared, doubtful=doubtful, failed_before=failed_before)
    notes = []
    if compared.still_failing:
        notes.append(f"with known failures: {_some(compared.still_failing)} failed before the work began, too")
    missing = [t for t in compared.missing if t not in agreed]
    if missing:
        notes.append(f"tests vanished or are skipped now: {_some(missing)}")
    elif compared.missing:
        notes.append(f"you agreed to what vanished or is skipped now: {_some(compared.missing)}")
    return Verdict(not missing, "; ".join(notes) or None, compared, missing, failed_before=failed_before)


def judge_again(
    command: str,
    outcome: CommandOutcome,
    report: TestReport | None,
    base: Baseline,
    agreed: Set[str],
    first: Verdict,
) -> Verdict:
    """The second run after a doubtful one: what fails only once is flaky, which is told and not counted."""
    second = judge(command, outcome, report, base, agreed)
    if report is None or report is UNCLEAR:
        return replace(second, doubtful=False)
    flaky = [t for t in first.comparison.newly_failing if t not in report.failing]
    note = "; ".join(
        n for n in (second.note, f"flaky, failed once and then not: {_some(flaky)}" if flaky else None) if n
    )
    return replace(second, note=note or None, flaky=flaky, doubtful=False)


def only_tests_failed(command: str, outcome: CommandOutcome, report: TestReport, base: Baseline) -> bool:
    """Whether the exit code means nothing but "tests failed", so that the tests can speak for it."""
    if outcome.exit_code is None or not report.failing:
        return False
    if not report.complete and len(report.failing) != report.failed:
        return False  # some of what failed is not named
    run = base.runs.get(command)
    if run is not None and run.exit_code == outcome.exit_code:
        return True
    return test_reports.is_plain(command) and outcome.exit_code in _TESTS_FAILED


def _may_have_passed(test: str, command: str, base: Baseline) -> bool:
    """Whether a test passed on the base, as far as is known: a quiet runner names only what failed."""
    run = base.runs.get(command)
    quiet = run is not None and not (run.tests_summary or {"complete": True}).get("complete")
    return base.before(command).get(test) == "passed" or quiet


def _some(tests: list[str]) -> str:
    return ", ".join(tests[:3]) + (f" and {len(tests) - 3} more" if len(tests) > 3 else "")
