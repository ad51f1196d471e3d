"""Checkpoints as a line one can go back on. Going back says first what it would take away."""

from __future__ import annotations

from maestro.core.commands import control
from maestro.core.runtime import Runtime
from maestro.core.views import CheckpointView
from pages.components.action import perform
from pages.components.buttons import button
from pages.components.dialogs import confirm
from pages.components.placeholders import empty
from pages.components.tag import box, tag, text
from pages.components.when import when
from pages.components.words import plural
from pages.monitor.snapshot import Snapshot

_GOES_BACK = {"executing", "paused", "failed", "completed"}


class Checkpoints:
    """The line, newest first."""

    def __init__(self, rt: Runtime, session_id: str) -> None:
        self._rt = rt
        self._id = session_id
        self._now: Snapshot | None = None
        self._said: object = None
        self._place = box("mon-points")

    def show(self, now: Snapshot) -> None:
        """Show the checkpoints as they are."""
        self._now = now
        back = now.session.status in _GOES_BACK and not now.session.merged
        said = (now.checkpoints, back)
        if said == self._said:
            return
        self._said = said
        self._place.clear()
        with self._place:
            if not now.checkpoints:
                empty(
                    "No checkpoint yet",
                    "After each finished task the session branch is kept as a point to go back to.",
                    symbol="flag",
                )
                return
            if not back and len(now.checkpoints) > 1:
                why = (
                    "It is merged: take the merge back first."
                    if now.session.merged
                    else f"Not while the session is {now.session.status.replace('_', ' ')}."
                )
                tag("div", f"Going back is not possible now. {why}", "m-meta mon-points__why")
            with tag("ol", "", "mon-points__line"):
                for number, point in enumerate(reversed(now.checkpoints)):
                    self._point(point, current=number == 0, back=back)

    def _point(self, point: CheckpointView, *, current: bool, back: bool) -> None:
        assert self._now is not None
        task = self._now.task(point.task_id)
        with tag("li", "", "mon-point" + (" mon-point--now" if current else ""), data_checkpoint=point.number):
            box("mon-point__dot")
            with box("m-stack m-gap-0 m-grow"):
                with box("m-row"):
                    text(str(point.number), "mon-point__no m-num")
                    text(point.title, "m-cut", title=point.title)
                with box("m-row m-row--wrap m-meta"):
                    if task:
                        text(f"task {task.key}")
                    text(point.commit[:8], "m-mono")
                    when(point.created_at)
                    if current:
                        text("the session branch stands here")
            if back and not current:
                button("Go back here", lambda: self._go_back(point), small=True, kind="ghost").classes("mon-point__go")

    async def _go_back(self, point: CheckpointView) -> None:
        assert self._now is not None
        title = f"Go back to checkpoint {point.number}?"
        if await confirm(title, happens=taken_away(self._now, point), act="Roll back", keep="Stay here"):
            await perform(
                control.rollback, self._rt, self._id, point.id, done=f"Rolled back to checkpoint {point.number}."
            )


def taken_away(now: Snapshot, point: CheckpointView) -> list[str]:
    """What a rollback would take away, in sentences."""
    later = [c for c in now.checkpoints if c.number > point.number]
    undone = {c.task_id for c in later}
    again = [t for t in now.tasks if t.id in undone or (t.status not in {"completed", "skipped", "pending"})]
    names = ", ".join(f"{t.key} ({t.title})" for t in again[:6]) + (" and others" if len(again) > 6 else "")
    live = sum(1 for w in now.workers if w.status != "ended")
    said = [f"“{point.title}” stays. {plural(len(later), 'later checkpoint')} {'goes' if len(later) == 1 else 'go'}."]
    if again:
        said.append(
            f"{plural(len(again), 'task')} become pending and run again: {names}."
            if len(again) > 1
            else f"One task becomes pending and runs again: {names}."
        )
    if live:
        said.append(f"{plural(live, 'running worker')} {'is' if live == 1 else 'are'} stopped.")
    if now.session.status == "completed":
        said.append("The session is paused then, until you resume it.")
    said.append(f"What is taken away stays reachable under refs/maestro/{now.session.id}/recovered/.")
    said.append("Your own branches are not touched.")
    return said
