"""The plan on the table: graph, list, details and the bar below, in step with each other, the session and other windows."""

from __future__ import annotations

import asyncio
import copy
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from nicegui import ui
from nicegui.events import GenericEventArguments

from maestro.core.commands import plans
from maestro.core.planning.past_costs import TaskCosts
from maestro.core.views import CheckForeseen, PlanView, SessionView, TaskView
from maestro.errors import Conflict, InvalidInput, MaestroError
from pages.components.action import say, say_failed
from pages.components.address import note_in_address
from pages.components.buttons import button
from pages.components.calls import did, read
from pages.components.icon import icon
from pages.components.state import task_mark
from pages.components.tag import box, tag, text
from pages.frame.view import Frame
from pages.plan import groups
from pages.plan.acts import Acts
from pages.plan.beside import Beside
from pages.plan.draft import Draft
from pages.plan.editing import Editor
from pages.plan.graph import Graph
from pages.plan.picked import Picked
from pages.plan.reading import read_task, read_whole
from pages.plan.regenerating import regenerate
from pages.plan.rows import WHOLE, Rows
from pages.plan.running import change_running
from pages.plan.splitting import ask_split
from pages.plan.tools import Tools

#: Members whose change is seen in the graph and the list.
_SEEN = {"title", "depends_on", "estimate_minutes", "requires_approval"}
#: A larger draft is not kept in the browser: it would not come back through the socket.
_MOST_KEPT = 600_000
#: The pause in typing after which the graph is drawn anew and the draft kept.
_REST_S = 0.3


class Shown(Protocol):
    """What follows the bench."""

    def show(self) -> None:
        """Show what the bench says and offers now."""


class Bench:
    """One window's view of the plan. ``refresh`` has the page read everything again."""

    def __init__(
        self,
        view: Frame,
        plan: PlanView,
        *,
        editable: bool,
        costs: TaskCosts,
        refresh: Callable[[], Awaitable[None]],
        bar: Callable[[Bench], Shown],
        running: bool = False,
    ) -> None:
        assert view.session is not None
        self.view = view
        self.session: SessionView = view.session
        self.plan = plan
        self.editable = editable
        self.running = running  # the plan of a session at work is changed: saving is approving
        self.costs = costs
        self.refresh = refresh
        self.draft = Draft(plan)
        self.draft.review()
        self.live: dict[str, TaskView] = {}
        self.took_s: dict[str, float] = {}
        self.selected = WHOLE
        self._doing = False  # a command of this window: a version that comes of it is no news
        self._task: dict[str, Any] | None = None  # the one in the fields, and what these show of it
        self._task_shown: dict[str, Any] | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._store_name = f"maestro-plan:{self.session.id}"
        with box("p-bench", data_show="list", data_plan_draft=self.session.id if editable else None) as self.root:
            with box("p-left"):
                self.graph = Graph(self.choose_by_hand, editable=editable)
                self.tools = Tools(self)
                self.rows = Rows(self.choose, self.choose_by_hand, editable=editable)
                self.picked = Picked(self)
                with self.picked.more:
                    button("Regenerate…", lambda: regenerate(self, self.picked.keys), icon="refresh-cw", small=True)
            with tag("aside", "", "p-right", aria_label="Details"):
                with tag("button", "", "p-back", type="button") as back:
                    icon("chevron-left")
                    text("All tasks")
                back.attr(data_back="")
                back.on("click", lambda: self.root.attr(data_show="list"))
                self.details = box("p-details", data_panel="field" if editable else "")
        self.bar = bar(self)
        self.editor: Editor | None = None
        self.beside: Beside | None = None
        if editable:
            ui.on("maestro_plan_draft", self._restore)
            ui.on("maestro_drafts", self._back_to_typed)
            ui.on("maestro_plan_do", Acts(self, self.picked).heard)

    def _run(self, script: str) -> None:
        """Run a script of ``plan.js``; whatever button it came from may be gone by now."""
        with self.view.content:
            ui.run_javascript(script)

    # -- showing -------------------------------------------------------------------------------------------------------

    def update(self, session: SessionView, plan: PlanView, tasks: list[TaskView], took_s: dict[str, float]) -> None:
        """Follow the session, its tasks and other windows. What is typed here stays; the bar says when versions part."""
        went_on, self.session, self.plan = self.session.status != session.status, session, plan
        self.took_s = took_s
        live_before, self.live = self.live, {t.key: t for t in tasks} if self.running or not self.editable else {}
        if plan.version != self.draft.version and not self.draft.dirty:
            self._take_theirs()
            return
        if plan.version != self.draft.version:
            self._keep()  # the other window may have been a tab of this browser: it dropped what was kept
        changed = went_on or live_before.get(self.selected) != self.live.get(self.selected)
        self.show(details=not self.editable and changed)

    def show(self, *, details: bool) -> None:
        """Bring graph, list and bar up to date; ``details`` makes those anew."""
        if self.selected != WHOLE and self.draft.task(self.selected) is None:
            self.selected, details = WHOLE, True
        self._show_rows()
        self._show_graph()
        if details and not self._details_stand():
            self._show_details()
        elif self.editor:
            self.editor.show_place()
            self.editor.show_errors()
            self.editor.show_foreseen(self._foreseen())
        if self.beside and not details:
            self.beside.show()
        self.bar.show()
        self.tools.show()

    def _show_rows(self) -> None:
        wrong = {t["id"] for t in self.draft.tasks if self.draft.task_errors(t["id"])}
        self.rows.show(self.draft.tasks, self.live, wrong, session=self.session.status)
        self.picked.show()

    def _show_graph(self) -> None:
        marks = {key: task_mark(t.status, session=self.session.status) for key, t in self.live.items()}
        if self.graph.show(self.draft.tasks, self.draft.shape, marks):
            self._mark()

    def take(self) -> None:
        """Show the current version, dropping what was typed."""
        self.draft.take(self.plan)
        self.draft.review()
        self.show(details=True)
        self._keep()

    def _take_theirs(self) -> None:
        """Show the version that another window, or a program, has stored; undo brings back what was here."""
        before = self.draft.version
        self.draft.take(self.plan)
        if self.editable:
            self.draft.note(f"Load version {self.plan.version}", version=(before, self.plan.version))
            if not self._doing:
                with self.view.content:
                    say(f"Version {self.plan.version} was saved elsewhere and is shown now.")
        self.take()

    def choose_by_hand(self, key: str) -> None:
        """Select by a click or a key; a narrow window then shows the details."""
        self.choose(key)
        self.root.attr(data_show="details")
        self._run("window.maestroFocus?.enter('.p-details')")

    def choose(self, key: str) -> None:
        """Show a task (or the plan as a whole) in the details."""
        if key != WHOLE and self.draft.task(key) is None:
            return
        if key != self.selected:
            self.selected = key
            self._leave()
            self._show_details()
        self._mark()

    def _mark(self) -> None:
        self.rows.select(self.selected)
        self._run(f"window.maestroPlan?.select({json.dumps(self.selected)})")
        with self.view.content:
            note_in_address("task", self.selected)

    def _details_stand(self) -> bool:
        """Whether the fields already show the task that is selected, as it is now. To make them costs most of all."""
        task = self.draft.task(self.selected)
        return self.editor is not None and task is not None and task is self._task and task == self._task_shown

    def _note_details(self, task: dict[str, Any] | None) -> None:
        self._task, self._task_shown = task, copy.deepcopy(task)

    def _show_details(self) -> None:
        self.details.clear()
        self.editor = None
        task = self.draft.task(self.selected)
        self._note_details(task)
        foreseen = self._foreseen()
        with self.details:
            if self.editable:
                self.editor = Editor(self.draft, self._changed, self.act, foreseen, f"plan-{self.session.id}")
                self.editor.show_task(task) if task else self.editor.show_whole()
            elif task:
                took_s = self.took_s.get(self.selected)
                read_task(task, self.live.get(self.selected), self.session, foreseen, took_s=took_s)
            else:
                read_whole(self.draft.data, foreseen)
            self.beside = Beside(self, self.selected)
        self._run("window.maestroPlan?.detailsToTop()")

    def _foreseen(self) -> dict[str, CheckForeseen]:
        return {check.command: check for check in self.plan.checks}

    # -- editing -------------------------------------------------------------------------------------------------------

    def act(self, what: str) -> None:
        """``add, remove, up, down, duplicate, split`` a task; ``again`` only makes the details anew."""
        if what == "again":
            self.draft.note("Decisions")
            self._show_changed()
        elif what == "add":
            self.change("Add a task", lambda: self.draft.add(self.selected or None))
            self.root.attr(data_show="details")
            self._run("window.maestroPlan?.focusDetails()")
        elif what == "remove":
            self.change(f"Remove {self.selected}", lambda: self._remove(self.selected))
        elif what in {"up", "down"}:
            self.change(f"Move {self.selected}", lambda: self.draft.move(self.selected, -1 if what == "up" else 1))
        elif what == "duplicate":
            key = self.selected
            self.change(f"Duplicate {key}", lambda: groups.duplicate(self.draft.tasks, [key])[0])
        elif what == "split":
            ask_split(self, self.selected)

    def _remove(self, key: str) -> str:
        tasks = [t["id"] for t in self.draft.tasks]
        at = tasks.index(key)
        self.draft.remove(key)
        left = [t["id"] for t in self.draft.tasks]
        return str(left[min(at, len(left) - 1)])

    def change(self, words: str, do: Callable[[], str | None]) -> bool:
        """Change the plan's tasks as one step; ``do`` may name the task to show then. Says why where it can't be done."""
        self.draft.leave()
        try:
            shown = do()
        except InvalidInput as error:
            with self.view.content:
                say_failed(error.detail)
            return False
        self.selected = shown or self.selected
        self.draft.note(words, self.selected)
        self._show_changed()
        return True

    def step(self, *, back: bool) -> None:
        """Undo a step, or do it again."""
        if not self.editable or (done := self.draft.step(back=back, current=self.plan.version)) is None:
            return
        self.selected = done.key if self.draft.task(done.key) else self.selected
        self._show_changed()
        self.tools.say(f"{'Undone' if back else 'Redone'}: {done.words}")

    def _show_changed(self) -> None:
        self.draft.review()
        self.show(details=True)
        self._mark()
        self._keep()

    def _changed(self, name: str) -> None:
        """A member was typed into: what is small follows at once, graph and keeping when the typing rests."""
        what = f"{name.replace('_', ' ').capitalize()}{f' of {self.selected}' if self.selected else ''}"
        self.draft.note(what, self.selected, run=f"{self.selected}/{name}")
        self._note_details(self.draft.task(self.selected))
        self.draft.review()
        self.tools.show()
        if self.editor:
            self.editor.show_errors()
        if name in _SEEN or self.draft.errors:
            self._show_rows()
        self.bar.show()
        if self._rest:
            self._rest.cancel()
        self._rest = asyncio.get_running_loop().call_later(_REST_S, self._catch_up)

    def _catch_up(self) -> None:
        if not self.root.is_deleted:
            self._show_graph()
            self._keep()

    def discard(self) -> None:
        """Back to what is stored; the bar offers to undo it."""
        before = self.draft.version
        self.draft.discard(self.plan)
        moved = (before, self.plan.version) if before != self.plan.version else None
        self.draft.note("Discard changes", version=moved)
        self.draft.review()
        self.show(details=True)
        self._keep()

    def undo(self) -> None:
        """Put back what was taken away last."""
        self.selected = self.draft.undo() or self.selected
        self.draft.note("Put back what was removed", self.selected)
        self._show_changed()

    def _leave(self) -> None:
        """What a new task lacks is said once another one is looked at."""
        if self.draft.leave() and self.editable:
            self.draft.review()
            self._show_rows()
            self.bar.show()

    async def save(self, by: ui.button, *, over: bool = False) -> None:
        """Store the draft as the next version; what is wrong with it is said beside the fields. ``over``: over theirs."""
        expected = self.plan.version if over else self.draft.version
        by.props("loading")
        try:
            store = change_running if self.running else _replace
            stored = await store(self.view, self.plan, self.draft.data, expected)
            if stored is None:
                return
        except InvalidInput as error:
            self.draft.wrong(error)
            self._to_fault()
            return
        except Conflict:
            await self.refresh()
            return
        except MaestroError as error:
            with self.view.content:
                say_failed(error.detail)
            return
        finally:
            if not by.is_deleted:
                by.props(remove="loading")
        self.plan = stored
        self.draft.saved(stored)
        self.take()
        with self.view.content:
            say(f"Saved as version {stored.version}.")
        await self.refresh()

    def _to_fault(self) -> None:
        faulty = [t["id"] for t in self.draft.tasks if self.draft.task_errors(t["id"])]
        if faulty and self.selected not in faulty:
            self.selected = faulty[0]
        self.show(details=True)
        self._mark()
        self._run("window.maestroPlan?.focusFault()")

    # -- kept through a reload -----------------------------------------------------------------------------------------

    def _keep(self) -> None:
        """Have the browser keep the draft and its steps, as long as there are any."""
        kept: dict[str, Any] = {"version": self.draft.version, "data": self.draft.data, "dirty": self.draft.dirty}
        kept["at"] = time.time()
        words = json.dumps(kept | {"steps": self.draft.journal.dump()}, ensure_ascii=False)
        if len(words) > _MOST_KEPT:
            words = json.dumps(kept, ensure_ascii=False)
        if not self.draft.dirty and not self.draft.journal:
            self._run(f"window.maestroPlan?.forget({json.dumps(self._store_name)})")
        elif len(words) < _MOST_KEPT:
            self._run(f"window.maestroPlan?.keep({json.dumps(self._store_name)}, {json.dumps(words)})")

    def _restore(self, event: GenericEventArguments) -> None:
        kept: Any = event.args
        if not isinstance(kept, dict) or not isinstance(kept.get("version"), int) or self.draft.dirty:
            return
        changed = self.draft.restore_kept(kept)
        self.tools.show()
        if changed:
            self.draft.review()
            self.selected = self.view.query.get("task") or self.selected  # it may be in the draft only
            self.show(details=True)
            self._mark()

    def _back_to_typed(self, event: GenericEventArguments) -> None:
        """Show the task that was being typed into when the server went: its fields get back what it had not heard of."""
        names = event.args.get("names") if isinstance(event.args, dict) else None
        begin = f"plan-{self.session.id}/"
        for name in names if isinstance(names, list) else []:
            if str(name).startswith(begin):
                self.choose(str(name).removeprefix(begin).partition("/")[0])
                return

    # -- going on ------------------------------------------------------------------------------------------------------

    async def do(self, command: Callable[..., object], *args: Any, by: ui.button | None = None, **kwargs: Any) -> bool:
        """Perform a command on the session and read everything again; whether it worked."""
        with self.view.content:  # the button may go before the command is done
            self._doing = True
            try:
                worked = await did(command, self.view.rt, self.session.id, *args, by=by, **kwargs)
                await self.refresh()
            finally:
                self._doing = False
        return worked

    def go(self, page: str = "") -> None:
        """Go to another page of the session."""
        with self.view.content:
            ui.navigate.to(f"/session/{self.session.id}{page}")


async def _replace(view: Frame, plan: PlanView, data: dict[str, Any], expected: int) -> PlanView | None:
    return await read(plans.replace_plan, view.rt, plan.session_id, data, expected_version=expected)
