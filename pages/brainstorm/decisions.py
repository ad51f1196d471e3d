"""The card's decisions: what was asked, what was possible, what was chosen and why. Choosing is one click."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from maestro.errors import InvalidInput
from pages.brainstorm.parts import Part
from pages.components.buttons import button, icon_button
from pages.components.drafts import kept
from pages.components.fields import field, show_error
from pages.components.icon import icon
from pages.components.markdown import phrase, prose
from pages.components.tag import box, tag, text

Decision = dict[str, Any]
_NEW: Decision = {"question": "", "options": [], "chosen": None, "reason": ""}


class Decisions(Part):
    """The decisions, each with its options; one at a time can be edited as a whole."""

    def set_editable(self, editable: bool) -> None:
        """See ``Part``; the head's button adds one instead of editing all."""
        changed = editable != self._editable
        super().set_editable(editable)
        self._body.classes(remove="b-part__body--edit")
        self._pencil.set_visibility(False)
        if changed and self.value is not None:
            self._redraw()

    def edit(self) -> None:
        """A click into the list edits nothing; each decision has its own pencil."""

    def _redraw(self) -> None:
        self._body.clear()
        with self._body:
            self._read()

    def _read(self) -> None:
        for number, decision in enumerate(self.value or []):
            self._decision(number, decision)
        if not self.value:
            tag("p", self._nothing, "b-part__nothing")
        if self._editable:
            button(
                "Add a decision", lambda: self._open(len(self.value or [])), icon="plus", kind="ghost", small=True
            ).classes("b-part__add")

    def _decision(self, number: int, decision: Decision) -> None:
        with box("b-decision"):
            with box("m-row m-row--top"):
                phrase(decision["question"], "b-decision__question m-wrap m-grow")
                if self._editable:
                    icon_button("pencil", "Edit this decision", lambda: self._open(number), small=True).classes(
                        "b-part__pencil"
                    )
            with box("b-options", role="radiogroup", aria_label=decision["question"]):
                for index, option in enumerate(decision["options"]):
                    self._option(number, index, option, chosen=index == decision["chosen"])
            if decision["reason"]:
                prose(decision["reason"], "b-decision__reason")

    def _option(self, number: int, index: int, option: str, *, chosen: bool) -> None:
        made = tag(
            "button" if self._editable else "div",
            "",
            "b-option",
            type="button" if self._editable else None,
            role="radio",
            aria_checked=str(chosen).lower(),
            aria_disabled=None if self._editable else "true",
        )
        with made:
            icon("circle-dot" if chosen else "circle")
            phrase(option, links=False)
        if self._editable:
            made.on("click", lambda: self._choose(number, None if chosen else index))

    async def _choose(self, number: int, index: int | None) -> None:
        decisions = [dict(d) for d in self.value]
        if number < len(decisions) and (index is None or index < len(decisions[number]["options"])):
            decisions[number]["chosen"] = index
            await self._save({self.name: decisions}, lambda _error: False, None)

    def reopen(self, draft: str) -> None:
        """See ``Part``; the name says which decision."""
        number = draft.removeprefix(self.draft).partition("/")[0]
        if draft.startswith(self.draft) and number.isdecimal() and self._editable:
            self._open(min(int(number[:6]), len(self.value or [])))

    # -- editing one ---------------------------------------------------------------------------------------------------

    def _open(self, number: int) -> None:
        if self.editing:
            return
        self.editing = True
        self._before = dict(self.value[number]) if number < len(self.value) else None
        start = self._before or _NEW
        draft = f"{self.draft}{number}/"
        self._toggle()
        self._form.clear()
        with self._form:
            with field("Question"):
                self._question = kept(
                    ui.input(value=start["question"]).props("autofocus"), f"{draft}question", over=True
                )
            with field("Options", help="One per line."):
                options = ui.textarea(value="\n".join(start["options"])).props("autogrow rows=2")
                self._options = kept(options, f"{draft}options", over=True)
            with field("Reason", optional=True):
                reason = ui.textarea(value=start["reason"]).props("autogrow rows=1")
                self._reason = kept(reason, f"{draft}reason", over=True)
            with box("b-part__foot"):
                if self._before:
                    button("Remove", self._remove, kind="danger", small=True)
                text("", "m-grow")
                button("Cancel", self._give_up, kind="ghost", small=True)
                self._button = button("Save", self._store, small=True)

    def _typed(self) -> Decision:
        options = [line.strip() for line in (self._options.value or "").splitlines() if line.strip()]
        before = self._before or _NEW
        chosen = before["options"][before["chosen"]] if before["chosen"] is not None else None
        return {
            "question": (self._question.value or "").strip(),
            "options": options,
            "chosen": options.index(chosen) if chosen in options else None,
            "reason": (self._reason.value or "").strip(),
        }

    def _place(self, decisions: list[Decision]) -> int:
        """Where the edited one stands now: the assistant may have changed the list meanwhile."""
        asked = self._before["question"] if self._before else None
        return next((i for i, d in enumerate(decisions) if d["question"] == asked), len(decisions))

    async def _store(self) -> None:
        for element in (self._question, self._options, self._reason):
            show_error(element, None)
        decisions = [dict(d) for d in self.value]
        self._at = self._place(decisions)
        decisions[self._at : self._at + 1] = [self._typed()]
        if await self._save({self.name: decisions}, self._wrong, self._button):
            self._give_up()

    async def _remove(self) -> None:
        decisions = [dict(d) for d in self.value]
        at = self._place(decisions)
        del decisions[at : at + 1]
        if await self._save({self.name: decisions}, lambda _error: False, self._button):
            self._give_up()

    def _wrong(self, error: InvalidInput) -> bool:
        fields = {"question": self._question, "options": self._options, "reason": self._reason}
        for path, why in error.fields.items():
            part = [*path.split("."), "", "", ""][2]
            show_error(fields.get(part, self._question), why)
        return bool(error.fields)

    def _toggle(self) -> None:
        super()._toggle()
        self._pencil.set_visibility(False)
