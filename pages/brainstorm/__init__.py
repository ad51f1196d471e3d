"""The brainstorm: the conversation at the left, the idea card at the right; on a phone two tabs."""

from __future__ import annotations

from nicegui import ui

from maestro.core import queries
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import SessionView
from maestro.db.journal import Event
from pages import live, theme
from pages.brainstorm.card import Card
from pages.brainstorm.chat import Chat
from pages.brainstorm.composer import Composer
from pages.components.calls import read
from pages.components.icon import icon
from pages.components.tag import Tag, box, tag, text
from pages.frame.view import Frame
from pages.routing import session_page

_EVENTS = (
    "message",
    "message_delta",
    "message_tool",
    "question_answered",
    "conversation_switched",
    "idea_card_updated",
    "state_changed",
)


def install(rt: Runtime) -> None:
    """Register ``/session/{id}/brainstorm``."""

    @session_page(rt, "/session/{session_id}/brainstorm", tab="brainstorm", width="bare")
    async def brainstorm(view: Frame, session: SessionView) -> None:
        ui.add_head_html(f'<link rel="stylesheet" href="{theme.asset("brainstorm.css")}">')
        ui.add_head_html(f'<script defer src="{theme.asset("brainstorm.js")}"></script>')
        await _Page(view, session).open()


class _Page:
    """The two halves, and what happens in the session passed on to them."""

    def __init__(self, view: Frame, session: SessionView) -> None:
        self.view = view
        with box("b-page", data_show="chat") as self.root:
            self.dot = _tabs(self.root)
            with tag("section", "", "b-chat", aria_label="Conversation"):
                self.chat = Chat(view, session)
                self.composer = Composer(view, session)
            with tag("aside", "", "b-side", aria_label="Idea card"):
                self.card = Card(view, session)

    async def open(self) -> None:
        """Listen first, then read: nothing falls between."""
        assert self.view.session is not None
        live.subscribe(self.view.session.id, self._heard, types=(*_EVENTS, live.DROPPED))
        self.view.on_session(self._show_session)
        await self._read(fresh=True)

    async def _heard(self, events: list[Event]) -> None:
        types = {e.type for e in events}
        if live.DROPPED in types:
            await self._read(fresh=True)
            return
        for event in events:
            if event.type == "idea_card_updated":
                self.card.show_card(event.payload["card"], changed=event.payload["changed"])
                self.dot.classes(remove="m-hidden")
        if types - {"idea_card_updated"}:
            await self._read(fresh="state_changed" in types, afresh="conversation_switched" in types)

    async def _read(self, *, fresh: bool, afresh: bool = False) -> None:
        await self.chat.read(afresh=afresh)
        self.composer.set_replying(self.chat.replying)
        self.card.set_talked(self.chat.talked)
        self.card.gauge.set_asked(self.chat.asked)
        if fresh and self.view.session is not None:
            session = await read(queries.get_session, self.view.rt, self.view.session.id)
            self._show_session(session)
            self.card.show_card(session.idea_card)

    def _show_session(self, session: SessionView) -> None:
        self.view.session = session
        self.chat.show_session(session)
        self.composer.show_session(session)
        self.card.show_session(session)


def _tabs(root: Tag) -> Tag:
    """The two tabs of a narrow window; gives the dot that says the card has changed."""

    def show(name: str) -> None:
        root.attr(data_show=name)
        for tab_name, made in tabs.items():
            made.attr(aria_selected="true" if tab_name == name else "false")
        if name == "card":
            dot.classes("m-hidden")

    tabs: dict[str, Tag] = {}
    with box("b-tabs", role="tablist"):
        for name, words, symbol in (("chat", "Conversation", "messages-square"), ("card", "Idea card", "lightbulb")):
            made = tag("button", "", "b-tab", type="button", role="tab", aria_selected=str(name == "chat").lower())
            made.on("click", lambda name=name: show(name))
            with made:
                icon(symbol)
                text(words)
                if name == "card":
                    dot = text("", "b-tab__dot m-hidden", role="img", aria_label="changed")
            tabs[name] = made
    return dot
