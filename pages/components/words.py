"""Numbers as people read them. No invented precision."""

from __future__ import annotations


def money(usd: float) -> str:
    """``$0.42``, ``<$0.01``, ``$1,204``."""
    if usd <= 0:
        return "$0.00"
    if usd < 0.01:
        return "<$0.01"
    return f"${usd:,.2f}" if usd < 1000 else f"${usd:,.0f}"


def cost(usd: float, used: int, *, free: bool = False, incomplete: bool = False) -> str:
    """What tokens have cost; ``price unknown`` where they were used and nobody knows a price (a local model).

    ``free``: they cost nothing (the demo's). ``incomplete``: for part of them no price is known.
    """
    if used and usd <= 0 and not free:
        return "price unknown"
    return f"at least {money(usd)}" if incomplete and not free else money(usd)


def tokens(count: int) -> str:
    """``950``, ``12.3k``, ``4.1M``."""
    for limit, unit in ((1_000_000, "M"), (1_000, "k")):
        if count >= limit:
            value = count / limit
            return f"{value:.1f}{unit}" if value < 100 else f"{value:.0f}{unit}"
    return str(count)


def amount(measure: str, value: float) -> str:
    """What a budget counts: ``$1.25``, ``12.0k tokens``, ``40 model calls``."""
    return money(value) if measure == "usd" else f"{tokens(int(value))} {measure.replace('_', ' ')}"


def duration(seconds: float) -> str:
    """``0.8 s``, ``42 s``, ``4 min``, ``1 h 20 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def plural(count: int, word: str, many: str | None = None) -> str:
    """``1 task``, ``3 tasks``, ``1,204 tasks``."""
    return f"{count:,} {word if count == 1 else many or word + 's'}"


def number(value: float) -> str:
    """``3``, ``0.5``, ``5,000,000``."""
    return f"{value:,.15g}"


def percent(share: float) -> str:
    """``42%`` of a share between 0 and 1."""
    return f"{share * 100:.0f}%"


def short_path(path: str, home: str) -> str:
    """A path with the user's home as ``~``."""
    return "~" + path[len(home) :] if home not in {"", "/"} and path.startswith(home + "/") else path


def size(count: int) -> str:
    """``812 bytes``, ``34 kB``, ``1.2 GB``."""
    for limit, unit in ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")):
        if count >= limit:
            value = count / limit
            return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
    return plural(count, "byte")
