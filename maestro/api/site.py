"""The site: the API under ``/api``; the pages are mounted beside it by the composition root."""

from __future__ import annotations

import threading

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from maestro.core.kernel.runtime import Runtime


def build_site(rt: Runtime) -> FastAPI:
    """The application that the server serves."""
    site = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    site.mount("/api", _OnFirstCall(rt))
    site.add_route("/api", lambda _request: RedirectResponse("/api/docs"))
    return site


class _OnFirstCall:
    """The API, built when somebody first asks for it: the first page does not wait for forty routes."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        self._app: ASGIApp | None = None
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None:
            self._app = await run_in_threadpool(self._build)
        await self._app(scope, receive, send)

    def _build(self) -> ASGIApp:
        with self._lock:
            if self._app is not None:
                return self._app
            from maestro.api.app import build_api

            self._app = build_api(self._rt)
            return self._app
