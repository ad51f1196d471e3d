"""What proves the work: check runs with their outputs, and conflicts."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import defer
from sqlmodel import case, col, func, select

from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import (
    CheckRunView,
    readable,
)
from maestro.core.views.proof import ConflictView, EvidenceView
from maestro.db import models
from maestro.errors import NotFound
from maestro.terminal_text import SPARE, end_of


def list_evidence(
    rt: Runtime, session_id: str, task: str | None = None, *, tail: int | None = None
) -> list[CheckRunView]:
    """The check runs of a session, or of one task (id or key), oldest first; with ``tail`` only the end of each output."""
    output = _tail(models.CheckRun.output, tail + SPARE) if tail is not None else col(models.CheckRun.output)
    with rt.db.read() as db:
        lookup.session_row(db, session_id)
        heavy = (defer(models.CheckRun.output, raiseload=True), defer(models.CheckRun.tests, raiseload=True))  # type: ignore[arg-type]
        query = select(models.CheckRun, output).options(*heavy)
        query = query.where(models.CheckRun.session_id == session_id)
        if task is not None:
            query = query.where(models.CheckRun.task_id == lookup.task_row(db, session_id, task).id)
        rows = db.exec(query.order_by(col(models.CheckRun.created_at))).all()
        ends = [o if tail is None or not isinstance(o, str) else end_of(o, tail) for _, o in rows]
        return [
            readable(CheckRunView, r.model_dump(exclude={"output", "tests"}, warnings=False) | {"output": o})
            for (r, _), o in zip(rows, ends, strict=True)
        ]


def get_evidence(rt: Runtime, session_id: str, task: str | None = None) -> EvidenceView:
    """All that proves a task (id or key), or the session as a whole. Raises NotFound."""
    from maestro.core.queries import proof

    return proof.evidence(rt, session_id, task)


def get_conflict(rt: Runtime, session_id: str, task: str) -> ConflictView:
    """Both sides of each file in which a task's work conflicts with the session branch as it is now.

    Raises NotFound when the task has nothing that waits to come in.
    """
    from maestro.core.queries import proof

    return proof.conflict(rt, session_id, task)


def get_check_run(rt: Runtime, session_id: str, check_id: str) -> CheckRunView:
    """One check run with its whole output. Raises NotFound."""
    with rt.db.read() as db:
        row = db.get(models.CheckRun, check_id)
        if row is None or row.session_id != session_id:
            raise NotFound(f"There is no check run {check_id} in this session.")
        return CheckRunView.of(row)


def _tail(column: Any, length: int) -> Any:
    """The last ``length`` characters of a text column."""
    return func.substr(column, case((func.length(column) > length, func.length(column) - length + 1), else_=1))
