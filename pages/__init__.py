"""The pages: NiceGUI. ``install(rt)`` registers all of them; ``app.py`` calls it once before the server starts."""

from __future__ import annotations

from importlib import import_module

from maestro.core.kernel.runtime import Runtime

FIRST = ("dashboard.page", "not_found")
#: In this order: ``/session/new`` must be known before ``/session/{session_id}``.
OTHERS = (
    "sessions", "new_session.page", "approvals", "decisions", "templates", "settings.page",
    "brainstorm", "plan", "monitor", "logs", "changes", "file_page",
)  # fmt: skip


def install_first(rt: Runtime) -> None:
    """Register styles, the live bridge, the dashboard and what unknown addresses get."""
    from nicegui import app

    from pages import live, theme
    from pages.frame import nav

    theme.install()
    live.install(rt)
    app.on_startup(lambda: nav.start(rt))
    for name in FIRST:
        import_module(f"pages.{name}").install(rt)


def load_others() -> None:
    """Import the pages that ``install_others`` registers."""
    for name in OTHERS:
        import_module(f"pages.{name}")


def install_others(rt: Runtime) -> None:
    """Register all pages but the first."""
    for name in OTHERS:
        import_module(f"pages.{name}").install(rt)
