"""The idea card takes what a model says about it, however sloppily, and a user's edits with what is wrong about them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maestro.core.brainstorm.idea_card import MAX_LINES, MAX_TITLE, IdeaCard, edit, merge_update, stored_card
from maestro.errors import InvalidInput

CARD = IdeaCard(title="Export", problem="None yet", goals=["fast"], open_questions=["How?"])


def test_only_what_is_given_replaces() -> None:
    card, changed = merge_update(CARD, {"goals": ["fast", "small"], "open_questions": []})
    assert card.goals == ["fast", "small"]
    assert card.open_questions == []
    assert (card.title, card.problem) == ("Export", "None yet")
    assert changed == ["goals", "open_questions"]


def test_saying_the_same_again_changes_nothing() -> None:
    assert merge_update(CARD, {"title": "Export", "goals": ["fast"]}) == (CARD, [])


@pytest.mark.parametrize(
    ("given_goals", "read"),
    [
        ("- one\n- two\n", ["one", "two"]),
        ("1. one\n2) two", ["one", "two"]),
        ("just one", ["just one"]),
        ('["one", "two"]', ["one", "two"]),
        ([{"text": "one"}, {"goal": "two"}], ["one", "two"]),
        (["one", "", None, "one", "  two  "], ["one", "two"]),
        ({"description": "one"}, ["one"]),
        (["a\0b"], ["ab"]),
        ([3], ["3"]),
    ],
)
def test_sloppy_lists_are_read(given_goals: Any, read: list[str]) -> None:
    assert merge_update(IdeaCard(), {"goals": given_goals})[0].goals == read


@pytest.mark.parametrize(
    ("chosen", "index"),
    [(1, 1), ("b", 1), ("1", 1), (None, None), (7, None), (-1, None), (True, None), ("none", None), (1.5, None)],
)
def test_the_chosen_option_is_counted_or_named(chosen: Any, index: int | None) -> None:
    update = {"decisions": [{"title": "Which?", "options": ["a", "b"], "chosen": chosen, "rationale": "because"}]}
    (decision,) = merge_update(IdeaCard(), update)[0].decisions
    assert (decision.question, decision.chosen, decision.reason) == ("Which?", index, "because")


@pytest.mark.parametrize(
    "wrapped", [{"card": {"title": "New"}}, json.dumps({"title": "New"}), {"title": "New", "x": 1}]
)
def test_wrapped_cards_are_unwrapped(wrapped: Any) -> None:
    assert merge_update(CARD, wrapped)[0].title == "New"


@pytest.mark.parametrize(
    ("given_requirements", "read"),
    [
        (["fast", "small"], [("R1", "fast"), ("R2", "small")]),
        ([{"id": "R4", "text": "small"}, {"text": "fast"}], [("R4", "small"), ("R1", "fast")]),
        ([{"id": "R1", "text": "faster"}, "new"], [("R1", "faster"), ("R2", "new")]),
        ("R1: fast\nR9: big\nnew", [("R1", "fast"), ("R9", "big"), ("R10", "new")]),
        ([{"id": "R2", "text": "a"}, {"id": "R2", "text": "b"}, {"id": "x", "text": "c"}],
         [("R2", "a"), ("R3", "b"), ("R4", "c")]),
        ([{"id": "R2"}, None, "", {"id": 3, "requirement": "fast"}], [("R1", "fast")]),
    ],
)  # fmt: skip
def test_requirements_keep_their_ids_and_new_ones_get_the_next(given_requirements: Any, read: list[Any]) -> None:
    card = IdeaCard.model_validate({"requirements": ["fast"]})
    merged, _ = merge_update(card, {"requirements": given_requirements})
    assert [(r.id, r.text) for r in merged.requirements] == read


def test_too_much_is_cut() -> None:
    card, _ = merge_update(IdeaCard(), {"title": "t" * 500, "goals": [f"goal {n}" for n in range(500)]})
    assert len(card.title) == MAX_TITLE
    assert len(card.goals) == MAX_LINES


def test_an_empty_title_does_not_wipe_the_title() -> None:
    assert merge_update(CARD, {"title": " ", "goals": None})[0] == CARD


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=5) | st.sampled_from(["text", "question"]), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*IdeaCard.model_fields, "card"]), anything) | anything)
def test_no_update_whatever_it_is_breaks_the_card(update: Any) -> None:
    card, changed = merge_update(CARD, update)
    assert stored_card(card.model_dump(mode="json")) == card
    json.dumps(card.model_dump(mode="json"), ensure_ascii=False).encode()
    assert set(changed) <= IdeaCard.model_fields.keys()


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"title": 3}, "title"),
        ({"title": "t" * (MAX_TITLE + 1)}, "title"),
        ({"title": "two\nlines"}, "title"),
        ({"goals": "one"}, "goals"),
        ({"goals": [""]}, "goals.0"),
        ({"goals": ["x"] * (MAX_LINES + 1)}, "goals"),
        ({"problem": "a\0b"}, "problem"),
        ({"colour": "red"}, "colour"),
        ({"requirements": ["ok", {"id": "R1", "text": ""}]}, "requirements.1.text"),
        ({"requirements": [{"id": "r1", "text": "a"}]}, "requirements.0.id"),
        ({"requirements": [{"id": "R1", "text": "a"}, {"id": "R1", "text": "b"}]}, "requirements"),
        ({"requirements": [7]}, "requirements.0"),
        ({"decisions": [{"question": "Which?", "options": ["a"], "chosen": 1}]}, "decisions.0"),
        ({"decisions": [{"options": []}]}, "decisions.0.question"),
    ],
)
def test_a_users_edit_is_told_what_is_wrong(data: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        edit(CARD, data)
    assert field in refused.value.fields


def test_a_users_edit_replaces_what_it_gives() -> None:
    assert edit(CARD, {"goals": ["other"]}) == CARD.model_copy(update={"goals": ["other"]})
    with pytest.raises(InvalidInput):
        edit(CARD, ["not", "a", "card"])
