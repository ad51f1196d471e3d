"""What a page knows of the frame around it: the session it is about, and news of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from nicegui import run, ui

from maestro.core import queries
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import SessionView
from maestro.errors import NotFound
from pages.components.tag import Tag
from pages.frame.banners import Banners


@dataclass(eq=False)
class Frame:
    """A page's frame, while it is open and afterwards."""

    rt: Runtime
    title: str
    session: SessionView | None
    content: Tag
    banners: Banners | None = None  # a session's; made with its bar
    _listeners: list[Callable[[SessionView], Any]] = field(default_factory=list)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)  # an older answer never comes after a newer one

    def on_session(self, listener: Callable[[SessionView], Any]) -> None:
        """Call ``listener(session)`` with the session's new view when something happened to it, at most once a second."""
        self._listeners.append(listener)

    @property
    def query(self) -> dict[str, str]:
        """The page's query parameters."""
        return dict(ui.context.client.request.query_params)

    async def reload_session(self) -> None:
        """Read the session again and tell all listeners."""
        if self.session is None:
            return
        async with self._reading:
            try:
                session = await run.io_bound(queries.get_session, self.rt, self.session.id)
            except NotFound:
                ui.navigate.to("/session")
                return
            if session is not None:
                self.session = session
                for listener in self._listeners:
                    listener(session)
