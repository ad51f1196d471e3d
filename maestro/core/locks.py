"""The two locks of a session's branch, and the signal that calls its running work off."""

from __future__ import annotations

import threading
from collections.abc import Callable

from maestro.core.runtime import Runtime


class Stopped(Exception):
    """The work was called off; whatever comes next starts from the rows again."""


def train_lock(rt: Runtime, session_id: str) -> threading.RLock:
    """One task of a session integrates at a time; held while its checks run again."""
    lock: threading.RLock = rt.helper(f"train:{session_id}", threading.RLock)
    return lock


def branch_lock(rt: Runtime, session_id: str) -> threading.RLock:
    """Held for moments, by whoever moves the session branch or ends the session."""
    lock: threading.RLock = rt.helper(f"branch:{session_id}", threading.RLock)
    return lock


def call_off(rt: Runtime, session_id: str) -> None:
    """Make every check and landing of this session that is under way end at its next look."""
    generations = _generations(rt)
    generations[session_id] = generations.get(session_id, 0) + 1


def call_off_set_ups(rt: Runtime, session_id: str) -> None:
    """Make only the set-up commands of this session's worktrees end: it is paused."""
    call_off(rt, _set_up(session_id))


def stop_signal(rt: Runtime, session_id: str, *, set_up: bool = False) -> Callable[[], bool]:
    """Asked by running work: whether the app stops, or the session was called off since this moment.

    ``set_up``: the work is a worktree's set-up, which a pause calls off as well.
    """
    generations = _generations(rt)
    names = (session_id, _set_up(session_id)) if set_up else (session_id,)
    mine = [generations.get(name, 0) for name in names]
    return lambda: rt.jobs.stopping.is_set() or [generations.get(name, 0) for name in names] != mine


def _set_up(session_id: str) -> str:
    return f"set-up:{session_id}"


def _generations(rt: Runtime) -> dict[str, int]:
    generations: dict[str, int] = rt.helper("generations", dict)
    return generations
