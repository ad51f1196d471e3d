"""The assistant's endpoint: its models and their effort, a test that says what is wrong, keys and sign-ins without a restart."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from maestro.assistants.anthropic_api import AnthropicAssistant
from maestro.assistants.base import Offered, Request, Turn
from maestro.core.brainstorm.assistant import list_models, try_assistant
from maestro.core.commands import conversation, preferences, sessions, signing_in
from maestro.core.commands.sessions import SessionChanges
from maestro.demo.server import ScriptedServer
from maestro.errors import AssistantError, InvalidInput, NotAllowed
from tests.flow.test_claude_code_assistant import Heard
from tests.scripted import error, scenario
from tests.talk import Installation, close_installation, open_installation

MODELS = {"models": ["claude-opus-4-1", "claude-small-1"], "effort_models": ["claude-opus-4-1"]}


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(scenario(**MODELS)) as scripted:
        yield scripted


@pytest.fixture
def app(tmp_path: Path, server: ScriptedServer) -> Iterator[Installation]:
    installation = open_installation(tmp_path, server)
    yield installation
    close_installation(installation)


def test_the_model_and_its_effort_are_chosen_for_a_session(app: Installation, server: ScriptedServer) -> None:
    assert list_models(app.rt) == [
        Offered(id="claude-opus-4-1", name="claude-opus-4-1", effort=True),
        Offered(id="claude-small-1", name="claude-small-1", effort=False),
    ]
    session_id = app.started("Hello")
    app.reply()
    assert "output_config" not in server.messages()[-1]
    for number, (model, sent) in enumerate(
        [("claude-opus-4-1", {"effort": "high"}), ("claude-small-1", None), ("claude-unlisted-1", None)], 2
    ):
        config = {"assistant_model": model, "assistant_effort": "high"}
        sessions.update_session(app.rt, session_id, SessionChanges(agent_config=config))
        conversation.send_message(app.rt, session_id, "And now?")
        app.reply(number)
        body = server.messages()[-1]
        assert (body["model"], body.get("output_config")) == (model, sent)
    with pytest.raises(InvalidInput, match="assistant_effort"):
        sessions.update_session(app.rt, session_id, SessionChanges(agent_config={"assistant_effort": "heroic"}))


def test_a_key_from_the_settings_is_used_without_a_restart(tmp_path: Path, server: ScriptedServer) -> None:
    app = open_installation(tmp_path, None, anthropic_base_url=server.url)
    assert try_assistant(app.rt).ok
    assert "none-needed" in str(server.requests[-1]["headers"])
    preferences.change_settings(app.rt, {"anthropic_api_key": "sk-ant-new-0001"})
    assert try_assistant(app.rt).ok
    assert "sk-ant-new-0001" in str(server.requests[-1]["headers"])
    close_installation(app)


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (error(401, "authentication_error", "invalid x-api-key"), "auth", "under Settings"),
        (error(404, "not_found_error", "model: nope"), "model", "Choose another"),
        (error(429, "rate_limit_error", "slow", retry_after=3600), "rate_limit", "usage limit"),
    ],
)
def test_the_test_says_what_is_wrong(tmp_path: Path, reply: dict[str, Any], kind: str, words: str) -> None:
    with ScriptedServer(scenario({"reply": reply})) as server:
        app = open_installation(tmp_path, server)
        found = try_assistant(app.rt)
        assert (found.ok, found.kind) == (False, kind)
        assert words in found.words
        close_installation(app)


def test_the_test_says_that_nothing_answers_and_that_nothing_is_configured(tmp_path: Path) -> None:
    with ScriptedServer(scenario()) as server:
        app = open_installation(tmp_path / "a", server)
    found = try_assistant(app.rt)
    assert (found.ok, found.kind) == (False, "network")
    assert "cannot be reached" in found.words
    with pytest.raises(AssistantError):
        list_models(app.rt)
    close_installation(app)
    app = open_installation(tmp_path / "b", None)
    found = try_assistant(app.rt)
    assert (found.ok, found.kind) == (False, "none")
    close_installation(app)


def test_an_endpoint_that_falls_silent_is_given_up_in_words() -> None:
    with ScriptedServer(scenario({"reply": {"hang": True}})) as server:
        assistant = AnthropicAssistant(base_url=server.url, api_key="k", model="m", silence_s=0.3)
        with pytest.raises(AssistantError, match="has not responded for 0 seconds"):
            assistant.converse(Request(system="s", history=[Turn("user", "Hello")]), Heard())


CLI = """#!/bin/sh
[ "$*" = "auth login" ] || exit 2
echo "If the browser did not open, visit: https://claude.ai/oauth/authorize?code=true&x=1"
read -r code || exit 1
[ "$code" = "good#code" ] || { echo "Invalid code"; exit 1; }
mkdir -p "$HOME/.claude" && echo '{}' > "$HOME/.claude/.credentials.json"
"""


def test_the_sign_in_of_claude_code_is_started_from_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    program = tmp_path / "claude"
    program.write_text(CLI)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    for name in ("CLAUDE_CONFIG_DIR", "CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    app = open_installation(tmp_path, None, claude_path=program)

    def ended(count: int) -> signing_in.SignIn:
        app.wait(lambda e: e.type == "settings_changed", count)
        return signing_in.state(app.rt)

    def page() -> str:
        while not (url := signing_in.state(app.rt).url):
            assert signing_in.state(app.rt).running
        return url

    signing_in.start(app.rt)
    assert page() == "https://claude.ai/oauth/authorize?code=true&x=1"
    with pytest.raises(InvalidInput):
        signing_in.enter_code(app.rt, "two words")
    signing_in.enter_code(app.rt, "bad")
    found = ended(1)
    assert not found.signed_in
    assert found.error
    assert "Invalid code" in found.error
    with pytest.raises(NotAllowed):
        signing_in.enter_code(app.rt, "good#code")
    signing_in.start(app.rt)
    page()
    signing_in.enter_code(app.rt, " good#code ")
    found = ended(2)
    assert (found.signed_in, found.running, found.error) == (True, False, None)
    signing_in.start(app.rt)
    page()
    signing_in.cancel(app.rt)
    assert ended(3).error is None
    close_installation(app)
