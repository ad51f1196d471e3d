"""An earlier message is said anew; the branch that is left is kept, with its answers and its card, and can be gone back to."""

from __future__ import annotations

from pathlib import Path

import pytest

from maestro.core import queries
from maestro.core.brainstorm import replies as brainstorm
from maestro.core.commands import conversation
from maestro.db import models
from maestro.demo.server import ScriptedServer
from maestro.errors import InvalidInput, NotAllowed, NotFound
from tests.flow.test_interview import ASKING, rule
from tests.scripted import call, say, scenario
from tests.talk import close_installation, open_installation


def words(app: object, session_id: str) -> list[str]:
    return [content for _role, content, _status in app.messages(session_id)]  # type: ignore[attr-defined]


def test_a_message_is_said_anew_and_the_other_branch_comes_back_whole(tmp_path: Path) -> None:
    rules = [
        rule("^Export", *ASKING),
        rule("^semicolon", [say("Noted."), call("update_idea_card", title="Semicolons")], "Good."),
        rule("^tab", [say("Noted."), call("update_idea_card", goals=["tabs"])], "Better."),
        rule("^Import", "Another thing."),
    ]
    with ScriptedServer(scenario(*rules)) as server:
        app = open_installation(tmp_path, server)
        session_id = app.started("Export it.")
        asked = app.reply()
        said = conversation.answer_question(app.rt, session_id, asked["id"], 1)
        app.reply(2)
        assert brainstorm.wait_for_reply(app.rt, session_id, 30)
        card = app.session(session_id).idea_card
        for refused, error in (("", InvalidInput), ("x", NotFound)):
            with pytest.raises(error):
                conversation.edit_message(app.rt, session_id, asked["id"], refused)

        anew = conversation.edit_message(app.rt, session_id, said.id, "tab")
        app.reply(3)
        assert brainstorm.wait_for_reply(app.rt, session_id, 30)
        assert words(app, session_id)[2:] == ["tab", "Noted.\n\nBetter."]
        there = app.session(session_id).idea_card
        assert (there["title"], there["goals"], there["decisions"][0]["chosen"]) == ("", ["tabs"], 2)
        assert "Semicolons" not in str(server.messages()[-1]["messages"][2:])
        rows = queries.list_messages(app.rt, session_id)[0]
        assert rows[2].wordings == [said.id, anew.id]
        assert rows[1].question
        assert rows[1].question["answer"]["message_id"] == anew.id
        with pytest.raises(NotAllowed):
            conversation.edit_message(app.rt, session_id, said.id, "comma")  # it is on the other branch

        conversation.show_branch(app.rt, session_id, said.id)
        assert words(app, session_id)[2:] == ["semicolon", "Noted.\n\nGood."]
        assert app.session(session_id).idea_card == card
        assert queries.list_messages(app.rt, session_id)[0][1].question["answer"]["option"] == 1  # type: ignore[index]
        (decision,) = app.rows(models.Decision, session_id)
        assert decision.chosen == 1

        first = queries.list_messages(app.rt, session_id)[0][0]
        conversation.edit_message(app.rt, session_id, first.id, "Import it.")
        app.reply(4)
        assert brainstorm.wait_for_reply(app.rt, session_id, 30)
        assert words(app, session_id) == ["Import it.", "Another thing."]
        assert app.session(session_id).idea_card["decisions"] == []
        conversation.show_branch(app.rt, session_id, first.id)  # the branch of it that was said last
        assert words(app, session_id)[2] in {"semicolon", "tab"}
        close_installation(app)


def test_while_a_reply_is_under_way_the_branch_stays(tmp_path: Path) -> None:
    with ScriptedServer(scenario(rule("", {"hang": True}))) as server:
        app = open_installation(tmp_path, server)
        session_id = app.started("Export it.")
        app.wait(lambda e: e.type == "message_delta")
        first = queries.list_messages(app.rt, session_id)[0][0]
        with pytest.raises(NotAllowed):
            conversation.edit_message(app.rt, session_id, first.id, "Import it.")
        assert words(app, session_id)[0] == "Export it."
        conversation.stop_reply(app.rt, session_id)
        close_installation(app)
