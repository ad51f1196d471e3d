"""Making a new worktree ready for work: ignored files from the user's checkout, then the set-up commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from maestro.core.kernel import lookup
from maestro.core.kernel.agent_config import in_force
from maestro.core.kernel.locks import WorkCancelled, cancellation_token
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import State
from maestro.core.kernel.text import clip
from maestro.core.workspaces import bytecode, command_place, dependencies, sheltered
from maestro.core.workspaces.environ import command_environment
from maestro.core.workspaces.live_output import LiveOutput
from maestro.db import models
from maestro.errors import SetupFailed
from maestro.worktrees import copying, installers, kept_folders, links, manager, submodules

_SETUP_TIMEOUT_S = 20 * 60
_NAMED_CHARS = 80


def outfit(rt: Runtime, session: models.Session, path: Path, task: models.Task | None = None) -> None:
    """Give a new worktree what git does not: ignored files by pattern, then the set-up commands.

    What the commands print is in the session's log while they run. Raises SetupFailed when one fails,
    Stopped when the app ends, or the session is paused or called off meanwhile.
    """
    bytecode.forget(rt, session.id, path)
    config = in_force(session.agent_config, rt.settings)
    task_id = task.id if task else None
    strange = links.strange(path)
    copied = manager.copy_ignored(Path(session.repo_path), path, config.copy_files) if config.copy_files else []
    if copied:
        words = f"Copied {', '.join(copied[:10])} into the worktree"
        with rt.db.write() as tx:
            tx.log(session.id, words, kind="git", source="git", task_id=task_id)
    begin, end = installers.first_run(config.setup)
    for command in config.setup[:begin]:
        _set_up(rt, session, path, command, task_id)
    if begin < end:
        _install(rt, session, path, config.setup[begin:end], copied, task_id)
    for command in config.setup[end:]:
        _set_up(rt, session, path, command, task_id)
    submodules.note_leftovers(path)
    links.note_links(path, session.base_commit, strange)
    if config.setup and (left := copying.left_behind(path)):
        words = f"The setup left {', '.join(left[:10])}, which git does not ignore, so it would be committed as work."
        with rt.db.write() as tx:
            tx.log(session.id, words, level="warn", kind="git", source="setup", task_id=task_id)


def _install(
    rt: Runtime, session: models.Session, path: Path, commands: list[str], copied: list[str], task_id: str | None
) -> None:
    """Commands that only install: run, or what an earlier run of the same has filled is copied."""
    env, stop = command_environment(rt.settings, session.agent_config), cancellation_token(rt, session.id)
    with dependencies.installation(rt, session, path, commands, copied, env, stop) as installation:
        brought = installation.bring() if installation else []
        if brought:
            ran = " and ".join(f"`{command}`" for command in commands)
            words = (
                f"Copied {', '.join(brought)} from an earlier setup with the same lock files and tools instead of {ran}"
            )
            with rt.db.write() as tx:
                tx.log(session.id, words, kind="check", source="setup", task_id=task_id)
            return
        before = kept_folders.unknown_to_git(path) if installation else set()
        for command in commands:
            _set_up(rt, session, path, command, task_id)
        if installation:
            installation.keep(before)


def _set_up(rt: Runtime, session: models.Session, path: Path, command: str, task_id: str | None) -> None:
    columns: dict[str, Any] = {"kind": "check", "source": "setup", "task_id": task_id}
    stop = cancellation_token(rt, session.id)
    _announce(rt, session.id, command, columns)
    live = LiveOutput(rt, session.id, columns)
    env = command_environment(rt.settings, session.agent_config)
    with command_place.held(rt, session, path, stop) as place:
        outcome = sheltered.run(
            rt, session, command, path, env | place, _SETUP_TIMEOUT_S, stop, live.on_output, kind="setup"
        )
    live.end()
    if outcome.stopped == "stopped":
        raise WorkCancelled
    level = "info" if outcome.passed else "error"
    text = f"Setup command `{command}` ended with exit code {outcome.exit_code} in {outcome.duration_s:.1f} s"
    with rt.db.write() as tx:
        tx.log(session.id, text, level=level, details={"output": clip(outcome.output)}, **columns)
    if not outcome.passed:
        words = "took too long" if outcome.stopped else "failed"
        text = f"The setup command `{command}` {words}: {clip(outcome.output, 600).strip()}"
        raise SetupFailed(text, **(sheltered.network_offer(outcome.missed, "set-up") if outcome.missed else {}))


def _announce(rt: Runtime, session_id: str, command: str, columns: dict[str, Any]) -> None:
    """Say which command runs now: in the log, and as what the task is at. Raises WorkCancelled in a paused session."""
    line = " ".join(command.split())
    note = f"Running `{line if len(line) <= _NAMED_CHARS else line[: _NAMED_CHARS - 1] + '…'}`…"
    with rt.db.write() as tx:
        if lookup.session_row(tx.db, session_id).status == State.PAUSED:
            raise WorkCancelled
        tx.log(session_id, note, **columns)
        task_id = columns["task_id"]
        if task_id is None:
            return
        row = lookup.task_row(tx.db, session_id, task_id)
        if row.status == "running":
            row.progress_note = note
            tx.db.add(row)
            tx.emit("task_progress", session_id, task_id=row.id, key=row.key, progress=row.progress, note=note)
