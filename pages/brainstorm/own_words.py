"""The user's own message: its words, how they are said anew, and the way between its wordings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import ui

from maestro.core.views import MessageView
from pages.components.buttons import button, icon_button
from pages.components.code import copy_button
from pages.components.drafts import forget, kept
from pages.components.tag import Tag, box, tag, text

_KEYS = """(e) => {
  if (e.isComposing || e.keyCode === 229) return;
  if (e.key === "Escape") { e.stopPropagation(); emit("leave"); }
  if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) { e.preventDefault(); emit("send"); }
}"""


class OwnWords:
    """One message of the user's; ``tools`` is where its buttons stand."""

    def __init__(
        self,
        message: MessageView,
        tools: Tag,
        edit: Callable[[str, str], Awaitable[bool]],
        show: Callable[[str], Awaitable[None]],
    ) -> None:
        self.message = message
        self._tools = tools
        self._edit = edit
        self._show = show
        self._editable = False
        self._words = tag("div", message.content, "b-msg__said m-pre", dir="auto")
        self._form = box("b-msg__form m-hidden")
        self._draw_tools()

    def show(self, message: MessageView) -> None:
        """Its wordings may have become more."""
        changed, self.message = message.wordings != self.message.wordings, message
        if changed:
            self._draw_tools()

    def set_editable(self, editable: bool) -> None:
        """Whether it can be said anew now."""
        if editable != self._editable:
            self._editable = editable
            self._draw_tools()

    def _draw_tools(self) -> None:
        self._tools.clear()
        with self._tools:
            copy_button(self.message.content, "Copy this message")
            if self._editable:
                icon_button("pencil", "Edit this message", self._open, small=True)
            self._draw_wordings()

    def _draw_wordings(self) -> None:
        ids = self.message.wordings
        if self.message.id not in ids:
            return
        at = ids.index(self.message.id)

        async def go(to: int) -> None:
            await self._show(ids[to])

        with box("b-wordings"):
            before = icon_button("chevron-left", "The wording before", lambda: go(at - 1), small=True)
            before.set_enabled(self._editable and at > 0)
            text(f"{at + 1} of {len(ids)}", "m-meta m-num")
            after = icon_button("chevron-right", "The next wording", lambda: go(at + 1), small=True)
            after.set_enabled(self._editable and at < len(ids) - 1)

    def _open(self) -> None:
        self._form.clear()
        with self._form:
            field = ui.textarea(value=self.message.content).props("autogrow autofocus rows=1")
            kept(field, f"edit-{self.message.id}", over=True).props.set_optional("aria-label", "Your message, edited")
            field.on("keydown", lambda e: self._key(str(e.args), field), js_handler=_KEYS)
            with box("b-part__foot"):
                text("Replies to the old wording are kept.", "m-meta m-grow")
                button("Cancel", self._leave, kind="ghost", small=True)
                button("Send", lambda: self._send(field), small=True)
        self._toggle(editing=True)

    async def _key(self, what: str, field: ui.textarea) -> None:
        if what == "leave":
            self._toggle(editing=False)  # what is typed is kept
        else:
            await self._send(field)

    async def _send(self, field: ui.textarea) -> None:
        client = ui.context.client
        if await self._edit(self.message.id, field.value or ""):
            forget(f"edit-{self.message.id}", client=client)

    def _leave(self) -> None:
        forget(f"edit-{self.message.id}")
        self._toggle(editing=False)

    def _toggle(self, *, editing: bool) -> None:
        for element, hidden in ((self._form, not editing), (self._words, editing)):
            element.classes("m-hidden") if hidden else element.classes(remove="m-hidden")
