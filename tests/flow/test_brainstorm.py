"""A brainstorm over REST: replies stream, are stored as they come, can be stopped, fail with reasons, and survive the app."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from maestro.core import queries
from maestro.core.brainstorm import replies as brainstorm
from maestro.core.commands import conversation, plans, sessions
from maestro.core.kernel.endpoint import NOT_CONFIGURED
from maestro.db import models
from maestro.demo.server import ScriptedServer
from maestro.errors import InvalidInput, NotAllowed, NotFound
from tests.scripted import call, error, say, scenario
from tests.talk import Installation, close_installation, open_installation

CARD = {
    "title": "CSV export",
    "goals": ["writes a header row"],
    "decisions": [{"question": "Separator?", "options": ["comma", "semicolon"], "chosen": "comma", "reason": "Common"}],
}
SLOW = {"delta_delay_s": 0.05}

Open = Callable[..., tuple[Installation, ScriptedServer]]


@pytest.fixture
def talking(tmp_path: Path) -> Iterator[Open]:
    """Opens an installation whose assistant follows the given rules."""
    with ExitStack() as stack:

        def open_(*rules: dict[str, Any], **settings: Any) -> tuple[Installation, ScriptedServer]:
            server = stack.enter_context(ScriptedServer(scenario(*rules, **settings)))
            installation = open_installation(tmp_path, server)
            stack.callback(close_installation, installation)
            return installation, server

        yield open_


def replies(*steps: Any, **more: Any) -> dict[str, Any]:
    whole = [[s] if isinstance(s, dict) and ("tool" in s or "text" in s) else s for s in steps]
    return {"match": {"has_tool": "update_idea_card"}, "steps": whole, **more}


def test_a_description_opens_the_conversation_and_is_answered(talking: Open) -> None:
    app, server = talking(replies("What for?"))
    session_id = app.started("I want a CSV export.")
    assert app.reply()["content"] == "What for?"
    assert app.messages(session_id) == [("user", "I want a CSV export.", "complete"), ("ai", "What for?", "complete")]
    body = server.messages()[-1]
    assert "expenses/cli.py" in str(body["system"])
    assert "decimal.Decimal" in str(body["system"])  # the project's own instructions


def test_a_reply_streams_and_is_stored_as_it_comes(talking: Open) -> None:
    text = "One two three four five six seven eight nine ten. " * 6
    app, _ = talking(replies(text), delta_chars=10, delta_delay_s=0.02)
    session_id = app.started()
    conversation.send_message(app.rt, session_id, "Go on.")
    first = app.wait(lambda e: e.type == "message_delta" and bool(e.payload["text"]))
    (_, (role, stored, status)) = app.messages(session_id)
    assert (role, status) == ("ai", "streaming")
    assert text.startswith(stored)
    assert stored.startswith(first.payload["text"])
    final = app.reply()
    deltas = [e.payload for e in app.events if e.type == "message_delta"]
    assert len(deltas) > 3
    assert {d["message_id"] for d in deltas} == {final["id"]}
    assert final["content"] == text
    assert final["content"].startswith("".join(d["text"] for d in deltas))


def test_the_card_is_kept_in_the_same_reply(talking: Open) -> None:
    app, _ = talking(replies([say("Noted."), call("update_idea_card", **CARD)], "Which columns?"))
    session_id = app.started("I want a CSV export.")
    reply = app.reply()
    assert reply["content"] == "Noted.\n\nWhich columns?"
    assert reply["tool_uses"] == [{"name": "update_idea_card", "summary": "Updated the idea card"}]
    card = app.session(session_id).idea_card
    assert card["title"] == "CSV export"
    assert card["decisions"][0]["chosen"] == 0
    told = app.wait(lambda e: e.type == "idea_card_updated").payload
    assert told["card"] == card
    assert told["changed"] == ["title", "goals", "decisions"]
    (decision,) = app.rows(models.Decision, session_id)
    assert (decision.source, decision.context, decision.chosen) == ("brainstorm", "Separator?", 0)
    row = app.session(session_id)
    assert row.input_tokens > 0
    assert row.output_tokens > 0


def test_the_assistant_reads_tracked_files_and_nothing_else(talking: Open) -> None:
    app, server = talking(
        replies(
            [
                call("read_file", path="expenses/book.py"),
                call("read_file", path="../../etc/passwd"),
                call("list_files", folder="tests"),
                call("search_files", pattern="def run_"),
                call("no_such_tool"),
            ],
            "Seen.",
        )
    )
    (app.repo / "secret.txt").write_text("untracked")
    app.started("Look.")
    assert [t["summary"] for t in app.reply()["tool_uses"]][:2] == ["Read expenses/book.py", "Read ../../etc/passwd"]
    results = server.messages()[-1]["messages"][-1]["content"]
    assert "class Book" in results[0]["content"]
    assert results[1]["is_error"]
    assert "tests/test_cli.py" in results[2]["content"]
    assert "expenses/cli.py:" in results[3]["content"]
    assert results[4]["is_error"]


def test_a_broken_off_reply_is_kept_and_can_be_asked_again(talking: Open) -> None:
    broken = {"content": "This goes well until it does not go well any more.", "cut_after": 1}
    app, server = talking(
        {"match": {"has_tool": "update_idea_card"}, "reply": broken, "times": 1}, replies("All of it.", "And more.")
    )
    session_id = app.started("Tell me.")
    kept = app.reply()
    assert kept["status"] == "interrupted"
    assert kept["content"]
    assert "was lost during the answer" in kept["error"]
    conversation.ask_again(app.rt, session_id)
    assert app.reply(2)["content"] == "All of it."
    assert [m["role"] for m in server.messages()[-1]["messages"]] == ["user"]
    assert [status for _, _, status in app.messages(session_id)] == ["complete", "interrupted", "complete"]
    with pytest.raises(NotAllowed):
        conversation.ask_again(app.rt, session_id)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (error(401, "authentication_error", "invalid x-api-key"), "ANTHROPIC_API_KEY"),
        (error(404, "not_found_error", "model: nope"), "does not know the model"),
        (error(429, "rate_limit_error", "slow down", retry_after=3600), "usage limit"),
        (error(400, "invalid_request_error", "prompt is too long"), "Edit an earlier message"),
        (error(413, "request_too_large", "Request exceeds the maximum context length"), "Edit an earlier message"),
        (error(400, "invalid_request_error", "messages: at least one"), "did not accept the request"),
        (error(401, "authentication_error", "invalid x-api-key"), "under Settings"),
        (error(429, "rate_limit_error", "slow down", retry_after=30), "Ask again in 30 seconds"),
        ({"content": "", "stop_reason": "refusal"}, "declined"),
    ],
)
def test_a_failure_says_why_at_once(talking: Open, reply: dict[str, Any], words: str) -> None:
    app, server = talking({"match": {"has_tool": "update_idea_card"}, "reply": reply})
    app.started("Hello")
    failed = app.reply()
    assert failed["status"] == "failed"
    assert words in failed["error"]
    assert "sk-ant-scripted" not in failed["error"]
    assert len(server.messages()) == 1  # what will not get better is not tried again


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (error(529, "overloaded_error", "Overloaded"), "is overloaded or failing right now"),
        (error(429, "rate_limit_error", "slow down"), "Ask again later"),
        (error(500, "api_error", "boom"), "Ask again in a few minutes"),
    ],
)
def test_what_stays_so_after_some_tries_is_said_and_can_be_asked_again(
    talking: Open, reply: dict[str, Any], words: str
) -> None:
    rules = {"match": {"has_tool": "update_idea_card"}, "reply": reply, "times": 3}
    app, _ = talking(rules, replies("Here."))
    session_id = app.started("Hello")
    failed = app.reply()
    assert failed["status"] == "failed"
    assert words in failed["error"]
    conversation.ask_again(app.rt, session_id)
    assert app.reply(2)["content"] == "Here."


def test_an_overloaded_endpoint_is_tried_again(talking: Open) -> None:
    busy = {"match": {"has_tool": "update_idea_card"}, "reply": error(529, "overloaded_error"), "times": 1}
    app, _ = talking(busy, replies("Here."))
    app.started("Hello")
    assert app.reply()["content"] == "Here."


def test_nothing_configured_fails_at_once_with_what_to_do(tmp_path: Path) -> None:
    app = open_installation(tmp_path, None)
    try:
        session_id = app.started("Hello")
        failed = app.reply()
        assert (failed["status"], failed["error"]) == ("failed", NOT_CONFIGURED)
        assert app.session(session_id).status == "brainstorming"
    finally:
        close_installation(app)


def test_a_reply_can_be_stopped_while_the_endpoint_is_silent(talking: Open) -> None:
    app, _ = talking({"match": {"has_tool": "update_idea_card"}, "reply": {"hang": True}})
    session_id = app.started("Hello")
    app.wait(lambda e: e.type == "message_delta")
    assert conversation.stop_reply(app.rt, session_id)
    stopped = app.reply()
    assert (stopped["status"], stopped["error"]) == ("interrupted", brainstorm.STOPPED)
    assert brainstorm.wait_for_reply(app.rt, session_id, 30)
    assert not conversation.stop_reply(app.rt, session_id)


def test_a_message_during_a_reply_is_answered_after_it(talking: Open) -> None:
    app, server = talking(replies("A first answer that takes its time to be said.", "The second."), delta_delay_s=0.1)
    session_id = app.started("One")
    app.wait(lambda e: e.type == "message_delta")
    for words in ("Two", "Three"):
        conversation.send_message(app.rt, session_id, words)
    assert app.reply(2)["content"] == "The second."
    assert brainstorm.wait_for_reply(app.rt, session_id, 30)
    assert [m[0] for m in app.messages(session_id)] == ["user", "ai", "user", "user", "ai"]
    last = server.messages()[-1]["messages"]
    assert [m["role"] for m in last] == ["user", "assistant", "user"]
    assert last[-1]["content"][0]["text"] == "Two\n\nThree"


def test_many_messages_at_once_all_get_an_answer(talking: Open) -> None:
    app, _ = talking(replies("Yes.", repeat_last=True))
    session_id = app.started()
    for n in range(12):
        conversation.send_message(app.rt, session_id, f"Message {n}")
    assert brainstorm.wait_for_reply(app.rt, session_id, 30)
    messages = app.messages(session_id)
    assert sum(role == "user" for role, _, _ in messages) == 12
    assert messages[-1] == ("ai", "Yes.", "complete")


def test_a_reply_that_the_app_died_in_is_marked_and_an_unanswered_message_answered(talking: Open) -> None:
    app, _ = talking(replies("Here I am."))
    session_id, other_id = app.started(), app.started()
    with app.rt.db.write() as tx:
        tx.db.add(models.Message(session_id=session_id, number=1, role="user", content="Hello"))
        tx.db.add(models.Message(session_id=session_id, number=2, role="ai", content="I was say", status="streaming"))
        tx.db.add(models.Message(session_id=other_id, number=1, role="user", content="Anyone?"))
    brainstorm.recover(app.rt)
    assert app.reply(2)["content"] == "Here I am."
    assert app.messages(session_id)[1] == ("ai", "I was say", "interrupted")
    assert len(app.messages(session_id)) == 2
    assert app.messages(other_id)[1] == ("ai", "Here I am.", "complete")


def test_the_stop_of_the_app_leaves_a_reply_that_can_be_asked_again(talking: Open) -> None:
    app, _ = talking(replies("A long answer. " * 30), **SLOW)
    app.started("Hello")
    app.wait(lambda e: e.type == "message_delta" and bool(e.payload["text"]))
    app.rt.jobs.stop(5)
    stopped = app.reply()
    assert (stopped["status"], stopped["error"]) == ("interrupted", brainstorm.APP_STOPPED)
    assert stopped["content"]


def test_a_deleted_session_ends_its_reply(talking: Open) -> None:
    app, _ = talking(replies("A long answer. " * 60), **SLOW)
    session_id = app.started("Hello")
    app.wait(lambda e: e.type == "message_delta" and bool(e.payload["text"]))
    sessions.delete_session(app.rt, session_id)
    assert brainstorm.wait_for_reply(app.rt, session_id, 30)


@pytest.mark.parametrize("content", ["", "  \n", "a\0b", "x" * 200_001, "\ud800", None, 7])
def test_a_bad_message_is_refused_and_nothing_stored(talking: Open, content: Any) -> None:
    app, _ = talking(replies("Yes."))
    session_id = app.started()
    with pytest.raises(InvalidInput) as refused:
        conversation.send_message(app.rt, session_id, content)
    assert "content" in refused.value.fields
    assert app.messages(session_id) == []


def test_messages_only_while_brainstorming(talking: Open) -> None:
    app, _ = talking(replies("Yes."))
    new = sessions.NewSession(repo_path=str(app.repo), title="Idle")
    session_id = sessions.create_session(app.rt, new).id
    with pytest.raises(NotAllowed) as refused:
        conversation.send_message(app.rt, session_id, "Hello")
    assert "start" in refused.value.allowed
    with pytest.raises(NotFound):
        conversation.send_message(app.rt, "nowhere", "Hello")


def test_the_user_edits_the_card(talking: Open) -> None:
    app, server = talking(replies("Fine.", "Good."))
    session_id = app.started("Hello")
    app.reply()
    card = conversation.edit_idea_card(app.rt, session_id, {"goals": ["  faster  "], "title": "Speed"})
    assert card["goals"] == ["faster"]
    assert app.session(session_id).idea_card == card
    assert app.wait(lambda e: e.type == "idea_card_updated").payload["changed"] == ["title", "goals"]
    conversation.send_message(app.rt, session_id, "See the card.")
    app.reply(2)
    first, second = server.messages()
    # What stays the same comes first and is marked to be cached; the card, which changes, comes last.
    assert second["system"] == first["system"]
    assert "cache_control" in second["system"][-1]
    said, now = second["messages"][-1]["content"]
    assert (said["text"], "cache_control" in said) == ("See the card.", True)
    assert "added to goals: faster" in now["text"]
    assert first["messages"][0]["content"][0]["text"] == second["messages"][0]["content"][0]["text"]
    with pytest.raises(InvalidInput) as refused:
        conversation.edit_idea_card(app.rt, session_id, {"goals": ["", "ok"], "colour": "red"})
    assert {"goals.0", "colour"} <= refused.value.fields.keys()


def test_what_the_user_wrote_on_the_card_stays_until_they_ask_for_a_change(talking: Open) -> None:
    update = call(
        "update_idea_card", title="Mine", goals=["small"], requirements=[{"id": "R1", "text": "is quick"}, "is small"]
    )
    asked = call("update_idea_card", title="Ours", user_asked=True)
    later = {"match": {"asked": "Call it"}, "steps": [[asked], "D."], "from_asked": True}
    app, server = talking(later, replies([say("A."), update], "B."))
    session_id = app.started()
    conversation.edit_idea_card(
        app.rt, session_id, {"title": "Theirs", "goals": ["fast"], "requirements": ["is fast"], "sources": {"x": "y"}}
    )
    message = conversation.send_message(app.rt, session_id, "Make it small, too.")
    app.reply()
    card = app.session(session_id).idea_card
    assert (card["title"], card["goals"]) == ("Theirs", ["fast", "small"])
    assert [(r["id"], r["text"]) for r in card["requirements"]] == [("R1", "is fast"), ("R2", "is small")]
    assert [r["message_id"] for r in card["requirements"]] == [None, message.id]
    assert card["sources"] == {"goals:small": message.id, "requirements:R2": message.id}
    assert "stay as they are: title" in str(server.messages()[-1]["messages"][-1])
    conversation.edit_idea_card(
        app.rt, session_id, {"requirements": [r for r in card["requirements"] if r["id"] == "R1"]}
    )
    conversation.send_message(app.rt, session_id, "Call it ours.")
    app.reply(2)
    assert app.session(session_id).idea_card["title"] == "Ours"
    versions = queries.list_card_versions(app.rt, session_id)
    assert [v.author for v in versions] == ["assistant", "user", "assistant", "user"]
    assert versions[0].changes == [{"key": "title", "was": "Theirs", "now": "Ours"}]
    assert versions[2].card["requirements"] == card["requirements"]


def test_planning_hears_a_running_reply_to_its_end(talking: Open) -> None:
    plan = {"summary": "s", "tasks": [{"id": "t1", "title": "One"}]}
    app, _ = talking(
        {"match": {"tool_schema_has": "tasks"}, "reply": [{"answer": plan}]},
        replies([say("Wait for it, this takes a while to say."), call("update_idea_card", title="Late")], "Done."),
        delta_delay_s=0.1,
    )
    session_id = app.started("Hello")
    app.wait(lambda e: e.type == "message_delta")
    plans.request_plan(app.rt, session_id)
    app.state("plan_review")
    assert app.reply()["status"] == "complete"
    assert app.session(session_id).idea_card["title"] == "Late"
    assert queries.get_plan(app.rt, session_id).version == 1
