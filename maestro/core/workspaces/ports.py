"""Which ports a worktree's servers may use: a range of its own for agents, set-up and checks, the same one each time."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from maestro.agents.base import AgentSpec
from maestro.core.kernel import lookup, places
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Service
from maestro.core.workspaces.environ import port_bases
from maestro.db import models
from maestro.worker.spool import Spool


@dataclass
class _Ports:
    """What was given in this app's life: a worker that is about to start has not written its ports down yet."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    given: dict[str, int] = field(default_factory=dict)  # by worker
    held: Counter[tuple[str, int]] = field(default_factory=Counter)  # by owner and base, of commands that run


def of_worker(rt: Runtime, worker: models.Worker) -> int:
    """The first of a task's own ports: the same one each time, unless something of another worktree has it."""
    ports = _ports(rt)
    with ports.lock:
        taken = _of_others(rt, ports, worker.task_id)
        base = _first_free(worker.task_id, {*taken.values(), *_held_by_others(ports, worker.task_id)})
        ports.given = taken | {worker.id: base}
    return base


@contextmanager
def held(rt: Runtime, session_id: str, folder: Path) -> Iterator[int]:
    """The first of a worktree's own ports, for a command that runs in it. A task's are those of its worker."""
    ports, owner = _ports(rt), _owner(rt, session_id, folder)
    with ports.lock:
        base = _first_free(owner, {*_of_others(rt, ports, owner).values(), *_held_by_others(ports, owner)})
        ports.held[owner, base] += 1
    try:
        yield base
    finally:
        with ports.lock:
            ports.held[owner, base] -= 1
            ports.held += Counter()  # drops what is at zero


_PORTS = Service(_Ports)


def _ports(rt: Runtime) -> _Ports:
    return rt.service(_PORTS)


def _owner(rt: Runtime, session_id: str, folder: Path) -> str:
    """Whose ports a folder's are: its task's, or its own."""
    with rt.db.read() as db:
        tasks = {task.key: task.id for task in lookup.tasks_of(db, session_id)}
    key = places.key_of(folder, tasks)
    return tasks[key] if key else hashlib.sha256(f"{session_id}/{folder.name}".encode()).hexdigest()


def _first_free(owner: str, taken: set[int]) -> int:
    return next(base for base in port_bases(owner) if base not in taken)


def _of_others(rt: Runtime, ports: _Ports, task_id: str) -> dict[str, int]:
    """The ports of living workers of other tasks, by worker."""
    with rt.db.read() as db:
        others = [w for w in lookup.live_workers(db) if w.task_id != task_id]
    known = {w.id: ports.given.get(w.id) or _written(w) for w in others}
    return {name: base for name, base in known.items() if base is not None}


def _held_by_others(ports: _Ports, owner: str) -> set[int]:
    return {base for who, base in ports.held if who != owner}


def _written(worker: models.Worker) -> int | None:
    try:
        return AgentSpec.from_json(Spool(Path(worker.spool_path)).read_spec()).port_base
    except (OSError, ValueError, TypeError):
        return None
