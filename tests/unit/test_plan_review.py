"""What stands beside a plan for its review: versions by field, requirements traced to tasks and checks, kept tasks."""

from __future__ import annotations

from typing import Any

import pytest

from maestro.core.brainstorm.idea_card import IdeaCard
from maestro.core.planning.plan import parse_plan
from maestro.core.planning.plan_answer import PlanAnswers
from maestro.core.planning.plan_diff import compare
from maestro.core.planning.tracing import request_for, trace, unknown_requirements
from maestro.core.planning.wishes import kept_beside


def task(key: str, **more: Any) -> dict[str, Any]:
    return {"id": key, "title": key.upper(), **more}


OLD = {
    "summary": "Old.",
    "checks": ["a"],
    "tasks": [task("a", files=["x"]), task("b"), task("c"), task("d", model="opus")],
}


def changes(new: dict[str, Any]) -> dict[str, tuple[str, list[str]]]:
    return {t.id: (t.change, [f.name for f in t.fields]) for t in compare(parse_plan(OLD), parse_plan(new)).tasks}


def test_two_versions_are_compared_by_field() -> None:
    tasks: list[dict[str, Any]] = [
        task("a", files=["x", "y"], priority=0),
        task("d"),
        task("c"),
        task("new", depends_on=["a"]),
    ]
    diff = compare(parse_plan(OLD), parse_plan({"summary": "New.", "tasks": tasks}))
    assert [(f.name, f.before, f.after) for f in diff.whole] == [("summary", "Old.", "New."), ("checks", ["a"], [])]
    assert changes({"tasks": tasks}) == {
        "a": ("changed", ["files", "priority"]),
        "d": ("changed", ["model"]),
        "c": ("moved", []),
        "new": ("added", ["title", "depends_on", "priority"]),
        "b": ("removed", ["title", "priority"]),
    }
    assert compare(parse_plan(OLD), parse_plan(OLD)).model_dump(exclude_defaults=True) == {}


CARD = IdeaCard.model_validate(
    {
        "requirements": [
            {"id": f"R{n}", "text": t} for n, t in enumerate(["Writes CSV", "Sends it by mail", "Logs errors"], 1)
        ]
    }
)


def test_requirements_are_traced_to_tasks_and_checks_and_gaps_are_named() -> None:
    plan = parse_plan(
        {
            "tasks": [
                task("csv", requirements=["R1", "R9"], checks=["pytest"]),
                task("log", acceptance=["It logs errors to stderr"]),
            ]
        }
    )
    rows = trace(CARD, plan)
    assert [(r.id, r.tasks, r.checks, r.by_words, r.gap) for r in rows] == [
        ("R1", ["csv"], ["pytest"], False, ""),
        ("R2", [], [], False, "no_task"),
        ("R3", ["log"], [], True, "no_check"),
    ]
    assert unknown_requirements(CARD, plan) == {"csv": ["R9"]}
    assert "R2 (“Sends it by mail”)" in request_for(rows[1])
    assert "log" in request_for(rows[2])
    goals = IdeaCard(goals=["It logs errors"])
    assert [(r.id, r.tasks) for r in trace(goals, plan)] == [("", ["log"])]


@pytest.mark.parametrize("rest", [[], [task("a", title="Not yours"), task("b", title="Nor this")]])
def test_tasks_that_were_not_selected_stay_whatever_the_answer_says(rest: list[dict[str, Any]]) -> None:
    answers = PlanAnswers(complete=lambda answer: kept_beside(parse_plan(OLD).model_dump(), answer, ["c", "d"]))
    answers.tool().handler(
        {"summary": "Other.", "tasks": [*rest, task("c", depends_on=["new"]), task("new", priority="low")]}
    )
    assert answers.plan is not None, answers.refusals
    assert answers.plan.summary == "Old."
    assert [(t.id, t.title, t.depends_on) for t in answers.plan.tasks] == [
        ("a", "A", []), ("b", "B", []), ("c", "C", ["new"]), ("new", "NEW", []),
    ]  # fmt: skip


def test_an_answer_that_takes_away_what_a_kept_task_needs_is_refused() -> None:
    before = parse_plan({"tasks": [task("a"), task("b", depends_on=["a"])]}).model_dump()
    answers = PlanAnswers(complete=lambda answer: kept_beside(before, answer, ["a"]))
    answers.take_text('{"tasks": [{"id": "z", "title": "Z"}]}')
    assert answers.refusals == ["plan: task b depends on a, which the plan does not have"]
