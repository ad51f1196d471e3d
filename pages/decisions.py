"""Every choice that was made: by whom, among what, and why."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import PurePath
from urllib.parse import urlencode

from nicegui import run, ui

from maestro.core import queries
from maestro.core.commands import decisions as commands
from maestro.core.commands.decisions import OutcomeChange
from maestro.core.kernel.runtime import Runtime
from maestro.core.queries.decisions import DecisionCounts
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
_OUTCOMES = {"open": "Work not over"}
#: The filters, by their name in the address, and what each says while it keeps nothing out.
_ALL = {"repo": "All repositories", "kind": "All kinds", "outcome": "All outcomes", "source": "All sources"}
_LABELS = {"repo": "Repository", "kind": "Kind", "outcome": "Outcome", "source": "Source"}
_WHO = {"brainstorm": "in the brainstorm", "plan": "in the plan", "worker": "by a worker"}


def install(rt: Runtime) -> None:
    """Register the page."""

    @page(rt, "/decisions", title="Decisions", width="narrow")
    async def decisions(view: Frame) -> None:
        shown = _Decisions(view.rt, view.query)
        await shown.refresh()
        live.subscribe(
            None,
            lambda _events: shown.refresh(),
            types=("idea_*", "plan_*", "task_*", "session_*", "decision_*"),
            every_s=2.0,
        )


class _Decisions:
    """The list, and what it is narrowed to; the address has it, so that a reload and a link show the same."""

    def __init__(self, rt: Runtime, asked: Mapping[str, str]) -> None:
        self.rt = rt
        self.counts = DecisionCounts()
        self.asked = {name: asked.get(name, "")[:500] for name in ("q", *_ALL)}
        self.field = ui.input(value=self.asked["q"], placeholder="Search decisions").classes("m-search")
        self.field.props("clearable debounce=120")
        self.field.props.set_optional("aria-label", "Search decisions")
        self.field.on_value_change(lambda e: self._ask("q", e.value))
        with box("m-narrow") as self.narrow:
            self.selects = {name: self._select(name, words) for name, words in _ALL.items()}
        self.list_box = box("m-list")
        self.list = KeyedList(self.list_box, key=_key, build=self._row)
        self.nothing = box()
        self.dialogs = box()

    def _select(self, name: str, words: str) -> ui.select:
        asked = self.asked[name]
        made = ui.select({"": words} | ({asked: asked} if asked else {}), value=asked)
        made.props.set_optional("aria-label", _LABELS[name])
        made.on_value_change(lambda e: self._ask(name, e.value))
        return made

    def _row(self, decision: DecisionView) -> None:
        _row(decision, lambda: self._change(decision))

    async def _change(self, decision: DecisionView) -> None:
        with self.dialogs:
            await change_outcome(self.rt, decision)
        await self.refresh()

    async def refresh(self) -> None:
        """Read again what fits."""
        asked = dict(self.asked)
        found = await run.io_bound(_read, self.rt, asked)
        if found is None or asked != self.asked:
            return
        rows, self.counts = found
        for name, options in _options(self.counts).items():
            chosen = self.asked[name]
            options = {"": _ALL[name]} | ({chosen: chosen} if chosen else {}) | options
            if self.selects[name].options != options:
                self.selects[name].set_options(options, value=chosen)
        self._show(rows)

    async def _ask(self, name: str, value: str | None) -> None:
        if self.asked[name] == (value or ""):
            return
        self.asked[name] = (value or "")[:500]
        given = {k: v for k, v in self.asked.items() if v}
        ui.navigate.history.replace("/decisions" + (f"?{urlencode(given)}" if given else ""))
        await self.refresh()

    def _show(self, rows: list[DecisionView]) -> None:
        any_at_all = bool(self.counts.sources)
        self.list.sync(rows)
        self.list_box.set_visibility(bool(rows))
        self.field.set_visibility(any_at_all)
        self.narrow.set_visibility(any_at_all)
        self.nothing.clear()
        if rows:
            return
        with self.nothing:
            if any_at_all:
                with empty("No matching decisions", "Try other search terms or filters.", symbol="search"):
                    button("Show all", self._show_all)
            else:
                empty(
                    "No decisions yet",
                    "Choices made while brainstorming, planning and building are kept here, with their reasons.",
                    symbol="scale",
                )

    async def _show_all(self) -> None:
        self.asked = dict.fromkeys(self.asked, "")
        ui.navigate.history.replace("/decisions")
        self.field.set_value("")
        for made in self.selects.values():
            made.set_value("")
        await self.refresh()


def _read(rt: Runtime, asked: Mapping[str, str]) -> tuple[list[DecisionView], DecisionCounts]:
    return queries.list_decisions(rt, limit=200, **asked), queries.count_decisions(rt)


def _options(counts: DecisionCounts) -> dict[str, dict[str, str]]:
    """The choices of each filter, with how many decisions there are of each."""
    named = {
        "repo": {path: PurePath(path).name for path in counts.repositories},
        "kind": {kind: _upper(kind) for kind in counts.kinds},
        "outcome": {name: _OUTCOMES.get(name, _upper(name)) for name in counts.outcomes},
        "source": {name: _upper(_WHO.get(name, name)) for name in counts.sources},
    }
    numbers = {"repo": counts.repositories, "kind": counts.kinds, "outcome": counts.outcomes, "source": counts.sources}
    names = [*named["repo"].values()]
    named["repo"] = {p: n if names.count(n) == 1 else p for p, n in named["repo"].items()}
    return {f: {k: f"{words} ({numbers[f][k]:,})" for k, words in of.items()} for f, of in named.items()}


def _key(decision: DecisionView) -> str:
    """What a row shows that may change is part of its key."""
    return f"{decision.id} {decision.outcome} {decision.outcome_by} {decision.outcome_reason}"


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
            if decision.repo_path:
                text(f"in {PurePath(decision.repo_path).name}", title=decision.repo_path)
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
