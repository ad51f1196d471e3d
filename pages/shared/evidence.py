"""Evidence: what Maestro's own checks said, one line a run, the output on demand."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from nicegui import run

from maestro.core import queries
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import CheckRunView
from maestro.errors import NotFound
from pages.components.icon import icon
from pages.components.inline import inline
from pages.components.name_list import name_list
from pages.components.tag import Tag, box, tag, text
from pages.components.terminal import terminal
from pages.components.when import when
from pages.components.words import duration, plural

PHASES = {
    "baseline": "Before the work",
    "task": "On the task's own branch",
    "integration": "Integrated with the other tasks",
    "validation": "Final checks",
}
_PHASE_SHORT = {
    "baseline": "before the work",
    "task": "task",
    "integration": "integration",
    "review": "review",
    "validation": "validation",
}

#: How much of an output a page shows; its end, where test runners say how it went.
_SHOWN = 20_000

_PASSED = re.compile(r"\b(\d+) (?:tests? )?pass(?:ed|ing)\b", re.IGNORECASE)
_FAILED = re.compile(r"\b(\d+) (?:tests? )?fail(?:ed|ing|ures?)\b|\bfailures=(\d+)", re.IGNORECASE)
_ERRORS = re.compile(r"\b(\d+) errors?\b|\berrors=(\d+)", re.IGNORECASE)
_RAN = re.compile(r"^Ran (\d+) tests? in ", re.MULTILINE)
_SUMMARY = 400
_TELLS = {
    "pass_or_fail": ("pass or fail only", "This check does not name its tests, so a missing test goes unnoticed."),
    "numbers": ("tests counted, not named", "Tests are counted, not named, so a replaced test goes unnoticed."),
}

#: How a run compares with the one before the work began: member of the summary, title, colour.
_COMPARED = (
    ("newly_failing", "Newly failing", "failed"),
    ("vanished", "Gone", "failed"),
    ("skipped_now", "Skipped now", "waiting"),
    ("still_failing", "Failed before this work, too", "pending"),
    ("flaky", "Flaky: failed once, then passed", "waiting"),
    ("fixed", "Fixed", "done"),
)


def count_words(check: CheckRunView) -> str:
    """``14 passed``, ``2 of 14 failed, 1 new, 1 known``, or only how it ended, where nobody counted tests."""
    if check.could_not_run:
        return "could not run"
    passed, bad, ran = _counts(check)
    told = check.tests_summary or {}
    new, known, missing = _many(told, "newly_failing"), _many(told, "still_failing"), _missing(told)
    if check.passed:
        words = f"{passed:,} passed" if passed else "passed"
        return ", ".join(w for w in (words, f"{known:,} known to fail" if known else "", _flaky(told)) if w)
    if check.exit_code is None:
        return (
            "runs in watch mode and never ends" if "watch mode" in (check.note or "") else "stopped at the time limit"
        )
    if bad:
        words = f"{bad:,} of {ran:,} failed" if ran > bad else f"{bad:,} failed"
        parts = [words, f"{new:,} new" if new and known else "", f"{known:,} known" if known else ""]
        parts += [f"{missing:,} missing" if missing else "", _flaky(told)]
        return ", ".join(p for p in parts if p)
    if missing:
        return f"{plural(missing, 'test')} missing"
    return f"exit code {check.exit_code}"


def check_tone(check: CheckRunView) -> str:
    """Its colour; what failed before the work began is nobody's failure."""
    return "done" if check.passed else "pending" if check.phase == "baseline" else "failed"


def _many(told: dict[str, Any], name: str) -> int:
    found = told.get(name)
    return len(found) if isinstance(found, list) else 0


def _missing(told: dict[str, Any]) -> int:
    """Tests that vanished or are skipped now."""
    return _many(told, "vanished") + _many(told, "skipped_now")


def _flaky(told: dict[str, Any]) -> str:
    count = _many(told, "flaky")
    return f"{count:,} flaky" if count else ""


def evidence_list(rt: Runtime, session_id: str, checks: Iterable[CheckRunView]) -> Tag:
    """Check runs, newest first; a click unfolds the output."""
    with box("ev") as made:
        for check in reversed(list(checks)):
            evidence_line(rt, session_id, check)
    return made


def evidence_line(rt: Runtime, session_id: str, check: CheckRunView) -> Tag:
    """One check run: how it went, the command, when and in which attempt; the output is read when it is unfolded."""
    tone = check_tone(check)
    with tag("details", "", f"ev__run s-{tone}", data_check=check.id) as made:
        with tag("summary", "", "ev__sum"):
            icon("check" if check.passed else "x", "ev__mark", label="Passed" if check.passed else "Failed")
            with box("m-stack m-gap-0 m-grow"):
                with box("m-row m-row--wrap ev__head"):
                    text(count_words(check), "ev__words m-num")
                    text(f"in {duration(check.duration_s)}", "m-meta m-num")
                tag("code", check.command, "ev__cmd m-cut", title=check.command)
                note = _note(check)
                if note:
                    inline(note, "ev__note m-wrap")
                with box("m-row m-row--wrap ev__meta m-meta"):
                    text(_PHASE_SHORT.get(check.phase, check.phase))
                    if check.phase != "baseline":
                        text(f"attempt {check.attempt}", "m-num")
                    if not check.passed and check.exit_code is not None:
                        text(f"exit code {check.exit_code}", "m-num")
                    if check.tells != "tests" and check.exit_code is not None and not check.could_not_run:
                        text(_TELLS[check.tells][0], title=_TELLS[check.tells][1])
                    when(check.created_at)
        body = box("ev__out")
    _read_on_demand(rt, session_id, check, made, body)
    return made


def _note(check: CheckRunView) -> str:
    """Why it counts as it does, where its numbers do not say it: the names stand in what unfolds."""
    told = check.tests_summary or {}
    if check.phase == "baseline" and not check.passed and not check.could_not_run:
        return "Failed before any work began: not counted against the tasks"
    if any(_many(told, name) for name, _title, _tone in _COMPARED):
        return ""
    return check.note or ""


def summary_words(checks: list[CheckRunView]) -> str:
    """``2 checks passed`` or ``1 of 3 checks failed``, of the newest run of each command."""
    newest = {c.command: c for c in checks}
    failed = sum(1 for c in newest.values() if not c.passed)
    if failed:
        return f"{failed} of {plural(len(newest), 'check')} failed"
    return f"{plural(len(newest), 'check')} passed"


def _counts(check: CheckRunView) -> tuple[int, int, int]:
    """Tests that passed, that failed, and all: as Maestro counted them, else as the output's end says."""
    told = check.tests_summary or {}
    if told.get("total"):
        passed, total = int(told.get("passed") or 0), int(told["total"])
        return passed, int(told.get("failed") or 0), total - int(told.get("skipped") or 0)
    end = check.output[-_SUMMARY:]
    passed, bad = _number(_PASSED, end), _number(_FAILED, end) + _number(_ERRORS, end)
    ran = _number(_RAN, end) or passed + bad
    return passed or ran - bad, bad, ran


def _read_on_demand(rt: Runtime, session_id: str, check: CheckRunView, made: Tag, body: Tag) -> None:
    async def fill() -> None:
        if body.default_slot.children:
            return
        try:
            whole = await run.io_bound(queries.get_check_run, rt, session_id, check.id)
        except NotFound:
            whole = None
        if whole is None or body.is_deleted or body.default_slot.children:
            return
        with body:
            for name, title, tone in _COMPARED:
                name_list(title, (check.tests_summary or {}).get(name), tone)
            output, begins = whole.output.strip("\n"), len(whole.output) - len(whole.output.lstrip("\n"))
            if len(output) > _SHOWN:
                tag("div", f"The last {_SHOWN:,} of {len(output):,} characters", "m-meta")
            elif whole.output_cut:
                tag("div", "Very long: the middle was left out", "m-meta")
            begins += max(0, len(output) - _SHOWN)
            styles = [(max(a - begins, 0), b - begins, look) for a, b, look in whole.styles if b > begins]
            terminal(output[-_SHOWN:] or "No output.", styles, "ev__text").props("tabindex=0")
            if whole.commit:
                tag("div", f"on commit {whole.commit[:10]}", "m-meta")

    made.on("toggle", fill)


def _number(pattern: re.Pattern[str], words: str) -> int:
    found = pattern.findall(words)
    if not found:
        return 0
    last = found[-1]
    return int(next(n for n in last if n) if isinstance(last, tuple) else last)
