"""Runners that did not get to their tests, or broke off amid them: never the result of a test, and never "known"."""

from __future__ import annotations

import re

from maestro.core.proving.reports.model import TestReport
from maestro.core.workspaces.run_command import CommandOutcome

#: How pytest names an internal error of its own in its report.
_INTERNAL = "pytest::internal"
#: What runners say that broke off before, or instead of, running tests: never the result of a test.
_BROKE_OFF = (
    (re.compile(r"^INTERNALERROR>", re.MULTILINE), "pytest stopped with an internal error."),
    (re.compile(r"ImportError while loading conftest"), "pytest could not load a conftest.py."),
    (
        re.compile(r"^(?:ERROR: |ImportError: )?Error importing plugin \"", re.MULTILINE),
        "pytest could not load a plugin.",
    ),
    (
        re.compile(r"^.*\b(?:pytest|__main__\.py): error: (?:unrecognized arguments|argument )", re.MULTILINE),
        "pytest does not know one of its options.",
    ),
    (
        re.compile(
            r"^ERROR: .*(?:Unknown config option|Missing required plugins|(?:pytest\.ini|pyproject\.toml|setup\.cfg|tox\.ini):)",
            re.MULTILINE,
        ),
        "pytest could not use its settings.",
    ),
    (
        re.compile(
            r"● Validation Error|Jest: Failed to parse|Preset \S+ not found|Could not (?:find|resolve) a config file"
            r"|[Ff]ailed to load config from|Startup Error|✖ ERROR: Error: Unable to read"
        ),
        "The test runner could not use its settings.",
    ),
    (
        re.compile(r"Cannot find module '[^']*\b(?:jest|vitest|mocha|ava|tap|karma)\b[^']*'"),
        "The test runner is not installed.",
    ),
    (
        re.compile(
            r"No tests? (?:files )?found, exiting with code|Error: No test files found|^NO TESTS RAN$", re.MULTILINE
        ),
        "No test was found.",
    ),
    (
        re.compile(
            r"failed to parse manifest at|could not find `Cargo\.toml`|go: (?:go\.mod file not found|cannot find main)"
        ),
        "The project could not be read by its tool.",
    ),
)


def broke_off(outcome: CommandOutcome, report: TestReport | None) -> str | None:
    """What a runner said that did not get to its tests, or broke off amid them: in words for the user."""
    internal = report is not None and _INTERNAL in report.failing
    if outcome.exit_code in {0, None} or (report is not None and report.passed and not internal):
        return None
    return next((words for pattern, words in _BROKE_OFF if pattern.search(outcome.output)), None)


def is_internal(report: TestReport) -> bool:
    """Whether a report holds an internal error of its runner, which is not a test that may have failed before."""
    return _INTERNAL in report.failing
