"""What a model call costs, by the public price lists (genai-prices)."""

from __future__ import annotations

from maestro.assistants.base import Usage
from maestro.claude_models import plain_name


def price(model: str, usage: Usage) -> None:
    """Put into ``usage`` what it cost, or that nobody knows it."""
    found = _known(model, usage)
    usage.cost_usd, usage.unpriced = found or 0.0, found is None


def cost_usd(model: str, usage: Usage) -> float:
    """Dollars for ``usage``; 0 for a model without a public price (a local one, the demo's)."""
    return _known(model, usage) or 0.0


def _known(model: str, usage: Usage) -> float | None:
    """Dollars for ``usage``; None for a model without a public price.

    Only whole names count: the price list takes whatever begins like one of Claude's for that one.
    """
    name = plain_name(model)
    if name is None:
        return None
    import genai_prices

    total_input = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    try:
        found = genai_prices.calc_price(
            genai_prices.Usage(
                input_tokens=total_input,
                cache_read_tokens=usage.cache_read_tokens,
                cache_write_tokens=usage.cache_write_tokens,
                output_tokens=usage.output_tokens,
            ),
            model_ref=name,
            provider_id="anthropic",
        )
    except LookupError:
        return None
    return float(found.total_price)
