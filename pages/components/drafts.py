"""What is typed and not sent: the browser keeps it through reloads, restarts and closed dialogs (``maestro.js``).

A name says what the words belong to (``answer-ID/message``), so that they come back there and nowhere else. A field whose
words came back hears the event ``restored``.
"""

from __future__ import annotations

import json
from typing import TypeVar

from nicegui import Client, ui
from nicegui.elements.mixins.validation_element import ValidationElement

_Field = TypeVar("_Field", bound=ValidationElement)  # type: ignore[type-arg]


def kept(field: _Field, name: str, *, over: bool = False) -> _Field:
    """Have the browser keep what is typed into a field under a name; ``over``: bring it back over the field's first value."""
    field.props.set_optional("data-draft", name)
    if over:
        field.props.set_optional("data-draft-over", "true")
    return field


def kept_tick(box: ui.checkbox, name: str) -> ui.checkbox:
    """Have the browser keep whether a box is ticked, where that is not what it was at first."""
    box.props.set_optional("data-draft", name)
    return box


def kept_choices(prefix: str, elements: dict[str, ui.select]) -> None:
    """Have the browser keep what is chosen in selects, under ``prefix`` and their names; what is kept comes back at once."""
    first = {name: element.value for name, element in elements.items()}

    async def bring_back() -> None:
        for name, text in (await words_kept(prefix)).items():
            element = elements.get(name)
            if element is not None and element.value == first[name] and text in element.options:
                element.set_value(text)
                ui.run_javascript(f"window.maestro?.sayRestored(getHtmlElement({element.id}))")

    for name, element in elements.items():
        element.on_value_change(lambda e, n=name: keep(prefix + n, "" if e.value == first[n] else str(e.value)))
    ui.timer(0, bring_back, once=True)


def keep(name: str, text: str) -> None:
    """Have the browser keep a text under a name; an empty one is dropped."""
    ui.run_javascript(f"window.maestro?.keepDraft({json.dumps(name)}, {json.dumps(text)})")


async def words_kept(prefix: str) -> dict[str, str]:
    """What this browser keeps under names that begin so, by the rest of the name; nothing when it is gone meanwhile."""
    try:
        found = await ui.run_javascript(f"window.maestro?.drafts({json.dumps(prefix)})", timeout=10)
    except TimeoutError:
        return {}
    return {n: t for n, t in found.items() if isinstance(t, str)} if isinstance(found, dict) else {}


def forget(begins: str, *, client: Client | None = None, words: str | None = None) -> None:
    """Drop what is kept under names that begin so: it was sent, or given up.

    ``words``: only where just these are kept, not what was typed since. ``client``: where the element may be gone by now.
    """
    script = f"window.maestro?.dropDrafts({json.dumps(begins)}, {json.dumps(words)})"
    client.run_javascript(script) if client else ui.run_javascript(script)
