"""Which agents there are, how failures are told, and what an agent's spec survives."""

from __future__ import annotations

import pytest

from maestro.agents import claude_failures, factory
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


def test_a_limit_that_names_its_reset_can_be_waited_for() -> None:
    failure = claude_failures.of_endpoint(None, "", "Claude AI usage limit reached|1795000000")
    assert failure.retry_at == 1795000000
    assert "resets at 2026-11-18" in failure.message


def test_a_spec_survives_json_and_ignores_what_it_does_not_know() -> None:
    spec = AgentSpec(
        worker_id="w", session_id="s", task_id="t", task_key="k", agent_type="command", worktree="/x", prompt="p"
    )
    assert AgentSpec.from_json(spec.to_json() | {"new_member": 1}) == spec
