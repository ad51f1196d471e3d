"""Trying a plan's checks on the untouched base, before anybody approves it: in a worktree of its own, set up as a task's."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from pathlib import Path

from maestro.core.kernel import lookup
from maestro.core.kernel.agent_config import in_force
from maestro.core.kernel.locks import WorkCancelled
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Service
from maestro.core.planning import trust
from maestro.core.planning.plan import Plan, parse_plan
from maestro.core.proving import tried_checks, trying
from maestro.core.proving.checking import CheckResult
from maestro.core.views import CheckForeseen, CheckTried, PlanTrial, PlanView
from maestro.core.workspaces import trials
from maestro.core.workspaces.trials import TrialStep, TrialView
from maestro.db import models
from maestro.db.types import utcnow
from maestro.errors import MaestroError
from maestro.worktrees.git import common_dir

#: So much set-up, as the last trial of the repository measured it, is still cheap, and so many checks.
_CHEAP_S, _CHEAP_CHECKS = 30.0, 8


@dataclass
class Run:
    """A trial under way, or the last one of a session since the app began."""

    view: PlanTrial
    todo: list[str]
    stop: threading.Event = field(default_factory=threading.Event)


_RUNS = Service(dict[str, Run])


def of(rt: Runtime, session_id: str) -> Run | None:
    """The trial of a session that runs, or ran last since the app began."""
    return rt.service(_RUNS).get(session_id)


def commands_of(plan: Plan) -> list[str]:
    """Every check of a plan, once."""
    return list(dict.fromkeys([*(check for task in plan.tasks for check in task.checks), *plan.checks]))


def untried(rt: Runtime, session: models.Session, plan: Plan) -> list[str]:
    """The checks of a plan of which nothing is known on this base."""
    known = tried_checks.known(rt, str(common_dir(Path(session.repo_path))))
    return [command for command in commands_of(plan) if tried_checks.key_of(session, command) not in known]


def cheap(rt: Runtime, session: models.Session, todo: list[str]) -> list[str]:
    """Those that may be tried without being asked for: where the repository is decided on, and little has to be set up.

    A model has written the plan and nobody has agreed to its commands yet: outside of the sandbox only those count that
    the user has given to the session.
    """
    repo = Path(session.repo_path)
    try:
        answer = trust.demand(rt, repo, session.base_commit)
        config = in_force(session.agent_config, rt.settings)
    except MaestroError:
        return []
    if answer != "sandboxed" and config.permission_mode != "sandboxed":
        todo = [command for command in todo if command in config.checks]
    if not 0 < len(todo) <= _CHEAP_CHECKS or not _set_up_soon(rt, config.setup, repo):
        return []
    return todo


def _set_up_soon(rt: Runtime, setup: list[str], repo: Path) -> bool:
    if not setup:
        return True
    measured = (t for t in trials.results(rt, str(common_dir(repo))) if t.setup == setup)
    took = next((sum(s.seconds for s in t.steps if s.kind == "setup") for t in measured), None)
    return took is not None and took <= _CHEAP_S


def start(rt: Runtime, session: models.Session, todo: list[str], *, in_sandbox: bool) -> bool:
    """Begin in the background; False while a trial of the session's checks runs."""
    runs = rt.service(_RUNS)
    before = runs.get(session.id)
    if before is not None and before.view.state == "running":
        return False
    run = runs[session.id] = Run(PlanTrial(state="running", total=len(todo), began_at=utcnow()), todo)
    return rt.jobs.start(f"try-checks:{session.id}", _run, rt, session.id, run, in_sandbox)


def stop(rt: Runtime, session_id: str) -> None:
    """End the trial that runs, if one does; what it found so far stays."""
    run = of(rt, session_id)
    if run is not None:
        run.stop.set()


def with_tried(rt: Runtime, view: PlanView, session: models.Session) -> PlanView:
    """The plan with what its checks showed on the base, and how far a trial is."""
    plan = parse_plan(view.plan)
    try:
        known = tried_checks.known(rt, str(common_dir(Path(session.repo_path))))
    except (MaestroError, OSError):
        return view  # the repository is gone

    def told(check: CheckForeseen) -> CheckForeseen:
        found = known.get(tried_checks.key_of(session, check.command))
        return check.model_copy(update={"tried": tried_checks.about(found, plan)}) if found else check

    run = of(rt, session.id)
    trial = run.view.model_copy() if run else PlanTrial()
    return view.model_copy(update={"checks": [told(check) for check in view.checks], "trial": trial})


def _run(rt: Runtime, session_id: str, run: Run, in_sandbox: bool) -> None:
    view = run.view
    try:
        with rt.db.read() as db:
            session = lookup.session_row(db, session_id)
            plan = parse_plan(lookup.plan_row(db, session).plan_json)
        _try(rt, session, plan, run, in_sandbox=in_sandbox)
        view.state = "done"
    except WorkCancelled:
        view.state, view.reason = "stopped", "It was stopped."
    except (MaestroError, OSError) as error:
        view.state, view.reason = "failed", error.detail if isinstance(error, MaestroError) else str(error)
    finally:
        if view.state == "running":  # whatever happened is in the log
            view.state, view.reason = "failed", "It ended early."
        view.command = ""
        _tell(rt, session_id, view)


def _try(rt: Runtime, session: models.Session, plan: Plan, run: Run, *, in_sandbox: bool) -> None:
    config = in_force(session.agent_config, rt.settings)
    git_dir = str(common_dir(Path(session.repo_path)))
    planned = [path for task in plan.tasks for path in task.files]
    where = models.Session(  # never stored: what runs commands asks a session where and how
        id=f"try-{hashlib.sha256(session.id.encode()).hexdigest()[:16]}",
        title=session.title,
        repo_path=session.repo_path,
        base_commit=session.base_commit,
        session_branch="",
        agent_config=session.agent_config | ({"permission_mode": "sandboxed"} if in_sandbox else {}),
    )
    trial = TrialView(
        repo_path=session.repo_path,
        commit=session.base_commit,
        setup=config.setup,
        copy_files=config.copy_files,
        checks=run.todo,
        began_at=utcnow(),
    )

    def heard(step: TrialStep, ran: CheckResult | None) -> None:
        if ran is not None:
            run.view.tried += 1
            _keep(rt, session, git_dir, tried_checks.judge(session, step, ran, planned))
        else:
            run.view.command = step.command
        _tell(rt, session.id, run.view)

    trying.try_out(rt, Path(session.repo_path), where, trial, run.stop.is_set, heard)
    failed = next((step for step in trial.steps if step.kind == "setup" and step.state == "failed"), None)
    if failed is not None:
        for command in run.todo:
            found = CheckTried(
                command=command,
                kind="cannot_run",
                reason=f"the setup command `{failed.command}` failed",
                output=failed.output,
            )
            _keep(rt, session, git_dir, found)
        run.view.tried = len(run.todo)


def _keep(rt: Runtime, session: models.Session, git_dir: str, found: CheckTried) -> None:
    with rt.db.write() as tx:
        tried_checks.keep(tx, git_dir, tried_checks.key_of(session, found.command), found)


def _tell(rt: Runtime, session_id: str, view: PlanTrial) -> None:
    with rt.db.write() as tx:
        if tx.db.get(models.Session, session_id) is not None:
            tx.emit(
                "plan_checks_tried",
                session_id,
                **view.model_dump(include={"state", "tried", "total", "command", "reason"}),
            )
