"""Icons: Lucide, drawn in the colour of the text. The names are in ``static/icons.css``."""

from __future__ import annotations

from pages.components.tag import Tag, tag


def icon(name: str, classes: str = "", label: str | None = None) -> Tag:
    """An icon, 16 px: ``icon("play")``. Say what it means in ``label`` when no word stands beside it."""
    hidden = None if label else "true"
    return tag("i", "", f"mi mi-{name} {classes}".strip(), aria_hidden=hidden, aria_label=label, role=label and "img")
