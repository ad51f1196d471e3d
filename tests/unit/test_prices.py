"""Nobody else's tokens are counted at Claude's prices: not a local model's, not a distilled one's, not the CLI's guess."""

from __future__ import annotations

import pytest

from maestro.agents.claude_events import Meter
from maestro.assistants.base import Usage
from maestro.assistants.pricing import cost_usd
from maestro.claude_models import may_be_claude, plain_name
from maestro.cli import words as cli_words
from pages.components.words import cost

USAGE = Usage(input_tokens=10_000, output_tokens=1_000)
TOKENS = {"input_tokens": 10_000, "output_tokens": 1_000}


@pytest.mark.parametrize(
    "model",
    [
        "claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5[1m]", "claude-sonnet-4-5@20250929",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic/claude-sonnet-4.5", "global.anthropic.claude-sonnet-4-5",
        "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    ],
)  # fmt: skip
def test_claudes_own_models_have_one_price_however_a_cloud_writes_them(model: str) -> None:
    assert cost_usd(model, USAGE) == pytest.approx(0.045)
    assert may_be_claude(model)


@pytest.mark.parametrize(
    "model",
    [
        "claude-3-5-haiku-latest",
        "claude-3-haiku-20240307",
        "claude-3-opus-latest",
        "claude-opus-4-1",
        "claude-haiku-4-5",
    ],
)
def test_older_and_other_names_of_claudes_have_their_price(model: str) -> None:
    assert cost_usd(model, USAGE) > 0


OTHERS = [
    "qwen3-coder:30b", "claude-sonnet-4-5-qwen-distill:7b", "claude-3-opus-abliterated", "my-claude-sonnet-4-5",
    "glm-4.6", "gpt-5", "deepseek-chat", "openrouter/claude-ish", "claude", "local", "llama3.3:70b-claude", "claude-code",
    "ollama/claude-sonnet-4-5-coder", "claude-sonnet-4-5:7b",
]  # fmt: skip


@pytest.mark.parametrize("model", OTHERS)
def test_a_model_of_somebody_elses_has_no_price(model: str) -> None:
    assert cost_usd(model, USAGE) == 0
    assert plain_name(model) is None
    assert not may_be_claude(model)
    meter = Meter(model)
    meter.message("m", TOKENS, model)
    # What the CLI says of it, and of the small calls that it makes beside: both were answered by the same endpoint.
    meter.final(TOKENS, {model: {"costUSD": 0.042}, "claude-haiku-4-5": {"costUSD": 0.01}}, 0.052)
    assert (meter.total.cost_usd, meter.total.output_tokens) == (0.0, 1_000)


def test_of_several_models_only_claudes_cost_what_the_cli_says() -> None:
    meter = Meter(None)
    meter.final(TOKENS, {"claude-sonnet-4-5": {"costUSD": 0.03}, "qwen3-coder:30b": {"costUSD": 0.042}}, 0.072)
    assert meter.total.cost_usd == pytest.approx(0.03)
    known = Meter("sonnet")
    known.final(TOKENS, {"claude-sonnet-4-5-20250929": {"costUSD": 0.03}}, 0.03)
    assert known.total.cost_usd == pytest.approx(0.03)
    unnamed = Meter(None)
    unnamed.message("m", TOKENS, "qwen3-coder:30b")
    unnamed.final(TOKENS, None, 0.042)
    assert unnamed.total.cost_usd == 0


def test_an_unknown_price_is_said_and_never_looks_free() -> None:
    assert cost(0.0, 950) == "price unknown"
    assert (cost(0.0, 0), cost(0.0, 950, free=True), cost(1.5, 950)) == ("$0.00", "$0.00", "$1.50")
    session = {"tokens": {"input": 10, "output": 5}, "cost_usd": 0.0, "demo": False}
    assert cli_words.cost(session) == "price unknown, 15 tokens"
    assert cli_words.cost(session | {"demo": True}) == "$0.00, 15 tokens"


def test_what_is_known_of_a_cost_is_called_the_least_where_a_part_has_no_price() -> None:
    assert cost(1.5, 100, incomplete=True) == "at least $1.50"
    assert cost(0.0, 100, incomplete=True) == "price unknown"
    assert cost(1.5, 100, incomplete=True, free=True) == "$1.50"
    session = {"tokens": {"input": 10}, "cost_usd": 0.25, "cost_incomplete": True}
    assert cli_words.cost(session) == "at least $0.25, 10 tokens"
