"""The address of an open page: it says what is looked at, so that a reload and the browser's Back come to that again."""

from __future__ import annotations

import json

from nicegui import ui


def note_in_address(name: str, value: str) -> None:
    """Put a parameter into the address, in place; an empty value takes it out."""
    ui.run_javascript(f"window.maestro?.noteInAddress({json.dumps(name)}, {json.dumps(value)})")
