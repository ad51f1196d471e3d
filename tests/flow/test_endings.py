"""A run that rightly changes nothing, or that ends with a question: the user answers, and no attempt is burnt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from maestro.core import queries
from maestro.core.commands import approvals
from maestro.core.integration.hooks.endings import asks
from maestro.errors import InvalidInput
from tests.engine import engine
from tests.repos import make_repo
from tests.scripted import say, scenario, task_rule, write

ASK = "I found two dialects in the sources.\n\nWhich of the two dialects do you mean?\n\n- the old one\n- the new one"


def plan(check: str = "test -s README.md") -> dict[str, Any]:
    return {"summary": "Test", "tasks": [{"id": "t1", "title": "Task t1", "checks": [check]}]}


def hears(words: str, *steps: Any) -> dict[str, Any]:
    return {
        "match": {"has_tool": "Bash", "asked": words},
        "from_asked": True,
        "steps": [s if isinstance(s, list) else [s] for s in steps],
    }


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", {"README.md": "Hello\n"})


def test_a_right_no_op_is_asked_about_and_accepted_as_done(tmp_path: Path, repo: Path) -> None:
    with engine(tmp_path, scenario(task_rule("# Task t1:", say("It is all there already.")))) as e:
        session = e.run(repo, plan())
        asked = e.until("approval_requested", kind="nothing_changed").payload
        assert asked["detail"]["words"] == "It is all there already."
        assert e.task(session.id, "t1").attempt == 1
        approvals.decide(e.rt, asked["approval_id"], "allow")
        e.until("state_changed", to="completed")
        assert len(queries.list_workers(e.rt, session.id)) == 1


def test_a_no_op_that_is_sent_back_goes_on_with_the_users_words_and_burns_no_attempt(
    tmp_path: Path, repo: Path
) -> None:
    again = hears("The end is missing", write("end.txt", "end\n"), say("Done."))
    with engine(tmp_path, scenario(again, task_rule("# Task t1:", say("It is all there already.")))) as e:
        session = e.run(repo, plan(), max_attempts=1)
        asked = e.until("approval_requested", kind="nothing_changed").payload
        approvals.decide(e.rt, asked["approval_id"], "deny", "The end is missing")
        e.until("state_changed", to="completed")
        assert e.task(session.id, "t1").attempt == 1


def test_no_change_with_a_failing_check_goes_back_to_the_agent_unasked(tmp_path: Path, repo: Path) -> None:
    again = hears("# Nothing was changed", write("end.txt", "end\n"), say("Done."))
    with engine(tmp_path, scenario(again, task_rule("# Task t1:", say("I am done.")))) as e:
        session = e.run(repo, plan("test -s end.txt"))
        e.until("state_changed", to="completed")
        assert e.task(session.id, "t1").attempt == 2
        assert not [event for event in e.seen if event.type == "approval_requested"]


def test_an_agents_question_is_answered_in_its_conversation(tmp_path: Path, repo: Path) -> None:
    again = hears("(?s)Which of the two.*The user answers.*the new one", write("end.txt", "end\n"), say("Done."))
    with engine(tmp_path, scenario(again, task_rule("# Task t1:", say(ASK)))) as e:
        session = e.run(repo, plan("test -s end.txt"), max_attempts=1)
        asked = e.until("approval_requested", kind="agent_question").payload
        assert asked["detail"]["words"] == ASK
        with pytest.raises(InvalidInput, match="Enter an answer"):
            approvals.decide(e.rt, asked["approval_id"], "allow", " ")
        approvals.decide(e.rt, asked["approval_id"], "allow", "the new one")
        e.until("state_changed", to="completed")
        assert e.task(session.id, "t1").attempt == 1


def test_a_question_after_half_of_the_work_is_asked_instead_of_an_attempt_and_may_be_left_to_the_agent(
    tmp_path: Path, repo: Path
) -> None:
    begins = task_rule("# Task t1:", write("half.txt", "half\n"), say(ASK))
    again = hears("The user leaves it to you", write("end.txt", "end\n"), say("Done."))
    with engine(tmp_path, scenario(again, begins)) as e:
        session = e.run(repo, plan("test -s end.txt"), max_attempts=1)
        asked = e.until("approval_requested", kind="agent_question").payload
        assert "test -s end.txt" in asked["detail"]["reason"]
        approvals.decide(e.rt, asked["approval_id"], "deny")
        e.until("state_changed", to="completed")
        assert e.task(session.id, "t1").attempt == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ASK, True),
        ("Which of the two dialects do you mean?", True),
        ("**Should it be a list or a set?**", True),
        ("リストですか、セットですか？", True),
        ("Two ways.\n\n1. A\n2. B\n\nWhich one?\n\nI wait for your answer.", True),
        ("Should I use SQLite or Postgres? Please let me know.", True),
        ("I need to know whether you want A or B before I continue.", True),
        ("Could you clarify what “dialect” means here? I have stopped until then.", True),
        ("I am not sure which dialect is meant. Let me know and I'll proceed.", True),
        ("Awaiting your decision on the schema.", True),
        ("Kindly confirm the target version.", True),
        ("请问您想用哪一个？", True),
        ("All is done. Let me know if you have any questions.", False),
        ("I need two loops here, and wrote them. You can confirm it with the tests.", False),
        ("Feel free to ask if anything is unclear.", False),
        ("I waited for the server before I started the tests.", False),
        ("Done.", False),
        ("", False),
        ("Why did it fail? The path was wrong, and I mended it.", False),
        ("I asked `which one?` of the parser.", False),
        ("Done:\n\n```\nReally?\n```", False),
        ("Which one?\n\nI looked.\n\nI chose.\n\nI wrote it.", False),
    ],
)
def test_what_counts_as_a_question(text: str, expected: bool) -> None:
    assert asks(text) is expected
