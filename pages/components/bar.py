"""A session's tasks as a thin bar in state colours."""

from __future__ import annotations

from maestro.core.views import SessionView
from pages.components.state import Mark, task_mark
from pages.components.tag import Tag
from pages.components.words import plural

_ORDER = ("completed", "skipped", "integrating", "checking", "running", "waiting", "failed", "pending", "cancelled")


class TaskBar(Tag):
    """One stripe a status, as wide as its tasks are many; one element. ``show`` changes it in place."""

    def __init__(self, session: SessionView, *, thin: bool = False) -> None:
        super().__init__("div", "", "m-bar m-bar--thin" if thin else "m-bar")
        self._shown: list[tuple[Mark, int]] | None = None
        self.show(session)

    def show(self, session: SessionView) -> None:
        """Show the session's counts; nothing is sent when they are the same."""
        counts = session.tasks
        shown = [(task_mark(s, session=session.status), counts.by_status[s]) for s in _ORDER if counts.by_status.get(s)]
        if shown == self._shown:
            return
        self._shown = shown
        words = ", ".join(f"{n} {mark.word.lower()}" for mark, n in shown)
        self.attr(role="img", aria_label=f"{plural(counts.total, 'task')}: {words or 'none'}", title=words or None)
        self.style(f"background: {_stripes(shown)}")


def _stripes(shown: list[tuple[Mark, int]]) -> str:
    total, at, stops = sum(count for _, count in shown), 0.0, []
    for mark, count in shown:
        end = at + 100 * count / total
        gap = f"transparent calc({end:.2f}% - 2px) {end:.2f}%" if end < 99.9 else ""
        stops += [
            f"var(--{mark.tone}-solid) {at:.2f}% " + (f"calc({end:.2f}% - 2px)" if gap else "100%"),
            gap,
        ]
        at = end
    return f"linear-gradient(90deg, {', '.join(s for s in stops if s)})" if total else "var(--pending-soft)"


def task_bar(session: SessionView, *, thin: bool = False) -> TaskBar:
    """The bar of a session's tasks."""
    return TaskBar(session, thin=thin)


def share_bar(share: float, words: str) -> Tag:
    """How much of something is used, 1 being all of it; amber from four fifths on."""
    used = min(max(share, 0.0), 1.0) * 100
    tone = "waiting" if share >= 0.8 else "running"
    made = Tag("div", "", "m-bar").attr(role="img", aria_label=words, title=words)
    made.style(f"background: linear-gradient(90deg, var(--{tone}-solid) {used:.1f}%, var(--line) {used:.1f}%)")
    return made
