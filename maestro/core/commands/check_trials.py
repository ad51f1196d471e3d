"""Trying a plan's checks on the base before it is approved."""

from __future__ import annotations

from pathlib import Path

from maestro.core.kernel import lookup, modes
from maestro.core.kernel.runtime import Runtime
from maestro.core.planning import trust
from maestro.core.planning.plan import Plan, parse_plan
from maestro.core.proving import tried_checks, trying_checks
from maestro.core.views import PlanTrial
from maestro.db import models
from maestro.errors import NotAllowed, NotFound
from maestro.worktrees.git import common_dir


def try_checks(rt: Runtime, session_id: str) -> PlanTrial:
    """Run the plan's checks on the base in the background: those not tried yet and those that could not run, else all.

    Raises NotAllowed while a trial runs, for a plan without checks, and before anybody has said whether the repository's
    programs may run; NotFound without a plan.
    """
    session, plan = _planned(rt, session_id)
    todo = _worth_trying(rt, session, plan)
    if not todo:
        raise NotAllowed("The plan has no checks to try.", state=session.status, allowed=[])
    return _start(rt, session, todo)


def try_when_cheap(rt: Runtime, session_id: str) -> bool:
    """The same without being asked for: only what is new, and only where it costs little. Whether it began."""
    session, plan = _planned(rt, session_id)
    run = trying_checks.of(rt, session_id)
    if run is not None and (run.view.state == "running" or run.stop.is_set()):
        return False  # it runs, or the user has stopped it
    todo = trying_checks.cheap(rt, session, trying_checks.untried(rt, session, plan))
    if not todo:
        return False
    _start(rt, session, todo)
    return True


def stop_checks(rt: Runtime, session_id: str) -> PlanTrial:
    """End the trial that runs. Raises NotFound where none has run since the app began."""
    run = trying_checks.of(rt, session_id)
    if run is None:
        raise NotFound("The checks have not been tried since Maestro started.")
    trying_checks.stop(rt, session_id)
    return run.view.model_copy()


def _planned(rt: Runtime, session_id: str) -> tuple[models.Session, Plan]:
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
        plan = parse_plan(lookup.plan_row(db, session).plan_json)
    lookup.repository(session)
    return session, plan


def _worth_trying(rt: Runtime, session: models.Session, plan: Plan) -> list[str]:
    known = tried_checks.known(rt, str(common_dir(Path(session.repo_path))))
    commands = trying_checks.commands_of(plan)
    found = {command: known.get(tried_checks.key_of(session, command)) for command in commands}
    return [c for c, tried in found.items() if tried is None or tried.kind == "cannot_run"] or commands


def _start(rt: Runtime, session: models.Session, todo: list[str]) -> PlanTrial:
    in_sandbox = trust.demand(rt, Path(session.repo_path), session.base_commit) == "sandboxed"
    if in_sandbox and (words := modes.no_sandbox()):
        raise NotAllowed(f"The repository runs only in the sandbox. {words}", state="sandboxed", allowed=[])
    if not trying_checks.start(rt, session, todo, in_sandbox=in_sandbox):
        raise NotAllowed("The checks are being tried already. Wait for it, or stop it.", state="running", allowed=[])
    run = trying_checks.of(rt, session.id)
    assert run is not None
    return run.view.model_copy()
