"""Time that this process was there to use: what time limits are counted in.

Clocks are set, laptops sleep, containers are frozen. None of it is time that a check or an agent took.
"""

from __future__ import annotations

import time


class Stopwatch:
    """Seconds since it was made, as far as somebody looked: between two looks at most ``step_s`` count."""

    def __init__(self, step_s: float) -> None:
        self._step_s = step_s
        self._spent = 0.0
        self._looked_at = time.monotonic()

    def elapsed(self) -> float:
        """The seconds so far. Whoever waits looks more often than once a step."""
        at = time.monotonic()
        self._spent += min(at - self._looked_at, self._step_s)
        self._looked_at = at
        return self._spent
