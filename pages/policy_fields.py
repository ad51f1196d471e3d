"""What agents may do, as a table to fill: an answer for each row, presets that fill all of them, and rules by pattern."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui
from pydantic import ValidationError

from maestro.policy import NAMES, PRESET_NAMES, PRESETS, ROWS, Policy, Row
from pages.components.drafts import kept
from pages.components.fields import show_error
from pages.components.tag import box, tag, text

_ANSWERS = {"allow": "Allow", "ask": "Ask", "deny": "Deny"}
_ABOUT: dict[Row, str] = {
    "edit_inside": "Settings that affect tools and git, such as .envrc and .github/workflows, always ask.",
    "edit_outside": "Names that start with a dot always ask.",
    "read_outside": "Names that start with a dot, such as ~/.ssh, always ask.",
    "command": "Apart from the plan’s checks and read-only commands. “Allow” applies only in the sandbox.",
    "network": "",
    "install": "“Allow” covers packages by name, from the tool’s usual registry.",
    "push": "“Allow” covers a branch under its own name, never with force.",
    "delete": "“Allow” covers regular files in the worktree.",
    "mcp": "",
}


class PolicyFields:
    """The table. ``follows``: what a row that is left open is; ``changed`` is called after each change by hand."""

    def __init__(
        self, value: Policy, follows: Callable[[Row], str], *, draft: str, changed: Callable[[], Any] | None = None
    ) -> None:
        self._changed, self._last = changed, value
        self.rows: dict[Row, ui.select] = {}
        with box("m-stack m-gap-12 pol"):
            with box("m-row m-row--wrap m-gap-4", role="group", aria_label="Presets"):
                self._presets = {name: self._preset(name, words) for name, words in PRESET_NAMES.items()}
                self._presets[""] = self._preset("", "None")
            with box("pol__rows"):
                for row in ROWS:
                    with box("pol__row"):
                        with box("m-stack m-gap-2"):
                            text(NAMES[row])
                            if _ABOUT[row]:
                                text(_ABOUT[row], "m-meta")
                        made = ui.select({"": follows(row)} | _ANSWERS, value=value.answer(row) or "")
                        made.props("dense").props.set_optional("aria-label", NAMES[row])
                        made.on_value_change(self._on_change)
                        self.rows[row] = made
            with box("m-field"):
                tag("div", "Rules for commands, hosts and tools", "m-field__label")
                lines = [rule.line() for rule in value.rules]
                self.rules = kept(ui.textarea(value="\n".join(lines)), f"{draft}rules", over=True)
                self.rules.props("autogrow rows=2 spellcheck=false").classes("m-mono-field")
                self.rules.props.set_optional("aria-label", "Rules for commands, hosts and tools")
                self.rules.props.set_optional("placeholder", "allow network example.org\ndeny command docker *")
                self.rules.on("blur", self._on_change)
                words = "One per line: allow, ask, or deny; then command, network, or mcp; then a pattern. Deny wins."
                tag("div", words, "m-field__help")
        self._mark()

    def value(self) -> Policy | None:
        """The table as it is filled in; None after saying beside the rules which of them is none."""
        made = Policy.model_validate({row: element.value or None for row, element in self.rows.items()})
        for line in filter(None, map(str.strip, (self.rules.value or "").splitlines())):
            try:
                made = made.plus(line)
            except ValueError as error:
                why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
                show_error(self.rules, f"{line}: {why.removeprefix('Value error, ')}.")
                return None
        show_error(self.rules, None)
        return made

    def fill(self, value: Policy) -> None:
        """Show another table, as somebody else has stored it."""
        self._last = value
        for row, element in self.rows.items():
            element.set_value(value.answer(row) or "")
        self.rules.set_value("\n".join(rule.line() for rule in value.rules))
        self._mark()

    def _preset(self, name: str, words: str) -> Any:
        made = tag("button", words, "m-filter m-needs-server", type="button")
        return made.on("click", lambda: self._choose(name))

    async def _choose(self, name: str) -> None:
        for row, element in self.rows.items():
            element.set_value(PRESETS[name].get(row, "") if name else "")
        await self._on_change()

    async def _on_change(self) -> None:
        """What is the table now; each of several fields that were changed at once calls this."""
        self._mark()
        now = self.value()
        if now is None or now == self._last:
            return
        self._last = now
        if self._changed is not None:
            await self._changed()

    def _mark(self) -> None:
        rows = {row: element.value for row, element in self.rows.items() if element.value}
        now = next((name for name, preset in PRESETS.items() if preset == rows), "" if not rows else None)
        for name, chip in self._presets.items():
            chip.attr(aria_pressed="true" if name == now else "false")
