"""What a browser gets for an address that Maestro does not have: a page with a way on, in the frame."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import Response
from nicegui import Client, app
from nicegui.page import page

from maestro.core.kernel.runtime import Runtime
from pages.components.buttons import link_button
from pages.components.placeholders import error_state
from pages.frame import nav
from pages.frame.shell import frame


def install(rt: Runtime) -> None:
    """Put the page before NiceGUI's own; other addresses than pages' (``/api``, files) keep their answers."""
    before: Any = app.exception_handlers.get(404)

    async def missing(request: Request, error: Exception) -> Response:
        is_page = request.method == "GET" and "text/html" in request.headers.get("accept", "")
        if before and (not is_page or request.url.path.startswith(("/api", "/static", "/_nicegui"))):
            return await before(request, error)  # type: ignore[no-any-return]
        nav.start(rt)
        with Client(page(""), request=request) as client, frame(rt, title="Not found"), _words(request.url.path):
            link_button("Dashboard", "/", kind="primary")
            link_button("Sessions", "/session")
        return client.build_response(request, 404)

    app.add_exception_handler(404, missing)


def _words(path: str) -> Any:
    return error_state("Page not found", f"Maestro has nothing at {path[:200]}.", symbol="search", tone="pending")
