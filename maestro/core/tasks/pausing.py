"""Pausing a session: its row, its workers' processes, and the work that Maestro itself does for it."""

from __future__ import annotations

from maestro.core.kernel import lookup, processes
from maestro.core.kernel.locks import cancel_work
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import move

#: The reason that the session's history keeps of a pause by Maestro; one by the user has none.
BY_MAESTRO = "Maestro has a question first."


def pause(rt: Runtime, session_id: str, *, source: str = "you") -> None:
    """EXECUTING to PAUSED: the workers stand still when this returns, checks and set-ups are told to end.

    ``source``: who pauses, for the log: the user, or the supervisor for a budget or an alarm. That one may be such
    work itself, which ends when it looks up, so nobody waits for it here. Raises NotAllowed in any other state.
    """
    with rt.db.write() as tx:
        move(tx, lookup.session_row(tx.db, session_id), "pause", reason=None if source == "you" else BY_MAESTRO)
        workers = [w for w in lookup.live_workers(tx.db, session_id) if w.status != "parked"]
        for worker in workers:
            worker.status = "paused"
            tx.db.add(worker)
        tx.log(session_id, "Paused. Workers continue where they stopped; nothing is lost.", source=source)
    # Stored first: killed here, the next start stops them (``recovery``).
    processes.suspend(*workers)
    cancel_work(rt, session_id)
