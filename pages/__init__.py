"""The pages: NiceGUI. ``install(rt)`` registers all of them; ``app.py`` calls it once before the server starts."""

from __future__ import annotations

from importlib import import_module

from maestro.core.kernel.runtime import Runtime

#: In this order: ``/session/new`` must be known before ``/session/{session_id}``.
PAGES = (
    "dashboard.page", "sessions", "new_session.page", "approvals", "decisions", "templates", "settings.page",
    "brainstorm", "plan", "monitor", "logs", "changes", "file_page", "not_found",
)  # fmt: skip


def install(rt: Runtime) -> None:
    """Register styles, the live bridge and every page."""
    from nicegui import app

    from pages import live, theme
    from pages.frame import nav

    theme.install()
    live.install(rt)
    app.on_startup(lambda: nav.start(rt))
    for name in PAGES:
        import_module(f"pages.{name}").install(rt)
