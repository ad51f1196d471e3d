"""The plan: its graph, its tasks, every part of it editable until it is approved, readable ever after."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from nicegui import ui

from maestro.core import queries
from maestro.core.commands import check_trials
from maestro.core.kernel.runtime import Runtime
from maestro.core.planning import past_costs
from maestro.core.views import LogView, PlanView, SessionView
from maestro.db.journal import Event
from maestro.errors import MaestroError
from pages import live, theme
from pages.components.calls import read
from pages.components.tag import box
from pages.frame.view import Frame
from pages.plan.bar import Bar
from pages.plan.bench import Bench
from pages.plan.making import Making, failed, last_failure, none_yet
from pages.plan.reading import work_times
from pages.plan.running import CHANGEABLE
from pages.routing import session_page

_EVENTS = ("state_changed", "plan_*", "task_*", "idea_card_updated", live.DROPPED)
_EDITABLE = {"plan_review", "approved"}


def install(rt: Runtime) -> None:
    """Register ``/session/{id}/plan``."""

    @session_page(rt, "/session/{session_id}/plan", tab="plan", width="bare")
    async def plan(view: Frame, session: SessionView) -> None:
        for name in ("plan.css", "brainstorm.css"):
            ui.add_head_html(f'<link rel="stylesheet" href="{theme.asset(name)}">')
        ui.add_head_html(f'<script defer src="{theme.asset("plan.js")}"></script>')
        page = _Page(view)
        live.subscribe(session.id, page.heard, types=_EVENTS)
        await page.refresh()


class _Page:
    """What stands on the page follows from the session's state."""

    def __init__(self, view: Frame) -> None:
        self.view = view
        self.root = box("p-page")
        self.bench: Bench | None = None
        self._kind = ""
        self._reading = asyncio.Lock()

    async def heard(self, _events: list[Event]) -> None:
        """Something happened to the session."""
        await self.refresh()

    async def refresh(self) -> None:
        """Read everything again; what is made anew is only what the state changes."""
        assert self.view.session is not None
        async with self._reading:
            session = await read(queries.get_session, self.view.rt, self.view.session.id)
            self.view.session = session
            plan = await read(queries.get_plan, self.view.rt, session.id) if session.plan_version else None
            failure = await self._failure(session, plan)
            kind = _kind(session, plan, failure, changing="change" in self.view.query)
            if kind != self._kind:
                self._kind = kind
                await self._make(kind, session, plan, failure)
            if self.bench and plan:
                tasks = await read(queries.list_tasks, self.view.rt, session.id) if session.tasks.total else []
                took_s = await read(work_times, self.view.rt, session.id, tasks)
                self.bench.update(session, plan, tasks, took_s)

    async def _failure(self, session: SessionView, plan: PlanView | None) -> LogView | None:
        if session.status != "brainstorming":
            return None
        failure = await last_failure(self.view, session)
        return failure if failure and not (plan and plan.created_at > failure.timestamp) else None

    async def _make(self, kind: str, session: SessionView, plan: PlanView | None, failure: LogView | None) -> None:
        self.root.clear()
        self.bench = None
        with self.root:
            if failure:
                failed(self.view, session, failure)
            if kind == "making":
                await Making(self.view, session).load()
            elif plan:
                costs = await read(past_costs.of_repository, self.view.rt, session.repo_path)
                self.bench = Bench(
                    self.view,
                    plan,
                    editable=kind in {"editing", "changing"},
                    costs=costs,
                    refresh=self.refresh,
                    bar=Bar,
                    running=kind == "changing",
                )
                self.bench.show(details=True)
                self.bench.choose(self.view.query.get("task") or self.bench.selected)
                if session.status == "plan_review":
                    await self._try_checks(session)
            elif not failure:
                none_yet(session)

    async def _try_checks(self, session: SessionView) -> None:
        """Whoever reviews a plan is shown whether its checks run, where finding out costs little."""
        with suppress(MaestroError):  # the repository is gone, say: the page is of use without
            await read(check_trials.try_when_cheap, self.view.rt, session.id)


def _kind(session: SessionView, plan: PlanView | None, failure: LogView | None, *, changing: bool) -> str:
    """Which of its faces the page shows; another one is made anew."""
    if session.status == "planning":
        return "making"
    if plan:
        if changing and session.status in CHANGEABLE:
            return "changing"
        return "editing" if session.status in _EDITABLE else f"reading {failure.id if failure else ''}"
    return f"failed {failure.id}" if failure else f"none {session.status}"
