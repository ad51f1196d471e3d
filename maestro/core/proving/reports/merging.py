"""One report of several: of the parts of a check, and of what a runner wrote and what it printed."""

from __future__ import annotations

from collections.abc import Sequence

from maestro.core.proving.reports.model import TestReport, report_of


def merged(reports: Sequence[TestReport]) -> TestReport:
    """All tests of some runs; where one of them names not all of its tests, their numbers are added up."""
    if len(reports) == 1:
        return reports[0]
    together = report_of(pair for report in reports for pair in report.outcomes.items())
    if all(report.complete for report in reports):
        return together
    passed, failed, skipped = (sum(n) for n in zip(*((r.passed, r.failed, r.skipped) for r in reports), strict=True))
    return TestReport(together.outcomes, passed, failed, skipped, complete=False)


def agreed(written: TestReport, printed: TestReport) -> TestReport:
    """What a runner wrote, unless it printed that more tests ran or failed: then the printed numbers hold."""
    if printed.passed + printed.failed <= written.passed + written.failed and printed.failed <= written.failed:
        return written
    names = report_of([*written.outcomes.items(), *((n, "failed") for n in printed.failing)]).outcomes
    return TestReport(names, printed.passed, printed.failed, printed.skipped, complete=False)
