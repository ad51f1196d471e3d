"""Making a new worktree ready for work: ignored files from the person's checkout, then the set-up commands."""

from __future__ import annotations

from pathlib import Path

from maestro.core.agent_config import in_force
from maestro.core.environment import base_environment
from maestro.core.execution import prompts
from maestro.core.locks import Stopped, stop_signal
from maestro.core.runtime import Runtime
from maestro.core.validation import run_command
from maestro.db import models
from maestro.errors import SetupFailed
from maestro.worktrees import manager

_SETUP_TIMEOUT_S = 20 * 60


def outfit(rt: Runtime, session: models.Session, path: Path, task: models.Task | None = None) -> None:
    """Give a new worktree what git does not: ignored files by pattern, then the set-up commands.

    Raises SetupFailed when a set-up command fails, Stopped when the app ends meanwhile.
    """
    config = in_force(session.agent_config, rt.settings)
    task_id = task.id if task else None
    copied = manager.copy_ignored(Path(session.repo_path), path, config.copy_files) if config.copy_files else []
    if copied:
        with rt.db.write() as tx:
            tx.log(
                session.id,
                f"Copied {', '.join(copied[:10])} into the worktree",
                kind="git",
                source="git",
                task_id=task_id,
            )
    for command in config.setup:
        outcome = run_command(command, path, base_environment(), _SETUP_TIMEOUT_S, stop_signal(rt, session.id))
        if outcome.stopped == "stopped":
            raise Stopped
        with rt.db.write() as tx:
            level = "info" if outcome.passed else "error"
            text = f"Set-up `{command}` ended with {outcome.exit_code} in {outcome.duration_s:.1f} s"
            details = {"output": prompts.clip(outcome.output)}
            tx.log(session.id, text, level=level, kind="check", source="setup", task_id=task_id, details=details)
        if not outcome.passed:
            words = "took too long" if outcome.stopped else "failed"
            raise SetupFailed(f"The set-up command `{command}` {words}: {prompts.clip(outcome.output, 600).strip()}")
