"""When a limit ends of which Claude Code only tells that it is reached: the endpoint is asked, once, with the same key.

Claude Code passes on the resets of subscriptions, and keeps the headers of a refused API call to itself.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import datetime

from maestro.agents import claude_failures

#: How long the endpoint may take to answer; the run has ended and waits for it.
_PATIENCE_S = 10.0

_HEADER = "anthropic-ratelimit-"


async def ask(model: str) -> float | None:
    """The reset that the endpoint states, in seconds since 1970; None when it states none, or there is no key to ask with.

    One request for one token: refused while the limit holds, and next to nothing once it is over. (The endpoint
    for counting tokens costs nothing, and has limits of its own.)
    """
    import httpx

    name = claude_failures.credential()
    if name not in {"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"}:
        return None
    key = os.environ[name]
    who = {"x-api-key": key} if name == "ANTHROPIC_API_KEY" else {"authorization": f"Bearer {key}"}
    address = os.environ.get("ANTHROPIC_BASE_URL") or "https://api.anthropic.com"
    body = {"model": model, "max_tokens": 1, "messages": [{"role": "user", "content": "quota"}]}
    try:
        async with httpx.AsyncClient(timeout=_PATIENCE_S) as client:
            answer = await client.post(
                f"{address.rstrip('/')}/v1/messages", json=body, headers={"anthropic-version": "2023-06-01", **who}
            )
    except Exception:  # the network, a proxy that httpx cannot speak to: the run has ended as it has, all the same
        return None
    return stated(answer.headers, time.time(), refused=answer.status_code == 429)


def stated(headers: Mapping[str, str], now: float, *, refused: bool) -> float | None:
    """The reset in an answer's headers: when to try again, or when the last used-up allowance is there again."""
    wait = _number(headers.get("retry-after"))
    if refused and wait is not None:
        return now + wait
    used_up = [
        name.removesuffix("-remaining")
        for name, left in headers.items()
        if name.startswith(_HEADER) and name.endswith("-remaining") and _number(left) == 0
    ]
    resets = [reset for name in used_up if (reset := _moment(headers.get(f"{name}-reset"))) is not None]
    return max(resets, default=None)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 <= value < 1e8 else None


def _moment(text: str | None) -> float | None:
    try:
        return datetime.fromisoformat(text or "").timestamp()
    except (ValueError, OverflowError):
        return None
