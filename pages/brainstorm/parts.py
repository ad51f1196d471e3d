"""Parts of the idea card that are words or lines: how they read, and how they are edited where they stand."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from maestro.errors import InvalidInput
from pages.components.buttons import button, icon_button
from pages.components.drafts import forget, kept
from pages.components.fields import plainly, show_error
from pages.components.markdown import phrase, prose
from pages.components.tag import box, tag, text

#: Stores an edit (members of the card) and answers whether it was taken; shows what is wrong by the given function.
Save = Callable[[dict[str, Any], Callable[[InvalidInput], bool], ui.button | None], Awaitable[bool]]

_KEYS = """(e) => {
  if (e.key === "Escape") { e.stopPropagation(); emit("leave"); }
  if (e.key === "Enter" && (e.ctrlKey || e.metaKey || %s)) { e.preventDefault(); emit("save"); }
}"""
_LED = re.compile(r"(R[1-9]\d{0,3})\s*[:.)]\s*(\S.*)")
#: A click that was not made to select words.
CLICK = "(e) => { if (!String(getSelection()) && !e.target.closest('a, button')) emit(); }"


class Part:
    """One member of the card."""

    def __init__(self, name: str, label: str, save: Save, *, nothing: str, drafts: str = "card") -> None:
        self.name = name
        self.draft = f"{drafts}/{name}/"  # how the names begin under which the browser keeps what is typed
        self.label = label
        self.value: Any = None
        self._save = save
        self._nothing = nothing
        self._editable = False
        self._glow = False
        self.editing = False
        with tag("section", "", f"b-part b-part--{name}", data_part=name, aria_label=label) as self.root:
            with box("b-part__head"):
                tag("h2", label, "b-part__label")
                self._count = text("", "b-part__count m-num")
                self._pencil = icon_button("pencil", f"Edit {label.lower()}", self.edit, small=True).classes(
                    "b-part__pencil"
                )
            self._body = box("b-part__body")
            self._body.on("click", self.edit, js_handler=CLICK)
            self._form = box("b-part__form m-hidden")

    # -- reading -------------------------------------------------------------------------------------------------------

    def show(self, value: Any, *, glow: bool = False) -> None:
        """Show a value; ``glow`` lets it light up once, where somebody else has changed it."""
        if value != self.value or not self._body.default_slot.children:
            self.value = value
            self._body.clear()
            with self._body:
                self._read()
            self._count.set_text(str(len(value)) if isinstance(value, list) and len(value) > 1 else "")
        if glow:
            self.glow()

    def glow(self) -> None:
        """Light up once; two classes in turn, for an animation only starts when its name is new."""
        self.root.classes(remove="b-glow-a b-glow-b", add="b-glow-b" if self._glow else "b-glow-a")
        self._glow = not self._glow

    def set_editable(self, editable: bool) -> None:
        """Whether it can be edited now. What is being typed stays."""
        self._editable = editable
        self._pencil.set_visibility(editable)
        self._body.classes("b-part__body--edit") if editable else self._body.classes(remove="b-part__body--edit")

    def _read(self) -> None:
        if self.value:
            phrase(str(self.value)) if self.name == "title" else prose(str(self.value))
        else:
            tag("p", self._nothing, "b-part__nothing")

    # -- editing -------------------------------------------------------------------------------------------------------

    def edit(self) -> None:
        """Turn into a field."""
        if not self._editable or self.editing:
            return
        self.editing = True
        self._toggle()
        self._form.clear()
        with self._form:
            field = ui.textarea(value=self.to_words(self.value)).props("autogrow autofocus rows=1")
            kept(field, self.draft, over=True).props.set_optional("aria-label", self.label)
            field.on("keydown", lambda e: self._key(str(e.args)), js_handler=_KEYS % self._enter_saves())
            with box("b-part__foot"):
                text(self._hint(), "m-meta m-grow")
                button("Cancel", self._give_up, kind="ghost", small=True)
                self._button = button("Save", self._store, small=True)
        self._field = field

    def to_words(self, value: Any) -> str:
        """The value as it is typed."""
        return str(value or "")

    def from_words(self, words: str) -> Any:
        """What was typed as the value."""
        return words.strip()

    def _enter_saves(self) -> str:
        return "true" if self.name == "title" else "false"

    def _hint(self) -> str:
        return "Enter saves" if self.name == "title" else "Ctrl+Enter saves"

    async def _key(self, what: str) -> None:
        if what == "leave":
            self._leave()  # what is typed is kept, and is there when one comes back
        else:
            await self._store()

    async def _store(self) -> None:
        show_error(self._field, None)
        value = self.from_words(self._field.value or "")
        if await self._save({self.name: value}, self._wrong, self._button):
            self._give_up()

    def _wrong(self, error: InvalidInput) -> bool:
        show_error(self._field, self.reason(error.fields) or error.detail)
        return True

    def reason(self, fields: dict[str, str]) -> str | None:
        """What is wrong with it, in words that stand beside the field."""
        return next((why for path, why in fields.items() if path.split(".")[0] == self.name), None)

    def reopen(self, draft: str) -> None:
        """Go on with an edit that the browser has kept under a name."""
        if draft == self.draft:
            self.edit()

    def _give_up(self) -> None:
        forget(self.draft)
        self._leave()

    def _leave(self) -> None:
        self.editing = False
        self._toggle()
        self._form.clear()

    def _toggle(self) -> None:
        for element, hidden in ((self._form, not self.editing), (self._body, self.editing)):
            element.classes("m-hidden") if hidden else element.classes(remove="m-hidden")
        self._pencil.set_visibility(self._editable and not self.editing)


class Lines(Part):
    """A member that is a list of lines; edited as text, one line each."""

    def _read(self) -> None:
        if not self.value:
            tag("p", self._nothing, "b-part__nothing")
            return
        with tag("ul", "", "b-lines"):
            for line in self.value:
                with tag("li"):
                    phrase(line)

    def to_words(self, value: Any) -> str:
        """See ``Part``."""
        return "\n".join(value or ())

    def from_words(self, words: str) -> Any:
        """See ``Part``."""
        return [line.strip() for line in words.splitlines() if line.strip()]

    def _hint(self) -> str:
        return "One per line. Ctrl+Enter saves"

    def reason(self, fields: dict[str, str]) -> str | None:
        """See ``Part``; names the line."""
        for path, why in fields.items():
            name, _, rest = path.partition(".")
            if name == self.name:
                return f"Line {int(rest) + 1}: {plainly(why)}" if rest.isdigit() else why
        return None


class Requirements(Lines):
    """Requirements with their ids; edited as lines that begin with the id, new ones without."""

    def _read(self) -> None:
        if not self.value:
            tag("p", self._nothing, "b-part__nothing")
            return
        with tag("ul", "", "b-lines b-lines--ids"):
            for entry in self.value:
                with tag("li"):
                    text(entry["id"], "b-id m-num")
                    phrase(entry["text"])

    def to_words(self, value: Any) -> str:
        """See ``Part``."""
        return "\n".join(f"{entry['id']}: {entry['text']}" for entry in value or ())

    def from_words(self, words: str) -> Any:
        """See ``Part``."""
        found: list[Any] = []
        for line in super().from_words(words):
            led = _LED.fullmatch(line)
            found.append({"id": led[1], "text": led[2]} if led else line)
        return found

    def reason(self, fields: dict[str, str]) -> str | None:
        """See ``Part``; names the line."""
        return super().reason({".".join(path.split(".")[:2]): why for path, why in fields.items()})
