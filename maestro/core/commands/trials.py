"""Trying what a repository's worktrees would get: beginning a trial, calling it off."""

from __future__ import annotations

from maestro.core.kernel import modes
from maestro.core.kernel.runtime import Runtime
from maestro.core.planning import trust
from maestro.core.proving import trying
from maestro.core.workspaces.repository_environment import Environment
from maestro.core.workspaces.trials import TrialView
from maestro.db.types import utcnow
from maestro.errors import InvalidInput, NotAllowed, NotFound
from maestro.worktrees import repository


def begin_trial(rt: Runtime, path: str, chosen: Environment, base_branch: str | None = None) -> TrialView:
    """Run set-up and checks in a scratch worktree of the repository at ``path``, in the background.

    Raises InvalidInput naming ``repo_path``, ``base_branch`` or ``setup``, and NotAllowed while one runs, or before
    anybody has said whether the repository's programs may run.
    """
    info = repository.inspect(path)
    _, commit = repository.resolve_base(info, base_branch)
    if not chosen.setup and not chosen.checks:
        raise InvalidInput("Nothing to try: select a command or a check.", {"setup": "is empty"})
    view = TrialView(
        repo_path=str(info.root),
        commit=commit,
        setup=list(chosen.setup),
        copy_files=list(chosen.copy_files),
        checks=list(chosen.checks),
        began_at=utcnow(),
    )
    in_sandbox = trust.demand(rt, info.root, commit) == "sandboxed"
    if in_sandbox and (words := modes.no_sandbox()):
        raise NotAllowed(f"The repository runs only in the sandbox. {words}", state="sandboxed", allowed=[])
    config = chosen.model_dump() | ({"permission_mode": "sandboxed"} if in_sandbox else {})
    if not trying.start(rt, info, view, config):
        raise NotAllowed(
            "A trial of this repository is already running. Wait for it, or stop it.", state="running", allowed=[]
        )
    return view.model_copy(deep=True)


def trial(rt: Runtime, path: str) -> TrialView:
    """The trial that runs, or the last one. Raises NotFound where nothing was tried since the app began."""
    found = trying.of(rt, repository.inspect(path))
    if found is None:
        raise NotFound("Nothing has been tried in this repository since Maestro started.")
    return found.view.model_copy(deep=True)


def stop_trial(rt: Runtime, path: str) -> TrialView:
    """End the trial that runs; what it made is removed. Raises NotFound."""
    found = trying.of(rt, repository.inspect(path))
    if found is None:
        raise NotFound("Nothing has been tried in this repository since Maestro started.")
    found.stop.set()
    return found.view.model_copy(deep=True)
