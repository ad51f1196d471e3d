"""What a plan's check showed on the untouched base: can it run here, do its tests exist, does it prove something new?

What a run showed is kept by the command, the commit and what the worktree was given, so that a plan made anew asks only
for what is new in it. What that means for the plan (``about``) depends on whose check it is, and is said when it is read.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.text import clip
from maestro.core.planning.plan import Plan, PlanTask
from maestro.core.proving import file_kinds, infrastructure, runner_errors
from maestro.core.proving.checking import CheckResult
from maestro.core.proving.reports.model import NOT_LOADED
from maestro.core.views import CheckTried
from maestro.core.workspaces.trials import TrialStep
from maestro.db import models
from maestro.db.keeping import Fact
from maestro.db.session import Transaction

#: How many runs are kept of a repository.
_KEPT = 300
_OUTPUT = 1500
#: pytest: no test was collected, and a file or test that is not there.
_NO_TEST = re.compile(
    r"collected 0 items|no tests ran|Ran 0 tests|No tests found|0 passing|not found: .*::", re.IGNORECASE
)


def key_of(session: models.Session, command: str) -> str:
    """Under which a run is kept: the command, the base, and what the worktree was given."""
    config = session.agent_config
    given = [config.get(name) or [] for name in ("setup", "copy_files", "pass_env")]
    text = json.dumps([command, session.base_commit, given, config.get("permission_mode")], ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]


def judge(session: models.Session, step: TrialStep, ran: CheckResult, planned: Sequence[str]) -> CheckTried:
    """What a run on the base says of its check; ``planned`` are the files that the plan will write."""
    outcome, report = ran.outcome, ran.report
    named = report.total - sum(name.startswith(NOT_LOADED) for name in report.outcomes) if report else 0
    tried = CheckTried(
        command=step.command,
        kind="passed" if outcome.passed else "failed",
        tests=named if report is not None and named > 0 else None,
        passed=report.passed if report is not None and named > 0 else None,
        seconds=round(outcome.duration_s, 1),
        exit_code=outcome.exit_code,
        output=clip(outcome.output, _OUTPUT),
    )
    cause = None if outcome.passed else infrastructure.could_not_run(outcome, report)
    if outcome.stopped == "time limit":
        return tried.model_copy(update={"kind": "cannot_run", "reason": "it did not end within the time limit"})
    if outcome.passed:
        empty = report is not None and named == 0 and report.complete and not report.outcomes
        return tried.model_copy(update={"kind": "not_there"}) if empty and _NO_TEST.search(outcome.output) else tried
    if cause is not None and (cause.certain or cause.lacks):
        reason = _lacks(session, cause.lacks) if cause.lacks else _clause(cause.reason)
        return tried.model_copy(update={"kind": "cannot_run", "reason": reason})
    if _not_there(session, step.command, ran, planned):
        return tried.model_copy(update={"kind": "not_there"})
    if cause is not None and not runner_errors.broke_off(outcome, report):
        return tried.model_copy(update={"kind": "cannot_run", "reason": _clause(cause.reason)})
    return tried


def _not_there(session: models.Session, command: str, ran: CheckResult, planned: Sequence[str]) -> bool:
    if ran.report is not None and ran.report.passed:
        return False
    if _NO_TEST.search(ran.outcome.output) and not (ran.report and ran.report.failing):
        return True
    return infrastructure.is_new(session, command, ran.outcome.output, planned)


def _lacks(session: models.Session, name: str) -> str:
    missing = "setup missing" if not session.agent_config.get("setup") else "the setup does not install it"
    return f"{name} is not installed ({missing})"


def _clause(reason: str) -> str:
    plain = reason.rstrip(".")
    return plain[:1].lower() + plain[1:] if plain[1:2].islower() else plain


# -- what it means for the plan ----------------------------------------------------------------------------------------


def about(tried: CheckTried, plan: Plan) -> CheckTried:
    """The run with its meaning for the plan: ``verdict`` and ``words``."""
    tasks = [task for task in plan.tasks if tried.command in task.checks]
    verdict, words = _meaning(tried, tasks, final=tried.command in plan.checks)
    return tried.model_copy(update={"verdict": verdict, "words": words})


def _meaning(tried: CheckTried, tasks: list[PlanTask], *, final: bool) -> tuple[str, str]:
    if tried.kind == "cannot_run":
        return "cannot_run", f"cannot run: {tried.reason}"
    if tried.kind == "not_there":
        return "not_there", "tests do not exist yet"
    counts = _counts(tried)
    if tried.kind == "failed":
        return ("fails_now" if tasks and not final else "fails"), f"runs here: {counts}"
    if tasks and not final and not any(_adds_tests(task) for task in tasks):
        return "nothing_new", "passes already, proves nothing new"
    return "runs", f"runs here: {counts}"


def _counts(tried: CheckTried) -> str:
    if tried.tests is None or tried.passed is None:
        return "passes" if tried.kind == "passed" else f"fails (exit code {tried.exit_code})"
    failed = tried.tests - tried.passed
    return f"{tried.passed} passed" + (f", {failed} not" if failed and tried.kind == "failed" else "")


def _adds_tests(task: PlanTask) -> bool:
    """Whether a task means to write tests; a pattern stands for a file below it."""
    return any(file_kinds.is_test(re.sub(r"[*?]+|/$", "x", path)) for path in task.files)


# -- kept --------------------------------------------------------------------------------------------------------------


def known(rt: Runtime, git_dir: str) -> dict[str, CheckTried]:
    """What is kept of a repository, by ``key_of``."""
    with rt.db.read() as db:
        row = db.get(Fact, _name(git_dir))
    return _read(row.value if row else None)


def keep(tx: Transaction, git_dir: str, key: str, tried: CheckTried) -> None:
    """Keep a run; the oldest go."""
    row = tx.db.get(Fact, _name(git_dir)) or Fact(name=_name(git_dir), value={})
    kept = {k: v for k, v in _read(row.value).items() if k != key} | {key: tried}
    row.value = {k: v.model_dump(mode="json") for k, v in list(kept.items())[-_KEPT:]}
    tx.db.add(row)


def _read(value: Any) -> dict[str, CheckTried]:
    found = {}
    for key, entry in value.items() if isinstance(value, dict) else ():
        try:
            found[str(key)] = CheckTried.model_validate(entry)
        except ValidationError:
            continue  # of another version
    return found


def _name(git_dir: str) -> str:
    return f"tried-checks-{hashlib.sha256(git_dir.encode('utf-8', 'surrogateescape')).hexdigest()[:24]}"
