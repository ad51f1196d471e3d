"""A session's tasks as a thin bar in state colours."""

from __future__ import annotations

from maestro.core.views import TaskCounts
from pages.components.state import task_mark
from pages.components.tag import Tag, box
from pages.components.words import plural

_ORDER = ("completed", "skipped", "integrating", "checking", "running", "waiting", "failed", "pending", "cancelled")


class TaskBar(Tag):
    """One part a status, as wide as its tasks are many; ``show`` changes it in place."""

    def __init__(self, counts: TaskCounts, *, thin: bool = False) -> None:
        super().__init__("div", "", "m-bar m-bar--thin" if thin else "m-bar")
        self._shown: dict[str, int] | None = None
        self.show(counts)

    def show(self, counts: TaskCounts) -> None:
        """Show other counts; nothing is sent when they are the same."""
        by_status = {s: counts.by_status[s] for s in _ORDER if counts.by_status.get(s)}
        if by_status == self._shown:
            return
        self._shown = by_status
        words = ", ".join(f"{n} {task_mark(s).word.lower()}" for s, n in by_status.items())
        self.attr(role="img", aria_label=f"{plural(counts.total, 'task')}: {words or 'none'}", title=words or None)
        self.clear()
        with self:
            for status, count in by_status.items():
                part = box(f"m-bar__part s-{task_mark(status).tone}")
                part.style(f"flex: {count} 1 0")


def task_bar(counts: TaskCounts, *, thin: bool = False) -> TaskBar:
    """The bar of ``session.tasks``."""
    return TaskBar(counts, thin=thin)
