"""A limit on request bodies that holds for every route, also for bodies of unannounced length."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from maestro.api.problems import problem_of
from maestro.errors import TooLarge

#: Largest request body, in bytes.
LIMIT = 2_000_000

#: How much of a refused body is read and thrown away, so that the sender gets to read the answer.
_DRAIN_BYTES = 64_000_000
_DRAIN_S = 10


async def limited(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Run ``app``; answer 413 as soon as the body is, or says it is, over the limit."""
    refusal = problem_of(TooLarge(f"The request is larger than {LIMIT // 1_000_000} MB. Send less at once."))
    if _announced(scope) > LIMIT:
        await _drain(receive)
        await refusal(scope, receive, send)
        return
    received = 0
    refused = started = False

    async def counted() -> Message:
        nonlocal received, refused
        if refused:
            return {"type": "http.disconnect"}
        message = await receive()
        received += len(message.get("body", b""))
        if received <= LIMIT:
            return message
        refused = True
        if not started:
            await _drain(receive)
            await refusal(scope, receive, send)
        return {"type": "http.disconnect"}  # for the app it is as if the client had gone

    async def unless_refused(message: Message) -> None:
        nonlocal started
        if not refused:
            started = True
            await send(message)

    try:
        await app(scope, counted, unless_refused)
    except Exception:
        if not refused:  # else it only stumbled over the disconnect it was told
            raise


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


async def _drain(receive: Receive) -> None:
    left = _DRAIN_BYTES
    try:
        async with asyncio.timeout(_DRAIN_S):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body"):
                    return
    except TimeoutError:
        return
