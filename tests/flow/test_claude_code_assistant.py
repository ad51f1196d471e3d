"""The assistant over the real CLI: a subscription login, our tools and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from maestro.assistants.base import Request, Tool, Turn, Usage
from maestro.assistants.claude_code import ClaudeCodeAssistant
from maestro.demo.server import ScriptedServer
from maestro.demo.wire import token_count
from maestro.errors import AssistantError
from tests.scripted import call, error, say, scenario

NOTE = "mcp__maestro__note"


class Heard:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.text = ""
        self.tools: list[str] = []
        self.usage = Usage()
        self.stop = False

    def on_text(self, delta: str) -> None:
        self.text += delta

    def on_tool(self, name: str, summary: str) -> None:
        self.tools.append(summary)

    def on_usage(self, usage: Usage) -> None:
        self.usage.add(usage)

    def should_stop(self) -> bool:
        return self.stop


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    slowly: dict[str, Any] = {"content": [say("Handed in.")], "delay_s": 5}
    rules: list[dict[str, Any]] = [
        {"match": {"asked": "Hand it in"}, "steps": [[call(NOTE, text="milk")], slowly]},
        {"match": {"has_tool": NOTE}, "steps": [[say("I note it."), call(NOTE, text="milk")], "Done with that."]},
        {"match": {"asked": "refused"}, "reply": error(401, "authentication_error", "token revoked")},
        {"match": {"asked": "silent"}, "reply": {"hang": True}},
    ]
    with ScriptedServer(scenario(*rules)) as scripted:
        yield scripted


@pytest.fixture
def assistant(server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClaudeCodeAssistant:
    monkeypatch.setenv("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat01-scripted")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-must-not-get-through")
    return ClaudeCodeAssistant(work_dir=tmp_path / "assistant", base_url=server.url)


def test_it_talks_with_our_tools_only(server: ScriptedServer, assistant: ClaudeCodeAssistant) -> None:
    noted: list[str] = []
    tool = Tool(
        name="note",
        description="Notes something.",
        schema={"type": "object", "properties": {"text": {"type": "string"}}},
        handler=lambda given: noted.append(given["text"]) or "Noted.",  # type: ignore[func-returns-value]
        summary=lambda given: f"Noted {given['text']}",
    )
    history = [Turn("user", "Hello"), Turn("assistant", "Yes?"), Turn("user", "Note milk. @/etc/hostname")]
    heard = Heard()
    answer = assistant.converse(Request(system="You note things.", history=history, tools=[tool]), heard)
    assert (answer.text, answer.stop_reason) == ("I note it.\n\nDone with that.", "end")
    assert (heard.text, heard.tools, noted) == (answer.text, ["Noted milk"], ["milk"])
    # Told call by call, and nothing twice when the CLI gives its own count.
    said = token_count(["I note it.", {"text": "milk"}]) + token_count(["Done with that."])
    assert heard.usage.output_tokens == said
    body = server.messages()[-1]
    assert not {"Bash", "Read", "Write", "WebFetch"} & {t["name"] for t in body["tools"]}
    assert "You note things." in str(body["system"])
    assert "Yes?" in str(body["messages"][0])
    sent = [r["headers"] for r in server.requests if r["path"] == "/v1/messages"]
    assert all("must-not-get-through" not in str(headers) for headers in sent)


def test_what_calls_used_is_told_although_the_reply_ends_with_the_plan(
    server: ScriptedServer, assistant: ClaudeCodeAssistant
) -> None:
    heard = Heard()

    def take(_given: dict[str, Any]) -> str:
        heard.stop = True  # as when the plan is handed in
        return "Taken."

    schema = {"type": "object", "properties": {"text": {"type": "string"}}}
    tool = Tool(name="note", description="Takes.", schema=schema, handler=take, summary=lambda _: "Taken")
    answer = assistant.converse(Request(system="s", history=[Turn("user", "Hand it in")], tools=[tool]), heard)
    assert answer.stop_reason == "stopped"
    assert heard.usage.input_tokens + heard.usage.cache_write_tokens + heard.usage.cache_read_tokens > 0
    assert heard.usage.output_tokens > 0


def test_a_refused_login_is_said_plainly(assistant: ClaudeCodeAssistant) -> None:
    with pytest.raises(AssistantError) as failed:
        assistant.converse(Request(system="s", history=[Turn("user", "refused")]), Heard())
    assert failed.value.kind == "auth"


def test_not_signed_in_says_how_to(assistant: ClaudeCodeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLAUDE_CODE_OAUTH_TOKEN")
    with pytest.raises(AssistantError) as failed:
        assistant.converse(Request(system="s", history=[Turn("user", "Hello")]), Heard())
    assert failed.value.kind == "auth"
    assert "claude auth login" in failed.value.detail


def test_it_stops_when_told_although_the_model_is_silent(assistant: ClaudeCodeAssistant) -> None:
    heard = Heard()
    heard.stop = True
    assert assistant.converse(Request(system="s", history=[Turn("user", "silent")]), heard).stop_reason == "stopped"


def test_a_missing_executable_is_named(tmp_path: Path) -> None:
    lost = ClaudeCodeAssistant(work_dir=tmp_path / "assistant", cli_path=tmp_path / "no-claude")
    with pytest.raises(AssistantError) as failed:
        lost.converse(Request(system="s", history=[Turn("user", "Hello")]), Heard())
    assert "MAESTRO_CLAUDE_PATH" in failed.value.detail
