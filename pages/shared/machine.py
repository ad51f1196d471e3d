"""How loaded this machine is, measured once for all windows."""

from __future__ import annotations

import time

import psutil

_EVERY_S = 2.5
_last: tuple[float, dict[str, float]] = (0.0, {})


def load() -> dict[str, float]:
    """Processor and memory in percent, at most 2.5 s old."""
    global _last
    now = time.monotonic()
    if now - _last[0] >= _EVERY_S:
        _last = (now, {"cpu": psutil.cpu_percent(interval=None), "memory": psutil.virtual_memory().percent})
    return _last[1]
