"""New tests that fail without the fixtures that came with them hide nothing, and are not asked about."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set

from maestro.core.proving import verdicts
from maestro.core.proving.baseline import Baseline
from maestro.core.proving.reports.model import TestReport
from maestro.core.workspaces.run_command import CommandOutcome

#: What in a ``conftest.py`` has a say in tests that do not ask for it.
_FOR_ALL = re.compile(r"\bpytest_\w+|collect_ignore|autouse")
_FIXTURE = re.compile(r"^\+@(?:pytest\.)?fixture\b.*\n(?:\+[@ \t)].*\n)*\+(?:async )?def (\w+)\(", re.MULTILINE)
_WANTED = re.compile(r"^E\s+fixture '(\w+)' not found$", re.MULTILINE)


def added(diffs: Mapping[str, str]) -> set[str]:
    """The fixtures that changes of ``conftest.py`` add; none where these do more. ``diffs`` by path."""
    found: set[str] = set()
    for path, diff in diffs.items():
        changed = "\n".join(line for line in diff.splitlines() if line.startswith(("+", "-")))
        if path.rpartition("/")[2] != "conftest.py" or _FOR_ALL.search(changed):
            continue
        found.update(_FIXTURE.findall(diff))
    return found


def explain(
    command: str, outcome: CommandOutcome, report: TestReport | None, base: Baseline, fixtures: Set[str]
) -> bool:
    """Whether a run without ``fixtures`` failed only in tests that were not there before and want one of them."""
    if not fixtures or report is None or not verdicts.only_tests_failed(command, outcome, report, base):
        return False
    before = base.before(command)
    newly = [test for test in report.failing if before.get(test) != "failed"]
    wanted = [name for name in _WANTED.findall(outcome.output) if name in fixtures]
    return bool(newly) and len(wanted) == len(newly) and not any(test in before for test in newly)
