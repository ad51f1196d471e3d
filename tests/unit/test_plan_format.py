from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maestro.core.conversation.idea_card import IdeaCard
from maestro.core.planning.coverage import uncovered
from maestro.core.planning.plan import Plan, critical_path, levels, overlap, parse_plan, plan_hash, width
from maestro.core.planning.plan_answer import PLAN_SCHEMA, PlanAnswers, checked_plan, plan_in_text
from maestro.errors import InvalidInput

GOOD: dict[str, Any] = {"tasks": [{"id": "t1", "title": "One"}, {"id": "t2", "title": "Two", "depends_on": ["t1"]}]}


def with_task(**changes: Any) -> dict[str, Any]:
    plan = copy.deepcopy(GOOD)
    plan["tasks"][1] |= changes
    return plan


@pytest.mark.parametrize(
    ("plan", "field"),
    [
        ({"tasks": []}, "tasks"),
        ({}, "tasks"),
        ([], "plan"),
        ("text", "plan"),
        ({"tasks": [{"id": f"t{n}", "title": "x"} for n in range(201)]}, "tasks"),
        (with_task(id="t1"), "plan"),
        (with_task(id="T1", depends_on=[]), "plan"),
        (with_task(depends_on=["t9"]), "plan"),
        (with_task(depends_on=["t2"]), "plan"),
        (
            {"tasks": [{"id": "a", "title": "x", "depends_on": ["b"]}, {"id": "b", "title": "x", "depends_on": ["a"]}]},
            "plan",
        ),
        (with_task(title=""), "tasks.1.title"),
        (with_task(title="  "), "tasks.1.title"),
        (with_task(title="a\0b"), "tasks.1.title"),
        (with_task(title="x" * 256), "tasks.1.title"),
        (with_task(id="../up"), "tasks.1.id"),
        (with_task(id="-x"), "tasks.1.id"),
        (with_task(id="main"), "tasks.1.id"),
        (with_task(id=""), "tasks.1.id"),
        (with_task(files=["/etc/passwd"]), "tasks.1.files"),
        (with_task(files=["src/../../x"]), "tasks.1.files"),
        (with_task(files=["~/x"]), "tasks.1.files"),
        (with_task(files=[".git/hooks/pre-commit"]), "tasks.1.files"),
        (with_task(priority=10), "tasks.1.priority"),
        (with_task(estimate_minutes=-1), "tasks.1.estimate_minutes"),
    ],
)
def test_a_wrong_plan_is_refused_by_name(plan: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_plan(plan)
    assert field in refused.value.fields
    assert refused.value.fields[field]


@pytest.mark.parametrize("chosen", [-1, 2, 10**30])
def test_a_choice_of_nothing_is_refused_at_the_door_and_a_stored_one_can_be_read(chosen: int) -> None:
    plan = GOOD | {"decisions": [{"decision_type": "library", "options": ["a", "b"], "chosen": chosen}]}
    with pytest.raises(InvalidInput) as refused:
        checked_plan(plan)
    assert list(refused.value.fields) == ["decisions.0.chosen"]
    assert parse_plan(plan).decisions[0].chosen == chosen
    assert checked_plan(GOOD | {"decisions": [{"decision_type": "scope"}]})


def test_200_tasks_are_a_plan() -> None:
    assert len(parse_plan({"tasks": [{"id": f"t{n}", "title": "x"} for n in range(200)]}).tasks) == 200


@pytest.mark.parametrize("field", ["title", "description"])
def test_no_nul_in_any_text(field: str) -> None:
    with pytest.raises(InvalidInput):
        parse_plan(with_task(**{field: "a\0b"}))


@pytest.mark.parametrize("field", ["files", "acceptance", "checks"])
def test_no_nul_in_any_line(field: str) -> None:
    with pytest.raises(InvalidInput):
        checked_plan(with_task(**{field: ["a\0b"]}))


@st.composite
def plans(draw: st.DrawFn) -> dict[str, Any]:
    """Plans whose tasks depend on earlier ones only: always right."""
    count = draw(st.integers(1, 12))
    tasks = []
    for n in range(count):
        depends_on = draw(st.lists(st.integers(0, n - 1), unique=True)) if n else []
        minutes = draw(st.none() | st.integers(0, 100))
        tasks.append(
            {"id": f"t{n}", "title": "x", "depends_on": [f"t{d}" for d in depends_on], "estimate_minutes": minutes}
        )
    return {"tasks": draw(st.permutations(tasks))}


@given(plans())
def test_every_graph_without_a_cycle_is_a_plan(data: dict[str, Any]) -> None:
    plan = parse_plan(data)
    needs = {t.id: t.depends_on for t in plan.tasks}
    depth = levels(needs)
    assert all(depth[d] < depth[t] for t, ds in needs.items() for d in ds)
    path = critical_path(plan)
    assert all(before in needs[after] for before, after in pairwise(path))
    assert 1 <= width(plan) <= len(plan.tasks)
    assert plan_hash(Plan.model_validate(plan.model_dump(mode="json"))) == plan_hash(plan)


@given(plans(), st.data())
def test_closing_a_circle_is_refused(data: dict[str, Any], draw: st.DataObject) -> None:
    tasks = {t["id"]: t for t in data["tasks"]}
    first, last = draw.draw(st.sampled_from(sorted(tasks))), draw.draw(st.sampled_from(sorted(tasks)))
    tasks[first]["depends_on"] = [*tasks[first]["depends_on"], last]
    reachable, todo = set(), [last]
    while todo:
        here = todo.pop()
        reachable.add(here)
        todo += [d for d in tasks[here]["depends_on"] if d not in reachable]
    if first in reachable:
        with pytest.raises(InvalidInput):
            parse_plan(data)
    else:
        parse_plan(data)


def test_an_edit_changes_the_hash() -> None:
    assert plan_hash(parse_plan(GOOD)) != plan_hash(parse_plan(with_task(title="Other")))


@pytest.mark.parametrize(
    ("left", "right", "tracked", "meets"),
    [
        (["src/a.py"], ["src/a.py"], [], True),
        (["src/a.py"], ["src/b.py"], [], False),
        (["src/**"], ["src/b.py"], [], True),
        (["tests/**"], ["src/b.py"], [], False),
        (["src/*.py"], ["**/a.py"], ["src/a.py"], True),
        ([], ["src/a.py"], [], False),
    ],
)
def test_overlap_of_declared_files(left: list[str], right: list[str], tracked: list[str], meets: bool) -> None:
    assert overlap(left, right, tracked) is meets
    assert overlap(right, left, tracked) is meets


def test_the_tool_asks_for_the_contracts_shape() -> None:
    assert PLAN_SCHEMA["properties"].keys() == Plan.model_fields.keys()
    task = PLAN_SCHEMA["properties"]["tasks"]["items"]["properties"]
    assert task.keys() == Plan.model_fields["tasks"].annotation.__args__[0].model_fields.keys()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "text",
    [
        '{"tasks": []}',
        'Sure! {"note": 1} and ```json\n{"tasks": []}\n``` done {not json}',
        '{"plan": {"tasks": []}}',
        '{"plan": "{\\"tasks\\": []}"}',
    ],
)
def test_a_plan_is_found_in_text(text: str) -> None:
    assert plan_in_text(text) == {"tasks": []}


@given(st.text(alphabet='{}[]":,tasks1 \\', max_size=200))
def test_looking_for_a_plan_never_fails(text: str) -> None:
    plan_in_text(text)


def test_only_the_last_object_with_tasks_counts() -> None:
    assert plan_in_text('{"tasks": [1]} {"tasks": [2]}') == {"tasks": [2]}
    assert plan_in_text("no plan at all {") is None


def test_tasks_given_as_text_are_read() -> None:
    answers = PlanAnswers()
    assert (
        answers.tool().handler({"summary": "s", "tasks": '[{"id": "t1", "title": "One"}]'}) == "The plan is accepted."
    )
    assert answers.plan is not None


def test_goals_in_the_plans_words_are_covered_and_others_are_not() -> None:
    card = IdeaCard(goals=["The CSV file has a header row", "Reports are sent by mail every Monday", "…"])
    task = {"id": "t", "title": "Write CSV", "acceptance": ["`export --csv` writes a header row", "quoting is right"]}
    assert uncovered(card, parse_plan({"tasks": [task]})) == ["Reports are sent by mail every Monday"]
    assert uncovered(card, parse_plan({"tasks": [task | {"acceptance": []}]})) == card.goals[:2]
