"""The scripted Messages API, as the anthropic SDK sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anthropic
import httpx
import pytest
from pydantic import ValidationError

from maestro.demo.scenario import Scenario
from maestro.demo.server import ScriptedServer
from tests.scripted import error, say, scenario

ASK: dict[str, Any] = {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]}
TOOL = {"name": "plan", "input_schema": {"type": "object", "properties": {"tasks": {"type": "array"}}}}


def client(server: ScriptedServer) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="x", base_url=server.url, max_retries=0)


def test_a_stream_gives_the_text_in_pieces_and_usage_at_the_end() -> None:
    server = ScriptedServer(scenario({"reply": "A rather long answer, in pieces."}, delta_chars=5))
    with server, client(server) as sdk, sdk.messages.stream(**ASK) as stream:
        pieces = list(stream.text_stream)
        final = stream.get_final_message()
    assert "".join(pieces) == "A rather long answer, in pieces."
    assert len(pieces) == 7
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens > 5


@pytest.mark.parametrize("streamed", [True, False])
def test_a_structured_answer_comes_as_a_tool_call_or_as_json(streamed: bool) -> None:
    rule = {"match": {"tool_schema_has": "tasks"}, "reply": [say("Here."), {"answer": {"tasks": [1]}}]}
    form = {"format": {"type": "json_schema", "schema": TOOL["input_schema"]}}
    with ScriptedServer(scenario(rule)) as server, client(server) as sdk:

        def ask(**more: Any) -> Any:
            if not streamed:
                return sdk.messages.create(**ASK, **more)
            with sdk.messages.stream(**ASK, **more) as stream:
                return stream.get_final_message()

        called, told, other = ask(tools=[TOOL]), ask(output_config=form), ask()
    assert (called.stop_reason, called.content[1].name, called.content[1].input) == ("tool_use", "plan", {"tasks": [1]})
    assert told.content[1].text == '{"tasks": [1]}'
    assert other.content[0].text == "OK."


def test_steps_follow_the_conversation_and_end_in_a_closing_text() -> None:
    rule = {"match": {"prompt": "^Hello$"}, "steps": ["one", [say("two")]]}
    turns: list[dict[str, Any]] = list(ASK["messages"])
    texts = []
    with ScriptedServer(scenario(rule)) as server, client(server) as sdk:
        for _ in range(3):
            answer = sdk.messages.create(**{**ASK, "messages": turns})
            texts.append(answer.content[0].text)  # type: ignore[union-attr]
            turns += [{"role": "assistant", "content": texts[-1]}, {"role": "user", "content": "next"}]
    assert texts == ["one", "two", "Done."]


def test_errors_delays_and_broken_streams_are_as_the_api_has_them() -> None:
    rules = [
        {"match": {"asked": "limit"}, "reply": error(429, "rate_limit_error", "slow", retry_after=7), "times": 1},
        {"match": {"asked": "cut"}, "reply": {"content": "x" * 500, "cut_after": 2}},
        {"match": {"asked": "hang"}, "reply": {"hang": True}},
    ]

    def ask(text: str) -> Any:
        return {**ASK, "messages": [{"role": "user", "content": text}]}

    with ScriptedServer(scenario(*rules)) as server, client(server) as sdk:
        with pytest.raises(anthropic.RateLimitError) as limited:
            sdk.messages.create(**ask("limit"))
        assert limited.value.response.headers["retry-after"] == "7"
        assert sdk.messages.create(**ask("limit")).content[0].text == "OK."  # type: ignore[union-attr]
        with pytest.raises(Exception, match="incomplete"), sdk.messages.stream(**ask("cut")) as stream:
            stream.get_final_message()
        with pytest.raises(anthropic.APITimeoutError):
            sdk.with_options(timeout=anthropic.Timeout(30, read=0.2)).messages.create(**ask("hang"))
        assert [r["rule"] for r in server.requests] == [0, None, 1, 2]


def test_models_counts_and_the_unknown() -> None:
    with ScriptedServer(scenario(models=["a", "b"])) as server, client(server) as sdk:
        assert [m.id for m in sdk.models.list()] == ["a", "b"]
        assert sdk.messages.count_tokens(model="m", messages=ASK["messages"]).input_tokens > 0
        assert httpx.head(server.url).status_code == 200
        assert httpx.get(server.url + "/nothing").json()["error"]["type"] == "not_found_error"


def test_a_server_can_be_stopped_with_a_call_hanging_and_started_again() -> None:
    server = ScriptedServer(scenario({"reply": {"hang": True}}))
    server.start()
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(server.url + "/v1/messages", json=ASK, timeout=httpx.Timeout(30, read=0.2))
    url = server.url
    server.stop()
    with server:
        assert server.url == url
        assert httpx.get(url).status_code == 200


def test_a_scenario_loads_from_toml_and_refuses_nonsense(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text('[[rules]]\nmatch = { has_tool = "Bash" }\nsteps = [[{ text = "Hi" }], "Bye"]\n')
    assert Scenario.load(path).rules[0].steps[1].content[0].text == "Bye"
    with pytest.raises(ValidationError):
        Scenario.model_validate({"rules": [{"match": {}}]})
    with pytest.raises(ValidationError):
        Scenario.model_validate({"rules": [{"reply": [{"text": "x", "tool": "y"}]}]})
