"""Checkpoints as a line one can go back on. Going back says first what it would take away."""

from __future__ import annotations

from nicegui import run

from maestro.core import queries
from maestro.core.integration.retention import RecoveredView
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import CheckpointView
from pages.components.buttons import button
from pages.components.inline import plain
from pages.components.placeholders import empty
from pages.components.tag import box, tag, text
from pages.components.when import when
from pages.monitor.snapshot import Snapshot
from pages.shared import rollback
from pages.shared.recovered import kept_list

_GOES_BACK = {"executing", "paused", "failed", "completed"}


class Checkpoints:
    """The line, newest first."""

    def __init__(self, rt: Runtime, session_id: str) -> None:
        self._rt = rt
        self._id = session_id
        self._now: Snapshot | None = None
        self._said: object = None
        self._shown: list[RecoveredView] = []
        with box("mon-points"):
            self._place = box()
            self._kept = box("mon-points__kept m-stack")
        self._kept.set_visibility(False)

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
                    "Each finished task adds a checkpoint that you can roll back to.",
                    symbol="flag",
                )
                return
            if not back and len(now.checkpoints) > 1:
                why = (
                    "Already merged: undo the merge first."
                    if now.session.merged
                    else f"Not while the session is {now.session.status.replace('_', ' ')}."
                )
                tag("div", f"Rolling back is not possible now. {why}", "m-meta mon-points__why")
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
                    text(plain(point.title), "m-cut", title=point.title, dir="auto")
                with box("m-row m-row--wrap m-meta"):
                    if task:
                        text(f"task {task.key}")
                    text(point.commit[:8], "m-mono")
                    when(point.created_at)
                    if current:
                        text("session branch is here")
            if back and not current:
                button("Roll back to here", lambda: self._go_back(point), small=True, kind="ghost").classes(
                    "mon-point__go"
                )

    async def refresh(self) -> None:
        """What was taken away and is kept: a rollback's can be brought back as it was, all can become branches."""
        found = await run.io_bound(queries.list_recovered, self._rt, self._id) or []
        if found == self._shown:
            return
        self._shown = found
        self._kept.clear()
        self._kept.set_visibility(bool(found))
        if found:
            with self._kept:
                tag("h3", "Removed and kept", "mon-part__title")
                kept_list(self._rt, self._id, found)

    async def _go_back(self, point: CheckpointView) -> None:
        if self._now is not None:
            await rollback.go_back(self._rt, self._now.session, point)
