"""Every choice that was made: by whom, among what, and why."""

from __future__ import annotations

from urllib.parse import urlencode

from nicegui import run, ui

from maestro.core import queries
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import DecisionView
from pages import live
from pages.components.icon import icon
from pages.components.inline import plain
from pages.components.keyed import KeyedList
from pages.components.markdown import phrase, prose
from pages.components.placeholders import empty
from pages.components.tag import box, tag, text
from pages.components.when import when
from pages.frame.view import Frame
from pages.routing import page

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
        self.list = KeyedList(self.list_box, key=lambda d: d.id, build=_Row)
        self.nothing = box()

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


def _all_words(decision: DecisionView) -> str:
    parts = (decision.decision_type, decision.context, decision.rationale, decision.session_title, *decision.options)
    return " ".join(parts).lower()


class _Row:
    def __init__(self, decision: DecisionView) -> None:
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
                    text(f"· {decision.outcome}")


def _option(words: str, *, chosen: bool) -> None:
    with text("", "m-option m-option--chosen" if chosen else "m-option"):
        if chosen:
            icon("check", label="Chosen")
        phrase(words)


def _upper(words: str) -> str:
    return words[:1].upper() + words[1:]
