"""Process trees of workers: finding, ending, suspending them. Nothing is signalled that is not known to be its own.

A worker is known by pid **and** start; what it started, by the worker's id in the environment, which survives
``setsid`` and the death of parents. Several trees cost the same passes over the machine's processes as one.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Collection
from typing import NamedTuple

import psutil

from maestro.worker import proctable
from maestro.worker.proctable import Seen

#: How long the kernel may take to carry out SIGKILL.
_KILL_PATIENCE_S = 5.0
#: How long is waited before looking whether a killed tree has grown again.
_KILL_ROUND_S = 0.5
#: How long stopping may take, and how often it is looked whether all stand.
_STOP_PATIENCE_S = 2.0
_STOP_LOOK_S = 0.005
_PR_SET_CHILD_SUBREAPER = 36


class Known(NamedTuple):
    """How a worker's tree is known. No process has pid -1: then only the id counts."""

    pid: int
    started: float
    worker_id: str


def find(pid: int, pid_started: float) -> psutil.Process | None:
    """The process of this pid and start, unless it is gone or a zombie."""
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid) if proctable.known(pid, pid_started) else None
    return None


def is_alive(pid: int, pid_started: float) -> bool:
    """Whether the worker still runs. A zombie does not."""
    return proctable.known(pid, pid_started) is not None


def processes_of(worker_id: str) -> list[psutil.Process]:
    """All living processes that carry the worker's id, and their children; never this process itself."""
    found = []
    for seen in _trees([Known(-1, 0.0, worker_id)]):
        with contextlib.suppress(psutil.Error):
            found.append(psutil.Process(seen.pid))
    return found


def kill_tree(pid: int, pid_started: float, worker_id: str) -> int:
    """End one worker and all it started: see ``kill_trees``."""
    return kill_trees([Known(pid, pid_started, worker_id)])


def kill_trees(trees: Collection[Known]) -> int:
    """End these workers and all they started, with SIGKILL; returns how many processes were hit."""
    killed: set[int] = set()
    deadline = time.monotonic() + _KILL_PATIENCE_S
    while trees and (left := _trees(trees)):
        killed |= {p.pid for p in left if proctable.send(p, signal.SIGKILL)}
        proctable.wait_gone(left, _KILL_ROUND_S)
        if time.monotonic() > deadline:
            break
    return len(killed)


def suspend_trees(trees: Collection[Known]) -> None:
    """Stop (SIGSTOP) these workers and all they started; what is started meanwhile is stopped too.

    Returns when they stand: on a busy machine a process hears of it when it gets the processor next. One that waits in
    the kernel (D) stands as it is, and stops when it comes back.
    """
    asked: set[int] = set()
    deadline = time.monotonic() + _STOP_PATIENCE_S
    while trees and (moving := [p for p in _trees(trees) if not _stands(p, asked)]):
        for process in moving:
            proctable.send(process, signal.SIGSTOP)
            asked.add(process.pid)
        if time.monotonic() > deadline:
            return
        time.sleep(_STOP_LOOK_S)


def resume_trees(trees: Collection[Known]) -> None:
    """Let suspended workers and all they started go on; the workers last."""
    for process in reversed(_trees(trees) if trees else []):
        proctable.send(process, signal.SIGCONT)


def become_subreaper() -> None:
    """Orphaned descendants become children of this process instead of init's (Linux only)."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_descendants(worker_id: str, grace_s: float = 1.0) -> list[str]:
    """End all that this process started and that is left: SIGTERM, then SIGKILL. Returns their names."""
    names: list[str] = []
    number = signal.SIGTERM
    own = Known(os.getpid(), proctable.started(os.getpid()), worker_id)
    deadline = time.monotonic() + _KILL_PATIENCE_S
    while time.monotonic() < deadline and (left := _trees([own])):
        for process in left:
            if number == signal.SIGTERM:
                with contextlib.suppress(psutil.Error):
                    names.append(psutil.Process(process.pid).name())
            proctable.send(process, number)
        proctable.wait_gone(left, grace_s)
        number = signal.SIGKILL
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    return names


def _stands(process: Seen, asked: set[int]) -> bool:
    return process.state in "Tt" or (process.state == "D" and process.pid in asked)


def _trees(trees: Collection[Known]) -> list[Seen]:
    """The workers themselves first, then what they started; never this process itself. One pass over all processes."""
    table = proctable.everything()
    ids = {tree.worker_id for tree in trees}
    roots = {tree.pid for tree in trees if tree.pid in table and proctable.known(tree.pid, tree.started)}
    children: dict[int, list[int]] = {}
    for seen in table.values():
        children.setdefault(seen.parent, []).append(seen.pid)
    found = dict.fromkeys([*roots, *(p.pid for p in table.values() if p.mark in ids)])
    todo = list(found)
    while todo:
        below = [pid for pid in children.get(todo.pop(), ()) if pid not in found]
        found |= dict.fromkeys(below)
        todo += below
    found.pop(os.getpid(), None)
    return [table[pid] for pid in found]
