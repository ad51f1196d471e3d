"""Odd values by the hundred, the same ones from the same seed. Cheap: whole spools and databases are filled with them."""

from __future__ import annotations

import random
from typing import Any

_ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**400, 0.5, -0.0, 1e308, 1e-320,
    float("inf"), float("-inf"), float("nan"), "", "x", "\0", "\ud800", "\udfff\ud800", "\u2028", "a\nb\r\tc", "../../etc", "/",
    "x" * 100_000, "success", "failed", "interrupted", "auth", "rate_limit", "rejected", "allow", "-rf", "é" * 300, [], {},
)  # fmt: skip


def value(rng: random.Random, depth: int = 0) -> Any:
    """Anything that JSON can say, and a little more."""
    kind = rng.random()
    if kind < 0.7 or depth > 3:
        return rng.choice(_ODD)
    if kind < 0.85:
        return [value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {str(rng.choice(_ODD))[:50]: value(rng, depth + 1) for _ in range(rng.randrange(4))}
