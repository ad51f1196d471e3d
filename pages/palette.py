"""The command palette's contents: sessions and actions. Pages, filtering and keys are the browser's (``maestro.js``)."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from nicegui import run, ui

from maestro.core import queries
from maestro.core.views import SessionView
from pages import live
from pages.components.state import session_mark

if TYPE_CHECKING:
    from pages.frame import Frame

_log = logging.getLogger(__name__)
_SESSIONS = 200


def attach(view: Frame) -> None:
    """Let the page answer Ctrl-K, and note when its window is hidden."""
    client = ui.context.client
    ui.on("maestro_palette", lambda: _open(view))
    ui.on("maestro_visible", lambda e: live.seen(client, bool((e.args or {}).get("visible", True))))


async def _open(view: Frame) -> None:
    found = await run.io_bound(queries.list_sessions, view.rt, limit=_SESSIONS)
    sessions = found[0] if found else []
    items = [
        *_here(view),
        {"title": "New session", "icon": "plus", "group": "Actions", "href": "/session/new", "hint": "c"},
    ]
    items.append({"title": "Switch between light and dark", "icon": "moon", "group": "Actions", "theme": True})
    items += [_session(s) for s in sessions]
    ui.run_javascript(f"window.maestro?.entries({json.dumps(items)})")


def _here(view: Frame) -> list[dict[str, Any]]:
    if view.session is None:
        return []
    base = f"/session/{view.session.id}"
    pages = (
        ("Overview", ""),
        ("Brainstorm", "/brainstorm"),
        ("Plan", "/plan"),
        ("Logs", "/logs"),
        ("Changes", "/changes"),
    )
    return [
        {"title": word, "icon": "arrow-right", "group": "This session", "href": base + path, "hint": str(number)}
        for number, (word, path) in enumerate(pages, 1)
    ]


def _session(session: SessionView) -> dict[str, Any]:
    mark = session_mark(session)
    return {
        "title": session.title,
        "icon": mark.icon,
        "group": "Sessions",
        "href": f"/session/{session.id}",
        "hint": mark.word,
        "more": session.repo_path,
    }


#: An act of a page.
Act = Callable[[], Awaitable[None] | None]
