"""Fields bound to the draft: what is typed goes into it at once, what is wrong stands beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from nicegui import ui
from nicegui.elements.mixins.validation_element import ValidationElement

from maestro.core.planning.plan import OPTIONAL
from pages.components.drafts import kept
from pages.components.fields import show_error
from pages.components.tag import Tag, box, tag, text
from pages.plan.draft import Data


class Fields:
    """The fields of one part of the plan (a task, a decision, the whole). ``changed`` is called after each change.

    ``draft``: the browser keeps under it what is typed until the server has heard of it.
    """

    def __init__(self, target: Data, changed: Callable[[str], None], draft: str) -> None:
        self._draft = draft
        self._target = target
        self._changed = changed
        self._inputs: dict[str, ValidationElement[Any]] = {}

    def show_errors(self, errors: Mapping[str, str]) -> None:
        """Say what is wrong, by field; fields without a word are right."""
        for name, element in self._inputs.items():
            if element.error != errors.get(name):
                show_error(element, errors.get(name))

    def line(self, name: str, label: str, *, placeholder: str = "", hint: str = "") -> None:
        """One line of words."""
        with _labelled(label, hint):
            made = ui.input(value=self._target.get(name) or "", placeholder=placeholder)
        self._bind(name, made, lambda words: (words or "").strip())

    def text(self, name: str, label: str, *, placeholder: str = "", hint: str = "", rows: int = 1) -> None:
        """Many lines of words."""
        with _labelled(label, hint):
            made = ui.textarea(value=self._target[name], placeholder=placeholder).props(f"autogrow rows={rows}")
        self._bind(name, made, lambda words: words or "")

    def lines(self, name: str, label: str, *, hint: str = "one per line", mono: bool = False) -> None:
        """A list, edited as one entry a line."""
        with _labelled(label, hint):
            made = ui.textarea(value="\n".join(self._target.get(name) or [])).props("autogrow rows=1")
        if mono:
            made.classes("p-mono")
        self._bind(name, made, lambda words: [line.strip() for line in (words or "").splitlines() if line.strip()])

    def number(self, name: str, label: str, *, suffix: str = "", hint: str = "", whole: bool = False) -> None:
        """A number; empty is none."""
        with _labelled(label, hint):
            made = ui.number(value=self._target[name], min=0).props(f'suffix="{suffix}"' if suffix else "")
        self._bind(
            name, made, lambda value: int(value) if whole and value is not None and value == int(value) else value
        )

    def choice(self, name: str, label: str, options: dict[Any, str], *, hint: str = "") -> None:
        """One of several."""
        value = self._target.get(name, "")
        with _labelled(label, hint):
            made = ui.select(options, value=value if value in options else None)
        self._bind(name, made, lambda value: value)

    def several(self, name: str, label: str, options: dict[str, str], *, hint: str = "") -> None:
        """Any number of several."""
        chosen = [v for v in self._target[name] if v in options]
        with _labelled(label, hint):
            made = ui.select(options, value=chosen, multiple=True).props("use-chips")
        self._bind(name, made, lambda values: list(values or []))

    def offer(self, name: str, options: dict[str, str]) -> None:
        """Let ``several`` choose among other options."""
        made = self._inputs[name]
        if isinstance(made, ui.select) and made.options != options:
            made.set_options(options, value=[v for v in self._target[name] if v in options])

    def switch(self, name: str, label: str) -> None:
        """Yes or no."""
        made = ui.switch(label, value=bool(self._target[name]))
        made.on_value_change(lambda e: self._set(name, bool(e.value)))

    def _bind(self, name: str, element: ValidationElement[Any], read: Callable[[Any], Any]) -> None:
        self._inputs[name] = element
        if not isinstance(element, ui.select):
            kept(element, f"{self._draft}/{name}", over=True)
        element.without_auto_validation()  # it would wipe what show_errors has just said
        element.on_value_change(lambda e: self._set(name, read(e.value)))

    def _set(self, name: str, value: Any) -> None:
        if name in OPTIONAL and not value and name not in self._target:
            return
        if self._target.get(name) != value:
            if name in OPTIONAL and not value:
                del self._target[name]  # as it is stored: only what is said
            else:
                self._target[name] = value
            self._changed(name)


@contextmanager
def _labelled(label: str, hint: str) -> Iterator[Tag]:
    """A label with a word on what belongs there, and the field made inside."""
    with box("m-field p-field") as made:
        with tag("div", "", "p-field__label"):
            text(label, "p-label")
            text(hint, "p-field__hint m-cut")
        yield made
    for child in made.descendants():
        if isinstance(child, ValidationElement):
            child.props.set_optional("aria-label", label)
