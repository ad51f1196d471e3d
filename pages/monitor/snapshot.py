"""Everything the monitor shows, read at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from maestro.core import queries
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import (
    ApprovalView,
    CheckpointView,
    CheckRunView,
    NoteView,
    PauseView,
    SessionView,
    TaskView,
    WorkerView,
)

#: How much of a check's output is read: its end, where test runners say how it went.
OUTPUT_TAIL = 1200


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A session with all that belongs to it."""

    session: SessionView
    tasks: list[TaskView]
    workers: list[WorkerView]
    checks: list[CheckRunView]
    checkpoints: list[CheckpointView]
    approvals: list[ApprovalView]  # those that are open
    questions: list[ApprovalView]  # all that were asked
    pauses: list[PauseView]
    notes: list[NoteView]  # what was said to agents

    def task(self, name: str | None) -> TaskView | None:
        """A task by id or key."""
        return next((t for t in self.tasks if name in (t.id, t.key)), None)


def read(rt: Runtime, session_id: str) -> Snapshot:
    """Read it. Blocks. Raises NotFound."""
    return Snapshot(
        session=queries.get_session(rt, session_id),
        tasks=queries.list_tasks(rt, session_id),
        workers=queries.list_workers(rt, session_id),
        checks=queries.list_evidence(rt, session_id, tail=OUTPUT_TAIL),
        checkpoints=queries.list_checkpoints(rt, session_id),
        approvals=queries.list_approvals(rt, session_id=session_id),
        questions=queries.list_approvals(rt, status=None, session_id=session_id),
        pauses=queries.list_pauses(rt, session_id),
        notes=queries.list_notes(rt, session_id),
    )
