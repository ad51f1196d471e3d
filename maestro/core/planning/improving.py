"""Having a draft reviewed by other eyes and rewritten once; whatever goes wrong with that, the draft stays."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Protocol

from maestro.assistants.base import Assistant, Listener, Request, Turn
from maestro.core.brainstorm.assistant import assistant_for, check_budgets, tools_for
from maestro.core.brainstorm.idea_card import stored_card
from maestro.core.brainstorm.repository_tools import clean
from maestro.core.kernel.runtime import Runtime
from maestro.core.planning import second_pass
from maestro.core.planning.drafting import Drafting
from maestro.core.planning.plan import Plan
from maestro.core.planning.plan_answer import PlanAnswers
from maestro.core.planning.plan_diff import compare
from maestro.core.views import PlanReview
from maestro.db import models
from maestro.errors import MaestroError

_log = logging.getLogger(__name__)

_CRITIC_ROUNDS, _CRITIC_TOKENS = 25, 8_000
_MOST_TOKENS = 32_000


class Settled(Protocol):
    """Something that an assistant is asked for."""

    @property
    def settled(self) -> bool:
        """Whether it has come, or will not."""


def improve(
    rt: Runtime,
    session: models.Session,
    draft: Plan,
    material: str,
    system: str,
    answers: PlanAnswers,
    hear: Callable[[Settled], Listener],
    progress: Drafting,
) -> tuple[Plan, PlanReview]:
    """The plan to show, and what the second pass found and changed.

    ``material`` and ``system`` are what the planner was told, ``answers`` are empty ones for the rewrite.
    """
    review = second_pass.Review()
    try:
        with rt.db.read() as db:
            check_budgets(rt, db, session)
        assistant = assistant_for(rt, session)
        progress.phase("reviewing")
        _criticize(assistant, session, draft, material, review, hear(review))
        if not review.findings:
            return draft, PlanReview()
        progress.phase("rewriting", [finding.problem for finding in review.findings])
        _rewrite(assistant, session, draft, material, system, review, answers, hear(answers))
    except MaestroError as error:
        return draft, PlanReview(findings=review.findings, problem=clean(error.detail))
    except Exception as error:
        _log.exception("the second pass over the plan of session %s failed", session.id)
        return draft, PlanReview(findings=review.findings, problem=f"Internal error in Maestro: {error}")
    if answers.plan is None:
        why = answers.refusals[-1] if answers.refusals else "nothing was handed in"
        return draft, PlanReview(findings=review.findings, problem=clean(f"The rewritten plan was invalid: {why}."))
    return answers.plan, PlanReview(findings=review.findings, changes=compare(draft, answers.plan))


def _criticize(
    assistant: Assistant,
    session: models.Session,
    draft: Plan,
    material: str,
    review: second_pass.Review,
    listener: Listener,
) -> None:
    asked = clean(second_pass.question(stored_card(session.idea_card), draft, material))
    tools = [review.tool(), *tools_for(session)]
    request = Request(
        system=second_pass.CRITIC,
        history=[Turn("user", asked)],
        tools=tools,
        max_rounds=_CRITIC_ROUNDS,
        max_tokens=_CRITIC_TOKENS,
    )
    assistant.converse(request, listener)


def _rewrite(
    assistant: Assistant,
    session: models.Session,
    draft: Plan,
    material: str,
    system: str,
    review: second_pass.Review,
    answers: PlanAnswers,
    listener: Listener,
) -> None:
    turns = [
        Turn("user", material),
        Turn("assistant", json.dumps(draft.model_dump(mode="json"), ensure_ascii=False)),
        Turn("user", clean(second_pass.rewrite(review.findings))),
    ]
    tools = [answers.tool(), *tools_for(session)]
    while not listener.should_stop():
        answer = assistant.converse(
            Request(system=system, history=turns, tools=tools, max_tokens=_MOST_TOKENS), listener
        )
        if listener.should_stop():
            return
        answers.take_text(answer.text)
        correction = "" if answers.settled else answers.correction()
        turns += [Turn("assistant", answer.text or "(nothing)"), Turn("user", correction)]
