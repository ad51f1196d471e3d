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
from pages.components.inline import plain
from pages.components.state import session_mark

if TYPE_CHECKING:
    from pages.frame.view import Frame

_log = logging.getLogger(__name__)
_SESSIONS = 40


def attach(view: Frame) -> None:
    """Let the page answer Ctrl-K, and note when its window is hidden."""
    client = ui.context.client
    ui.on("maestro_palette", lambda e: _find(view, str((e.args or {}).get("words") or "")[:200]))
    ui.on("maestro_visible", lambda e: live.seen(client, bool((e.args or {}).get("visible", True))))


async def _find(view: Frame, words: str) -> None:
    """Answer with the actions, and with the sessions that the words fit: looked for among all there are."""
    found = await run.io_bound(
        queries.list_sessions, view.rt, q=words.strip() or None, limit=_SESSIONS, order="attention"
    )
    items = [
        *_here(view),
        {"title": "New session", "icon": "plus", "group": "Actions", "href": "/session/new", "hint": "c"},
        {"title": "Switch between light and dark", "icon": "moon", "group": "Actions", "theme": True},
        *(_session(s) for s in (found[0] if found else [])),
    ]
    ui.run_javascript(f"window.maestro?.entries({json.dumps(items)}, {json.dumps(words)})")


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
        "title": plain(session.title),
        "icon": mark.icon,
        "group": "Sessions",
        "href": f"/session/{session.id}",
        "hint": mark.word,
        "more": session.repo_path,
    }


#: An act of a page.
Act = Callable[[], Awaitable[None] | None]
