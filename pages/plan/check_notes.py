"""A word beside checks that do not name their tests, and beside those that may never end, before anybody approves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from maestro.core.views import CheckForeseen
from pages.components.icon import icon
from pages.components.inline import inline
from pages.components.tag import box

Foreseen = Mapping[str, CheckForeseen]

_WORDS = {"pass_or_fail": "tells pass or fail only", "numbers": "counts its tests, without names"}


def check_notes(checks: Sequence[str], foreseen: Foreseen) -> None:
    """A line for each of ``checks`` that there is something to say about; none where all name their tests and end."""
    told = [foreseen[check] for check in checks if check in foreseen]
    told = [one for one in told if one.note or one.watches]
    if not told:
        return
    with box("p-checknotes"):
        for one in told:
            if one.watches:
                with box("p-checknote s-waiting"):
                    icon("circle-alert")
                    inline(_sentence(one.watches))
            elif one.note:
                with box("p-checknote"):
                    icon("info")
                    inline(f"`{one.command}` {_WORDS[one.tells]}").attr(title=_sentence(one.note))


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + "."
