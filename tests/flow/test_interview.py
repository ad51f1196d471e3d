"""The interview: questions with options, five at most, answered with a click or in words; answers go to the card."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from maestro.assistants.base import ToolFailed
from maestro.core import queries
from maestro.core.brainstorm import interview
from maestro.core.brainstorm import replies as brainstorm
from maestro.core.commands import conversation
from maestro.demo.server import ScriptedServer
from maestro.errors import InvalidInput, NotAllowed, NotFound
from tests.app_process import AppProcess
from tests.flow.test_brainstorm import Open
from tests.repos import make_repo
from tests.scripted import DUMMY_KEY, call, say, scenario
from tests.talk import close_installation, open_installation

ASK: dict[str, Any] = {
    "question": "Which separator?",
    "options": ["comma", "semicolon", "tab"],
    "recommended": 0,
    "kind": "data",
    "still_open": ["data", "users", "errors"],
}
ASKING: list[Any] = [[say("One thing first."), call("ask_question", **ASK)], "Take your time."]


def rule(asked: str, *steps: Any, **more: Any) -> dict[str, Any]:
    whole = [[s] if isinstance(s, dict) and ("tool" in s or "text" in s) else s for s in steps]
    return {"match": {"has_tool": "ask_question", "asked": asked}, "steps": whole, "from_asked": True, **more}


@pytest.fixture
def talking(tmp_path: Path) -> Iterator[Open]:
    """Opens an installation whose assistant follows the given rules."""
    with ExitStack() as stack:

        def open_(*rules: dict[str, Any], **settings: Any) -> Any:
            server = stack.enter_context(ScriptedServer(scenario(*rules, **settings)))
            installation = open_installation(tmp_path, server)
            stack.callback(close_installation, installation)
            return installation, server

        yield open_


def test_a_question_is_answered_with_a_click_and_the_answer_is_on_the_card(talking: Open) -> None:
    app, server = talking(rule("Export", *ASKING), rule("semicolon", "Fine."))
    session_id = app.started("Export it.")
    asked = app.reply()
    assert asked["status"] == "complete"
    question = asked["question"]
    assert (question["text"], question["options"]) == (ASK["question"], ASK["options"])
    assert (question["recommended"], question["kind"], question["number"]) == (0, "data", 1)
    assert question["answer"] is None
    assert app.session(session_id).idea_card["still_open"] == ["users", "data", "errors"]
    for option in (-1, 3):
        with pytest.raises(InvalidInput):
            conversation.answer_question(app.rt, session_id, asked["id"], option)
    said = conversation.answer_question(app.rt, session_id, asked["id"], 1)
    assert said.content == "semicolon"
    app.reply(2)
    card = app.session(session_id).idea_card
    (decision,) = card["decisions"]
    assert (decision["question"], decision["options"][decision["chosen"]]) == (ASK["question"], "semicolon")
    assert card["sources"]["decisions:Which separator?"] == said.id
    assert card["still_open"] == ["users", "errors"]
    answered = queries.list_messages(app.rt, session_id)[0][1].question
    assert answered
    assert answered["answer"] == {"option": 1, "text": "semicolon", "message_id": said.id}
    told = str(server.messages()[-1]["messages"])
    assert "Which separator?" in told  # the model is told what it had asked
    assert "Questions left to ask: 4 of 5" in told
    with pytest.raises(NotAllowed):
        conversation.answer_question(app.rt, session_id, asked["id"], 0)
    with pytest.raises(NotFound):
        conversation.answer_question(app.rt, "nowhere", asked["id"], 0)


@pytest.mark.parametrize(
    ("words", "said", "chosen"),
    [
        ("2", "semicolon", "semicolon"),
        ("TAB", "tab", "tab"),
        ("4", "4", "4"),
        ("a pipe, like in Unix", "a pipe, like in Unix", "a pipe, like in Unix"),
        ("What is the difference?", "What is the difference?", None),
        ("long " * 100, "long " * 100, None),
    ],
)
def test_a_question_is_answered_in_words(talking: Open, words: str, said: str, chosen: str | None) -> None:
    app, _ = talking(rule("Export", *ASKING), rule("", "Fine."))
    session_id = app.started("Export it.")
    app.reply()
    assert conversation.send_message(app.rt, session_id, words).content == said
    app.reply(2)
    decisions = app.session(session_id).idea_card["decisions"]
    assert [d["options"][d["chosen"]] for d in decisions] == ([chosen] if chosen else [])


def test_five_questions_are_the_most_and_one_reply_asks_one(talking: Open) -> None:
    more = [call("ask_question", **ASK), call("ask_question", **(ASK | {"question": "And which end of line?"}))]
    app, server = talking(rule("", more, "Your turn."))
    session_id = app.started("Export it.")
    for number in range(1, 6):
        question = app.reply(number)["question"]
        assert (question["text"], question["number"]) == (ASK["question"], number)
        assert "One question at a time" in str(server.messages()[-1]["messages"][-1])
        assert brainstorm.wait_for_reply(app.rt, session_id, 30)
        conversation.send_message(app.rt, session_id, "tab")
    assert app.reply(6)["question"] is None
    assert "used up" in str(server.messages()[-1]["messages"][-1])


def test_a_reply_of_a_question_alone_is_a_reply(talking: Open) -> None:
    app, _ = talking(rule("", [call("ask_question", **ASK)], {"content": []}))
    app.started("Export it.")
    asked = app.reply()
    assert (asked["status"], asked["content"], asked["error"]) == ("complete", "", None)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"question": ""}, "question"),
        ({"question": "q" * 1_001}, "question"),
        ({"options": []}, "there are 0"),
        ({"options": ["one", "one", ""]}, "there are 1"),
        ({"options": [f"o{n}" for n in range(10)]}, "there are 10"),
        ({"options": ["a", "b" * 201]}, "Option 2"),
        ({"options": None}, "there are 0"),
    ],
)
def test_a_question_that_makes_no_buttons_goes_back_to_the_model(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ToolFailed, match=words):
        interview.read_question(ASK | given)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"recommended": "tab"}, {"recommended": 2}),
        ({"recommended": 7}, {"recommended": None}),
        ({"recommended": True}, {"recommended": None}),
        ({"kind": "Out of scope"}, {"kind": "out_of_scope"}),
        ({"kind": "money"}, {"kind": None}),
        ({"options": "- a\n- b"}, {"options": ["a", "b"]}),
        ({"options": [{"label": "a"}, {"text": "b\0"}]}, {"options": ["a", "b"]}),
        ({"question": "two\nlines"}, {"text": "two lines"}),
    ],
)
def test_a_question_is_read_as_it_was_meant(given: dict[str, Any], read: dict[str, Any]) -> None:
    assert read.items() <= interview.read_question(ASK | given).items()


def test_a_question_is_open_after_a_restart(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", {"README.md": "# Shop\n"})
    with ScriptedServer(scenario(rule("Export", *ASKING), rule("comma", "Fine."))) as model:
        variables = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": DUMMY_KEY}
        with AppProcess(tmp_path / "data", **variables) as app, app.client() as api, app.events() as events:
            body = {"title": "Shop", "description": "Export it.", "repo_path": str(repo)}
            base = f"/api/sessions/{api.post('/api/sessions', json=body).json()['id']}"
            api.post(f"{base}/start").raise_for_status()
            asked = events.until("message", role="ai")
        with AppProcess(tmp_path / "data", **variables) as app, app.client() as api, app.events() as events:
            assert api.get(f"{base}/messages").json()["items"][-1]["question"]["answer"] is None
            answer = f"{base}/messages/{asked['id']}/answer"
            assert api.post(answer, json={"option": "0"}).status_code == 422
            assert api.post(answer, json={"option": 0}).status_code == 202
            events.until("message", role="ai")
            assert api.get(base).json()["idea_card"]["decisions"][0]["chosen"] == 0
