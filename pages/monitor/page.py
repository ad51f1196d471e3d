"""The monitor's page: where the session stands, questions, timeline, workers; beside them log, charts, checkpoints, limits."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from nicegui import run, ui
from nicegui.events import GenericEventArguments

from maestro.core.kernel.runtime import Runtime
from maestro.core.views import SessionView, TaskCounts, WorkerView
from maestro.db.journal import Event
from maestro.errors import NotFound
from pages import live
from pages.components.placeholders import empty
from pages.components.state import Mark, task_mark
from pages.components.tag import Tag, box, tag, text
from pages.frame.view import Frame
from pages.monitor import snapshot
from pages.monitor.charts import Charts
from pages.monitor.checkpoints import Checkpoints
from pages.monitor.gates import Gates
from pages.monitor.limits import Limits
from pages.monitor.snapshot import Snapshot
from pages.monitor.standing import Standing
from pages.monitor.task_details import TaskDetails
from pages.monitor.timeline import Timeline
from pages.monitor.worker_grid import WorkerGrid
from pages.routing import session_page
from pages.shared.log_feed import LogFeed
from pages.shared.log_view import LogView

#: What changes rows; what workers say and use comes by ``_PULSE`` and is not read again.
_STRUCTURE = (
    "state_changed", "session_*", "task_*", "worker_*", "approval_*", "note_*", "checkpoint_created", "check_finished",
    "merged", "unmerged", "rolled_back", "restored", live.DROPPED,
)  # fmt: skip
_LINE = {"rolled_back", "restored", "checkpoint_created", "state_changed", live.DROPPED}
_PULSE = ("log_entry", "metric", live.DROPPED)

#: Processes die without an event; their life is looked at this often while something runs.
_LOOK_S = 10.0
_AT_WORK = {"executing", "validating", "paused"}
_LIFE = {"paused": "paused", "parked": "paused", "waiting": "waiting for you"}
_BEFORE = {"idle", "brainstorming", "planning", "plan_review"}
_COUNTED = ("running", "waiting", "checking", "integrating", "failed", "pending", "completed", "skipped", "cancelled")


def install(rt: Runtime) -> None:
    """Register the page."""

    @session_page(rt, "/session/{session_id}", tab="overview", width="bare")
    async def overview(view: Frame, session: SessionView) -> None:
        now = await run.io_bound(snapshot.read, rt, session.id)
        if now is None:
            return
        monitor = Monitor(view, now)
        await monitor.start()


class Monitor:
    """The page and what keeps it up to date."""

    def __init__(self, view: Frame, now: Snapshot) -> None:
        self.rt = view.rt
        self.id = now.session.id
        self.view = view
        self.now = now
        self._reading = asyncio.Lock()  # an older answer never comes after a newer one
        with box("mon"):
            self.standing = Standing(self.rt, self.id)
            self.gates = Gates(self.rt)
            with box("mon-work") as self._work:
                self._timeline()
                with box("mon-lower"):
                    self._workers()
                    self._side()
        self.details = TaskDetails(self.rt, self.id)

    def _timeline(self) -> None:
        with tag("section", "", "mon-time", aria_label="Timeline"):
            with box("mon-head"):
                tag("h2", "Tasks", "m-head")
                self._counts = _Counts()
            self.timeline = Timeline()
            self.timeline.on("open", self._open)

    def _workers(self) -> None:
        with tag("section", "", "mon-workers", aria_label="Workers"):
            with box("mon-head"):
                tag("h2", "Workers", "m-head")
                self._alive = text("", "m-meta")
            with box("mon-fill"):
                self.grid = WorkerGrid()
                self.grid.on("open", self._open)
                self.grid.on("say", lambda e: self.details.write(self.now, str(e.args)))
                with self.grid:
                    empty("No worker yet", "Each task gets its own agent. They appear here.", symbol="bot")

    def _side(self) -> None:
        with tag("section", "", "mon-side", aria_label="Log, charts, checkpoints, limits"):
            tabs = _Tabs()
            with tabs.tab("Log", link=("Full log", f"/session/{self.id}/logs")):
                shown = LogView("Log")
                with shown:
                    empty("No log entries yet", "What agents say and do appears here as it happens.", symbol="list")
                self.feed = LogFeed(self.rt, self.id, shown)
            with tabs.tab("Charts", opened=lambda: self.charts.open(self.now)):
                self.charts = Charts(self.rt, self.id)
            with tabs.tab("Checkpoints"):
                self.points = Checkpoints(self.rt, self.id)
            with tabs.tab("Limits", opened=lambda: self.limits.open()):
                self.limits = Limits(self.rt, self.id)

    async def start(self) -> None:
        """Fill the page and go on with what happens."""
        await self.grid.start(self.rt, self.now)
        self.show(self.now)
        self.feed.name(self.now.tasks, self.now.workers)
        await self.feed.start()
        live.subscribe(self.id, self._changed, types=_STRUCTURE, every_s=0.4)
        live.subscribe(self.id, self._pulse, types=_PULSE)
        ui.timer(_LOOK_S, self._refresh, immediate=False)
        wanted = self.view.query.get("task")
        task = self.now.task(wanted) if wanted else None
        if task:
            self.details.open(self.now, task.id)

        if self.now.checkpoints:
            await self.points.refresh()

    async def _changed(self, events: list[Event]) -> None:
        await self.refresh()
        if self.now.checkpoints and any(e.type in _LINE for e in events):
            await self.points.refresh()

    async def refresh(self) -> None:
        """Read everything again and show what is different."""
        async with self._reading:
            try:
                now = await run.io_bound(snapshot.read, self.rt, self.id)
            except NotFound:
                return  # deleted; the frame leads away
            if now is not None:
                self.show(now)
                await self.charts.show(now)
                await self.limits.refresh()

    def show(self, now: Snapshot) -> None:
        """Show the session as it is."""
        self.now = now
        self.standing.show(now)
        self.gates.show(now.approvals)
        self.timeline.show_snapshot(now)
        self.grid.show_snapshot(now)
        self.points.show(now)
        self.details.show(now)
        self.feed.name(now.tasks, now.workers)
        self._counts.show(now.session.tasks, session=now.session.status)
        self._alive.set_text(alive_words(now.workers))
        self._work.set_visibility(now.session.status not in _BEFORE and bool(now.tasks))

    def _pulse(self, events: list[Event]) -> None:
        self.grid.pulse(events)
        self.charts.take(events)

    async def _refresh(self) -> None:
        if self.now.session.status in _AT_WORK:
            await self.refresh()

    def _open(self, event: GenericEventArguments) -> None:
        if event.args:
            self.details.open(self.now, str(event.args))


def alive_words(workers: list[WorkerView]) -> str:
    """How many workers do what: ``2 running, 1 waiting for you``. One that waits does not run."""
    counts = Counter(_LIFE.get(w.status, "running") for w in workers if w.status != "ended")
    return ", ".join(f"{counts[word]} {word}" for word in ("running", "waiting for you", "paused") if counts[word])


class _Counts:
    """How many tasks are where, in words and colours."""

    def __init__(self) -> None:
        self._place = box("m-row m-row--wrap mon-counts")
        self._said: object = None

    def show(self, counts: TaskCounts, *, session: str) -> None:
        """``session``: the session's status; in a paused or failed one nothing runs."""
        shown: dict[Mark, int] = {}
        for status in _COUNTED:
            mark = task_mark(status, session=session)
            shown[mark] = shown.get(mark, 0) + counts.by_status.get(status, 0)
        if shown == self._said:
            return
        self._said = shown
        self._place.clear()
        with self._place:
            for mark, count in shown.items():
                if count:
                    text(f"{count} {mark.word.lower()}", f"mon-count s-{mark.tone} m-num")


#: Along the tabs by arrow keys, as https://www.w3.org/WAI/ARIA/apg/patterns/tabs has it.
_ARROWS = """(e) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key], all = [...e.currentTarget.parentElement.children];
  if (!step) return;
  e.preventDefault();
  const next = all.at((all.indexOf(e.currentTarget) + step) % all.length);
  next.focus();
  next.click();
}"""


class _Tabs:
    """Panes of which one is seen; the others keep what they hold."""

    def __init__(self) -> None:
        with box("mon-head mon-tabs"):
            self._bar = box("m-row m-gap-4", role="tablist")
            self._right = box("m-push m-meta")
        self._body = box("mon-fill")
        self._tabs: list[tuple[Tag, Tag, Tag | None]] = []

    def tab(self, word: str, *, link: tuple[str, str] | None = None, opened: Callable[[], Any] | None = None) -> Tag:
        """Another pane, to be filled; ``opened`` is called whenever it comes to the front."""
        number, first = len(self._tabs), not self._tabs

        def pick() -> Any:
            self._show(number)
            return opened() if opened else None

        with self._bar:
            head = tag("button", word, "mon-tab", type="button", role="tab").on("click", pick)
            head.on("keydown", js_handler=_ARROWS)
        with self._right:
            more = tag("a", link[0], href=link[1]) if link else None
        with self._body:
            pane = box("mon-pane", role="tabpanel", aria_label=word)
        self._tabs.append((head, pane, more))
        if first or len(self._tabs) > 1:
            self._show(0)
        return pane

    def _show(self, chosen: int) -> None:
        for number, (head, pane, more) in enumerate(self._tabs):
            head.attr(
                aria_selected="true" if number == chosen else "false", tabindex=None if number == chosen else "-1"
            )
            pane.set_visibility(number == chosen)
            if more:
                more.set_visibility(number == chosen)
