"""What a reply took, in words."""

from __future__ import annotations

from typing import Any

_KINDS = (
    ("input_tokens", "in"),
    ("cache_write_tokens", "written to the cache"),
    ("cache_read_tokens", "from the cache"),
    ("output_tokens", "out"),
)


def used(usage: dict[str, Any], *, free: bool = False) -> str:
    """Tokens and cost of a reply: "1,200 tokens in, 300 out · $0.0123"; a price that nobody knows is said to be unknown."""
    counts = [(n, words) for name, words in _KINDS if isinstance(n := usage.get(name), int) and n]
    tokens = ", ".join(f"{n:,} {'tokens ' if at == 0 else ''}{words}" for at, (n, words) in enumerate(counts))
    cost = usage.get("cost_usd")
    if free:
        price = "free"
    elif usage.get("unpriced") or not isinstance(cost, int | float) or (not cost and counts):
        price = "price unknown"
    else:
        price = f"${cost:.4f}"
    return f"{tokens} · {price}" if tokens else price
