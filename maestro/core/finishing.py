"""The whole: the baseline before any task, the checks of the whole after the last, and what follows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlmodel import select

from maestro.core import cleanup, lookup, outcomes, starting
from maestro.core.agent_config import in_force
from maestro.core.checking import CheckSite, run_check
from maestro.core.locks import Stopped, stop_signal
from maestro.core.runtime import Runtime
from maestro.core.state_machine import State, move
from maestro.db import models
from maestro.db.session import Transaction
from maestro.db.types import utcnow
from maestro.errors import MaestroError
from maestro.worktrees import history, scratch


def run_baseline(rt: Runtime, session_id: str) -> None:
    """Run the plan's checks once on the base commit, so that what failed before is known as such."""
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
        known = db.exec(
            select(models.CheckRun.command).where(
                models.CheckRun.session_id == session_id, models.CheckRun.phase == "baseline"
            )
        ).all()
    _summary, checks = starting.approved_plan(rt, session)
    missing = [c for c in checks if c not in known]
    if not missing:
        return
    stop = stop_signal(rt, session_id)
    with _checkout(rt, session, ".baseline", session.base_commit) as folder:
        for command in missing:
            run_check(rt, CheckSite(session, None, folder, session.base_commit, "baseline"), command, stop)


def validate(rt: Runtime, session_id: str) -> None:
    """Run the plan's checks on the session branch; then COMPLETED, a repair task, or FAILED."""
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
    if session.status != State.VALIDATING:
        return
    commit = history.tip(Path(session.repo_path), session.session_branch)
    _summary, checks = starting.approved_plan(rt, session)
    try:
        failures = _run_all(rt, session, checks, commit)
    except Stopped:
        return
    except MaestroError as error:
        failures = [("set-up", None, error.detail)]
    with rt.db.write() as tx:
        row = lookup.session_row(tx.db, session_id)
        if row.status != State.VALIDATING:
            return
        row.validation_attempt += 1
        config = in_force(row.agent_config, rt.settings)
        assert config.max_attempts is not None
        if not failures:
            _complete(tx, row, commit, checks)
        elif row.validation_attempt >= config.max_attempts:
            names = ", ".join(f"`{c}`" for c, _code, _out in failures)
            row.error_message = f"The checks of the whole still fail after {row.validation_attempt} tries: {names}."
            move(tx, row, "give_up", reason=row.error_message)
            outcomes.announce_failure(tx, row, row.error_message)
        else:
            task = outcomes.repair_task(tx, row, failures)
            move(tx, row, "fail", reason=f"{len(failures)} of {len(checks)} checks of the whole failed")
            tx.log(
                session_id,
                f"The checks of the whole failed. {task.key} mends it.",
                level="warn",
                kind="check",
                source="checks",
            )
    rt.wake()


def _run_all(rt: Runtime, session: models.Session, checks: list[str], commit: str) -> list[tuple[str, int | None, str]]:
    failures = []
    stop = stop_signal(rt, session.id)
    with _checkout(rt, session, ".validation", commit) as folder:
        for command in checks:
            outcome = run_check(rt, CheckSite(session, None, folder, commit, "validation"), command, stop)
            if not outcome.passed:
                failures.append((command, outcome.exit_code, outcome.output))
    return failures


def _complete(tx: Transaction, session: models.Session, commit: str, checks: list[str]) -> None:
    tasks = lookup.tasks_of(tx.db, session.id)
    session.session_commit = session.checkpoint_commit = commit
    session.error_message = None
    session.result_json = {
        "commit": commit,
        "proven": bool(checks),
        "checks": len(checks),
        "tasks": sum(1 for t in tasks if t.status == "completed"),
        "skipped": sum(1 for t in tasks if t.status == "skipped"),
        "completed_at": utcnow().isoformat(),
    }
    move(tx, session, "pass")
    proof = f"{len(checks)} checks of the whole passed" if checks else "the plan has no checks, so nothing proves it"
    tx.log(session.id, f"Completed: {proof}.", kind="system")
    tx.emit("session_completed", session.id, result=session.result_json)
    tx.emit(
        "notification", session.id, level="info", title=f"{session.title}: completed", text=f"Ready to merge: {proof}."
    )


@contextmanager
def _checkout(rt: Runtime, session: models.Session, name: str, commit: str) -> Iterator[Path]:
    """A worktree of a commit for a moment. Its name begins with a dot, which no task's can."""
    below = cleanup.worktrees_folder(rt, session.id)
    path, repo = below / name, Path(session.repo_path)
    scratch.lay_out(repo, path, commit, below=below)
    try:
        starting.outfit(rt, session, path)
        yield path
    finally:
        scratch.clear(repo, path, below=below)
