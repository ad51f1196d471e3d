"""Which goals of the idea card no acceptance line of the plan covers.

A cheap look at words, not at meaning: a goal counts as covered when one acceptance line (with its task's
title) has half of the goal's words, or one task's lines together have most of them. It can be wrong both
ways: the same thing said in other words looks uncovered, a line that denies the goal looks covered, and a
language without spaces between words is hardly seen. So it is shown as a hint and never blocks.
"""

from __future__ import annotations

import re

from maestro.core.brainstorm.idea_card import IdeaCard
from maestro.core.planning.plan import Plan, PlanTask

_ONE_LINE = 0.5
_ALL_LINES = 0.7
_WORD = re.compile(r"\w+")
_SMALL_WORDS = """
a an and any are as at be by can does every for from has have if in into is it its no not of on one only or out over per
so such than that the their then there these they this to up user when where which who will with without you
"""
_SMALL = frozenset(_SMALL_WORDS.split())
_ENDINGS = re.compile(r"(?:ing|ed|es|s)$")


def uncovered(card: IdeaCard, plan: Plan) -> list[str]:
    """The goals, in the card's words, that no acceptance line seems to cover."""
    return [goal for goal in card.goals if _stems(goal) and not covering(goal, plan)]


def covering(goal: str, plan: Plan) -> list[PlanTask]:
    """The tasks whose acceptance lines seem to cover a goal."""
    words = _stems(goal)
    return [task for task in plan.tasks if words and _covers(task, words)]


def _covers(task: PlanTask, goal: set[str]) -> bool:
    if not task.acceptance:
        return False
    title = _stems(task.title)
    lines = [_stems(line) | title for line in task.acceptance]
    return any(_share(goal, line) >= _ONE_LINE for line in lines) or _share(goal, set().union(*lines)) >= _ALL_LINES


def _share(goal: set[str], words: set[str]) -> float:
    return len(goal & words) / len(goal)


def _stems(text: str) -> set[str]:
    words = (w for w in _WORD.findall(text.lower()) if w not in _SMALL)
    return {_ENDINGS.sub("", w) if len(w) > 4 else w for w in words}
