"""Which agents there are, how failures are told, and what an agent's spec survives."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest

from maestro.agents import claude_failures, claude_reset, factory
from maestro.agents.base import AgentSpec
from maestro.errors import InvalidInput


def test_both_built_in_agents_are_made_by_name() -> None:
    assert factory.agent_types()[:2] == ["claude_code", "command"]
    assert [factory.create(name).name for name in ("claude_code", "command")] == ["claude_code", "command"]


def test_an_unknown_agent_is_invalid_input_that_names_the_known() -> None:
    with pytest.raises(InvalidInput, match="claude_code, command"):
        factory.create("nonsense")


@pytest.mark.parametrize(
    ("status", "category", "text", "kind"),
    [
        (None, "authentication_failed", "Not logged in · Please run /login", "auth"),
        (401, "unknown", "", "auth"),
        (403, "", "", "auth"),
        (400, "billing_error", "Credit balance is too low", "auth"),
        (404, "", "", "model"),
        (429, "", "", "rate_limit"),
        (None, "", "Claude AI usage limit reached|1795000000", "rate_limit"),
        (None, "unknown", "You've hit your limit · resets 3pm", "rate_limit"),
        (529, "", "", "overloaded"),
        (500, "server_error", "", "overloaded"),
        (None, "", "API Error: Repeated 529 Overloaded errors", "overloaded"),
        (None, "", "API Error (503): upstream", "overloaded"),
        (None, "unknown", "Overloaded", "overloaded"),
        (None, "", "502 Bad Gateway", "overloaded"),
        (413, "invalid_request", "too large", "refused"),
        (None, "unknown", "Connection error.", "network"),
        (None, "max_output_tokens", "too long", "agent"),
        (None, "", "odd", "agent"),
    ],
)
def test_endpoint_failures_are_sorted(status: int | None, category: str, text: str, kind: str) -> None:
    failure = claude_failures.of_endpoint(status, category, text, model="m")
    assert failure.kind == kind
    assert failure.message.endswith(".") or failure.kind in ("refused", "agent")


@pytest.mark.parametrize(
    ("variable", "status", "words"),
    [
        ("ANTHROPIC_API_KEY", 401, "refused ANTHROPIC_API_KEY (401)"),
        ("ANTHROPIC_AUTH_TOKEN", 401, "refused ANTHROPIC_AUTH_TOKEN (401)"),
        ("ANTHROPIC_API_KEY", None, "refused ANTHROPIC_API_KEY."),
        ("CLAUDE_CODE_OAUTH_TOKEN", 403, "refused CLAUDE_CODE_OAUTH_TOKEN (403)"),
        (None, 401, "refused Claude Code's login (401)"),
        (None, None, "not signed in"),
    ],
)
def test_a_refused_key_is_named_by_where_it_is_kept(
    variable: str | None, status: int | None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable:
        monkeypatch.setenv(variable, "a-key")
    message = claude_failures.of_endpoint(status, "authentication_failed", "").message
    assert words in message
    named = {"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"} - {variable}
    assert variable is None or not any(name in message for name in named)


SOON, LATER = "2026-11-22T10:00:00Z", "2026-11-22T11:00:00Z"


@pytest.mark.parametrize(
    ("refused", "headers", "reset"),
    [
        (True, {"retry-after": "90"}, 1090.0),
        (True, {"retry-after": "soon"}, None),
        (True, {"retry-after": "nan"}, None),
        (False, {"retry-after": "90"}, None),
        (True, {"requests-remaining": "7", "requests-reset": LATER}, None),
        (
            False,
            {"requests-remaining": "0", "requests-reset": SOON, "tokens-remaining": "0", "tokens-reset": LATER},
            datetime.fromisoformat(LATER).timestamp(),
        ),
        (True, {"tokens-remaining": "0", "tokens-reset": "tomorrow"}, None),
    ],
)
def test_the_reset_is_the_one_that_the_headers_state(
    refused: bool, headers: dict[str, str], reset: float | None
) -> None:
    given = {k if k == "retry-after" else f"anthropic-ratelimit-{k}": v for k, v in headers.items()}
    assert claude_reset.stated(given, 1000.0, refused=refused) == reset


def test_a_question_about_the_reset_that_cannot_be_asked_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asyncio.run(claude_reset.ask("m")) is None  # no key to ask with
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a-key")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    for proxy in ("", "socks5://127.0.0.1:9", "nonsense"):
        monkeypatch.setenv("ALL_PROXY", proxy)
        assert asyncio.run(claude_reset.ask("m")) is None


def test_a_limit_that_names_its_reset_can_be_waited_for() -> None:
    failure = claude_failures.of_endpoint(None, "", "Claude AI usage limit reached|1795000000")
    assert failure.retry_at == 1795000000
    assert "resets at 2026-11-18" in failure.message


def test_a_spec_survives_json_and_ignores_what_it_does_not_know() -> None:
    spec = AgentSpec(
        worker_id="w", session_id="s", task_id="t", task_key="k", agent_type="command", worktree="/x", prompt="p"
    )
    assert AgentSpec.from_json(spec.to_json() | {"new_member": 1}) == spec


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (400, "messages.3.content.0.tool_result.content.0.image.source.base64: image exceeds 5 MB maximum"),
        (400, "At least one of the image dimensions exceed max allowed size: 8000 pixels"),
        (400, "messages.4: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_01"),
        (400, "messages.2.content.0: unexpected `tool_use_id` found in `tool_result` blocks"),
        (400, "messages.1.content.0: Invalid `signature` in `thinking` block"),
        (400, "prompt is too long: 208310 tokens > 200000 maximum"),
        (400, "This model's maximum context length is 32768 tokens"),
        (413, "Request exceeds the maximum size"),
        (422, "Could not process image"),
        (None, "Prompt is too long"),
        (None, 'API Error: 400 {"type":"error","error":{"type":"invalid_request_error","message":"bad"}}'),
        (None, "API Error: 400 due to tool use concurrency issues."),
        (None, "API Error (400): image too large"),
        (None, "unexpected `tool_use_id` found in `tool_result` blocks"),
        (None, "request_too_large"),
        (None, "messages: text content blocks must be non-empty"),
        (400, "The PDF specified was not valid."),
    ],
)
def test_a_refusal_of_what_a_conversation_holds_is_about_the_conversation_once_it_has_begun(
    status: int | None, text: str
) -> None:
    assert claude_failures.of_endpoint(status, "invalid_request", text, begun=True).kind == "conversation"
    assert claude_failures.of_endpoint(status, "invalid_request", text).kind in ("refused", "agent", "unknown")


@pytest.mark.parametrize(
    ("status", "category", "kind"),
    [
        (401, "authentication_failed", "auth"),
        (403, "", "auth"),
        (404, "model_not_found", "model"),
        (429, "rate_limit", "rate_limit"),
        (529, "overloaded", "overloaded"),
        (None, "unknown", "network"),
        (400, "billing_error", "auth"),
    ],
)
def test_other_troubles_stay_what_they_are_in_a_conversation_that_has_begun(
    status: int | None, category: str, kind: str
) -> None:
    assert claude_failures.of_endpoint(status, category, "no words", begun=True).kind == kind
