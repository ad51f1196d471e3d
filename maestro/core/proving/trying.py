"""Trying what a repository's worktrees would get, before any session relies on it: set-up and checks in a scratch worktree."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from maestro.core.kernel import places
from maestro.core.kernel.locks import WorkCancelled
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Service
from maestro.core.kernel.text import clip
from maestro.core.proving import unproven
from maestro.core.proving.checking import CheckResult, execute
from maestro.core.proving.reports.model import NOT_LOADED
from maestro.core.workspaces import bytecode, command_place, sheltered, trials
from maestro.core.workspaces.environ import command_environment
from maestro.core.workspaces.trials import TrialStep, TrialView
from maestro.db import models
from maestro.errors import MaestroError
from maestro.worktrees import manager, scratch, submodules
from maestro.worktrees.repository import RepositoryInfo

_SETUP_S = 20 * 60
_OUTPUT = 2000


@dataclass
class Trial:
    """A trial under way or the last one of this app's life."""

    view: TrialView
    stop: threading.Event = field(default_factory=threading.Event)


def of(rt: Runtime, info: RepositoryInfo) -> Trial | None:
    """The trial of a repository that runs, or ran last since the app began."""
    return _all(rt).get(str(info.git_dir))


def start(rt: Runtime, info: RepositoryInfo, view: TrialView, config: dict[str, Any]) -> bool:
    """Begin a trial in the background; False while another one of the repository runs."""
    trial = Trial(view)
    known = _all(rt)
    before = known.get(str(info.git_dir))
    if before is not None and before.view.state == "running":
        return False
    known[str(info.git_dir)] = trial
    return rt.jobs.start(f"try:{info.git_dir}", _run, rt, info, trial, config)


#: The last trial of each repository, by its git folder.
_TRIALS = Service(dict[str, Trial])


def _all(rt: Runtime) -> dict[str, Trial]:
    return rt.service(_TRIALS)


def _run(rt: Runtime, info: RepositoryInfo, trial: Trial, config: dict[str, Any]) -> None:
    view, began = trial.view, time.monotonic()
    try:
        _try(rt, info, trial, config)
        view.state = "fails" if view.reason else "works"
    except WorkCancelled:
        view.state, view.reason = "stopped", "It was stopped."
    except (MaestroError, OSError) as error:
        view.state, view.reason = "fails", error.detail if isinstance(error, MaestroError) else str(error)
    finally:
        view.seconds = round(time.monotonic() - began, 1)
        if view.state == "running":  # whatever happened is in the log
            view.state, view.reason = "fails", "It ended early."
        for step in view.steps:
            step.state = "stopped" if step.state == "running" else step.state
        with rt.db.write() as tx:
            if view.state != "stopped":
                trials.record(tx, str(info.git_dir), view)
            tx.emit("environment_tried", "", repo_path=view.repo_path, state=view.state, reason=view.reason)


def _try(rt: Runtime, info: RepositoryInfo, trial: Trial, config: dict[str, Any]) -> None:
    view = trial.view
    session = models.Session(  # never stored: what runs commands asks a session where and how
        id=f"try-{hashlib.sha256(os.fsencode(info.git_dir)).hexdigest()[:16]}",
        title="A trial",
        repo_path=str(info.root),
        base_commit=view.commit,
        session_branch="",
        agent_config=config,
    )
    try_out(rt, info.root, session, view, trial.stop.is_set)


#: Told of each step when it begins, and of a check with its result when it has ended.
Heard = Callable[[TrialStep, CheckResult | None], None]


def try_out(
    rt: Runtime,
    repo: Path,
    session: models.Session,
    view: TrialView,
    called_off: Callable[[], bool],
    heard: Heard = lambda _step, _ran: None,
) -> None:
    """Lay the view's commit out, set it up and run the checks; the view follows. ``session`` says where and how.

    Raises WorkCancelled when it is called off or the app stops.
    """
    places.make(rt)
    path = places.of_scratch(rt, session.id, "try")

    def stop() -> bool:
        return called_off() or rt.jobs.stopping.is_set()

    scratch.lay_out(repo, path, view.commit, below=path.parent)
    try:
        view.notes = submodules.fill(path)
        if view.copy_files:
            manager.copy_ignored(repo, path, view.copy_files)
        if _set_up(rt, session, path, view, stop, heard):
            _check(rt, session, path, view, stop, heard)
    finally:
        bytecode.forget(rt, session.id, path)
        scratch.clear(repo, path, below=path.parent)


def _set_up(
    rt: Runtime, session: models.Session, path: Path, view: TrialView, stop: Callable[[], bool], heard: Heard
) -> bool:
    """Run the set-up; whether all of it went well."""
    env = command_environment(rt.settings, session.agent_config)
    for command in view.setup:
        step = TrialStep(kind="setup", command=command)
        view.steps.append(step)
        heard(step, None)
        with command_place.held(rt, session, path, stop) as place:
            outcome = sheltered.run(rt, session, command, path, env | place, _SETUP_S, stop, kind="setup")
        step.exit_code, step.seconds = outcome.exit_code, outcome.duration_s
        step.output = clip(outcome.output, _OUTPUT)
        if outcome.stopped == "stopped":
            raise WorkCancelled
        view.disk_mb = _size_mb(path)
        if not outcome.passed:
            step.state = "failed"
            view.reason = f"The setup command `{command}` {'took too long' if outcome.stopped else 'failed'}."
            return False
        step.state = "passed"
    view.disk_mb = _size_mb(path)
    return True


def _check(
    rt: Runtime, session: models.Session, path: Path, view: TrialView, stop: Callable[[], bool], heard: Heard
) -> None:
    """Run the checks; one that fails is told, and works all the same where its tests ran."""
    for command in view.checks:
        step = TrialStep(kind="checks", command=command)
        view.steps.append(step)
        heard(step, None)
        ran = execute(rt, session, path, command, stop)
        scratch.discard_changes(path)
        outcome, report = ran.outcome, ran.report
        step.exit_code, step.seconds = outcome.exit_code, outcome.duration_s
        step.output = clip(outcome.output, _OUTPUT)
        if report is not None:
            named = report.total - sum(name.startswith(NOT_LOADED) for name in report.outcomes)
            step.tests, step.passed = (named, report.passed) if named > 0 else (None, None)
            view.tests += max(named, 0)
        step.state = "passed" if outcome.passed else "failed"
        heard(step, ran)
        words = places.about_hidden(path, Path(session.repo_path)) if report is not None and report.failing else None
        view.notes += [words] if words and words not in view.notes else []
        ran_tests = unproven.could_load(outcome, report) and report is not None and report.passed > 0
        if not (outcome.passed or ran_tests or view.reason):
            how = "did not end in time" if outcome.stopped else f"ended with exit code {outcome.exit_code}"
            view.reason = f"The check `{command}` {how}."


def _size_mb(path: Path) -> float:
    """What a folder takes on the disk, in MB; a file with several names counts once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for folder, _folders, files in os.walk(path):
        for name in files:
            try:
                found = os.lstat(os.path.join(folder, name))  # noqa: PTH118 - many files
            except OSError:
                continue
            if found.st_nlink == 1 or (found.st_dev, found.st_ino) not in seen:
                seen.add((found.st_dev, found.st_ino))
                total += found.st_blocks * 512
    return round(total / 1e6, 1)
