"""A word beside checks that do not name their tests, and beside those that may never end, before anybody approves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from maestro.core.views import CheckForeseen
from pages.components.icon import icon
from pages.components.inline import inline
from pages.components.tag import box

Foreseen = Mapping[str, CheckForeseen]

_WORDS = {"pass_or_fail": "reports pass or fail only", "numbers": "counts its tests, without names"}


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
                    inline(_sentence(watching(one)))
            elif one.note:
                with box("p-checknote"):
                    icon("info")
                    inline(f"`{one.command}` {_WORDS[one.tells]}").attr(title=_sentence(one.note))


def watching(check: CheckForeseen) -> str:
    """Why a check may never end, with its command where the reason names another."""
    why = check.watches or ""
    return why if check.command in why else f"`{check.command}`: {why}"


def check_counts(checks: Sequence[CheckForeseen]) -> tuple[int, int]:
    """How many may never end, and how many tell pass or fail only."""
    watch = sum(bool(one.watches) for one in checks)
    return watch, sum(bool(one.note) and one.tells == "pass_or_fail" and not one.watches for one in checks)


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + "."
