"""What the frame of every page counts, read once for all windows: sessions at work, open questions, what needs the user."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from nicegui import Event as UiEvent
from nicegui import background_tasks, run

from maestro.core import queries
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import ApprovalView, SessionView
from maestro.db.journal import Event
from maestro.db.types import utcnow
from pages import live

#: Finished and failed sessions stop asking for attention after a while.
_FRESH = timedelta(days=14)
#: Types, or how they begin, of events after which something else may need the user or be at work.
_RELEVANT = ("state_changed", "session_", "approval_", "merged", "unmerged", "rolled_back", "restored")
_ACTIVE = ("executing", "validating", "planning", "paused")


@dataclass(frozen=True, slots=True)
class Nav:
    """The counts, and the things behind them."""

    sessions: int = 0
    active: int = 0
    approvals: list[ApprovalView] = field(default_factory=list)
    waiting: list[SessionView] = field(default_factory=list)  # failed, to review, to merge

    @property
    def needs(self) -> int:
        """How many things need the user."""
        return len(self.approvals) + len(self.waiting)


def read(rt: Runtime) -> Nav:
    """Read the counts. Blocks."""
    overview = queries.overview(rt)
    approvals = queries.list_approvals(rt)
    asking = {a.session_id for a in approvals}
    since = utcnow() - _FRESH
    recent, _ = queries.list_sessions(rt, status="plan_review,failed,completed", limit=60, order="attention")
    waiting = [s for s in recent if s.needs_you and s.updated_at > since and s.id not in asking]
    return Nav(
        sessions=overview.sessions,
        active=sum(overview.by_status.get(s, 0) for s in _ACTIVE),
        approvals=approvals,
        waiting=waiting,
    )


class _Cache:
    """The last counts and who wants to hear of new ones."""

    def __init__(self) -> None:
        self.rt: Runtime | None = None
        self.hub: live.Hub | None = None
        self.nav = Nav()
        self.changed: Any = None
        self.reading = False
        self.again = False

    def start(self, rt: Runtime) -> None:
        hub = live.start(rt)
        if self.hub is hub:
            return
        self.rt, self.hub = rt, hub
        self.changed = UiEvent[Nav]()
        self.nav = read(rt)
        live.watch(self._watch)

    def _watch(self, events: list[Event]) -> None:
        if any(e.type.startswith(_RELEVANT) for e in events):
            self.refresh()

    def refresh(self) -> None:
        if self.reading:
            self.again = True
            return
        self.reading = True
        background_tasks.create(self._read(), name="navigation counts")

    async def _read(self) -> None:
        assert self.rt is not None
        try:
            nav = await run.io_bound(read, self.rt)
            if nav is not None:
                self.nav = nav
                self.changed.emit(nav)
        finally:
            self.reading = False
            if self.again:
                self.again = False
                self.refresh()


_cache = _Cache()


def start(rt: Runtime) -> None:
    """Begin to count; starts the live bridge if need be. On the loop."""
    _cache.start(rt)


def current() -> Nav:
    """The counts as last read; never blocks."""
    return _cache.nav


def subscribe(callback: Any) -> None:
    """Call ``callback(nav)`` in this page's context whenever the counts may have changed."""
    if _cache.changed is not None:
        _cache.changed.subscribe(callback)
