"""How routes get the runtime."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from maestro.core.kernel.runtime import Runtime


async def _runtime(connection: HTTPConnection) -> Runtime:  # async: no thread needed for it
    rt: Runtime = connection.app.state.rt
    return rt


#: A parameter of this type is the runtime of the app.
Rt = Annotated[Runtime, Depends(_runtime)]
