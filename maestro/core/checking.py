"""Checks as evidence: run, recorded row by row, and turned into words for the agent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import select

from maestro.core import prompts
from maestro.core.environment import base_environment
from maestro.core.hooks import Finding
from maestro.core.locks import Stopped
from maestro.core.runtime import Runtime
from maestro.core.validation import CommandOutcome, run_command
from maestro.db import models
from maestro.worktrees import scratch


@dataclass(frozen=True, slots=True)
class CheckSite:
    """What is checked: a commit in a folder, for a task or for the session as a whole."""

    session: models.Session
    task: models.Task | None
    folder: Path
    commit: str
    phase: str  # baseline, task, integration, validation


def run_check(rt: Runtime, site: CheckSite, command: str, stop: Callable[[], bool]) -> CommandOutcome:
    """Run one check and keep it as evidence.

    What the check leaves behind in the folder is removed: the next one, and the next attempt, are about
    the commit and nothing else. Raises Stopped, with nothing recorded, when ``stop`` said so.
    """
    outcome = run_command(command, site.folder, base_environment(), rt.settings.check_timeout_minutes * 60, stop)
    if outcome.stopped == "stopped":
        raise Stopped
    _record(rt, site, command, outcome)
    scratch.discard_changes(site.folder)
    return outcome


def first_failure(rt: Runtime, site: CheckSite, checks: list[str], stop: Callable[[], bool]) -> Finding | None:
    """Run checks in order up to the first that fails; what to tell the person and the agent of it."""
    for command in checks:
        outcome = run_check(rt, site, command, stop)
        if not outcome.passed:
            return _finding(rt, site.session, command, outcome)
    return None


def _record(rt: Runtime, site: CheckSite, command: str, outcome: CommandOutcome) -> None:
    task_id = site.task.id if site.task else None
    with rt.db.write() as tx:
        tx.db.add(
            models.CheckRun(
                session_id=site.session.id,
                task_id=task_id,
                phase=site.phase,
                attempt=site.task.attempt if site.task else site.session.validation_attempt + 1,
                command=command,
                commit=site.commit,
                exit_code=outcome.exit_code,
                passed=outcome.passed,
                duration_s=outcome.duration_s,
                output=outcome.output,
                output_cut=outcome.output_cut,
            )
        )
        tx.log(
            site.session.id,
            f"Check `{command}` {_verdict(outcome)} in {outcome.duration_s:.1f} s ({site.phase})",
            level="info" if outcome.passed else "warn",
            kind="check",
            source="checks",
            task_id=task_id,
            details={"output": prompts.clip(outcome.output, 4000), "exit_code": outcome.exit_code, "phase": site.phase},
        )
        tx.emit(
            "check_finished",
            site.session.id,
            task_id=task_id,
            phase=site.phase,
            command=command,
            passed=outcome.passed,
            duration_s=outcome.duration_s,
        )


def _verdict(outcome: CommandOutcome) -> str:
    if outcome.passed:
        return "passed"
    return (
        "was stopped at the time limit" if outcome.exit_code is None else f"failed with exit code {outcome.exit_code}"
    )


def _finding(rt: Runtime, session: models.Session, command: str, outcome: CommandOutcome) -> Finding:
    query = select(models.CheckRun.passed).where(
        models.CheckRun.session_id == session.id,
        models.CheckRun.phase == "baseline",
        models.CheckRun.command == command,
    )
    with rt.db.read() as db:
        failed_before = db.exec(query).first() is False
    prompt = prompts.check_failed_prompt(command, outcome.exit_code, outcome.output, failed_before=failed_before)
    return Finding(f"Check `{command}` {_verdict(outcome)}.", prompt)
