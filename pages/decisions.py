"""Every choice that was made: by whom, among what, and why."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from nicegui import run, ui

from maestro.core import queries
from maestro.core.commands import decisions as commands
from maestro.core.commands.decisions import OutcomeChange
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import DecisionView
from pages import live
from pages.components.action import perform
from pages.components.buttons import button, icon_button
from pages.components.dialogs import answer, dialog
from pages.components.fields import field
from pages.components.icon import icon
from pages.components.inline import plain
from pages.components.keyed import KeyedList
from pages.components.markdown import phrase, prose
from pages.components.placeholders import empty
from pages.components.tag import box, tag, text
from pages.components.when import when
from pages.frame.view import Frame
from pages.routing import page

_TONES = {"success": "done", "partial": "waiting", "failure": "failed", "unknown": "pending"}
_WHO = {"brainstorm": "in the brainstorm", "plan": "in the plan", "worker": "by a worker"}


def install(rt: Runtime) -> None:
    """Register the page."""

    @page(rt, "/decisions", title="Decisions", width="narrow")
    async def decisions(view: Frame) -> None:
        shown = _Decisions(view.rt, view.query.get("q", "")[:200])
        await shown.refresh()
        live.subscribe(
            None,
            lambda _events: shown.refresh(),
            types=("idea_*", "plan_*", "task_*", "session_*", "decision_*"),
            every_s=2.0,
        )


class _Decisions:
    def __init__(self, rt: Runtime, words: str) -> None:
        self.rt = rt
        self.rows: list[DecisionView] = []
        self.field = ui.input(value=words, placeholder="Search decisions").classes("m-search")
        self.field.props("clearable debounce=120")
        self.field.props.set_optional("aria-label", "Search decisions")
        self.field.on_value_change(self._refresh)
        self.list_box = box("m-list")
        self.list = KeyedList(self.list_box, key=_key, build=self._row)
        self.nothing = box()
        self.dialogs = box()

    def _row(self, decision: DecisionView) -> None:
        _row(decision, lambda: self._change(decision))

    async def _change(self, decision: DecisionView) -> None:
        with self.dialogs:
            await change_outcome(self.rt, decision)
        await self.refresh()

    async def refresh(self) -> None:
        """Look again."""
        rows = await run.io_bound(queries.list_decisions, self.rt, limit=200)
        if rows is not None:
            self.rows = rows
            self.show()

    def _refresh(self) -> None:
        words = (self.field.value or "")[:200]
        ui.navigate.history.replace("/decisions" + (f"?{urlencode({'q': words})}" if words else ""))
        self.show()

    def show(self) -> None:
        """Show what fits the words in the field."""
        words = (self.field.value or "").lower().split()
        fitting = [d for d in self.rows if all(w in _all_words(d) for w in words)]
        self.list.sync(fitting)
        self.list_box.set_visibility(bool(fitting))
        self.field.set_visibility(bool(self.rows))
        self.nothing.clear()
        if fitting:
            return
        with self.nothing:
            if self.rows:
                empty("No matching decisions", "Try other search terms.", symbol="search")
            else:
                empty(
                    "No decisions yet",
                    "Choices made while brainstorming, planning and building are kept here, with their reasons.",
                    symbol="scale",
                )


def _key(decision: DecisionView) -> str:
    """What a row shows that may change is part of its key."""
    return f"{decision.id} {decision.outcome} {decision.outcome_by} {decision.outcome_reason}"


def _all_words(decision: DecisionView) -> str:
    parts = (decision.decision_type, decision.context, decision.rationale, decision.session_title, *decision.options)
    return " ".join(parts).lower()


async def change_outcome(rt: Runtime, decision: DecisionView) -> None:
    """Ask how a decision turned out, and store the answer."""
    options = {"": "As the evidence has it"} | {name: _upper(name) for name in _TONES}
    with dialog("How did it turn out?") as (panel, body):
        with body:
            with field("Outcome"):
                chosen = ui.select(options, value=decision.outcome if decision.outcome_by == "you" else "")
                chosen.props("outlined dense")
            with field("Reason", optional=True):
                why = ui.textarea(value=(decision.outcome_reason or "") if decision.outcome_by == "you" else "")
                why.props("autogrow rows=2 outlined dense maxlength=2000")
        with box("m-dialog__foot"):
            button("Cancel", lambda: panel.submit(False))
            button("Save", lambda: panel.submit(True), kind="primary")
    if await answer(panel):
        given = OutcomeChange(outcome=chosen.value or None, reason=why.value or "")
        await perform(commands.set_outcome, rt, decision.id, given, done="Saved.")


def _row(decision: DecisionView, change: Callable[[], Awaitable[None]]) -> None:
    with box("m-item m-stack m-gap-4"):
        with box("m-row m-row--between m-row--top"):
            phrase(_upper(decision.context or decision.decision_type), "m-strong m-wrap", name="div")
            when(decision.created_at, "m-meta m-num m-cut").style("flex: none")
        with box("m-row m-row--wrap m-gap-4"):
            for index, option in enumerate(decision.options):
                _option(option, chosen=index == decision.chosen)
        if decision.rationale:
            prose(decision.rationale, "m-soft")
        with box("m-row m-row--wrap m-meta m-gap-4"):
            text(f"{_upper(decision.decision_type)}, {_WHO.get(decision.source, decision.source)} of")
            tag("a", plain(decision.session_title), "m-cut", dir="auto", href=f"/session/{decision.session_id}")
            if decision.outcome:
                said = " (you)" if decision.outcome_by == "you" else ""
                text(f"{_upper(decision.outcome)}{said}", f"m-outcome s-{_TONES.get(decision.outcome, 'pending')}")
            icon_button("pencil", "Change the outcome", change, small=True)
        if decision.outcome_reason:
            tag("div", plain(decision.outcome_reason), "m-meta m-wrap", dir="auto")


def _option(words: str, *, chosen: bool) -> None:
    with text("", "m-option m-option--chosen" if chosen else "m-option"):
        if chosen:
            icon("check", label="Chosen")
        phrase(words)


def _upper(words: str) -> str:
    return words[:1].upper() + words[1:]
