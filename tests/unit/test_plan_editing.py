"""Editing a plan's tasks together, and undoing it: the arithmetic below the plan page."""

from __future__ import annotations

import contextlib
import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maestro.core.planning.plan import parse_plan
from maestro.errors import InvalidInput
from pages.plan import groups
from pages.plan.journal import Journal
from tests.unit.test_plan_page import draft


def tasks(*specs: str, **more: dict[str, Any]) -> list[dict[str, Any]]:
    """``"b: a"`` is a task b that waits for a."""
    made = []
    for spec in specs:
        key, _, needs = spec.partition(":")
        made.append({"id": key, "title": key.upper(), "depends_on": needs.split(), **more.get(key, {})})
    data: list[dict[str, Any]] = parse_plan({"tasks": made}).model_dump(mode="json")["tasks"]
    return data


def graph(found: list[dict[str, Any]]) -> dict[str, list[str]]:
    return {t["id"]: t["depends_on"] for t in found}


def test_a_merged_task_does_and_waits_for_what_its_parts_did() -> None:
    found = tasks(
        "a", "b: a", "c: b", "d: c b",
        b={"description": "One.", "checks": ["x"], "estimate_minutes": 5, "model": "m"},
        c={"description": "Two.", "checks": ["x", "y"], "requirements": ["R1"], "requires_approval": True, "priority": 0},
    )  # fmt: skip
    assert groups.merge(found, ["c", "b"]) == "b"
    assert graph(found) == {"a": [], "b": ["a"], "d": ["b"]}
    merged = found[1]
    assert (merged["title"], merged["description"]) == ("B + C", "One.\n\nTwo.")
    assert (merged["checks"], merged["requirements"], merged["model"]) == (["x", "y"], ["R1"], "m")
    assert (merged["estimate_minutes"], merged["priority"], merged["requires_approval"]) == (5, 0, True)
    parse_plan({"tasks": found})


def test_a_merge_around_another_task_is_refused_and_changes_nothing() -> None:
    found = tasks("a", "b: a", "c: b")
    before = copy.deepcopy(found)
    with pytest.raises(InvalidInput, match="b runs between these tasks"):
        groups.merge(found, ["a", "c"])
    with pytest.raises(InvalidInput, match="at least two"):
        groups.merge(found, ["a", "gone"])
    assert found == before


def test_a_split_task_leaves_its_second_part_in_between_or_beside() -> None:
    lines = {"a": {"checks": ["x", "y"], "acceptance": ["p"], "estimate_minutes": 30}}
    found = tasks("a", "b: a", **lines)
    assert groups.split(found, "a", title=" Rest ", moved={"checks": ["y"]}) == "a-2"
    assert graph(found) == {"a": [], "a-2": ["a"], "b": ["a-2"]}
    assert [(t["title"], t["checks"], t["acceptance"], t["estimate_minutes"]) for t in found[:2]] == [
        ("A", ["x"], ["p"], 15),
        ("Rest", ["y"], ["p"], 15),
    ]
    beside = tasks("z", "a: z", "b: a", **lines)
    groups.split(beside, "a", title="", moved={}, beside=True)
    assert graph(beside) == {"z": [], "a": ["z"], "a-2": ["z"], "b": ["a", "a-2"]}


def test_copies_wait_for_one_another_as_the_originals_do() -> None:
    found = tasks("x", "t-1: x", "t-2: t-1", "end: t-2")
    assert groups.duplicate(found, ["t-2", "t-1"]) == ["t-3", "t-4"]
    assert graph(found) == {"x": [], "t-1": ["x"], "t-2": ["t-1"], "t-3": ["x"], "t-4": ["t-3"], "end": ["t-2"]}
    assert groups.free_key([{"id": "K" * 40}, {"id": "K" * 38 + "-2"}], "K" * 40) == "K" * 38 + "-3"


def test_tasks_move_together_and_stop_at_the_ends() -> None:
    found = tasks("a", "b", "c", "d")

    def order() -> str:
        return "".join(t["id"] for t in found)

    groups.move(found, ["b", "d"], -1)
    assert order() == "badc"
    groups.move(found, ["b", "d"], -1)
    assert order() == "bdac"
    groups.move(found, ["b", "d"], 1)
    groups.move(found, ["d", "c"], 1)
    assert order() == "abdc"
    groups.place(found, ["c", "a"], "d")
    assert order() == "bacd"
    groups.place(found, ["a", "c"], "a")
    assert order() == "bacd"
    groups.place(found, ["b"], None)
    assert order() == "acdb"


def test_no_line_closes_a_circle_and_a_chain_is_drawn_whole_or_not() -> None:
    found = tasks("a", "b: a", "c", "d: b")
    with pytest.raises(InvalidInput, match="d already waits for a"):
        groups.link(found, "d", "a")
    groups.chain(found, ["c", "b"])
    assert graph(found)["c"] == ["b"]
    crossed = tasks("a: c", "b", "c")
    with pytest.raises(InvalidInput):
        groups.chain(crossed, ["a", "b", "c"])
    assert graph(crossed) == {"a": ["c"], "b": [], "c": []}
    groups.unchain(found, ["b", "c", "d"])
    assert graph(found) == {"a": [], "b": ["a"], "c": [], "d": []}


_ACTS = st.lists(
    st.tuples(
        st.sampled_from(["merge", "split", "duplicate", "move", "link", "title", "model", "remove", "undo", "redo"]),
        st.integers(0, 9),
        st.integers(0, 9),
    ),
    max_size=12,
)


@settings(max_examples=40)
@given(_ACTS)
def test_undo_and_redo_lead_through_every_state_that_was_also_after_a_reload(acts: list[tuple[str, int, int]]) -> None:
    plan = draft({"id": "a", "title": "A"}, {"id": "b", "title": "B", "depends_on": ["a"]}, {"id": "c", "title": "C"})
    states = [copy.deepcopy(plan.data)]
    at = 0
    for act, one, other in acts:
        keys = [t["id"] for t in plan.tasks]
        a, b = keys[one % len(keys)], keys[other % len(keys)]
        if act in {"undo", "redo"}:
            moved = plan.step(back=act == "undo", current=1)
            at += 0 if moved is None else -1 if act == "undo" else 1
            assert plan.data == states[at]
            continue
        with contextlib.suppress(InvalidInput):
            _perform(plan.tasks, act, a, b, other)
        plan.note(act)
        if plan.data != states[at]:
            states[at + 1 :] = [copy.deepcopy(plan.data)]
            at += 1
    kept = json.loads(json.dumps({"version": 1, "data": plan.data, "dirty": plan.dirty, "steps": plan.journal.dump()}))
    reloaded = draft(*states[0]["tasks"])
    reloaded.restore_kept(kept)
    for state in reversed(states[:at]):
        reloaded.step(back=True, current=1)
        assert reloaded.data == state
    for state in states[1:]:
        reloaded.step(back=False, current=1)
        assert reloaded.data == state


def _perform(found: list[dict[str, Any]], act: str, a: str, b: str, number: int) -> None:
    task = next(t for t in found if t["id"] == a)
    if act == "merge":
        groups.merge(found, [a, b])
    elif act == "split":
        groups.split(found, a, title="", moved={}, beside=bool(number % 2))
    elif act == "duplicate":
        groups.duplicate(found, [a, b])
    elif act == "move":
        groups.move(found, [a], 1 if number % 2 else -1)
    elif act == "link":
        groups.link(found, a, b)
    elif act == "title":
        task["title"] = f"T{number}"
    elif act == "model":
        task["model"] = "m"
        task.update({} if number % 2 else {"model": f"m{number}"})
    elif act == "remove" and len(found) > 1:
        found.remove(task)


def test_typing_into_one_field_is_one_step_and_a_strange_journal_is_none() -> None:
    plan = draft({"id": "a", "title": "A"})
    for words in ("B", "Bo", "Bot"):
        plan.tasks[0]["title"] = words
        plan.note("Title of a", "a", run="a/title")
    plan.tasks[0]["priority"] = 0
    plan.note("Priority of a", "a", run="a/priority")
    plan.step(back=True, current=1)
    assert (plan.tasks[0]["title"], plan.tasks[0]["priority"]) == ("Bot", 2)
    plan.step(back=True, current=1)
    assert not plan.dirty
    assert plan.journal.next_redo == "Title of a"
    strange = {"words": "x", "back": {"tasks": {"a": {"title": 5}, "ghost": {"title": "half a task"}}}, "forth": {}}
    plan.journal.load({"done": [strange]})
    assert plan.step(back=True, current=1) is None
    assert plan.data["tasks"][0]["title"] == "A"
    plan.journal.load({"done": "nonsense"})
    assert isinstance(plan.journal, Journal)


def test_steps_over_a_version_from_elsewhere_say_which_version_the_draft_is_of() -> None:
    plan = draft({"id": "a", "title": "A"})
    plan.tasks[0]["title"] = "Theirs"
    plan.note("Load version 2", version=(1, 2))
    plan.stored, plan.version = copy.deepcopy(plan.data), 2
    plan.step(back=True, current=2)
    assert (plan.version, plan.dirty, plan.tasks[0]["title"]) == (1, True, "A")
    plan.step(back=False, current=2)
    assert (plan.version, plan.dirty) == (2, False)
