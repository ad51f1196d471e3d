"""The list of all sessions: search, state filters, paging, keys. What is looked for stands in the address."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from nicegui import run, ui

from maestro.core import queries
from maestro.core.integration.retention import DeletedView
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import SessionView
from pages import live
from pages.components.bar import task_bar
from pages.components.buttons import icon_button, link_button
from pages.components.inline import plain
from pages.components.keyed import KeyedList
from pages.components.placeholders import empty
from pages.components.state import session_chip, session_mark
from pages.components.tag import Tag, box, tag, text
from pages.components.when import set_when, when
from pages.components.words import cost, plural
from pages.frame.shell import SESSION_EVENTS
from pages.frame.view import Frame
from pages.routing import page
from pages.shared.recovered import deleted_row

_PAGE = 30

#: The chips: word, and the statuses behind it.
FILTERS: dict[str, tuple[str, str | None]] = {
    "all": ("All", None),
    "work": ("Running", "planning,executing,paused,validating"),
    "talk": ("Planning", "idle,brainstorming,plan_review,approved"),
    "done": ("Completed", "completed"),
    "failed": ("Failed", "failed"),
    "cancelled": ("Cancelled", "cancelled"),
}


@dataclass
class Search:
    """What is looked for."""

    show: str = "all"
    q: str = ""
    page: int = 0

    @classmethod
    def of(cls, query: dict[str, str]) -> Search:
        """From the address; nonsense there means the default."""
        show = query.get("show", "all")
        number = query.get("page", "1")
        return cls(
            show=show if show in FILTERS else "all",
            q=query.get("q", "")[:200],
            page=max(int(number) - 1, 0) if number.isdecimal() and len(number) < 7 else 0,
        )

    @property
    def address(self) -> str:
        """The page's address with it."""
        members = {"show": self.show, "q": self.q, "page": self.page + 1}
        given = {k: v for k, v in members.items() if v not in ("all", "", 1)}
        return "/session" + (f"?{urlencode(given)}" if given else "")


def install(rt: Runtime) -> None:
    """Register the page."""

    @page(rt, "/session", title="Sessions")
    async def sessions(view: Frame) -> None:
        found = _Sessions(view.rt, Search.of(view.query))
        await found.refresh()
        live.subscribe(None, lambda _events: found.refresh(), types=SESSION_EVENTS, every_s=1.0)
        live.subscribe(None, lambda _events: found.refresh(), types=("metric",), every_s=live.USAGE_S)
        gone = _Deleted(view.rt)
        # It asks git about each; nobody is to wait for it.
        ui.timer(0.1, gone.refresh, once=True)
        live.subscribe(None, lambda _events: gone.refresh(), types=("session_deleted",), every_s=1.0)


class _Sessions:
    def __init__(self, rt: Runtime, search: Search) -> None:
        self.rt = rt
        self.search = search
        self.chips: dict[str, tuple[Tag, Tag]] = {}
        with box("m-row m-row--between m-gap-12"):
            self.field = ui.input(value=search.q, placeholder="Search title, idea or repository").classes("m-search")
            self.field.props("clearable debounce=150").props.set_optional("aria-label", "Search sessions")
            self.field.on_value_change(lambda e: self.search_for(q=(e.value or "")[:200]))
            new = link_button("New session", "/session/new", icon="plus", kind="primary")
            new.classes("m-btn--fold").attr(aria_label="New session")
        with box("m-row m-row--wrap", role="group", aria_label="Show"):
            for name, (word, _statuses) in FILTERS.items():
                self._chip(name, word)
        self.list = box("m-list")
        self.rows = KeyedList(self.list, key=lambda s: s.id, build=SessionRow, update=SessionRow.show)
        self.nothing = box()
        self._pager()

    async def search_for(self, **changes: Any) -> None:
        """Look for something else; from its first page unless told which."""
        for name, value in ({"page": 0} | changes).items():
            setattr(self.search, name, value)
        ui.navigate.history.replace(self.search.address)
        await self.refresh()

    async def refresh(self) -> None:
        """Read and show the list anew."""
        answer = await run.io_bound(self._read)
        if answer is None:
            return
        sessions, total, by_status = answer
        self.rows.sync(sessions)
        self.list.set_visibility(bool(sessions))
        self._show_counts(by_status)
        self._show_nothing(bool(sessions), bool(sum(by_status.values())))
        first = self.search.page * _PAGE
        self.range.set_text(f"{first + 1:,}–{first + len(sessions):,} of {total:,}" if sessions else "")
        self.pager.set_visibility(total > _PAGE)
        self.back.set_enabled(self.search.page > 0)
        self.on.set_enabled(first + _PAGE < total)

    def _read(self) -> tuple[list[SessionView], int, dict[str, int]]:
        statuses = FILTERS[self.search.show][1]
        by_status = queries.overview(self.rt).by_status
        while True:
            offset = self.search.page * _PAGE
            found, total = queries.list_sessions(
                self.rt, status=statuses, q=self.search.q or None, limit=_PAGE, offset=offset, order="attention"
            )
            if found or not self.search.page:
                return found, total, by_status
            self.search.page = max(total - 1, 0) // _PAGE  # the list became shorter

    def _chip(self, name: str, word: str) -> None:
        with tag("button", "", "m-filter m-needs-server", type="button") as chip:
            text(word)
            count = text("", "m-filter__n")
        chip.on("click", lambda: self.search_for(show=name))
        self.chips[name] = (chip, count)

    def _show_counts(self, by_status: dict[str, int]) -> None:
        for name, (chip, count) in self.chips.items():
            statuses = FILTERS[name][1]
            number = sum(n for s, n in by_status.items() if statuses is None or s in statuses.split(","))
            count.set_text(f"{number:,}")
            chip.attr(aria_pressed="true" if name == self.search.show else "false")

    def _show_nothing(self, any_found: bool, any_at_all: bool) -> None:
        self.nothing.clear()
        if any_found:
            return
        with self.nothing:
            if any_at_all:
                empty("No matching sessions", "Try other search terms, or show all.", symbol="search")
                return
            with empty(
                "No sessions yet",
                "A session takes one idea to merged code: brainstorm, plan, execute, validate, merge.",
                symbol="layers",
            ):
                link_button("New session", "/session/new", icon="plus", kind="primary")

    def _pager(self) -> None:
        with box("m-row m-row--end") as self.pager:
            self.range = text("", "m-meta m-num")
            self.back = icon_button(
                "chevron-left", "Previous page", lambda: self.search_for(page=self.search.page - 1), small=True
            )
            self.on = icon_button(
                "chevron-right", "Next page", lambda: self.search_for(page=self.search.page + 1), small=True
            )


class _Deleted:
    """Recently deleted sessions, folded away below the list."""

    def __init__(self, rt: Runtime) -> None:
        self.rt = rt
        with tag("details", "", "m-deleted") as self.fold:
            self.head = tag("summary", "", "q-more mi-chevron-right")
            self.rows: KeyedList[DeletedView, object] = KeyedList(
                box("m-list"), key=lambda d: d.id, build=lambda d: deleted_row(rt, d)
            )
        self.fold.set_visibility(False)

    async def refresh(self) -> None:
        """Read and show the list anew."""
        found = await run.io_bound(queries.list_deleted, self.rt) or []
        if not self.fold.is_deleted:
            self.rows.sync(found[:50])
            self.head.set_text(f"Recently deleted ({len(found):,})")
            self.fold.set_visibility(bool(found))


class SessionRow:
    """One session of the list."""

    def __init__(self, session: SessionView) -> None:
        with tag("a", "", "m-item m-srow", href=f"/session/{session.id}", data_nav=""):
            self.chip = session_chip(session)
            with box("m-srow__name"):
                self.title = tag("div", plain(session.title), "m-strong m-cut", dir="auto")
                repository = Path(session.repo_path).name + (" · demo" if session.demo else "")
                tag("div", repository, "m-meta m-cut", title=session.repo_path)
            self.bar = task_bar(session, thin=True)
            self.count = text("", "m-meta m-num m-srow__count")
            self.cost = text("", "m-meta m-num m-srow__cost")
            self.when = when(session.active_at, "m-meta m-num m-srow__when")
        self.show(session)

    def show(self, session: SessionView) -> None:
        """Show the session as it is now."""
        self.chip.show(session_mark(session))
        self.title.set_text(plain(session.title))
        self.title.attr(title=session.title)
        self.title.classes(**{"add" if session.needs_you else "remove": "m-srow__needs mi-hand"})
        self.bar.show(session)
        self.bar.classes(**{"remove" if session.tasks.total else "add": "m-invisible"})
        counts = session.tasks
        none = "" if session.plan_version else "no plan yet"
        self.count.set_text(f"{counts.done} of {counts.total}" if counts.total else none)
        self.count.attr(title=plural(counts.total, "task"))
        self.cost.set_text(
            cost(session.cost_usd, session.tokens.total, free=session.demo, incomplete=session.cost_incomplete)
        )
        set_when(self.when, session.active_at)
