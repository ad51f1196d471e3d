"""Short ways to ask the core from a page: ``read`` a query in a thread, ``did`` a command work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from nicegui import run

from pages.components.action import FAILED, perform

P = ParamSpec("P")
T = TypeVar("T")


async def read(query: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The answer of a query that never answers None, asked in a thread. Ends the caller when the app is stopping."""
    answer = await run.io_bound(query, *args, **kwargs)
    if answer is None:  # NiceGUI's word for "no more threads": the app stops
        raise asyncio.CancelledError
    return answer


async def did(command: Callable[..., object], *args: Any, **kwargs: Any) -> bool:
    """``perform`` for a command whose result is of no interest: whether it worked."""
    return await perform(command, *args, **kwargs) is not FAILED
