"""What a model call costs, by the public price lists (genai-prices)."""

from __future__ import annotations

from maestro.assistants.base import Usage
from maestro.claude_models import plain_name


def cost_usd(model: str, usage: Usage) -> float:
    """Dollars for ``usage``; 0 for a model without a public price (a local one, the demo's).

    Only whole names count: the price list takes whatever begins like one of Claude's for that one.
    """
    name = plain_name(model)
    if name is None:
        return 0.0
    import genai_prices

    total_input = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    try:
        price = genai_prices.calc_price(
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
        return 0.0
    return float(price.total_price)
