"""The frame around every page: rail, header, and for a session its bar with phases, controls and tabs.

Pages are normally made with ``pages.routing`` (``@page``, ``@session_page``), which opens the frame for them. By hand::

    with frame(rt, title="Decisions") as view:
        ...

    with frame(rt, title=session.title, session=session, tab="plan", width="wide") as view:
        view.on_session(lambda session: …)     # the session's view, re-read after something happened to it

``width``: ``normal`` (at most 1,280 px), ``narrow`` (780 px), ``wide`` (the window), ``bare`` (the window, no padding: for
monitor, logs and diff; ``height: calc(100dvh - var(--top))`` fills what the frame leaves).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from nicegui import ui

from maestro.core.kernel.runtime import Runtime
from maestro.core.views import SessionView
from maestro.db.journal import Event
from pages import live, theme
from pages.components import words
from pages.components.icon import icon
from pages.components.inline import plain
from pages.components.state import session_chip, session_mark
from pages.components.tag import Tag, box, tag, text
from pages.components.words import plural
from pages.frame import nav, palette, rail, session_bar
from pages.frame.view import Frame

Width = Literal["normal", "narrow", "wide", "bare"]

#: What changes a session's view; log rows, metrics and streamed words do not.
SESSION_EVENTS = (
    "state_changed",
    "session_*",
    "task_*",
    "approval_*",
    "worker_*",
    "checkpoint_*",
    "plan_*",
    "merge*",
    "unmerge*",
    "rolled_back",
    "restored",
)


@contextmanager
def frame(
    rt: Runtime,
    *,
    title: str,
    session: SessionView | None = None,
    tab: str | None = None,
    up: tuple[str, str] | None = None,
    width: Width = "normal",
) -> Iterator[Frame]:
    """Open the frame; what is made inside is the page. ``up`` is the breadcrumb's link before the title."""
    ui.add_head_html(theme.head())
    _one_main()
    content = box("m-page" if width == "normal" else f"m-page m-page--{width}", id="content")
    view = Frame(rt, title, session, content)
    up = ("Sessions", "/session") if session else up
    tag("a", "Skip to content", "m-skip", href="#content")
    with box("m-shell"):
        rail.rail(rt, active=_active(session))
        with tag("main", "", "m-main m-main--session" if session else "m-main") as main:
            _header(view, up)
            if session:
                session_bar.session_bar(view, tab)
            content.move(main)
    _title(view)
    palette.attach(view)
    if session:
        live.subscribe(session.id, lambda events: _reload(view, events), types=SESSION_EVENTS, every_s=1.0)
        live.subscribe(
            session.id, lambda events: _reload(view, events), types=("metric", "message"), every_s=live.USAGE_S
        )
    with content:
        yield view


def _one_main() -> None:
    """Make the element that NiceGUI puts around every page no landmark: the page's own ``main`` is the only one."""
    around = ui.context.client.content.parent_slot
    assert around is not None
    around.parent.tag = "div"


def _reload(view: Frame, _events: list[Event]) -> Any:
    return view.reload_session()


def _active(session: SessionView | None) -> str:
    if session:
        return "/session"
    path = ui.context.client.request.url.path.rstrip("/")
    return path or "/"


def _header(view: Frame, up: tuple[str, str] | None) -> None:
    with tag("header", "", "m-header"):
        with tag(
            "button",
            "",
            "m-btn m-btn--ghost m-btn--icon m-burger",
            data_do="rail",
            aria_label="Menu",
            type="button",
        ):
            icon("menu")
        with tag("nav", "", "m-crumbs", aria_label="Breadcrumb"):
            if up:
                tag("a", up[0], "m-crumbs__up", href=up[1])
                text("/", "m-crumbs__sep")
            here = tag("h1", plain(view.title), "m-crumbs__here", title=view.title, dir="auto")
        if view.session:
            _facts(view, view.session, here)
        with box("m-header__tools"):
            _tools()


def _facts(view: Frame, session: SessionView, here: Tag) -> None:
    with box("m-header__facts"):
        chip = session_chip(session)
        tasks = text(_tasks(session))
        cost = text(_cost(session), title="Cost so far: assistant and workers")

    def show(now: SessionView) -> None:
        chip.show(session_mark(now))
        tasks.set_text(_tasks(now))
        cost.set_text(_cost(now))
        if now.title != view.title:
            view.title = now.title
            here.set_text(plain(now.title))
            here.attr(title=now.title)
            _show_title(view, nav.current())

    view.on_session(show)


def _cost(session: SessionView) -> str:
    return words.cost(session.cost_usd, session.tokens.total, free=session.demo, incomplete=session.cost_incomplete)


def _tasks(session: SessionView) -> str:
    return f"{session.tasks.done} of {plural(session.tasks.total, 'task')}" if session.tasks.total else ""


def _tools() -> None:
    with tag(
        "button",
        "",
        "m-btn m-btn--small m-kbd-btn",
        type="button",
        data_do="palette",
        aria_label="Command palette",
    ):
        icon("search")
        text("Go to…", "m-kbd-btn__word")
        tag("kbd", "Ctrl K", data_modkey="")
    with tag("a", "", "m-btn m-btn--ghost m-btn--icon m-bell", href="/approvals", title="Approvals") as bell:
        icon("bell")
        count = text("", "m-count m-count--loud")
    with tag("button", "", "m-btn m-btn--ghost m-btn--icon", type="button", data_do="theme", title="Light or dark"):
        icon("moon", "m-theme-dark")
        icon("sun", "m-theme-light")

    def show(now: nav.Nav) -> None:
        number = len(now.approvals)
        count.set_text(str(number) if number else "")
        bell.attr(aria_label=f"Approvals, {number} open" if number else "Approvals, none open")

    show(nav.current())
    nav.subscribe(show)


def _title(view: Frame) -> None:
    _show_title(view, nav.current())
    nav.subscribe(lambda now: _show_title(view, now))


def _show_title(view: Frame, now: nav.Nav) -> None:
    count = f"({now.needs}) " if now.needs else ""
    words = f"{count}{plain(view.title)} · Maestro" if view.title != "Dashboard" else f"{count}Maestro"
    if ui.context.client.title != words:
        ui.page_title(words)
