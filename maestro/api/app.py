"""The REST API and the WebSocket as one application."""

from __future__ import annotations

import http
import logging
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from maestro import __version__
from maestro.api import docs, websocket
from maestro.api.models import Problem
from maestro.api.problems import MEDIA_TYPE, problem, problem_of
from maestro.api.routes import (
    approvals,
    assistant,
    execution,
    installation,
    observation,
    planning,
    repositories,
    reviews,
    sessions,
)
from maestro.core.kernel.runtime import Runtime
from maestro.errors import InvalidInput, MaestroError, NotFound, Unavailable

_UNREADABLE = 400
_WRONG_METHOD = 405

_log = logging.getLogger(__name__)

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": words, "model": Problem, "content": {MEDIA_TYPE: {}}}
    for status, words in {
        401: "No token, or a wrong one",
        404: "Unknown",
        409: "Not allowed in this state",
        413: "Too large",
        422: "Invalid input",
    }.items()
}


def build_api(rt: Runtime) -> FastAPI:
    """Everything under ``/api``."""
    api = FastAPI(
        title="Maestro",
        version=__version__,
        description="From an idea to merged, proven code. Errors are RFC 9457 problem documents.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        responses=_PROBLEMS,
    )
    api.state.rt = rt
    routers: tuple[APIRouter, ...] = (
        sessions.router,
        planning.router,
        execution.router,
        observation.router,
        reviews.router,
        approvals.router,
        repositories.router,
        installation.router,
        assistant.router,
        docs.router,
        websocket.router,
    )
    for router in routers:
        api.include_router(router)
    for error, handler in _HANDLERS.items():
        api.add_exception_handler(error, handler)
    api.add_middleware(_Mistakes)
    return api


def _on_purpose(_request: Request, error: Exception) -> Response:
    assert isinstance(error, MaestroError)
    return problem_of(error)


def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    fields = {_where(e["loc"]): str(e["msg"]).removeprefix("Value error, ") for e in error.errors()}
    words = "; ".join(f"{name}: {why}" for name, why in fields.items())
    return problem_of(InvalidInput(f"The request is not valid. {words}", fields))


def _where(location: tuple[int | str, ...]) -> str:
    path = [str(p) for p in (location[1:] if location[0] in {"body", "query", "path"} else location)]
    return ".".join(path) if path and not path[0].isdigit() else "body"


def _http(request: Request, error: Exception) -> Response:
    """Unknown paths, wrong methods, bodies that are no JSON at all."""
    assert isinstance(error, HTTPException)
    if error.status_code == NotFound.status:
        return problem_of(NotFound(f"There is no {request.url.path[:200]}. See /api/docs."))
    why = error.__cause__
    if error.status_code == _UNREADABLE and why is not None:  # FastAPI's word for a body it cannot read
        words = "it is nested too deeply" if isinstance(why, RecursionError) else str(why)
        return problem_of(InvalidInput(f"The body is not valid JSON: {words}.", {"body": words}))
    title = http.HTTPStatus(error.status_code).phrase
    response = problem(error.status_code, title, str(error.detail))
    response.headers.update(error.headers or {})
    if error.status_code == _WRONG_METHOD:
        response.headers["Allow"] = ", ".join(_methods(request))
    return response


def _methods(request: Request) -> list[str]:
    """What this path does answer to; the router names only the methods of the first route that fits."""
    routes = request.app.routes
    scopes = {m: dict(request.scope) | {"method": m} for m in ("GET", "POST", "PUT", "PATCH", "DELETE")}
    return [m for m, scope in scopes.items() if any(r.matches(scope)[0] is Match.FULL for r in routes)]


def _database(_request: Request, error: Exception) -> Response:
    assert isinstance(error, OperationalError)
    _log.error("the database refused", exc_info=error)
    return problem_of(Unavailable(f"The database reported an error: {error.orig}. Nothing was changed."))


class _Mistakes:
    """Logs what nobody expected, with its traceback, and answers without internals.

    It goes no further once it is answered: the server would log it again and end the connection.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            if scope["type"] != "http" or begun:
                raise
            _log.error("%s %s failed: %r", scope["method"], scope["path"], error, exc_info=error)
            wrong = MaestroError("This is a bug in Maestro. See maestro.log in the data folder for details.")
            await problem_of(wrong)(scope, receive, send)


_HANDLERS: dict[type[Exception], Callable[[Request, Exception], Response]] = {
    MaestroError: _on_purpose,
    RequestValidationError: _invalid,
    HTTPException: _http,
    OperationalError: _database,
}
