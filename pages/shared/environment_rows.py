"""What new worktrees of a repository are given: a line each, with a box to tick, why it is offered, and room to change it.

What was confirmed is ticked. What was only found is not: it is used when a user ticks it. What is typed and ticked is kept
in the browser until it is stored, as long as the lines have a name (``draft``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from nicegui import ui

from maestro.core.workspaces.repository_environment import PARTS, EnvironmentView, FoundView
from maestro.errors import InvalidInput
from pages.components.buttons import button
from pages.components.drafts import kept, kept_tick, words_kept
from pages.components.fields import plainly
from pages.components.icon import icon
from pages.components.tag import Tag, box, tag, text
from pages.components.when import when

#: What each part is called in front of its lines, on the button that adds one, and what may be typed there.
_WORDS = {
    "setup": ("Run", "Command", "npm ci"),
    "copy_files": ("Copy", "File", "/.env"),
    "checks": ("Check", "Check", "python -m pytest -q"),
    "pass_env": ("Pass on", "Variable", "DATABASE_URL"),
    "network_hosts": ("Reach", "Host", "packages.example.org"),
}
_TYPED = {"copy_files": "file", "pass_env": "variable", "network_hosts": "host"}
_PREFIX = "agent_config."
#: In names of what the browser keeps: an added line, and whether a line is ticked.
_ADDED, _TICK = "+", "tick/"


class EnvironmentRows:
    """The lines for one repository; empty until ``show``."""

    def __init__(self) -> None:
        self._place = box("m-stack m-gap-8 m-env")
        self._rows: list[_Row] = []
        self._lines: Tag | None = None
        self._serial: ui.checkbox | None = None
        self._network: ui.checkbox | None = None
        self._draft = ""
        self._on_change: list[Callable[[], None]] = []

    def on_change(self, call: Callable[[], None]) -> None:
        """Call this after a line is ticked, unticked or typed in."""
        self._on_change.append(call)

    def clear(self) -> None:
        """Show nothing."""
        self._place.clear()
        self._rows, self._lines, self._serial, self._network = [], None, None, None

    def show(
        self,
        view: EnvironmentView,
        instead: Mapping[str, Sequence[str]] | None = None,
        whence: str = "From the template",
        *,
        serial: bool | None = None,
        network: bool | None = None,
        draft: str,
    ) -> None:
        """Show what is remembered and found; parts in ``instead`` (from ``whence``) take the place of what is remembered.

        ``serial``: whether checks run one at a time, where something else than what is remembered says so; ``network``: the
        same of whether they may use the network. ``draft``: the
        name under which the browser keeps what is typed, ending in a slash.
        """
        self.clear()
        self._draft = draft
        instead = instead or {}
        kept = {part: instead.get(part, getattr(view.remembered, part, [])) for part in PARTS}
        offered = [f for f in view.found if f.value not in kept[f.kind]]
        declined = [f for f in offered if view.remembered and not f.new]
        with self._place:
            self._head(view)
            self._lines = box("m-stack m-env__lines")
            if declined:
                self._fold(declined)
            with box("m-row m-row--wrap m-gap-4"):
                for part, (_verb, noun, _example) in _WORDS.items():
                    add = button(noun, icon="plus", kind="ghost", small=True, label=f"Add a {noun.lower()}")
                    add.on_click(lambda p=part: self._blank(p))
            kept_serial = bool(view.remembered and view.remembered.serial_checks)
            self._serial = ui.checkbox("Run checks one at a time", value=kept_serial if serial is None else serial)
            kept_tick(self._serial.props("dense"), f"{draft}{_TICK}serial")
            tag("div", "For checks that share a port, a database or a cache.", "m-field__help")
            kept_network = bool(view.remembered and view.remembered.check_network)
            self._network = ui.checkbox(
                "Checks may use the network", value=kept_network if network is None else network
            )
            kept_tick(self._network.props("dense"), f"{draft}{_TICK}network")
            tag(
                "div",
                "In the sandbox, checks then reach package registries and the hosts above, like setup commands. "
                "Otherwise they reach only this machine.",
                "m-field__help",
            )
        with self._lines:
            for part in PARTS:
                for value in kept[part]:
                    why = (whence, "") if part in instead else _why_kept(part, value, view)
                    self._rows.append(_Row(draft, part, value, *why, ticked=True))
                news = [f for f in offered if f.kind == part and f not in declined]
                self._rows += [_offer(draft, f, mark="new" if view.remembered else "") for f in news]
            # Lines that were added here before a reload, and edited ones whose first words are no longer offered.
            ui.timer(0, self._add_kept, once=True)
        for row in self._rows:
            row.on_change(self._changed)

    def _changed(self) -> None:
        for call in self._on_change:
            call()

    def values(self) -> dict[str, Any]:
        """What is ticked, by part, and whether checks run one at a time."""
        ticked = {part: [r.value for r in self._rows if r.part == part and r.chosen] for part in PARTS}
        return ticked | {
            "serial_checks": bool(self._serial and self._serial.value),
            "check_network": bool(self._network and self._network.value),
        }

    def show_errors(self, fields: dict[str, str]) -> list[str]:
        """Say beside each line what is wrong with it (``setup.0``); answers the names that are shown."""
        places = {
            f"{part}.{n}": row
            for part in PARTS
            for n, row in enumerate(r for r in self._rows if r.part == part and r.chosen)
        }
        for row in self._rows:
            row.input.error = None
        shown = []
        for name, reason in fields.items():
            row_of = places.get(name.removeprefix(_PREFIX))
            if row_of is not None:
                row_of.input.error = plainly(reason)
                shown.append(name)
        return shown

    def explain(self, error: InvalidInput) -> bool:
        """Say beside the lines what is wrong with them; whether that said anything."""
        return bool(self.show_errors(error.fields))

    def _head(self, view: EnvironmentView) -> None:
        with box("m-row m-row--wrap m-field__label"):
            text("Each worktree gets")
            if view.remembered:
                with box("m-row m-gap-4 m-field__opt"):
                    text("remembered for this repository")
                    when(view.remembered.confirmed_at)
            if not view.remembered and any(f.tool_there for f in view.found):
                button("Use what was found", self._take, small=True).classes("m-push")
        if not view.found and not view.remembered:
            tag("div", "Nothing was found that a worktree needs besides the repository’s files.", "m-field__help")
            return
        words = "Commands run in each new worktree, with your permissions. Only selected items are used. "
        words += "Only a variable’s name is stored; its value comes from the shell that started Maestro."
        if view.remembered and (view.gone or any(f.new for f in view.found)):
            with box("m-row s-waiting m-env__changed"):
                icon("info")
                text("The repository has changed since. Review what is new or gone.")
        tag("div", words, "m-field__help")

    def _fold(self, declined: list[FoundView]) -> None:
        """What was found before and left out stays within reach."""
        with tag("details", "", "m-env__more"):
            tag("summary", f"{len(declined)} more that you left out", "q-more mi-chevron-right")
            with box("m-stack m-env__lines"):
                self._rows += [_offer(self._draft, f) for f in declined]

    def _blank(self, part: str) -> None:
        taken = {row.name for row in self._rows}
        free = next(n for n in count(1) if f"{part}/{_ADDED}{n}" not in taken)
        self._add(part, f"{_ADDED}{free}").input.run_method("focus")

    def _add(self, part: str, name: str) -> _Row:
        assert self._lines is not None
        with self._lines:
            row = _Row(self._draft, part, "", "", "", ticked=True, name=name)
        self._rows.append(row)
        row.on_change(self._changed)
        return row

    async def _add_kept(self) -> None:
        lines = self._lines
        names = sorted(await words_kept(self._draft))
        if lines is None or lines is not self._lines or lines.is_deleted:
            return
        shown = {row.name for row in self._rows}
        for part, _, name in (n.partition("/") for n in names if n not in shown):
            if part in PARTS:
                self._add(part, name)

    def _take(self) -> None:
        for row in self._rows:
            row.tick.set_value(row.chosen or row.take)


class _Row:
    """One line."""

    def __init__(
        self,
        draft: str,
        part: str,
        value: str,
        reason: str,
        mark: str,
        *,
        ticked: bool = False,
        take: bool = False,
        name: str = "",
    ) -> None:
        self.part = part
        self.name = f"{part}/{name or value}"
        self.take = take
        verb, _noun, example = _WORDS[part]
        with box("m-env__row") as self.element:
            self.tick = ui.checkbox(value=ticked).props("dense")
            self.tick.props.set_optional("aria-label", f"{verb} {value}" if value else verb)
            kept_tick(self.tick, f"{draft}{_TICK}{self.name}")
            text(verb, "m-meta")
            with box("m-stack m-gap-2"):
                # All of a long command is to be seen before it is ticked.
                self.input = ui.textarea(value=value).props("dense autogrow rows=1 spellcheck=false")
                kept(self.input.classes("m-mono-field"), draft + self.name, over=True)
                self.input.props.set_optional("placeholder", example)
                self.input.props.set_optional("aria-label", f"{verb}: {_TYPED.get(part, 'command')}")
                if reason or mark:
                    with box("m-row m-row--wrap m-gap-4 m-field__help"):
                        text(reason)
                        if mark:
                            text(mark, "m-tag s-waiting")

    def on_change(self, call: Callable[[], None]) -> None:
        """Call this after the line changes."""
        self.tick.on_value_change(lambda _: call())
        self.input.on_value_change(lambda _: call())

    @property
    def value(self) -> str:
        """What is typed."""
        return (self.input.value or "").strip()

    @property
    def chosen(self) -> bool:
        """Whether it is to be used."""
        return bool(self.tick.value) and bool(self.value)


def _offer(draft: str, found: FoundView, *, mark: str = "") -> _Row:
    other = "another one" if found.kind == "checks" else "another lock file"
    reason = f"{found.reason}; {other} takes precedence" if found.second else found.reason
    take = found.tool_there and not found.second
    return _Row(draft, found.kind, found.value, reason, _missing(found) or mark, take=take)


def _why_kept(part: str, value: str, view: EnvironmentView) -> tuple[str, str]:
    """The reason below a line and the mark beside it, for what is remembered."""
    found = next((f for f in view.found if (f.kind, f.value) == (part, value)), None)
    if found is not None:
        return found.reason, _missing(found)
    return ("The file it belongs to is gone", "gone") if value in view.gone else ("", "")


def _missing(found: FoundView) -> str:
    return "" if found.tool_there else f"{found.tool} is not on Maestro’s PATH"
