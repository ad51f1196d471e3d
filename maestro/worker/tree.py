"""Processes of a worker: finding, ending, suspending them. Nothing is signalled that is not known to be its own.

A worker is known by pid **and** start time; what it started, by the worker's id in the environment, which
survives ``setsid`` and the death of parents.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time

import psutil

from maestro.worker.spool import WORKER_ID_VARIABLE

#: Start times come from the clock, which may be set; a pid is not reused within this time.
_START_TOLERANCE_S = 1.0
#: How long the kernel may take to carry out SIGKILL.
_KILL_PATIENCE_S = 5.0
_PR_SET_CHILD_SUBREAPER = 36


def find(pid: int, pid_started: float) -> psutil.Process | None:
    """The process of this pid and start time, unless it is gone or a zombie."""
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - pid_started) <= _START_TOLERANCE_S
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.Error, ValueError):
        return None


def is_alive(pid: int, pid_started: float) -> bool:
    """Whether the worker still runs. A zombie does not."""
    return find(pid, pid_started) is not None


def processes_of(worker_id: str) -> list[psutil.Process]:
    """All living processes that carry the worker's id, and their children; never this process itself."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(WORKER_ID_VARIABLE) == worker_id:
                found[process.pid] = process
    for process in list(found.values()):
        found |= {child.pid: child for child in _children(process)}
    found.pop(os.getpid(), None)
    return [p for p in found.values() if _lives(p)]


def kill_tree(pid: int, pid_started: float, worker_id: str) -> int:
    """End the worker and all it started, with SIGKILL; returns how many processes were hit."""
    killed: set[int] = set()
    deadline = time.monotonic() + _KILL_PATIENCE_S
    while tree := _tree(pid, pid_started, worker_id):
        for process in tree:
            with contextlib.suppress(psutil.Error):
                process.kill()
                killed.add(process.pid)
        psutil.wait_procs(tree, timeout=0.5)
        if time.monotonic() > deadline:
            break
    return len(killed)


def suspend_tree(pid: int, pid_started: float, worker_id: str) -> None:
    """Stop (SIGSTOP) the worker and all it started; what is started meanwhile is stopped too."""
    stopped: set[int] = set()
    for _round in range(10):
        fresh = [p for p in _tree(pid, pid_started, worker_id) if p.pid not in stopped]
        if not fresh:
            return
        for process in fresh:
            with contextlib.suppress(psutil.Error):
                process.suspend()
            stopped.add(process.pid)


def resume_tree(pid: int, pid_started: float, worker_id: str) -> None:
    """Let a suspended worker and all it started go on; the worker last."""
    for process in reversed(_tree(pid, pid_started, worker_id)):
        with contextlib.suppress(psutil.Error):
            process.resume()


def become_subreaper() -> None:
    """Orphaned descendants become children of this process instead of init's (Linux only)."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_descendants(worker_id: str, grace_s: float = 1.0) -> list[str]:
    """End all that this process started and that is left: SIGTERM, then SIGKILL. Returns their names."""
    names: list[str] = []
    hard = False
    deadline = time.monotonic() + _KILL_PATIENCE_S
    while time.monotonic() < deadline:
        left = {p.pid: p for p in (*_children(psutil.Process()), *processes_of(worker_id)) if _lives(p)}
        if not left:
            break
        for process in left.values():
            with contextlib.suppress(psutil.Error):
                if not hard:
                    names.append(process.name())
                process.send_signal(signal.SIGKILL if hard else signal.SIGTERM)
        psutil.wait_procs(list(left.values()), timeout=grace_s)
        hard = True
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    return names


def _tree(pid: int, pid_started: float, worker_id: str) -> list[psutil.Process]:
    """The worker first, then what it started."""
    root = find(pid, pid_started)
    rest = processes_of(worker_id)
    if root is not None:
        rest += _children(root)
    known = {p.pid: p for p in ([root] if root else []) + rest if p.pid != os.getpid()}
    return [p for p in known.values() if _lives(p)]


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
