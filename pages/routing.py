"""Making pages: the frame, unknown sessions and failures are taken care of.

In a page's module::

    def install(rt: Runtime) -> None:
        @page(rt, "/decisions", title="Decisions")
        async def decisions(view: Frame) -> None:
            rows = await run.io_bound(queries.list_decisions, rt)
            ...

        @session_page(rt, "/session/{session_id}/logs", tab="logs", width="bare")
        async def logs(view: Frame, session: SessionView) -> None:
            ...

Builders run with the frame's content open. What they raise becomes an error state in the page, never a white one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from nicegui import run, ui

from maestro.core import queries
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import SessionView
from maestro.errors import MaestroError, NotFound
from pages import live
from pages.components.action import say_failed, unexpected
from pages.components.buttons import button, link_button
from pages.components.placeholders import error_state
from pages.frame import nav
from pages.frame.shell import Width, frame
from pages.frame.view import Frame

Builder = Callable[[Frame], Awaitable[None] | None]
SessionBuilder = Callable[[Frame, SessionView], Awaitable[None] | None]

_log = logging.getLogger(__name__)
_TIMEOUT_S = 15.0


def page(
    rt: Runtime, path: str, *, title: str, up: tuple[str, str] | None = None, width: Width = "normal"
) -> Callable[[Builder], Builder]:
    """Register ``builder(view)`` as the page at ``path``."""

    def register(builder: Builder) -> Builder:
        @ui.page(path, response_timeout=_TIMEOUT_S)
        async def build() -> None:
            nav.start(rt)
            live.building()
            with frame(rt, title=title, up=up, width=width) as view:
                await _fill(view, lambda: builder(view))

        return builder

    return register


def session_page(
    rt: Runtime, path: str, *, tab: str, width: Width = "normal"
) -> Callable[[SessionBuilder], SessionBuilder]:
    """Register ``builder(view, session)`` as a page of a session; ``path`` has ``{session_id}``. Unknown ids get a 404 page."""

    def register(builder: SessionBuilder) -> SessionBuilder:
        @ui.page(path, response_timeout=_TIMEOUT_S)
        async def build(session_id: str) -> None:
            nav.start(rt)
            live.building()
            try:
                session = await run.io_bound(queries.get_session, rt, session_id)
            except NotFound:
                session = None
            except Exception as error:
                _unreadable(rt, error)
                return
            if session is None:
                missing_session(rt)
                return
            with frame(rt, title=session.title, session=session, tab=tab, width=width) as view:
                await _fill(view, lambda: builder(view, session))

        return builder

    return register


def missing_session(rt: Runtime) -> None:
    """The page for a session that is not there."""
    ui.status_code(404)
    with (
        frame(rt, title="Not found", up=("Sessions", "/session")),
        error_state(
            "Session not found",
            "It may have been deleted, or the address is incomplete. The list shows all sessions.",
            symbol="search",
            tone="pending",
        ),
    ):
        link_button("All sessions", "/session", kind="primary")
        link_button("Dashboard", "/")


@contextmanager
def _sent_whole() -> Iterator[None]:
    """Send the page when its builder is done, in one piece.

    NiceGUI sends what there is as soon as anything waits for the browser's connection, and every ``ui.timer`` does: the
    page would come up empty and jump. (So builders must not await ``client.connected()`` themselves.)
    """
    client = ui.context.client
    waited_for = client._waiting_for_connection
    client._waiting_for_connection = asyncio.Event()
    try:
        yield
    finally:
        client._waiting_for_connection = waited_for


async def _fill(view: Frame, build: Callable[[], Awaitable[None] | None]) -> None:
    ui.on_exception(_after_failure)
    try:
        with _sent_whole():
            if view.banners:
                await view.banners.refresh()
            result = build()
            if result is not None:
                await result
    except Exception as error:
        _failed(view, error)


def _unreadable(rt: Runtime, error: Exception) -> None:
    """The page of a session that cannot be read now: the way to all the others, and to another try."""
    ui.status_code(500)
    with frame(rt, title="Session", up=("Sessions", "/session")) as view:
        _failed(view, error)


def _failed(view: Frame, error: Exception) -> None:
    if not isinstance(error, MaestroError):
        _log.error("the page %s could not be built", view.title, exc_info=error)
    view.content.clear()
    if isinstance(error, MaestroError):
        title, words = error.title, error.detail
    else:
        title, words = "This page could not be shown", unexpected(error)
    with view.content, error_state(title, words):
        button("Try again", ui.navigate.reload, icon="refresh-cw", kind="primary")
        link_button("Dashboard", "/")


def _after_failure(error: Exception) -> None:
    if isinstance(error, MaestroError):
        say_failed(error.detail)
    else:
        say_failed(unexpected(error))
