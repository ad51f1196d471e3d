"""A check that a library of the repository's own is missing for: the worktree's matter, whoever failed anew with it.

A task's own check has no run on the base to be compared with, and tests that the work adds are on no base at all: what
tells them from the work's mistakes is that the repository names or uses the library, and that the work took away nothing
of that name.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from maestro.core.approvals import questions
from maestro.core.approvals.question import Question
from maestro.core.kernel.runtime import Runtime
from maestro.core.proving import known_failures, unproven
from maestro.core.proving.reports.model import NOT_LOADED, UNCLEAR, TestReport
from maestro.core.proving.verdicts import Verdict
from maestro.core.workspaces.run_command import CommandOutcome
from maestro.db import models
from maestro.worktrees import repository

#: Files in which a repository names the libraries that it needs.
_NAMES_LIBRARIES = re.compile(
    r"(?:^|/)(?:package\.json|pyproject\.toml|setup\.(?:py|cfg)|Pipfile|(?:dev-)?requirements[\w.-]*\.(?:txt|in)"
    r"|requirements/[^/]+\.(?:txt|in)|environment\.ya?ml|Gemfile|[^/]+\.gemspec|deno\.jsonc?)$"
)
#: How a library is taken in, in Python, JavaScript and Ruby; the name follows.
_TAKEN_IN = r"""(^|[^[:alnum:]_])(import|from|require|include|use)[[:space:](]*["']?"""
_ENDS = r"""($|[^[:alnum:]_-])"""
_LOOKED_AT = 200


def review(
    rt: Runtime,
    session: models.Session,
    command: str,
    outcome: CommandOutcome,
    report: TestReport | None,
    verdict: Verdict,
    commit: str,
) -> Question | None:
    """The question, with the set-up as a way out, where nothing but a missing library lets a check at ``commit`` fail."""
    if not _stopped_at_loading(outcome, report, verdict):
        return None
    lacks = next((name for name in unproven.libraries(outcome.output) if _is_needed(session, name, commit)), None)
    if lacks is None or known_failures.is_new(rt, session, f"import {lacks}", ""):
        return None
    words = (
        f"Nothing was proven here: `{command}` needs `{lacks}`, which the repository uses and which is not installed "
        "in the worktree. This is not caused by the task. If something has to be installed first, add it "
        "under “Worktree setup…”."
    )
    key = unproven.key_of(command, None if report is UNCLEAR else report)
    return unproven.offering_set_up(questions.infrastructure_question(words, key, outcome.output))


def _stopped_at_loading(outcome: CommandOutcome, report: TestReport | None, verdict: Verdict) -> bool:
    newly = verdict.comparison.newly_failing
    if newly:
        return all(name.startswith(NOT_LOADED) for name in newly)
    if report is None or report is UNCLEAR:
        return not outcome.passed and unproven.could_not_import(outcome.output)
    return False


def _is_needed(session: models.Session, name: str, commit: str) -> bool:
    """Whether the repository names or uses a library; one that is a part of it only where the work left that alone."""
    repo = Path(session.repo_path)
    if _own(repo, session.base_commit, name) - _own(repo, commit, name):
        return False
    spelled = re.sub(r"[-_]", "[-_]", re.escape(name).replace(r"\-", "-"))
    if repository.search(repo, session.base_commit, f"{_TAKEN_IN}{spelled}{_ENDS}", 1):
        return True
    found = repository.search(repo, commit, f"(^|[^[:alnum:]_-]){spelled}{_ENDS}", _LOOKED_AT)
    return any(_NAMES_LIBRARIES.search(path) for path, _number, _line in found)


def _own(repo: Path, commit: str, name: str) -> set[str]:
    """The files of a module or package of this name."""
    files = repository.list_files(repo, commit)
    return {path for path in files if any(part.split(".")[0] == name for part in PurePosixPath(path).parts)}
