"""A session's bar: the phases it goes through, what can be done to it now, and its pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maestro.core.views import SessionView
from pages.components.icon import icon
from pages.components.state import session_mark
from pages.components.tag import Tag, box, swap, tag, text
from pages.frame import controls
from pages.frame.banners import Banners

if TYPE_CHECKING:
    from pages.frame.view import Frame

PHASES = ("Brainstorm", "Plan", "Execute", "Validate", "Merge")
TABS = (
    ("overview", "Overview", "", "activity"),
    ("brainstorm", "Brainstorm", "/brainstorm", "messages-square"),
    ("plan", "Plan", "/plan", "workflow"),
    ("logs", "Logs", "/logs", "list"),
    ("changes", "Changes", "/changes", "file-diff"),
)
_PHASE_OF = {
    "idle": 0, "brainstorming": 0, "planning": 1, "plan_review": 1, "approved": 2, "executing": 2, "paused": 2, "validating": 3,
}  # fmt: skip


def session_bar(view: Frame, tab: str | None) -> None:
    """The bar of ``view.session``; it follows the session."""
    session = view.session
    assert session is not None
    with box("m-sub"):
        with box("m-sub__top"):
            _Phases(view, session)
            controls.controls(view, session, tab)
        with tag("nav", "", "m-tabs", aria_label="Session"):
            for number, (name, word, path, symbol) in enumerate(TABS, 1):
                current = "page" if name == tab else None
                href = f"/session/{session.id}{path}"
                with tag("a", "", "m-tab", href=href, aria_current=current, data_key=str(number)):
                    icon(symbol)
                    text(word)
        view.banners = Banners(view.rt, session, tab)


def phase_of(session: SessionView) -> int:
    """The index of the phase the session is in; ``len(PHASES)`` after the merge."""
    if session.status == "completed":
        return len(PHASES) if session.merged else 4
    if session.status in _PHASE_OF:
        return _PHASE_OF[session.status]
    if session.plan_approved_at:
        return 2
    return 1 if session.plan_version else 0


class _Phases:
    def __init__(self, view: Frame, session: SessionView) -> None:
        self._steps: list[tuple[Tag, Tag, str]] = []
        self._shown: tuple[int, str] | None = None
        with tag("ol", "", "m-phases", aria_label="Phases"):
            for word in PHASES:
                with tag("li", "", "m-phase") as step:
                    with box("m-phase__dot"):
                        done = icon("check", "m-phase__check")
                    text(word, "m-phase__word")
                self._steps.append((step, done, ""))
        self.show(session)
        view.on_session(self.show)

    def show(self, session: SessionView) -> None:
        now, tone = phase_of(session), session_mark(session).tone
        if (now, tone) == self._shown:
            return
        self._shown = (now, tone)
        for index, (step, done, old) in enumerate(self._steps):
            new = "m-phase--past" if index < now else f"m-phase--now s-{tone}" if index == now else ""
            swap(step, old, new)
            step.attr(aria_current="step" if index == now else None)
            done.set_visibility(index < now)
            self._steps[index] = (step, done, new)
