"""Words beside checks before anybody approves: which do not name their tests, may never end, and what they showed on the base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from maestro.core.views import CheckForeseen, CheckTried
from pages.components.code import code
from pages.components.icon import icon
from pages.components.inline import inline
from pages.components.tag import box, tag

Foreseen = Mapping[str, CheckForeseen]

_WORDS = {"pass_or_fail": "reports pass or fail only", "numbers": "counts its tests, without names"}
#: The mark of each verdict on the base.
_MARKS = {
    "runs": ("circle-check", "s-done"),
    "fails_now": ("circle-check", "s-done"),
    "fails": ("circle-alert", "s-waiting"),
    "nothing_new": ("circle-alert", "s-waiting"),
    "not_there": ("circle-dashed", ""),
    "cannot_run": ("circle-x", "s-failed"),
}


class CheckNotes:
    """A line for each of some checks that there is something to say about; they follow what comes to be known."""

    def __init__(self, checks: Sequence[str], foreseen: Foreseen) -> None:
        self._checks = checks
        self._shown: object = None
        self._root = box("p-checknotes")
        self.show(foreseen)

    def show(self, foreseen: Foreseen) -> None:
        """Say what is known now."""
        told = [foreseen[check] for check in self._checks if check in foreseen]
        told = [one for one in told if one.note or one.watches or one.tried]
        if told == self._shown:
            return
        self._shown = told
        self._root.clear()
        self._root.set_visibility(bool(told))
        with self._root:
            for one in told:
                _notes(one)


def check_notes(checks: Sequence[str], foreseen: Foreseen) -> CheckNotes:
    """The notes of ``checks``; none where all name their tests and end, and nothing was tried."""
    return CheckNotes(checks, foreseen)


def _notes(one: CheckForeseen) -> None:
    if one.tried:
        _tried(one.tried)
    if one.watches:
        with box("p-checknote s-waiting"):
            icon("circle-alert")
            inline(_sentence(watching(one)))
    elif one.note:
        with box("p-checknote"):
            icon("info")
            inline(f"`{one.command}` {_WORDS[one.tells]}").attr(title=_sentence(one.note))


def _tried(tried: CheckTried) -> None:
    """What it showed on the base, with what it printed where that is asked for."""
    symbol, tone = _MARKS.get(tried.verdict, ("info", ""))
    with box(f"p-checknote {tone}", data_tried=tried.verdict):
        icon(symbol)
        words = f"`{tried.command}` {tried.words}"
        if tried.kind == "passed" or not tried.output.strip():
            inline(words)
            return
        with tag("details", ""):
            with tag("summary", ""):
                inline(words)
            code(tried.output, block=True)


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
