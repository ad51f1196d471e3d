"""Measuring worker processes: processor and memory of the whole tree."""

from __future__ import annotations

from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a process tree. ``cpu_percent``: 100 is one core, since the last look."""

    cpu_percent: float
    memory_mb: float


class Sampler:
    """Remembers processes between looks, because processor use is a difference."""

    def __init__(self) -> None:
        self._known: dict[str, dict[int, psutil.Process]] = {}

    def sample(self, worker_id: str, root: psutil.Process | None) -> Sample | None:
        """Processor and memory of the tree below a worker's process; None when that is gone."""
        if root is None:
            self.forget(worker_id)
            return None
        known = self._known.setdefault(worker_id, {})
        alive: dict[int, psutil.Process] = {}
        cpu = memory = 0.0
        for process in [root, *_children(root)]:
            process = known.get(process.pid, process)
            try:
                cpu += process.cpu_percent()
                memory += process.memory_info().rss
            except psutil.Error:
                continue
            alive[process.pid] = process
        self._known[worker_id] = alive
        return Sample(round(cpu, 1), round(memory / 1_048_576, 1))

    def forget(self, worker_id: str) -> None:
        """Drop what is remembered of a worker."""
        self._known.pop(worker_id, None)


def _children(root: psutil.Process) -> list[psutil.Process]:
    try:
        return root.children(recursive=True)
    except psutil.Error:
        return []
