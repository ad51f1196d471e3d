"""The transcript: read from the rows whenever something happened, so that no window ever shows a word twice or misses one."""

from __future__ import annotations

import asyncio

from nicegui import ui

from maestro.core import queries
from maestro.core.commands import conversation, sessions
from maestro.core.kernel import endpoint
from maestro.core.views import MessageView, SessionView
from pages.brainstorm.message import Acts, MessageItem
from pages.components.action import FAILED, perform
from pages.components.buttons import button, link_button
from pages.components.calls import read
from pages.components.icon import icon
from pages.components.inline import plain
from pages.components.markdown import FileLink
from pages.components.placeholders import empty, skeleton
from pages.components.tag import box, tag, text
from pages.components.words import plural
from pages.frame.view import Frame
from pages.shared.file_links import file_links

#: So many messages are shown at first, and more at a time on demand.
_PAGE = 60
_MOST = 500


class Chat:
    """The messages, above them the way to earlier ones, and what stands there while there are none."""

    def __init__(self, view: Frame, session: SessionView) -> None:
        self.view = view
        self.session = session
        self.items: list[MessageItem] = []
        self.first = 0
        self._link: FileLink | None = None
        self.total = 0
        self._loaded = False
        self._answering = False
        self._acts = Acts(
            self._ask_again, self._say_again, self._answer, self._edit, self._show, free=_scripted(view, session)
        )
        self._reading = asyncio.Lock()  # an older answer never comes after a newer one
        self._nothing = ""
        self._assistant = "Assistant, scripted" if _scripted(view, session) else "Assistant"
        with box("b-scroll m-needs-room", data_stick="") as self.scroller, box("b-column"):
            self._older = box("b-older m-hidden")
            with box("b-loading") as self._loading:
                skeleton(5, 16)
            self._list = box("b-list", role="log", aria_live="polite", aria_label="Messages")
            self._empty = box("b-nothing m-hidden")
        with tag("button", "", "b-latest", type="button", data_latest="", aria_label="Go to the latest message"):
            icon("arrow-down")
            text("Latest")

    @property
    def replying(self) -> bool:
        """Whether a reply is on its way."""
        return any(item.streaming for item in self.items)

    @property
    def asked(self) -> int:
        """How many questions the assistant has asked."""
        return max(
            (item.message.question.get("number") or 0 for item in self.items if item.message.question), default=0
        )

    @property
    def talked(self) -> bool:
        """Whether anything was said."""
        return bool(self.items)

    async def read(self, *, afresh: bool = False) -> None:
        """Bring the transcript up to date: from the first message that was not whole when last looked at.

        ``afresh``: all of it, for another branch is shown.
        """
        async with self._reading:
            if afresh:
                self._loaded, self.items = False, []
                self._list.clear()
            await self._read()

    async def _read(self) -> None:
        rt, session_id = self.view.rt, self.session.id
        if self._link is None:
            self._link = await file_links(rt, self.session)
        if not self._loaded:
            _, self.total = await read(queries.list_messages, rt, session_id, limit=1)
            self.first = max(0, self.total - _PAGE)
        recent = range(max(0, len(self.items) - 3), len(self.items))
        start = next((i for i in recent if self.items[i].asks), len(self.items))
        start = next((i for i, item in enumerate(self.items[:start]) if item.streaming), start)
        rows, self.total = await read(queries.list_messages, rt, session_id, limit=_MOST, offset=self.first + start)
        self._loaded = True
        self._loading.set_visibility(False)
        with self._list:
            for index, row in enumerate(rows, start):
                if index < len(self.items):
                    self.items[index].show(row)
                else:
                    self.items.append(self._item(row))
        self._mark_last()
        self._show_older()
        await self._show_nothing()

    def show_session(self, session: SessionView) -> None:
        """Follow the session's state: a reply is asked for again only while one can talk."""
        changed = session.status != self.session.status
        self.session = session
        if changed:
            self._mark_last()

    def _item(self, row: MessageView) -> MessageItem:
        return MessageItem(row, assistant=self._assistant, acts=self._acts, link=self._link)

    def _mark_last(self) -> None:
        can_ask = self.session.status == "brainstorming" and not self.replying
        said = [item for item in self.items if item.message.role != "system"]
        for item in said:
            item.set_last(can_ask and item is said[-1])
            item.set_editable(can_ask)

    async def _answer(self, message_id: str, option: int) -> None:
        if self._answering:
            return  # two clicks are one answer
        self._answering = True
        try:
            with self.view.content:
                await perform(conversation.answer_question, self.view.rt, self.session.id, message_id, option)
        finally:
            self._answering = False
        ui.run_javascript("window.maestroChat?.toLatest()")

    async def _edit(self, message_id: str, words: str) -> bool:
        with self.view.content:
            done = await perform(conversation.edit_message, self.view.rt, self.session.id, message_id, words)
        return done is not FAILED

    async def _say_again(self) -> None:
        mine = next((item.message for item in reversed(self.items) if item.message.role == "user"), None)
        if mine is not None:
            await self._edit(mine.id, mine.content)

    async def _show(self, message_id: str) -> None:
        with self.view.content:
            await perform(conversation.show_branch, self.view.rt, self.session.id, message_id)

    async def _ask_again(self) -> None:
        with self.view.content:  # the button goes as soon as the new reply begins
            await perform(conversation.ask_again, self.view.rt, self.session.id)

    # -- what is older -------------------------------------------------------------------------------------------------

    def _show_older(self) -> None:
        self._older.clear()
        self._older.classes(remove="m-hidden") if self.first else self._older.classes("m-hidden")
        if self.first:
            with self._older:
                button(
                    f"Show {plural(min(self.first, _PAGE), 'earlier message')}",
                    self._load_older,
                    kind="ghost",
                    small=True,
                )

    async def _load_older(self) -> None:
        first = max(0, self.first - _PAGE)
        rows, _ = await read(
            queries.list_messages, self.view.rt, self.session.id, limit=self.first - first, offset=first
        )
        made = []
        with self._list:
            for index, row in enumerate(rows):
                made.append(self._item(row))
                made[-1].root.move(target_index=index)
        self.items[:0] = made
        self.first = first
        self._show_older()

    # -- what stands there while nothing was said ----------------------------------------------------------------------

    async def _show_nothing(self) -> None:
        wanted = "" if self.items else self.session.status
        if wanted == "brainstorming" and not self.session.demo:
            kind = await read(endpoint.describe, self.view.rt.settings)
            wanted = "unconfigured" if kind == "none" else wanted
        if wanted == self._nothing:
            return
        self._nothing = wanted
        self._empty.clear()
        self._empty.classes(remove="m-hidden") if wanted else self._empty.classes("m-hidden")
        with self._empty:
            if wanted == "idle":
                self._not_started()
            elif wanted == "unconfigured":
                _no_assistant(self.view)
            elif wanted == "brainstorming":
                empty(
                    "What should be built?",
                    "Describe it in your own words. The assistant reads the repository, asks what it needs to know, "
                    "and fills in the idea card as you chat.",
                    symbol="messages-square",
                )
            elif wanted:
                empty("No messages", "This session had no conversation.", symbol="messages-square")

    def _not_started(self) -> None:
        words = self.session.description.strip()
        why = (
            "Your description becomes the first message. The assistant reads the repository and asks what it needs to know."
            if words
            else "Discuss the idea with an assistant that reads the repository. Nothing is changed yet."
        )
        with empty("Not started yet", why, symbol="lightbulb"):
            start = button("Start the conversation", icon="play", kind="primary")

            async def begin() -> None:
                with self.view.content:
                    if await perform(sessions.start_session, self.view.rt, self.session.id, by=start) is not FAILED:
                        await self.view.reload_session()

            start.on_click(begin)
        if words:
            tag("blockquote", words, "b-description m-pre", dir="auto")


def _no_assistant(view: Frame) -> None:
    with empty(
        "No model is configured",
        plain(endpoint.NOT_CONFIGURED.partition(". ")[2]),
        symbol="key-round",
    ):
        link_button("Settings", "/settings", icon="settings", kind="primary")

        async def demo() -> None:
            with view.content:
                made = await perform(sessions.create_demo, view.rt, by=start)
                if made is not FAILED:
                    ui.navigate.to(f"/session/{made.id}/brainstorm")

        start = button("Try the demo", demo, icon="play")


def _scripted(view: Frame, session: SessionView) -> bool:
    return session.demo or view.rt.settings.assistant == "demo"
