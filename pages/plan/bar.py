"""The bar below the plan: what it amounts to, and the way on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from maestro.core.commands import control, plans
from maestro.core.kernel.agent_config import in_force
from pages.components.bar import TaskBar
from pages.components.buttons import button, link_button
from pages.components.icon import icon
from pages.components.markdown import phrase
from pages.components.shown import shown
from pages.components.tag import box, tag, text
from pages.components.when import when
from pages.components.words import money, plural
from pages.plan.check_notes import check_counts
from pages.plan.draft import estimate
from pages.plan.estimated import estimate_line, took_line
from pages.plan.regenerating import regenerate
from pages.plan.running import CHANGEABLE
from pages.plan.taken_away import Taken
from pages.plan.tried import tried_line, tried_now
from pages.plan.versions import versions_menu

if TYPE_CHECKING:
    from maestro.core.views import PlannedCommand
    from pages.plan.bench import Bench

_UNCOVERED = "No task's acceptance criteria seem to cover"


class Bar:
    """Follows the bench: made anew when what it says or offers has changed."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self._shown: object = None
        self._root = box("p-bar", role="region", aria_label="Approve")

    def show(self) -> None:
        """Say what the plan amounts to now, and offer what can be done with it."""
        bench = self.bench
        draft, status = bench.draft, bench.session.status
        parted = draft.dirty and draft.version != bench.plan.version
        now = (
            status,
            draft.dirty,
            parted,
            bench.plan.version,
            draft.shape,
            len(draft.tasks),
            tuple(draft.errors.items()),
            bench.session.tasks.model_dump_json(),
            tuple(bench.plan.uncovered),
            tuple(one.command for one in bench.plan.runs),
            draft.offer,
            tried_now(bench),
            bench.plan.estimate and bench.plan.estimate.model_dump_json(),
            bench.plan.actual and bench.plan.actual.model_dump_json(),
        )
        if now == self._shown:
            return
        self._shown = now
        self._root.clear()
        with self._root:
            with box("p-bar__says"):
                if draft.dirty:
                    self._unsaved(parted)
                elif bench.editable and not bench.running:
                    self._amounts()
                else:
                    self._history()
                if draft.offer:
                    self._undo(draft.offer)
            with box("p-bar__acts"):
                if not draft.dirty:
                    versions_menu(bench)
                if draft.dirty:
                    self._save(parted)
                elif status == "plan_review":
                    self._approve()
                elif status == "approved":
                    button("Start", self._start, icon="play", kind="primary")
                elif status in {"idle", "brainstorming"}:
                    link_button(
                        "Go to the conversation",
                        f"/session/{bench.session.id}/brainstorm",
                        icon="messages-square",
                        kind="primary",
                    )
                elif bench.running:
                    link_button("Done", f"/session/{bench.session.id}/plan")
                elif status in CHANGEABLE:
                    link_button("Change the plan", f"/session/{bench.session.id}/plan?change=1", icon="pencil")
                    link_button("Overview", f"/session/{bench.session.id}", icon="activity")
                else:
                    link_button("Overview", f"/session/{bench.session.id}", icon="activity")

    # -- what it says --------------------------------------------------------------------------------------------------

    def _amounts(self) -> None:
        bench, shape = self.bench, self.bench.draft.shape
        text(plural(len(bench.draft.tasks), "task"), "m-strong")
        workers = in_force(bench.session.agent_config, bench.view.rt.settings).max_workers
        if shape:
            beside = min(shape.width, workers)
            text(f"up to {beside} in parallel" if beside > 1 else "one at a time")
            if shape.minutes:
                rough = f"about {estimate(shape.minutes)}"
                text(
                    rough + (f", {plural(shape.unknown, 'task')} without an estimate" if shape.unknown else ""),
                    title="Estimates along the longest chain of tasks",
                )
        self._cost(len(bench.draft.tasks))
        estimate_line(bench)
        if bench.plan.uncovered:
            self._uncovered(bench.plan.uncovered)
        self._checks()
        tried_line(bench)
        if bench.plan.runs:
            self._runs(bench.plan.runs)
        if bench.session.status == "approved" and bench.plan.approved_at:
            with box("m-row m-gap-4 s-done").style("color: var(--c)"):
                icon("circle-check")
                text("Approved")
                when(bench.plan.approved_at)
            text("Edits need a new approval.", "m-soft")
        elif bench.plan.version > 1:
            text(f"version {bench.plan.version}", "m-meta")

    def _cost(self, tasks: int) -> None:
        costs = self.bench.costs
        if not costs.known and self.bench.plan.estimate and self.bench.plan.estimate.cost_usd:
            return  # said by the estimate
        if not costs.known:
            text("cost not known yet", "m-soft", title="Not enough finished tasks in this repository for an estimate.")
            return
        low, high = money(costs.low * tasks), money(costs.high * tasks)
        words = f"about {low}" if low == high else f"{low} to {high}"
        text(words, title=f"From what {plural(costs.known, 'finished task')} in this repository cost")

    def _checks(self) -> None:
        """What the checks will not tell: who approves in a small window has not seen the plan's details."""
        watch, silent = check_counts(self.bench.plan.checks)
        if watch:
            with box("m-row m-gap-4 s-waiting").style("color: var(--c)"):
                icon("circle-alert")
                text(f"{plural(watch, 'check')} may never end")
        if silent:
            text(f"{plural(silent, 'check')} {'reports' if silent == 1 else 'report'} pass or fail only", "m-soft")

    def _runs(self, commands: list[PlannedCommand]) -> None:
        """Everything that approval makes Maestro run as the user."""
        with tag("details", "", "p-runs"):
            tag("summary", f"Runs {plural(len(commands), 'command')} as you", "q-more mi-chevron-right")
            with tag("ul", "", "p-runs__list", aria_label="Commands that Maestro runs as you", tabindex="0"):
                for one in commands:
                    with tag("li"):
                        text(one.purpose, "m-meta")
                        shown(one.command)

    def _uncovered(self, goals: list[str]) -> None:
        with tag("button", "", "p-hint s-waiting", type="button") as made:
            icon("circle-alert")
            text(f"{plural(len(goals), 'goal')} without acceptance criteria")
            around = f'role="dialog" aria-label="{_UNCOVERED}" anchor="top left" self="bottom left"'
            with ui.menu().props(around), box("p-hint__list"):
                text(_UNCOVERED, "m-meta")
                for goal in goals:
                    phrase(goal)
        made.attr(aria_haspopup="dialog")

    def _unsaved(self, parted: bool) -> None:
        draft = self.bench.draft
        with box(
            "m-row m-gap-8 p-bar__state s-waiting" if not draft.errors and not parted else "m-row p-bar__state s-failed"
        ):
            icon("circle-alert" if draft.errors or parted else "pencil")
            if parted:
                text(
                    f"This plan was changed elsewhere: version {self.bench.plan.version} is the current one. "
                    "What you typed is kept here."
                )
            elif draft.errors:
                graph = draft.errors.get("plan")
                what = (
                    graph[:1].upper() + graph[1:]
                    if graph
                    else f"Fix {plural(len(draft.errors), 'field')}, marked in the list"
                )
                text(f"{what}.", "m-wrap")
            else:
                text("Unsaved changes")

    def _undo(self, taken: Taken) -> None:
        with box("m-row m-gap-8 p-bar__state", role="status"):
            text(taken.words, "m-wrap")
            button("Undo", self.bench.undo, icon="undo-2", small=True)

    def _history(self) -> None:
        bench = self.bench
        text(f"Plan version {bench.plan.version}", "m-strong")
        if bench.session.status in {"idle", "brainstorming"}:
            text("You went back to the conversation. “Plan it” makes the next version from there.", "m-soft")
        elif bench.plan.approved_at:
            with box("m-row m-gap-4"):
                text("approved")
                when(bench.plan.approved_at)
        counts = bench.session.tasks
        if counts.total:
            text(f"{counts.done} of {counts.total} done")
            with box("p-bar__tasks"):
                TaskBar(bench.session)
        took_line(bench)

    # -- what it offers ------------------------------------------------------------------------------------------------

    def _save(self, parted: bool) -> None:
        bench = self.bench
        button("Discard mine, load theirs" if parted else "Discard", bench.discard, kind="ghost")
        save = button(
            "Overwrite with mine" if parted else "Review the change…" if bench.running else "Save changes",
            icon="check",
            kind="quiet" if parted else "primary",
        )
        save.on_click(lambda: bench.save(save, over=parted))

    def _approve(self) -> None:
        bench = self.bench
        back = button("Back to brainstorm", kind="ghost")
        back.on_click(lambda: self._back(back))
        button("Regenerate…", lambda: regenerate(bench, list(bench.picked.keys)), kind="ghost")
        only = button("Approve only")
        only.on_click(
            lambda: bench.do(
                plans.approve_plan,
                start=False,
                expected_hash=bench.plan.hash,
                by=only,
                done="Approved. Nothing runs until you start it.",
            )
        )
        go = button("Approve and start", icon="play", kind="primary")
        go.on_click(lambda: self._go(go))

    async def _go(self, by: ui.button) -> None:
        bench = self.bench
        if await bench.do(plans.approve_plan, expected_hash=bench.plan.hash, by=by):
            bench.go()

    async def _start(self) -> None:
        if await self.bench.do(control.execute):
            self.bench.go()

    async def _back(self, by: ui.button) -> None:
        if await self.bench.do(plans.revise_plan, by=by):
            self.bench.go("/brainstorm")
