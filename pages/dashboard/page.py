"""The dashboard: what needs the user, what runs, what it costs, what happened meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from nicegui import run

from maestro.core import queries
from maestro.core.execution.digest import Digest
from maestro.core.kernel import modes
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import Overview, SessionView
from maestro.db.types import utcnow
from pages import live
from pages.components.buttons import link_button
from pages.components.keyed import KeyedList
from pages.components.placeholders import calm
from pages.components.section import section
from pages.components.tag import Tag, box, tag
from pages.components.words import duration, money, plural, tokens
from pages.dashboard.rows import AwayRow, DigestRow, NeedRow, Running, RunningRow, digest_words, read_running
from pages.frame import nav
from pages.frame.banners import Banners
from pages.frame.view import Frame
from pages.questions.cards import GateList, Rest
from pages.routing import page
from pages.shared import first_run, machine

_EVENTS = (
    "state_changed", "session_*", "task_*", "worker_*", "approval_*", "merged", "unmerged", "rolled_back", "restored",
    live.DROPPED,
)  # fmt: skip
_AWAY = timedelta(hours=24)
#: So many questions are shown at once; the others are one click away.
_QUESTIONS = 20


@dataclass(frozen=True, slots=True)
class Board:
    """All that the dashboard shows, read at once."""

    overview: Overview
    nav: nav.Nav
    running: list[Running]
    started: list[SessionView]
    away: list[SessionView]
    digest: Digest | None


def install(rt: Runtime) -> None:
    """Register the page."""

    @page(rt, "/", title="Dashboard")
    async def dashboard(view: Frame) -> None:
        board = await run.io_bound(read, rt)
        if board is None:
            return
        if not board.overview.sessions:
            mode = await run.io_bound(modes.in_force, rt.settings)
            if mode is not None:
                first_run.guide(rt, mode)
            return
        shown = _Dashboard(view, board)
        await shown.banners.refresh()


def read(rt: Runtime) -> Board:
    """Read the board. Blocks."""
    since = utcnow() - _AWAY
    recent, _ = queries.list_sessions(rt, status="completed,failed,cancelled", limit=12)
    digest = queries.last_digest(rt)
    if digest and digest.until < since:
        digest = None
    told = {part.session_id for part in digest.sessions} if digest else set()
    away = [s for s in recent if (s.completed_at or s.updated_at) > since and s.id not in told]
    started, _ = queries.list_sessions(rt, status="idle,brainstorming,approved", limit=5)
    return Board(queries.overview(rt), nav.read(rt), read_running(rt), started, away[:6], digest)


class _Dashboard:
    def __init__(self, view: Frame, board: Board) -> None:
        self.rt = view.rt
        self.banners = Banners(view.rt)
        with box("m-row m-row--between m-row--wrap m-gap-16"):
            self.headline = tag("div", "", "m-title")
            link_button("New session", "/session/new", icon="plus", kind="primary")
        with box("m-cols"):
            with box("m-stack m-gap-24"):
                self._needs()
                self._running()
                self._started()
            with box("m-stack m-gap-24"):
                self._today()
                self._away()
        self.show(board)
        live.subscribe(None, lambda _events: self.refresh(), types=_EVENTS, every_s=1.0)
        live.subscribe(None, lambda _events: self.refresh(), types=("metric",), every_s=live.USAGE_S)

    async def refresh(self) -> None:
        board = await run.io_bound(read, self.rt)
        if board is not None:
            self.show(board)

    def show(self, board: Board) -> None:
        self.headline.set_text(_headline(board))
        approvals, waiting = board.nav.approvals, board.nav.waiting
        self.gates.sync(approvals[:_QUESTIONS])
        self.rest.show(len(approvals) - _QUESTIONS)
        self.waiting.sync(waiting)
        self.gates.box.set_visibility(bool(approvals))
        self.waiting_box.set_visibility(bool(waiting))
        self.nothing.set_visibility(not approvals and not waiting)
        self.running.sync(board.running)
        self.running_box.set_visibility(bool(board.running))
        self.idle.set_visibility(not board.running)
        self.started.sync(board.started)
        self.started_box.set_visibility(bool(board.started))
        self.cost.set_text(money(board.overview.cost_today_usd))
        self.tokens.set_text(f"{tokens(board.overview.tokens_today.total)} tokens")
        load = machine.load()
        self.machine.set_text(f"CPU {load['cpu']:.0f}% · memory {load['memory']:.0f}%")
        self.workers.set_text(plural(board.overview.live_workers, "worker") + " alive")
        told = [part for part in board.digest.sessions if digest_words(part)] if board.digest else []
        self.digest.sync(told[:8])
        self.off.set_text(_off(board.digest) if board.digest and told else "")
        self.since.set_visibility(bool(told and board.away))
        self.away.sync(board.away)
        self.away_box.set_visibility(bool(board.away))
        self.quiet.set_visibility(not board.away and not told)

    def _needs(self) -> None:
        with section("Needs you"):
            self.nothing = calm("Nothing needs you right now.")
            self.gates = GateList(self.rt)
            self.rest = Rest()
            self.waiting_box = box("m-list")
            self.waiting = KeyedList(self.waiting_box, key=lambda s: s.id, build=NeedRow, update=NeedRow.show)

    def _running(self) -> None:
        with section("Running"):
            self.idle = calm("No session is running.", symbol="moon")
            self.running_box = box("m-list")
            self.running = KeyedList(
                self.running_box, key=lambda r: r.session.id, build=RunningRow, update=RunningRow.show
            )

    def _started(self) -> None:
        with box() as self.started_box, section("Planning"):
            self.started = KeyedList(box("m-list"), key=lambda s: s.id, build=NeedRow, update=NeedRow.show)

    def _today(self) -> None:
        with section("Today"), box("m-stack m-gap-2"):
            self.cost = tag("div", "", "m-big", title="Since midnight UTC, assistant and workers")
            with box("m-row m-meta m-num"):
                self.tokens = tag("span")
                tag("span", "·")
                self.workers = tag("span")
            self.machine = tag("div", "", "m-meta m-num")

    def _away(self) -> None:
        with section("While you were away", hint="last 24 hours"):
            self.quiet: Tag = tag("div", "Nothing finished.", "m-meta")
            with box("m-stack m-gap-0 m-away"):
                self.off = tag("div", "", "m-meta m-away__head")
                self.digest = KeyedList(box("m-stack m-gap-0"), key=lambda d: d.session_id, build=DigestRow)
            self.since = tag("div", "Ended", "m-meta m-away__head")
            self.away_box = box("m-stack m-gap-0 m-away")
            self.away = KeyedList(self.away_box, key=lambda s: s.id, build=AwayRow, update=AwayRow.show)


def _off(digest: Digest) -> str:
    seconds = (digest.until - digest.since).total_seconds()
    span = "under a minute" if seconds < 60 else duration(seconds)
    return f"Maestro stopped unexpectedly and was off for {span}" if digest.crashed else f"Maestro was off for {span}"


def _headline(board: Board) -> str:
    needs = board.nav.needs
    paused = sum(r.session.status == "paused" for r in board.running)
    running = len(board.running) - paused
    work = f"{plural(running, 'session')} running" if running else "nothing running"
    if paused:
        work += f", {paused} paused"
    if needs:
        return f"{plural(needs, 'thing needs', 'things need')} you, {work}"
    return work[0].upper() + work[1:]
