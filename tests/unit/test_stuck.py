"""What counts as going round in circles, and what does not."""

from __future__ import annotations

from maestro.core.guards.loops import Trace


def trace(*calls: tuple[str, str], repeats: int = 4) -> Trace:
    made = Trace(repeats)
    for number, (command, result) in enumerate(calls):
        made.tool(str(number), "Bash", {"command": command, "description": f"Try {number}"}, f"Run `{command}`")
        made.result(str(number), result, False)
    return made


def test_the_same_call_with_the_same_result_four_times_is_a_circle() -> None:
    assert trace(*[("make", "error 2")] * 3).circle() is None
    assert trace(*[("make", "error 2")] * 4).circle() == "“Run `make`” was done 4 times in a row with the same result"


def test_the_same_call_with_another_result_is_progress() -> None:
    assert trace(*[("make", f"error in line {n}") for n in range(9)]).circle() is None


def test_two_calls_in_turn_are_a_circle_and_three_are_not() -> None:
    pair = [("make", "error 2"), ("cat log", "…")]
    assert trace(*pair * 3).circle() is None
    assert "alternated 4 times" in (trace(*pair * 4).circle() or "")
    assert trace(*[*pair, ("ls", "a")] * 6).circle() is None


def test_what_was_done_long_ago_does_not_count() -> None:
    assert trace(*[("make", "error 2")] * 3, ("ls", "a"), ("make", "error 2")).circle() is None


def test_a_call_without_its_result_is_not_a_repetition_yet() -> None:
    made = trace(*[("make", "error 2")] * 3)
    made.tool("x", "Bash", {"command": "make"}, "Run `make`")
    assert made.running is not None
    assert made.circle() is None


def test_only_a_successful_edit_counts_as_a_change() -> None:
    made = trace(("ls", "a"), ("pwd", "b"))
    made.tool("e1", "Edit", {"file_path": "a"}, "Edit a")
    assert not made.result("e1", "no such text", True)
    assert made.since_change == 3
    made.tool("e2", "Edit", {"file_path": "a"}, "Edit a")
    assert made.result("e2", "ok", False)
    assert made.since_change == 0


def test_after_a_step_everything_begins_anew() -> None:
    made = trace(*[("make", "error 2")] * 4)
    made.tool("x", "Bash", {"command": "make all"}, "Run `make all`")
    made.tool("y", "Read", {}, "Read")
    made.result("y", "…", False)
    made.forget()
    assert (made.circle(), made.since_change) == (None, 0)
    assert made.running is not None  # what runs is not over for that
    assert made.running.tool_use_id == "x"
