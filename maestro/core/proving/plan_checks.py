"""What the checks of a plan will tell, for whoever reviews it."""

from __future__ import annotations

from functools import lru_cache, partial
from pathlib import Path

from maestro.core.planning.plan import parse_plan
from maestro.core.proving.foretelling import Foretold, foretell
from maestro.core.views import CheckForeseen, PlanView
from maestro.errors import MaestroError
from maestro.worktrees import tracked_files

_FILE_BYTES = 500_000


def with_checks(view: PlanView, repo: str, commit: str) -> PlanView:
    """The plan with a word on each of its checks, as ``commit`` holds what they run; without where it cannot be read."""
    plan = parse_plan(view.plan)
    commands = dict.fromkeys([check for task in plan.tasks for check in task.checks] + list(plan.checks))
    try:
        found = [_foretold(repo, commit, command) for command in commands]
    except MaestroError:
        return view
    checks = [CheckForeseen(command=f.command, tells=f.tells, note=f.note, watches=f.watches) for f in found]
    return view.model_copy(update={"checks": checks})


@lru_cache(maxsize=1000)
def _foretold(repo: str, commit: str, command: str) -> Foretold:
    return foretell(command, partial(_text, Path(repo), commit), _packages(repo, commit))


@lru_cache(maxsize=20)
def _packages(repo: str, commit: str) -> tuple[str, ...]:
    found = (path.rpartition("/") for path in tracked_files.list_files(Path(repo), commit))
    named = (folder for folder, slash, name in found if slash and name in {"package.json", "project.json"})
    return tuple(dict.fromkeys(named))[:200]


def _text(repo: Path, commit: str, path: str) -> str | None:
    try:
        return tracked_files.read_file(repo, commit, path, _FILE_BYTES).decode("utf-8", "replace")
    except MaestroError:
        return None
