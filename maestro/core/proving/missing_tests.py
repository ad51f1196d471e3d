"""Asking about tests that do not run: those that ran before and no longer do, and a check that runs none at all."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import replace
from pathlib import Path
from typing import Any

from maestro.core.approvals.question import Question
from maestro.core.proving import file_kinds, unproven, verdicts
from maestro.core.proving.baseline import Baseline
from maestro.core.proving.reports import collect
from maestro.core.proving.reports.model import UNCLEAR, TestReport
from maestro.core.proving.verdicts import Verdict
from maestro.core.tasks import prompts
from maestro.db import models
from maestro.worktrees import repository

#: Options with which a runner is not to run tests, or may find none.
_NONE_ASKED_FOR = re.compile(r"--co(llect-only)?\b|--setup-plan\b|--passWithNoTests\b|--list\b")

#: What tells of its tests whenever it runs any, unless it is told not to.
_TELLS = re.compile(
    r"(\w+=\S* )*((uv|poetry|pdm|pipenv|rye) run )?(\S*python[\d.]* (-\w+ )*-m (pytest|unittest)|pytest|py\.test)( |$)"
)
_TOLD_NOT_TO = re.compile(
    r"PYTEST_ADDOPTS|--junit|--help|--version|--fixtures|--markers|--cache-show|no:junitxml| -[hV]\b"
)


def review(
    session: models.Session,
    commit: str,
    command: str,
    report: TestReport | None,
    base: Baseline,
    agreed: Set[str],
    verdict: Verdict,
) -> Verdict:
    """The verdict on a check of ``commit``; not passed where it was to run tests and ran none.

    That is no matter, and only noted, in a repository that holds no tests yet, and where it was so on the base while
    another check ran tests there. Else, where it was so on the base, the work is not to blame: the verdict is ``unproven``,
    and the set-up may be what is missing.
    """
    if report is UNCLEAR or not verdict.passed or verdict.comparison.missing:
        return verdict
    if not _should_have_told(command, base) if report is None else report.passed or report.failed:
        return verdict
    item = unproven.no_tests_key(command)
    if item in agreed:
        return replace(verdict, note="no test ran, which you accepted")
    if _NONE_ASKED_FOR.search(command) or (report is not None and _nothing_new(session, commit, command, report, base)):
        return replace(verdict, note="no test ran")
    before = report is not None and verdicts.ran_none(base.runs.get(command))
    return replace(verdict, passed=False, missing=[item], unproven=before, note="no test ran")


def question(command: str, report: TestReport | None, verdict: Verdict, base: Baseline) -> Question:
    """What to ask about a verdict's missing tests; beside these the new ones, which a renamed test is among."""
    gone, skipped = verdict.comparison.vanished, verdict.comparison.skipped_now
    never = verdict.missing == [unproven.no_tests_key(command)]
    if never:
        gone, skipped = [], [n for n, o in report.outcomes.items() if o == "skipped"] if report else []
        title = f"`{command}` succeeded but reported no tests. Is this intended?"
    else:
        parts = [f"{len(gone)} vanished" if gone else "", f"{len(skipped)} newly skipped" if skipped else ""]
        title = f"Tests are missing from `{command}`: {', '.join(p for p in parts if p)}. Is this intended?"
    detail: dict[str, Any] = {
        "command": command,
        "vanished": gone[:500],
        "skipped_now": skipped[:500],
        "new": sorted((report.outcomes if report and gone else {}).keys() - base.before(command).keys())[:500],
        "reason": "A check that runs no test proves nothing."
        if never
        else "These tests ran before. A test that no longer runs proves nothing.",
        "allow": "this is intended",
        "deny": "send it back",
    }
    prompt = prompts.no_test_ran_prompt(command) if never else prompts.tests_missing_prompt(command, gone, skipped)
    return Question("tests_missing", title, verdict.missing, prompt, detail)


def _should_have_told(command: str, base: Baseline) -> bool:
    """Whether a check is plainly a runner that always tells of its tests, and did not fail to on the base as well."""
    run = base.runs.get(command)
    silent_before = run is not None and run.passed and run.tests_summary is None
    plain = collect.is_plain(command) and _TELLS.match(command) and not _TOLD_NOT_TO.search(command)
    return bool(plain) and not silent_before


def _nothing_new(session: models.Session, commit: str, command: str, report: TestReport, base: Baseline) -> bool:
    """Whether there is no test that could run, or this check ran none before, either, and others did."""
    known = base.outcomes or any(one.summary.get("total") for one in base.accepted.values())
    repo = Path(session.repo_path)
    if not report.total and not known:
        return not _holds_tests(repo, commit)
    if not verdicts.ran_none(base.runs.get(command)) or not _any_ran(base):
        return False
    return bool(report.total) or _holds_tests(repo, session.base_commit)


def _holds_tests(repo: Path, commit: str) -> bool:
    return any(file_kinds.is_test_code(path) for path in repository.list_files(repo, commit))


def _any_ran(base: Baseline) -> bool:
    """Whether a test of any check is known to have run, before the work or since."""
    told = [run.tests_summary or {} for run in base.runs.values()] + [one.summary for one in base.accepted.values()]
    return any(summary.get("passed") or summary.get("failed") for summary in told)
