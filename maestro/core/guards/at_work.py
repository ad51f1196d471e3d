"""Whether a silent tool does something after all: waiting for a network or a disk takes no processor time, but bytes move."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from maestro import untrusted

#: What a program that only waits reads and writes stays far below this, in bytes.
_MOVED = 4096


@dataclass(frozen=True, slots=True)
class Traffic:
    """What each program below a worker has read and written so far, in bytes, by its pid, start and ended children."""

    bytes: dict[tuple[int, float, str], int] = field(default_factory=dict)

    def moved_since(self, before: Traffic) -> bool:
        """Whether programs that lived at both times have moved more than a little between them.

        Those that came and went do not count, nor what they left on their parent's account: a loop that waits for ever
        starts one after another.
        """
        return sum(now - before.bytes[key] for key, now in self.bytes.items() if key in before.bytes) >= _MOVED


def traffic(pid: int | None, *, of_tools: bool) -> Traffic:
    """Of a worker's programs; ``of_tools``: only of those that its agent started. Empty where the system does not tell."""
    found: dict[tuple[int, float, str], int] = {}
    with suppress(psutil.Error, OSError, ValueError):
        worker = psutil.Process(pid)
        agents = set(worker.children()) if of_tools else set()
        for process in worker.children(recursive=True):
            if process not in agents:
                with suppress(psutil.Error, OSError, AttributeError):
                    seen = process.io_counters()  # type: ignore[attr-defined,unused-ignore]  # not on macOS
                    key = process.pid, process.create_time(), _ended_children(process.pid)
                    found[key] = seen.read_chars + seen.write_chars
    return Traffic(found)


def _ended_children(pid: int) -> str:
    """A figure that changes when a child has ended: the page faults of all that were waited for (proc(5), cminflt)."""
    fields = untrusted.text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return fields[8]
