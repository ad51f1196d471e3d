"""A check in which no test passed proves nothing, whatever failed before: the user is asked, and the set-up is offered."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path

from sqlmodel import select

from maestro.core.approvals import questions
from maestro.core.approvals.question import AS_BEFORE, NO_TESTS, OTHER_CODE, UNPROVEN, Question
from maestro.core.kernel.runtime import Runtime
from maestro.core.proving import runner_errors
from maestro.core.proving.baseline import Baseline
from maestro.core.proving.reports.model import NOT_LOADED, TestReport
from maestro.core.workspaces.preparing import READY
from maestro.core.workspaces.provisioning import outfit
from maestro.core.workspaces.run_command import CommandOutcome
from maestro.db import models
from maestro.worktrees import scratch, submodules
from maestro.worktrees.git import own_git_dir

#: What runners of Python and JavaScript say of a library that is not installed.
_MISSING = re.compile(
    r"No module named '?([\w.]+)'?|Cannot find (?:module|package) '([^']+)'|Failed to resolve import \"([^\"]+)\""
    r"|Could not resolve \"([^\"]+)\"|cannot load such file -- (\S+)|unresolved (?:import|module)[^`]*`([^`]+)`"
    r"|you may need to install the ([\w:]+) module"
)
#: The same, said by a program that ended with it; a type checker that misses a module goes on.
_ENDED = re.compile(
    r"^(?:\w*Error: )*(?:ModuleNotFoundError: |Error: Cannot find module|Error \[ERR_MODULE_NOT_FOUND\])"
    r"|cannot load such file -- |^Can't locate \S+ in @INC"
    r"|no required module provides package|cannot find module providing package"
    r"|fatal error: '?\S+'? (?:file not found|No such file or directory)|fatal error: \S+: No such file or directory"
    r"|PHP Fatal error: .*Failed opening required|can't find crate for `|no matching package named `"
    r"|error: package \S+ does not exist|Could not resolve dependencies for project|artifacts could not be resolved: "
    r"|Could not resolve all (?:files|artifacts|dependencies) for|No cached version of \S+ available for offline mode"
    r"|there is no package called|can't find package \S+|module '\S+' not found:|Package \S+ not found in current path"
    r"|Unchecked dependencies for environment|Bundler::GemNotFound|Could not find gem '|cannot find -l\w+|no such module '"
    r"|Could not find a package configuration file provided by|Could not find executable|rustup could not choose a version"
    r"|Could not (?:find|load) module [`‘]|error NU1101|Error importing plugin \"",
    re.MULTILINE,
)


def key_of(command: str, report: TestReport | None) -> str:
    """What makes two runs without a passing test the same: the check, and what failed in it."""
    failing = "\n".join(sorted(report.failing)) if report else ""
    return f"{command}\nnothing proven\n{hashlib.sha256(failing.encode('utf-8', 'replace')).hexdigest()[:16]}"


def could_load(outcome: CommandOutcome, report: TestReport | None) -> bool:
    """Whether tests ran at all, so that what failed are tests and not the way to them."""
    if report is None or not report.failing or runner_errors.broke_off(outcome, report):
        return False
    return not any(name.startswith(NOT_LOADED) for name in report.failing)


def question(
    session: models.Session, command: str, outcome: CommandOutcome, report: TestReport | None, base: Baseline
) -> Question:
    """What to ask; a yes lets it pass only where tests ran, and the same ones failed on the base."""
    if report is not None and not report.failing and outcome.exit_code is not None:
        return _nothing_ran(command, outcome, report)
    key = key_of(command, report)
    before = "before the work began, too" if command in base.runs else "as before the work began"
    if could_load(outcome, report):
        assert report is not None
        some = f"{report.failed} tests fail" if report.failed != 1 else "one test fails"
        words = f"Nothing was proven here: no test in `{command}` passes. What failed ({some}) did so {before}."
        asked = questions.infrastructure_question(words, key, outcome.output)
        return replace(asked, detail=asked.detail | {"what": AS_BEFORE, "allow": "continue: it failed before too"})
    lacks = missing(outcome.output)
    because = f"`{lacks}` is missing. " if lacks else ""
    way_on = "If something has to be installed first, add it under “Worktree setup…”."
    if empty := submodules.empty_ones(Path(session.repo_path), outcome.output):
        way_on = (
            f"The submodule {empty[0]} is empty in your checkout: run `git submodule update --init {empty[0]}` there."
        )
    words = f"Nothing was proven here: `{command}` could not run a single test, {before}. {because}{way_on}"
    return offering_set_up(questions.infrastructure_question(words, key, outcome.output))


def _nothing_ran(command: str, outcome: CommandOutcome, report: TestReport) -> Question:
    """All tests are skipped, or none is found, as on the base: for want of a service or a library, say."""
    found = f"skipped all of its tests ({report.skipped})" if report.skipped else "found no tests"
    words = (
        f"Nothing was proven here: `{command}` {found}, before the work began, too. "
        "If they need something installed or started first, add it under “Worktree setup…”."
    )
    asked = questions.infrastructure_question(words, no_tests_key(command), outcome.output)
    return replace(asked, detail=asked.detail | {"what": NO_TESTS, "allow": "continue without these tests"})


def no_tests_key(command: str) -> str:
    """Under which it is kept that the user accepts a check that runs no test."""
    return f"`{command}` ran no test"


def missing(output: str) -> str | None:
    """The library that an output says is not there."""
    found = _MISSING.search(output)
    return next((name for name in found.groups() if name), None) if found else None


def libraries(output: str) -> list[str]:
    """All libraries that an output says are not there, by the name under which they are installed; no files."""
    names = (next((name for name in found if name), "") for found in _MISSING.findall(output))
    return list(dict.fromkeys(top for name in names if (top := _library(name))))


def _library(name: str) -> str:
    if name.startswith((".", "/", "~", "@/", "#", "node:")):
        return ""  # a file of the repository's, or of the runner's
    if "/" in name:
        return "/".join(name.split("/")[: 2 if name.startswith("@") else 1])
    return name.split(".")[0] if re.fullmatch(r"[A-Za-z_]\w*(?:\.\w+)+", name) and not name.endswith(".js") else name


def could_not_import(output: str) -> bool:
    """Whether a program says that it ended because a library is not there."""
    return _ENDED.search(output) is not None


def offering_set_up(asked: Question) -> Question:
    """A question to which another set-up of the worktrees may be the answer."""
    allow = "try again: the setup runs first, then the check"
    return replace(asked, detail=asked.detail | {"what": UNPROVEN, "allow": allow})


def set_up_again(rt: Runtime, session: models.Session, task: models.Task | None, folder: Path) -> None:
    """Run the set-up in a worktree that was made ready before the user answered that nothing was proven in it.

    Raises SetupFailed, Stopped.
    """
    if task is None:
        return  # the whole is checked in a new checkout each time
    query = select(models.Approval).where(
        models.Approval.session_id == session.id,
        models.Approval.kind == "infrastructure",
        models.Approval.status == "allowed",
    )
    with rt.db.read() as db:
        about = (UNPROVEN, NO_TESTS, OTHER_CODE)
        answers = [a for a in db.exec(query).all() if a.detail.get("what") in about and a.resolved_at]
    last = max((a.resolved_at.timestamp() for a in answers if a.resolved_at), default=0.0)
    ready = own_git_dir(folder) / READY
    if not answers or (ready.exists() and ready.stat().st_mtime >= last):
        return
    submodules.fill(folder)  # the user's checkout may have them by now
    scratch.begin_check(folder)  # what it changes is none of the work
    try:
        outfit(rt, session, folder, task)
    finally:
        scratch.discard_changes(folder)
    ready.touch()
