"""A check without single tests that fails as on the untouched base: the person says once whether to go on with it."""

from __future__ import annotations

from dataclasses import replace

from maestro.core import lookup
from maestro.core.keeping.cleanup import worktrees_folder
from maestro.core.proving import infrastructure, questions
from maestro.core.proving.baseline import Baseline
from maestro.core.proving.questions import Question
from maestro.core.runtime import Runtime
from maestro.core.validation import CommandOutcome
from maestro.db import models


def look(
    rt: Runtime, session: models.Session, command: str, outcome: CommandOutcome, base: Baseline
) -> Question | None:
    """The question, when a check fails as it did on the base. A yes lets it pass, where all of its output is the same."""
    if not _fails_so(rt, session, command, outcome, base):
        return None
    below = worktrees_folder(rt, session.id)
    words = f"`{command}` fails just as it did before any work began, with the same output."
    known = infrastructure.signature(command, outcome.exit_code, outcome.output, below)
    question = questions.stop_the_train(words, known, outcome.output)
    if not infrastructure.says_the_same(base.runs[command].output, outcome.output, below):
        return question
    go_on = {"what": questions.AS_BEFORE, "allow": "go on: it was so before"}
    return replace(question, detail=question.detail | go_on)


def accepted(rt: Runtime, session: models.Session, command: str, outcome: CommandOutcome, base: Baseline) -> bool:
    """Whether a check still fails just as it did on the base, and the person goes on with that."""
    below = worktrees_folder(rt, session.id)
    known = infrastructure.signature(command, outcome.exit_code, outcome.output, below)
    return (
        known in questions.gone_on_with(rt, session.id)
        and _fails_so(rt, session, command, outcome, base)
        and infrastructure.says_the_same(base.runs[command].output, outcome.output, below)
    )


def _fails_so(rt: Runtime, session: models.Session, command: str, outcome: CommandOutcome, base: Baseline) -> bool:
    with rt.db.read() as db:
        planned = [path for task in lookup.tasks_of(db, session.id) for path in task.files]
    below = worktrees_folder(rt, session.id)
    return infrastructure.fails_as_before(session, command, outcome, base, below, planned)
