"""Names of tests or files under a small head in a state's colour; many fold away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pages.components.inline import inline
from pages.components.tag import box, tag, text

_SHOWN = 12


def name_list(title: str, found: Any, tone: str) -> None:
    """The names; nothing where there are none (or what is given is no list)."""
    names = [str(n) for n in found] if isinstance(found, Sequence) and not isinstance(found, str) else []
    if not names:
        return
    with box(f"q-list s-{tone}"):
        with box("m-row"):
            text(title, "q-list__title")
            if len(names) > 1:
                text(str(len(names)), "m-count")
        _names(names[:_SHOWN])
        if len(names) > _SHOWN:
            with tag("details"):
                tag("summary", f"and {len(names) - _SHOWN:,} more", "q-more mi-chevron-right")
                _names(names[_SHOWN:])


def _names(names: list[str]) -> None:
    with tag("ul", "", "q-list__names"):
        for name in names:
            inline(name, "m-wrap", name="li")
