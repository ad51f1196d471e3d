"""What is typed and not sent: the browser keeps it through reloads, restarts and closed dialogs (``maestro.js``).

A name says what the words belong to (``answer-ID/message``), so that they come back there and nowhere else.
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


def forget(begins: str, *, client: Client | None = None, words: str | None = None) -> None:
    """Drop what is kept under names that begin so: it was sent, or given up.

    ``words``: only where just these are kept, not what was typed since. ``client``: where the element may be gone by now.
    """
    script = f"window.maestro?.dropDrafts({json.dumps(begins)}, {json.dumps(words)})"
    client.run_javascript(script) if client else ui.run_javascript(script)
