"""The arithmetic behind the brainstorm and plan pages: streaming text, the graph's layout, the plan being edited."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maestro.core.planning.plan import levels, parse_plan, plan_hash
from maestro.core.views import PlanView
from maestro.db.types import utcnow
from maestro.errors import InvalidInput
from pages.brainstorm.message import split_finished
from pages.plan.draft import Draft
from pages.plan.layout import BOX_HEIGHT, BOX_WIDTH, lay_out


def task(key: str, *needs: str, **more: Any) -> dict[str, Any]:
    return {"id": key, "title": f"Task {key}", "depends_on": list(needs)} | more


def draft(*tasks: dict[str, Any]) -> Draft:
    plan = parse_plan({"tasks": list(tasks)})
    data = plan.model_dump(mode="json")
    view = {
        "session_id": "s",
        "version": 1,
        "hash": plan_hash(plan),
        "origin": "generated",
        "feedback": None,
        "plan": data,
    }
    made = Draft(PlanView(**view, created_at=utcnow(), approved_at=None, critical_path=[], width=1, uncovered=[]))
    made.review()
    return made


def test_only_finished_blocks_of_a_growing_reply_are_rendered() -> None:
    assert split_finished("One.\n\nTwo is not") == ("One.\n\n", "Two is not")
    assert split_finished("One\nline") == ("", "One\nline")


def test_a_blank_line_inside_of_a_code_block_finishes_nothing() -> None:
    assert split_finished("See:\n\n```py\na\n\nb") == ("See:\n\n", "```py\na\n\nb")
    assert split_finished("```py\na\n\nb\n```\n\nNow") == ("```py\na\n\nb\n```\n\n", "Now")
    assert split_finished("~~~\n```\n\nstill code") == ("", "~~~\n```\n\nstill code")


@given(st.text(alphabet="ab`~\n ", max_size=80))
def test_no_word_of_a_reply_is_lost_or_doubled(words: str) -> None:
    assert "".join(split_finished(words)) == words


@given(st.lists(st.sets(st.integers(0, 59), max_size=4), max_size=60))
def test_boxes_never_overlap_and_every_line_runs_to_the_right(needs: list[set[int]]) -> None:
    keys = [f"t{n}" for n in range(len(needs))]
    depends_on = {f"t{n}": sorted(f"t{d}" for d in found if d < n) for n, found in enumerate(needs)}
    drawn = lay_out(keys, depends_on, levels(depends_on))
    assert set(drawn.boxes) == set(keys)
    places = sorted(drawn.boxes.values())
    for i, (x, y) in enumerate(places):
        assert 0 <= x <= drawn.width - BOX_WIDTH
        assert 0 <= y <= drawn.height - BOX_HEIGHT
        for other_x, other_y in places[i + 1 :]:
            assert other_x >= x + BOX_WIDTH or abs(other_y - y) >= BOX_HEIGHT
    for points in drawn.lines.values():
        assert [x for x, _ in points] == sorted(x for x, _ in points)


def test_lines_lead_around_boxes() -> None:
    drawn = lay_out(["a", "b", "c"], {"b": ["a"], "c": ["a", "b"]}, {"a": 0, "b": 1, "c": 2})
    (left, top), passing = drawn.boxes["b"], drawn.lines["a", "c"][1:-1]
    assert passing
    assert all(x in {left, left + BOX_WIDTH} and not top <= y <= top + BOX_HEIGHT for x, y in passing)


def test_who_waited_for_a_removed_task_waits_for_what_it_waited_for() -> None:
    plan = draft(task("a"), task("b", "a"), task("c", "b", "a"), task("d", "b"))
    plan.remove("b")
    assert {t["id"]: t["depends_on"] for t in plan.tasks} == {"a": [], "c": ["a"], "d": ["a"]}


def test_a_new_task_gets_a_key_of_its_own_and_the_rules_pass_but_for_its_title() -> None:
    plan = draft(task("task-2"), task("x"))
    assert plan.add("task-2") == "task-3"
    assert [t["id"] for t in plan.tasks] == ["task-2", "task-3", "x"]
    with pytest.raises(InvalidInput) as wrong:
        parse_plan(plan.data)
    assert list(wrong.value.fields) == ["tasks.1.title"]


def test_a_circle_is_seen_at_once_and_said_at_its_tasks_only() -> None:
    plan = draft(task("a"), task("b", "a"), task("c"))
    plan.tasks[0]["depends_on"] = ["b"]
    plan.review()
    assert "cycle" in plan.task_errors("a")["depends_on"]
    assert "cycle" in plan.task_errors("b")["depends_on"]
    assert plan.task_errors("c") == {}
    assert plan.shape is not None
    plan.tasks[0]["depends_on"] = []
    plan.review()
    assert plan.errors == {}


def test_faults_are_said_at_once_and_follow_every_change() -> None:
    plan = draft(task("a"))
    plan.tasks[0]["files"] = ["fine.py", "../out.py"]
    plan.review()
    assert "leaves the repository" in plan.task_errors("a")["files"]
    plan.wrong(InvalidInput("…", {"tasks.0.files": "“../out.py” leaves the repository"}))
    assert plan.task_errors("a") == {"files": "“../out.py” leaves the repository"}
    plan.tasks[0]["files"] = ["fine.py", "x" * 5000]
    plan.review()
    assert plan.task_errors("a")["files"].startswith("Line 2: ")
    plan.tasks[0]["files"] = ["fine.py"]
    plan.review()
    assert plan.errors == {}
    assert plan.dirty


def test_a_kept_draft_comes_back_unless_it_is_none() -> None:
    plan = draft(task("a"))
    assert not plan.restore({"tasks": "nonsense"}, 1)
    assert not plan.restore(plan.data, 1)
    assert plan.restore(plan.data | {"summary": "Typed", "unknown": 1}, 1)
    assert plan.data["summary"] == "Typed"
    assert plan.dirty


def test_an_empty_title_is_said_at_once_but_not_of_a_task_that_is_still_being_made() -> None:
    made = draft(task("a"), task("b"))
    made.tasks[1]["title"] = "  "
    made.review()
    assert set(made.task_errors("b")) == {"title"}
    key = made.add("a")
    made.add_decision()
    made.review()
    assert not made.task_errors(key)
    assert made.task_errors("b")
    assert not [at for at in made.errors if at.startswith("decisions")]
    made.leave()
    made.review()
    assert set(made.task_errors(key)) == {"title"}
    assert [at for at in made.errors if at.startswith("decisions.0")]


def test_a_removed_task_comes_back_with_all_that_waited_for_it() -> None:
    made = draft(task("a"), task("b", "a"), task("c", "b"), task("d", "a", "b"))
    made.remove("b")
    assert made.offer is not None
    assert made.offer.words == "Removed b. c and d now wait for a instead."
    assert made.undo() == "b"
    assert not made.dirty
    assert made.offer is None


def test_what_was_typed_after_a_removal_stays_when_it_is_undone() -> None:
    made = draft(task("a"), task("b", "a"), task("c", "a"))
    made.remove("a")
    assert made.offer is not None
    assert made.offer.words == "Removed a. b and c no longer wait for it."
    made.tasks[0]["title"] = "Typed since"
    made.tasks[1]["depends_on"] = ["b"]
    assert made.add(None) != "a"
    made.remove("b")
    assert [made.undo(), made.undo()] == ["b", "a"]
    assert [t["id"] for t in made.tasks[:3]] == ["a", "b", "c"]
    assert (made.tasks[1]["title"], made.tasks[1]["depends_on"]) == ("Typed since", ["a"])
    assert made.tasks[2]["depends_on"] == ["b", "a"]


def test_discarded_changes_come_back_until_something_else_is_typed() -> None:
    made = draft(task("a"), task("b", "a"))
    view = PlanView(
        session_id="s", version=1, hash="", origin="generated", feedback=None, plan=made.stored, created_at=utcnow(),
        approved_at=None, critical_path=[], width=1, uncovered=[],
    )  # fmt: skip
    made.tasks[0]["title"] = "Typed with care"
    made.remove("b")
    made.discard(view)
    assert (made.dirty, made.offer and made.offer.words) == (False, "Your changes were discarded.")
    made.undo()
    assert [t["title"] for t in made.tasks] == ["Typed with care"]
    assert made.offer is not None
    assert made.offer.words == "Removed b."
    made.discard(view)
    made.tasks[0]["title"] = "Something else"
    assert made.offer is None
