"""The alarm when somebody else than the app and a worker's own process wrote into the worker's spool."""

from __future__ import annotations

import contextlib

from sqlmodel import select

from maestro.core.approvals import asking
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import State
from maestro.core.tasks import pausing
from maestro.db import models
from maestro.db.session import Transaction
from maestro.errors import MaestroError


def alarm(tx: Transaction, session: models.Session, worker: models.Worker, what: str, shown: str) -> None:
    """Ask what to do, once a worker as long as it is not answered. ``pause`` stops the session once this is stored."""
    query = select(models.Approval.id).where(
        models.Approval.worker_id == worker.id, models.Approval.kind == "escape", models.Approval.status == "pending"
    )
    if tx.db.exec(query).first() is not None:
        return
    detail = {
        "items": [f"channel {worker.id}"],
        "changes": [{"what": what, "undo": ""}],
        "output": shown[:2000],
        "reason": f"Maestro ignored it. A process started by {worker.name} or a check may still be running.",
        "allow": "continue: I know what it was",
        "deny": "stay paused",
    }
    asking.ask(tx, session, None, kind="escape", title=what, detail=detail, risk="high", worker_id=worker.id)
    about = {"task_id": worker.task_id, "worker_id": worker.id}
    tx.log(session.id, what, level="error", kind="error", source="escape", **about)


def pause(rt: Runtime, session_id: str) -> None:
    """Stop the session whose alarm is stored."""
    with rt.db.read() as db:
        session = db.get(models.Session, session_id)
    if session is not None and session.status == State.EXECUTING:
        with contextlib.suppress(MaestroError):  # ended or paused meanwhile, which is as good
            pausing.pause(rt, session_id, source="supervisor")
