"""Characters that no part of Maestro can store: NUL bytes, and halves of surrogate pairs.

JSON can spell both (``\\u0000``, ``\\ud800``). They are refused at the door, wherever in a body they are, so that
no database, path or process further in stumbles over them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from maestro.errors import InvalidInput

_SPELLED = re.compile(rb"\\u(?:0000|d[89a-f])", re.IGNORECASE)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def check_text(data: Any) -> None:
    """Raise InvalidInput, naming each place, when a string in JSON data cannot be stored."""
    fields = dict.fromkeys(_bad_places(data, ""), "must not contain NUL or half characters")
    if fields:
        raise InvalidInput("Some text holds characters that cannot be stored: " + ", ".join(fields) + ".", fields)


class CheckedRoute(APIRoute):
    """A route whose JSON body holds only text that can be stored."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with the check before it."""
        handle = super().get_route_handler()

        async def checked(request: Request) -> Response:
            if request.method not in {"GET", "HEAD"} and _SPELLED.search(body := await request.body()):
                try:
                    data = json.loads(body)
                except (ValueError, RecursionError):
                    data = None  # the route says what is wrong with it
                check_text(data)
            return await handle(request)

        return checked


def _bad_places(data: Any, path: str) -> Iterator[str]:
    if isinstance(data, str):
        if _UNSTORABLE.search(data):
            yield path or "body"
    elif isinstance(data, dict):
        for key, value in data.items():
            if _UNSTORABLE.search(key):
                yield f"{path or 'body'} (a name)"
            else:
                yield from _bad_places(value, f"{path}.{key}" if path else key)
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from _bad_places(value, f"{path}.{number}" if path else str(number))
