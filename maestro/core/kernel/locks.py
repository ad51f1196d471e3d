"""The two locks of a session's branch, and the signal that calls its running work off."""

from __future__ import annotations

import threading
from collections.abc import Callable

from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Keyed, Service


class WorkCancelled(Exception):
    """The work was called off; whatever comes next starts from the rows again."""


def _locks() -> Keyed[str, threading.RLock]:
    return Keyed(lambda _session: threading.RLock())


#: By session.
_TRAINS, _BRANCHES = Service(_locks), Service(_locks)
#: How often the work of a session was called off.
_GENERATIONS = Service(dict[str, int])


def train_lock(rt: Runtime, session_id: str) -> threading.RLock:
    """One task of a session integrates at a time; held while its checks run again."""
    return rt.service(_TRAINS).of(session_id)


def branch_lock(rt: Runtime, session_id: str) -> threading.RLock:
    """Held for moments, by whoever moves the session branch or ends the session."""
    return rt.service(_BRANCHES).of(session_id)


def cancel_work(rt: Runtime, session_id: str) -> None:
    """Make every check, landing and set-up of this session that is under way end at its next look."""
    generations = _generations(rt)
    generations[session_id] = generations.get(session_id, 0) + 1


def cancellation_token(rt: Runtime, session_id: str) -> Callable[[], bool]:
    """Asked by running work: whether the app stops, or the session was paused or called off since this moment.

    Take it before looking whether the session is at work: what is stored between the two is then noticed.
    """
    generations = _generations(rt)
    mine = generations.get(session_id, 0)
    return lambda: rt.jobs.stopping.is_set() or generations.get(session_id, 0) != mine


def _generations(rt: Runtime) -> dict[str, int]:
    return rt.service(_GENERATIONS)
