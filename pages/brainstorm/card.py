"""The idea card: what is being built, as agreed so far. It fills as one talks; every part can be edited where it stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nicegui import ui
from nicegui.events import GenericEventArguments

from maestro.core.brainstorm.idea_card import IdeaCard, stored_card
from maestro.core.commands import conversation, plans
from maestro.core.views import SessionView
from maestro.errors import InvalidInput
from pages.brainstorm.decisions import Decisions
from pages.brainstorm.gauge import Gauge
from pages.brainstorm.parts import Lines, Part, Requirements
from pages.components.action import FAILED, perform
from pages.components.buttons import button, link_button
from pages.components.calls import did
from pages.components.tag import box, tag, text
from pages.components.words import plural
from pages.frame.view import Frame

_EDITABLE = {"idle", "brainstorming", "plan_review"}


def _source(source: dict[str, Any]) -> None:
    """The issue that the session began with."""
    name = f"{source.get('repository', '')}#{source.get('number', '')}"
    url = str(source.get("url", ""))
    with box("b-source"):
        text("From", "m-meta")
        if url.startswith("https://"):
            tag("a", name, "m-link", href=url, target="_blank", rel="noopener noreferrer")
        text(str(source.get("title", "")), "m-cut", dir="auto")


class Card:
    """The card and, below it, the way on to the plan."""

    def __init__(self, view: Frame, session: SessionView) -> None:
        self.view = view
        self.session = session
        self.talked = False
        self._card = IdeaCard()
        drafts = f"card-{session.id}"
        with box("b-side__scroll"), box("b-card"):
            self.gauge = Gauge()
            if session.source:
                _source(session.source)
            self.parts: dict[str, Part] = {
                "title": Part("title", "Idea", self._save, nothing="No title yet", drafts=drafts),
                "problem": Part(
                    "problem",
                    "Problem",
                    self._save,
                    nothing="What is missing or wrong today, and for whom",
                    drafts=drafts,
                ),
                "goals": Lines(
                    "goals", "Goals", self._save, nothing="What must be true when this is done", drafts=drafts
                ),
                "requirements": Requirements(
                    "requirements",
                    "Requirements",
                    self._save,
                    nothing="Statements that a test can prove: R1, R2…",
                    drafts=drafts,
                ),
                "out_of_scope": Lines(
                    "out_of_scope", "Out of scope", self._save, nothing="What is deliberately left out", drafts=drafts
                ),
                "open_questions": Lines("open_questions", "Open questions", self._save, nothing="None", drafts=drafts),
                "decisions": Decisions("decisions", "Decisions", self._save, nothing="None yet", drafts=drafts),
            }
        with box("b-side__foot"):
            self._words = text("", "b-side__words")
            self._acts = box("m-row")
        self._shown: tuple[Any, ...] = ()
        self.show_card(session.idea_card)
        self.show_session(session)
        ui.on("maestro_drafts", self._reopen)

    def _reopen(self, event: GenericEventArguments) -> None:
        """Go on with the edits that the browser has kept through a reload or a restart."""
        names = (event.args or {}).get("names") if isinstance(event.args, dict) else None
        for name in names if isinstance(names, list) else []:
            for part in self.parts.values():
                part.reopen(str(name))

    def show_card(self, data: dict[str, Any], changed: Sequence[str] = ()) -> None:
        """Show the card; the ``changed`` parts light up once."""
        self._card = stored_card(data)
        whole = self._card.model_dump(mode="json")
        for name, part in self.parts.items():
            part.show(whole[name], glow=name in changed)
        self.gauge.show(self._card.still_open)
        self._show_way_on()

    def show_session(self, session: SessionView) -> None:
        """Follow the session's state."""
        self.session = session
        for part in self.parts.values():
            part.set_editable(session.status in _EDITABLE)
        self._show_way_on()

    def set_talked(self, talked: bool) -> None:
        """Whether there is a conversation that a plan could be made from."""
        self.talked = talked
        self._show_way_on()

    async def _save(self, data: dict[str, Any], wrong: Callable[[InvalidInput], bool], by: ui.button | None) -> bool:
        with self.view.content:
            saved = await perform(
                conversation.edit_idea_card, self.view.rt, self.session.id, data, by=by, invalid=wrong
            )
        if saved is FAILED:
            return False
        self.show_card(saved)
        return True

    # -- the way on ----------------------------------------------------------------------------------------------------

    def _show_way_on(self) -> None:
        status, version = self.session.status, self.session.plan_version
        something = self.talked or bool(self.session.description.strip()) or self._card != IdeaCard()
        now = (status, version, something, len(self._card.open_questions))
        if now == self._shown:
            return
        self._shown = now
        self._words.set_text(self._reason(something))
        self._acts.clear()
        with self._acts:
            plan = f"/session/{self.session.id}/plan"
            if status == "brainstorming":
                if version:
                    link_button(f"Plan {version}", plan)
                go = button("Plan it", icon="sparkles", kind="primary")
                go.on_click(lambda: self._plan_it(go))
                go.set_enabled(something)
            elif status == "planning":
                link_button("Watch progress", plan, icon="workflow", kind="primary")
            elif status == "plan_review":
                link_button("Review plan", plan, icon="list-checks", kind="primary")
            elif version:
                link_button("View plan", plan, icon="workflow")

    def _reason(self, something: bool) -> str:
        status = self.session.status
        if status == "idle":
            return "Fills in as you chat. You can also edit it yourself."
        if status == "brainstorming":
            if not something:
                return "First describe what to build."
            questions = len(self._card.open_questions)
            return f"{plural(questions, 'question')} still open." if questions else "Next: a plan you can edit."
        if status == "planning":
            return "A plan is being made from this card."
        if status == "plan_review":
            return "Edits here apply when you regenerate the plan."
        return "The plan was made from this card."

    async def _plan_it(self, by: ui.button) -> None:
        editing = [p.label.lower() for p in self.parts.values() if p.editing]
        if editing:
            ui.notify(f"Save or cancel your edits first: {', '.join(editing)}.", position="bottom-right")
            return
        with self.view.content:  # the button may go before the command is done
            if await did(plans.request_plan, self.view.rt, self.session.id, by=by):
                ui.navigate.to(f"/session/{self.session.id}/plan")
