"""Running set-up commands and checks so that the user's repository is as before when they have ended, and telling."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from maestro.confinement.refusals import Missed
from maestro.core.kernel import lookup
from maestro.core.kernel.agent_config import in_force
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Keyed, Service
from maestro.core.workspaces import confining
from maestro.core.workspaces.run_command import CommandOutcome, run_command
from maestro.db import models
from maestro.worktrees import shelter
from maestro.worktrees.shelter import PutBack

_log = logging.getLogger(__name__)


def run(
    rt: Runtime,
    session: models.Session,
    command: str,
    folder: Path,
    env: Mapping[str, str],
    timeout_s: float,
    stop: Callable[[], bool],
    hear: Callable[[bytes], bool] | None = None,
    *,
    kind: confining.Kind = "check",
    writable: Sequence[Path] = (),
) -> CommandOutcome:
    """``run_command`` in a worktree of a session, confined where its mode says so.

    Unconfined, what it wrote into the user's repository is put back and told; confined, it cannot write there.
    """
    memory_mb = in_force(session.agent_config, rt.settings).worker_memory_mb
    with confining.confined(rt, session, folder, env, kind, writable) as confined:
        if confined.active:
            outcome = run_command(command, folder, env, timeout_s, stop, hear, confined.wrap, memory_mb)
            return _with_network_words(rt, session.id, command, outcome, confined)
    return _watched(rt, session.id, command, folder, env, timeout_s, stop, hear, memory_mb)


def network_offer(missed: Missed, what: str) -> dict[str, Any]:
    """Members for a question's detail: ``network_for`` (checks or set-up) and ``network_hosts``, what a yes lets through."""
    return {"network_for": what, "network_hosts": list(missed.hosts)} if missed.way else {}


def _with_network_words(
    rt: Runtime, session_id: str, command: str, outcome: CommandOutcome, confined: confining.Confined
) -> CommandOutcome:
    missed = confined.missed(outcome.output, passed=outcome.passed)
    if missed is None:
        return outcome
    with rt.db.write() as tx:
        if tx.db.get(models.Session, session_id) is not None:  # none: a trial, whose output tells
            told, level = f"`{_short(command)}`: {missed.words}", "info" if outcome.passed else "warn"
            details = {"refused": list(missed.hosts)}
            tx.log(session_id, told, level=level, kind="check", source="checks", details=details)
    if outcome.passed:
        did_without(rt, session_id, command).update(missed.hosts)
        return outcome
    return replace(outcome, output=f"{outcome.output.rstrip()}\n\nMaestro: {missed.words}\n", missed=missed)


#: Hosts, by session and command.
_DID_WITHOUT: Service[Keyed[tuple[str, str], set[str]]] = Service(lambda: Keyed(lambda _command: set()))

#: What was put back and told of, by session.
_TOLD = Service(set[tuple[str, Path]])


def did_without(rt: Runtime, session_id: str, command: str) -> set[str]:
    """Hosts that a command was refused and passed all the same: telemetry, a look for updates."""
    return rt.service(_DID_WITHOUT).of((session_id, command))


def _watched(
    rt: Runtime,
    session_id: str,
    command: str,
    folder: Path,
    env: Mapping[str, str],
    timeout_s: float,
    stop: Callable[[], bool],
    hear: Callable[[bytes], bool] | None,
    memory_mb: int | None,
) -> CommandOutcome:
    aside = put_back_folder(rt) / session_id / datetime.now().strftime("%Y%m%d-%H%M%S-%f")
    with shelter.command(folder, command, notes_folder(rt), aside) as sheltered:
        try:
            outcome = run_command(command, folder, {**env, **sheltered.env}, timeout_s, stop, hear, memory_mb=memory_mb)
        finally:
            with rt.db.read() as db:
                sheltered.others = bool(lookup.live_workers(db))
    if sheltered.put_back:
        _report(rt, session_id, command, sheltered.put_back)
    return outcome


def settle(rt: Runtime, session_id: str, shared: Path) -> None:
    """Before the repository is looked at: put back what commands that still run have written there."""
    shelter.settle(shared, put_back_folder(rt) / session_id / "meanwhile")


def take_up(rt: Runtime) -> None:
    """After a kill: put back what commands that ran then had written into repositories."""
    for done in shelter.take_up(notes_folder(rt), put_back_folder(rt) / "after a kill"):
        _log.warning("%s by a command that was running when Maestro was stopped. It was restored.", done.words)


def notes_folder(rt: Runtime) -> Path:
    """Where a copy of each repository's configuration and hooks is while commands run in its worktrees."""
    return rt.data_dir / "shelter"


def put_back_folder(rt: Runtime) -> Path:
    """Where what commands had written into repositories is kept, by session."""
    return rt.data_dir / "put-back"


def _short(command: str) -> str:
    line = " ".join(command.split())
    return line if len(line) <= 80 else f"{line[:79]}…"


def _report(rt: Runtime, session_id: str, command: str, changes: list[PutBack]) -> None:
    text = f"`{_short(command)}` wrote into your repository: {'; '.join(c.words for c in changes)}. It was restored."
    wanted = [f"cp {shlex.quote(str(c.kept))} {shlex.quote(str(c.path))}" for c in changes if c.kept]
    if wanted:
        text += f" To keep the change: {' && '.join(wanted[:5])}"
    told = rt.service(_TOLD)
    fresh = {(session_id, c.path) for c in changes} - told
    told |= fresh
    with rt.db.write() as tx:
        session = tx.db.get(models.Session, session_id)
        if session is None:  # a trial: what it wrote is put back, and kept where it says
            _log.info("%s", text[:1000])
            return
        tx.log(session_id, text[:4000], level="warn", kind="git", source="git")
        if fresh:
            title = f"{session.title}: your repository was restored"
            tx.emit("notification", session_id, level="warn", title=title, text=text[:1000])
