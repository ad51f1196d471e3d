"""What was so before any work began, and before a task began, and how a check compares with it, test by test."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from maestro.core.approvals import questions
from maestro.core.kernel import lookup
from maestro.core.kernel.locks import WorkCancelled
from maestro.core.kernel.runtime import Runtime
from maestro.core.planning.approved import approved_plan
from maestro.core.proving import measured, varying
from maestro.core.proving.reports.model import NOT_LOADED, TestReport
from maestro.db import models
from maestro.stopwatch import Stopwatch
from maestro.worktrees import history

_POLL_S = 0.1
_GIVE_IT_UP_S = 2.0

#: What one look counts for at most: a machine that slept has not waited.
_STEP_S = 1.0

_NAMED = 200
#: A test function with its parameters, wherever it stands; other runners' tests have titles.
_FUNCTION = re.compile(r"(?:.*::)?(\w+)(?:\[.*\])?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The last run of a check with which work came in on the session branch."""

    tests: dict[str, str]
    summary: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a check is compared with.

    ``runs`` and ``outcomes``: on the untouched base, the last run of each command and every test they name.
    ``accepted``: by command, what came in on the session branch since (``on_branch``).
    """

    runs: dict[str, models.CheckRun]
    outcomes: dict[str, str]
    accepted: dict[str, Accepted] = field(default_factory=dict)

    def before(self, command: str) -> dict[str, str]:
        """How each test ended last, before the work that is judged: under this command, where it named it."""
        known: dict[str, str] = {}
        for run in self.accepted.values():
            known |= run.tests
        last = self.accepted.get(command)
        return known | self.outcomes | (last.tests if last else {})


@dataclass(frozen=True, slots=True)
class Comparison:
    """One run against the baseline. Tests by id; ``missing`` is what vanished or is newly skipped."""

    newly_failing: list[str] = field(default_factory=list)
    fixed: list[str] = field(default_factory=list)
    still_failing: list[str] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    skipped_now: list[str] = field(default_factory=list)

    @property
    def missing(self) -> list[str]:
        """What counts like a failure until the user agrees."""
        return [*self.vanished, *self.skipped_now]

    def as_json(self) -> dict[str, Any]:
        """For evidence: each list up to a limit, empty ones left out."""
        lists = {
            "newly_failing": self.newly_failing,
            "fixed": self.fixed,
            "still_failing": self.still_failing,
            "vanished": self.vanished,
            "skipped_now": self.skipped_now,
        }
        return {name: tests[:_NAMED] for name, tests in lists.items() if tests}


def load(rt: Runtime, session_id: str) -> Baseline:
    """The baseline as far as it is measured."""
    query = select(models.CheckRun).where(*measured.on_base(session_id))
    with rt.db.read() as db:
        rows = db.exec(query.order_by(col(models.CheckRun.created_at))).all()
    runs = {row.command: row for row in rows}
    vary = varying.known(rt, session_id)
    for row in runs.values():
        row.tests = varying.steady(row.tests, vary) if row.tests is not None else None
    outcomes: dict[str, str] = {}
    for row in runs.values():
        # A test that failed under one command and passed under another is not to be blamed on anybody.
        outcomes |= {name: o for name, o in (row.tests or {}).items() if outcomes.get(name) != "failed"}
    return Baseline(runs, outcomes)


def on_branch(rt: Runtime, session: models.Session, base: Baseline, start: str) -> Baseline:
    """The baseline, and what has come in on the session branch up to ``start``.

    Told by the commits themselves, so that after a rollback it is the branch as it is then.
    """
    commits = history.commits(Path(session.repo_path), session.base_commit, start)
    query = select(models.CheckRun.id, models.CheckRun.command, models.CheckRun.commit).where(
        models.CheckRun.session_id == session.id,
        col(models.CheckRun.phase).in_(["task", "integration"]),
        col(models.CheckRun.passed).is_(True),
        col(models.CheckRun.tests_summary).is_not(None),
    )
    with rt.db.read() as db:
        rows = db.exec(query.order_by(col(models.CheckRun.created_at))).all()
        last = {command: run_id for run_id, command, commit in rows if commit in commits}
        found = db.exec(select(models.CheckRun).where(col(models.CheckRun.id).in_(last.values()))).all()
    vary, gone = varying.known(rt, session.id), _gone_with_an_update(rt, session.id, base)
    accepted = {}
    for run in found:
        tests = {name: how for name, how in varying.steady(run.tests or {}, vary).items() if name not in gone}
        accepted[run.command] = Accepted(tests, run.tests_summary or {})
    return replace(base, accepted=accepted)


def _gone_with_an_update(rt: Runtime, session_id: str, base: Baseline) -> set[str]:
    """Tests of an earlier base that the present one does not have: the target took them away, not the session."""
    earlier = select(models.CheckRun).where(
        models.CheckRun.session_id == session_id,
        models.CheckRun.phase == "baseline",
        col(models.CheckRun.id).not_in([run.id for run in base.runs.values()]),
        col(models.CheckRun.commit).is_not(None),
        col(models.CheckRun.commit).not_in([run.commit for run in base.runs.values() if run.commit]),
    )
    with rt.db.read() as db:
        rows = db.exec(earlier).all() if base.runs else []
    return {name for row in rows for name in row.tests or {}} - base.outcomes.keys()


def wait_for(rt: Runtime, session_id: str, stop: Callable[[], bool]) -> Baseline:
    """The whole baseline: it is measured beside the first tasks, and a landing waits for it, with a limit.

    Raises WorkCancelled when the session is called off meanwhile.
    """
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
    _summary, checks = approved_plan(rt, session)
    stopwatch = Stopwatch(_STEP_S)
    limit = rt.settings.check_timeout_minutes * 60 * max(len(checks), 1)
    idle_since = 0.0
    while True:
        known = _measured(rt, session_id)
        now = stopwatch.elapsed()
        if rt.jobs.running(f"baseline:{session_id}"):
            idle_since = now
        # Nobody measures it (it could not be set up, say): then there is nothing to compare with.
        given_up = now > limit or now - idle_since > _GIVE_IT_UP_S or session_id in measured.given_up(rt)
        if given_up or known.issuperset(checks):
            return load(rt, session_id)
        if stop() or questions.merge_train_blocker(rt, session_id):
            raise WorkCancelled
        time.sleep(_POLL_S)


def _measured(rt: Runtime, session_id: str) -> set[str]:
    """The commands only: outputs and tests are loaded once, not at each look."""
    query = select(models.CheckRun.command).where(*measured.on_base(session_id))
    with rt.db.read() as db:
        return set(db.exec(query).all())


def compare(now: TestReport, command: str, base: Baseline) -> Comparison:
    """How a run differs from what was before; what is missing can only be told of the same command."""
    before = base.before(command)
    newly = sorted(t for t in now.failing if before.get(t) != "failed")
    still = sorted(t for t in now.failing if before.get(t) == "failed")
    fixed = sorted(t for t, outcome in now.outcomes.items() if outcome == "passed" and before.get(t) == "failed")
    ran = {"passed", "failed"}
    skipped = sorted(
        t for t, outcome in now.outcomes.items() if outcome == "skipped" and {before.get(t), base.outcomes.get(t)} & ran
    )
    vanished: list[str] = []
    if now.complete:
        vanished = _gone(now, command, base)
    elif command in base.runs or command in base.accepted:
        vanished, skipped = _by_count(now, command, base)
    return Comparison(newly, fixed, still, vanished, skipped)


def named_before(command: str, base: Baseline) -> set[str]:
    """The tests that this command is known to have run, on the base or on the session branch since."""
    return {name for tests in _known(command, base) for name in _ran(tests)}


def _known(command: str, base: Baseline) -> list[dict[str, str]]:
    """The runs of this command that named all their tests: on the base, and the last that came in since."""
    run, last = base.runs.get(command), base.accepted.get(command)
    known = [(run.tests or {}, run.tests_summary or {})] if run else []
    known += [(last.tests, last.summary)] if last else []
    return [tests for tests, summary in known if summary.get("complete")]


def _ran(tests: dict[str, str]) -> set[str]:
    return {name for name, outcome in tests.items() if outcome != "skipped" and not name.startswith(NOT_LOADED)}


def _gone(now: TestReport, command: str, base: Baseline) -> list[str]:
    """The tests of earlier runs that do not run any more.

    One that passes in another file or with other parameters instead, where that run did not know it, is not gone:
    what it says there is looked at like any changed test (``check_changes``).
    """
    gone: set[str] = set()
    for known in _known(command, base):
        new = [n for n, how in now.outcomes.items() if how == "passed" and n not in known and n not in base.outcomes]
        moved = Counter(_function(name) for name in new)
        for name in sorted(_ran(known) - now.outcomes.keys()):
            moved[_function(name)] -= 1
            if moved[_function(name)] < 0 or "::" not in name:
                gone.add(name)
    return sorted(gone)


def _function(name: str) -> str:
    function = _FUNCTION.fullmatch(name)
    return function[1] if function else name.partition("::")[2]


def counted_before(command: str, base: Baseline) -> int:
    """How many tests this command is known to have run, the last time that work came in with it."""
    run, last = base.runs.get(command), base.accepted.get(command)
    summary = (last.summary if last else run.tests_summary if run else None) or {}
    return int(summary.get("total", 0)) - int(summary.get("skipped", 0))


def _by_count(now: TestReport, command: str, base: Baseline) -> tuple[list[str], list[str]]:
    """A quiet runner names no tests that pass: then their number has to do."""
    run, last = base.runs.get(command), base.accepted.get(command)
    before = last.summary if last else (run.tests_summary if run else None)
    when = "before this" if last else "before the work"
    vanished, skipped = [], []
    if before and now.total < before.get("total", 0):
        vanished = [f"`{command}` ran {now.total} tests; {when} it ran {before['total']}"]
    if before and now.skipped > before.get("skipped", 0):
        skipped = [f"`{command}` skipped {now.skipped} tests; {when} it skipped {before.get('skipped', 0)}"]
    return vanished, skipped
