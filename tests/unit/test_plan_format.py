"""What is a plan and what is refused by name; graphs, hashes, overlaps, and plans found in text."""

from __future__ import annotations

import contextlib
import copy
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maestro.core.brainstorm.idea_card import IdeaCard
from maestro.core.planning.coverage import uncovered
from maestro.core.planning.plan import (
    OPTIONAL,
    Plan,
    PlanTask,
    critical_path,
    levels,
    overlap,
    parse_plan,
    plan_hash,
    width,
)
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
    assert task.keys() == PlanTask.model_fields.keys()
    assert not OPTIONAL & set(PLAN_SCHEMA["properties"]["tasks"]["items"]["required"])


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


OTHER_NAMES = {
    "depends_on": ["dependencies", "dependsOn", "depends-on", "Depends On", "deps", "requires", "needs", "blockedBy",
                   "prerequisites", "depend_on", "dependecies", "dependsUpon", "after"],
    "title": ["name", "Title", "summary"],
    "description": ["details", "prompt", "descripton"],
    "files": ["paths", "target_files", "filesTouched", "file"],
    "acceptance": ["acceptanceCriteria", "acceptance_criteria", "doneWhen", "acceptence"],
    "checks": ["commands", "verification", "testCommand", "check", "tests"],
    "estimate_minutes": ["estimate", "estimatedMinutes", "estimateMinutes", "minutes"],
    "requires_approval": ["requiresApproval", "needs_approval", "approval"],
    "id": ["key", "taskId", "ID"],
    "scope_out": ["outOfScope", "scopeOut"],
}  # fmt: skip


@pytest.mark.parametrize(("meant", "key"), [(m, k) for m, keys in OTHER_NAMES.items() for k in keys])
def test_a_key_by_another_name_is_refused_with_the_right_one(meant: str, key: str) -> None:
    plan = with_task(**{key: ["t1"]})
    if meant in {"depends_on", "title", "id"}:
        plan["tasks"][1].pop(meant)
    with pytest.raises(InvalidInput) as refused:
        checked_plan(plan)
    assert refused.value.fields == {f"tasks.1.{key}": f"this key is called {meant} here"}
    answers = PlanAnswers()
    answers.take_text(str(plan).replace("'", '"'))
    assert f"{key}: this key is called {meant} here" in answers.correction()


def test_a_key_that_means_nothing_here_is_refused_with_those_that_there_are() -> None:
    for plan, field in (
        (GOOD | {"version": 2}, "version"),
        (GOOD | {"test_commands": ["pytest"]}, "test_commands"),
        (GOOD | {"decisions": [{"decision_type": "x", "reason": "y"}]}, "decisions.0.reason"),
        (with_task(colour="red"), "tasks.1.colour"),
    ):
        with pytest.raises(InvalidInput) as refused:
            checked_plan(plan)
        assert list(refused.value.fields) == [field]
    assert "depends_on" in refused.value.fields["tasks.1.colour"]
    assert parse_plan(with_task(colour="red"))  # one that is stored already can be read


def test_harmless_shapes_are_read() -> None:
    plan = checked_plan(
        {
            "summary": None,
            "assumptions": None,
            "risks": "It is slow.",
            "checks": "pytest -q",
            "decisions": {"decision_type": "library", "options": "stdlib", "chosen": None, "rationale": None},
            "tasks": [
                {
                    "id": 1,
                    "title": "One",
                    "depends_on": None,
                    "files": "a.py",
                    "acceptance": None,
                    "checks": '["x", "y"]',
                },
                {"id": 2.0, "title": "Two", "depends_on": 1, "priority": None, "estimate_minutes": "", "checks": ""},
                {"id": "3", "title": "Three", "depends_on": [1, "2", None], "priority": "4", "requires_approval": None},
                {"id": " t4 ", "title": "Four", "depends_on": "3", "files": ["b.py", ""], "description": None},
            ],
        }
    )
    assert (plan.summary, plan.assumptions, plan.risks, plan.checks) == ("", [], ["It is slow."], ["pytest -q"])
    assert (plan.decisions[0].options, plan.decisions[0].chosen) == (["stdlib"], 0)
    assert [t.id for t in plan.tasks] == ["1", "2", "3", "t4"]
    assert [t.depends_on for t in plan.tasks] == [[], ["1"], ["1", "2"], ["3"]]
    assert [t.files for t in plan.tasks] == [["a.py"], [], [], ["b.py"]]
    assert plan.tasks[0].checks == ["x", "y"]
    assert [t.priority for t in plan.tasks] == [2, 2, 4, 2]
    alone = checked_plan({"tasks": {"id": 7, "title": "Alone"}})
    assert alone.tasks[0].id == "7"


@pytest.mark.parametrize(
    ("field", "value", "read"),
    [
        ("priority", "high", 1), ("priority", "Very-Low", None), ("priority", "P0", 0), ("priority", "Medium", 2),
        ("priority", "high priority", 1), ("priority", "lowest", 4), ("priority", "3", 3), ("priority", 2.0, 2),
        ("estimate_minutes", "10 min", 10), ("estimate_minutes", "1.5h", 90), ("estimate_minutes", "30", 30),
        ("estimate_minutes", "2 days", None), ("estimate_minutes", "", None),
        ("requires_approval", "true", True), ("requires_approval", "maybe", None),
    ],
)  # fmt: skip
def test_words_for_a_priority_and_times_with_a_unit_are_read(field: str, value: Any, read: Any) -> None:
    if read is None and value:
        with pytest.raises(InvalidInput) as refused:
            checked_plan(with_task(**{field: value}))
        assert list(refused.value.fields) == [f"tasks.1.{field}"]
    else:
        assert getattr(checked_plan(with_task(**{field: value})).tasks[1], field) == read


@pytest.mark.parametrize("value", [True, {"a": 1}, [["t1"]], [True], [{"id": "t1"}]])
def test_shapes_that_may_mean_anything_are_refused(value: Any) -> None:
    with pytest.raises(InvalidInput):
        checked_plan(with_task(depends_on=value))


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
)


@given(ANYTHING)
def test_whatever_comes_as_a_plan_is_read_or_refused(anything: Any) -> None:
    for data in (anything, {"tasks": anything}, with_task(depends_on=anything, files=anything, id=anything)):
        with contextlib.suppress(InvalidInput):
            checked_plan(data)


def test_what_a_task_may_say_besides_is_kept_and_changes_no_other_plans_fingerprint() -> None:
    more = {
        "model": "claude-haiku-4-5", "effort": "low", "agent": "claude_code", "scope_out": "the docs",
        "patterns": ["as in src/a.py"], "requirements": ["R-1"],
    }  # fmt: skip
    plan = checked_plan(with_task(**more))
    stored = plan.model_dump(mode="json")
    assert {k: stored["tasks"][1][k] for k in more} == more | {"scope_out": ["the docs"]}
    assert plan_hash(parse_plan(stored)) == plan_hash(plan)
    assert not OPTIONAL & parse_plan(GOOD).model_dump(mode="json")["tasks"][0].keys()
    assert plan_hash(parse_plan(GOOD)) == "81657255485e90fa2ee3f2171e57ab2259175b4967ce405c6ca57de92f85fd8f"
