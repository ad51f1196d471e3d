"""The first page is answered with what it needs; what everything else needs is made ready behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import pages
from maestro import deferred
from maestro.core.kernel.runtime import Runtime

#: Files that the first page loads.
_ITS_FILES = ("/_nicegui/", "/static/", "/favicon")
#: What needs the engine, but no page.
_NO_PAGES = ("/api", "/_nicegui_ws/")
#: So long is waited for somebody to ask for the first page.
_IDLE_S = 0.25


class FirstPageFirst:
    """The site. The other pages are made ready once the first was answered, when one is asked for, or when nobody asks.

    ``start_engine`` where the engine waits for the first page, too (there is nothing yet that it could work on): everything
    but that page and its files waits until it was started.
    """

    def __init__(self, site: ASGIApp, rt: Runtime, start_engine: Callable[[], None] | None = None) -> None:
        self._site = site
        self._rt = rt
        self._start_engine = start_engine
        self._engine: asyncio.Task[None] | None = None
        self._pages: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, as soon as what the answer takes is ready."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif scope["type"] == "http" and scope["path"] == "/":
            await self._site(scope, receive, self._then_the_rest(send))
        else:
            if not scope["path"].startswith(_ITS_FILES):
                await asyncio.shield(self._the_engine() if scope["path"].startswith(_NO_PAGES) else self._the_pages())
            await self._site(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        idle = asyncio.get_running_loop().call_later(_IDLE_S, self._the_pages)
        try:
            await self._site(scope, receive, send)
        finally:
            idle.cancel()
            await asyncio.gather(*filter(None, (self._engine, self._pages)), return_exceptions=True)

    def _then_the_rest(self, send: Send) -> Send:
        async def sent(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self._the_pages()

        return sent

    def _the_engine(self) -> asyncio.Task[None]:
        if self._engine is None:
            self._engine = asyncio.create_task(self._begin())
        return self._engine

    def _the_pages(self) -> asyncio.Task[None]:
        if self._pages is None:
            self._pages = asyncio.create_task(self._register())
        return self._pages

    async def _begin(self) -> None:
        if self._start_engine is not None:
            await run_in_threadpool(self._start_engine)

    async def _register(self) -> None:
        await self._the_engine()
        await run_in_threadpool(pages.load_others)
        pages.install_others(self._rt)
        self._rt.jobs.start("load the engine", deferred.load_all)
