"""States: always icon, word and colour, the same everywhere, in three shapes.

A session's state is a pill (``session_chip``), a task's is icon and word (``task_state``), the life of a worker's process is a
mark (``life_mark``: shape is its life, colour is its task's state).
"""

from __future__ import annotations

from dataclasses import dataclass

from maestro.core.views import SessionView, WorkerView
from pages.components.tag import Tag, swap, tag


@dataclass(frozen=True, slots=True)
class Mark:
    """How a state looks and what it is called. ``tone`` is the CSS class's end: ``s-running``."""

    tone: str
    icon: str
    word: str


SESSION = {
    "idle": Mark("pending", "circle-dashed", "Not started"),
    "brainstorming": Mark("running", "messages-square", "Brainstorming"),
    "planning": Mark("running", "sparkles", "Planning"),
    "plan_review": Mark("waiting", "list-checks", "Plan to review"),
    "approved": Mark("pending", "flag", "Ready to start"),
    "executing": Mark("running", "play", "Executing"),
    "paused": Mark("paused", "pause", "Paused"),
    "validating": Mark("checking", "flask-conical", "Validating"),
    "completed": Mark("done", "circle-check", "Completed"),
    "failed": Mark("failed", "circle-x", "Failed"),
    "cancelled": Mark("pending", "ban", "Cancelled"),
}
MERGED = Mark("done", "git-merge", "Merged")
WAITING = Mark("waiting", "hand", "Waiting for you")

TASK = {
    "pending": Mark("pending", "circle-dashed", "Pending"),
    "running": Mark("running", "circle-dot", "Running"),
    "waiting": Mark("waiting", "hand", "Waiting for you"),
    "checking": Mark("checking", "flask-conical", "Checking"),
    "integrating": Mark("checking", "git-merge", "Integrating"),
    "completed": Mark("done", "circle-check", "Done"),
    "failed": Mark("failed", "circle-x", "Failed"),
    "skipped": Mark("pending", "skip-forward", "Skipped"),
    "cancelled": Mark("pending", "ban", "Cancelled"),
}
PAUSED = Mark("paused", "pause", "Paused")
STOPPED = Mark("pending", "ban", "Stopped")
LIFE = {
    "starting": "Starting",
    "running": "Running",
    "waiting": "Waiting for you",
    "paused": "Frozen",
    "parked": "Parked; continues where it stopped",
    "ended": "Ended",
    "lost": "Process ended unexpectedly",
}


def session_mark(session: SessionView) -> Mark:
    """The mark of a session, its open questions and its merge looked at too."""
    if session.merged and session.status == "completed":
        return MERGED
    if session.pending_approvals and session.status in {"executing", "validating"}:
        return WAITING
    return SESSION.get(session.status, SESSION["idle"])


def task_mark(status: str, *, session: str = "") -> Mark:
    """The mark of a task's status; ``session`` is its session's: in a paused or failed one nothing runs, nor asks."""
    if session == "paused" and status in {"running", "checking", "integrating"}:
        return PAUSED
    if session == "failed" and status in {"running", "waiting", "checking", "integrating"}:
        return STOPPED
    return TASK.get(status, TASK["pending"])


class StateTag(Tag):
    """Icon and word in a state's colour, one element (the icon is drawn before the word by CSS); ``show`` changes it in place."""

    def __init__(self, mark: Mark, shape: str) -> None:
        super().__init__("span", mark.word, f"{shape} s-{mark.tone} mi-{mark.icon}")
        self._mark = mark

    def show(self, mark: Mark) -> None:
        """Show another state; nothing is sent when it is the same."""
        if mark == self._mark:
            return
        swap(self, f"s-{self._mark.tone} mi-{self._mark.icon}", f"s-{mark.tone} mi-{mark.icon}")
        self.set_text(mark.word)
        self._mark = mark


def session_chip(session: SessionView) -> StateTag:
    """A session's state as a pill. Later: ``chip.show(session_mark(view))``."""
    return StateTag(session_mark(session), "m-chip")


def task_state(status: str, *, session: str = "") -> StateTag:
    """A task's state as icon and word; ``session`` as for ``task_mark``. Later: ``state.show(task_mark(status))``."""
    return StateTag(task_mark(status, session=session), "m-state")


def chip(mark: Mark) -> StateTag:
    """A pill of one's own making: ``chip(Mark("done", "check", "14 passed"))``."""
    return StateTag(mark, "m-chip")


def life_mark(worker: WorkerView, tone: str = "running") -> Tag:
    """The life of a worker's process as a shape, in the colour of its task's state (``task_mark(status).tone``)."""
    life = worker_life(worker)
    return tag(
        "span", "", f"m-life m-life--{life} s-{tone}", title=LIFE.get(life, life), role="img", aria_label=LIFE[life]
    )


def worker_life(worker: WorkerView) -> str:
    """``starting, running, waiting, paused, parked, ended``, or ``lost`` when the process is gone without having said so."""
    if worker.status in {"running", "waiting", "paused"} and not worker.alive:
        return "lost"
    return worker.status if worker.status in LIFE else "ended"
