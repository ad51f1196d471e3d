"""Runs the gates' fuzzers by hand, for longer than the tests do: ``python scripts/fuzz_gates.py [seconds] [seed]``."""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.security import gate_fuzz


def main(seconds: float, seed: int) -> int:
    """Prints every difference with its seed; 1 when there is one."""
    found = 0
    with tempfile.TemporaryDirectory() as folder:
        ground = gate_fuzz.Ground(Path(folder).resolve() / "ground")
        os.environ["HOME"] = str(ground.home)  # where our judgement looks for ``~``, as the shell does
        end, free, tried = time.monotonic() + seconds, 0, 0
        while time.monotonic() < end:
            rng = random.Random(seed)
            ground.lay()
            lines = [gate_fuzz.random_line(rng) for _ in range(2000)]
            for difference in gate_fuzz.differences_in_words(lines, ground.worktree, ground.home):
                print(f"seed {seed}: other words: {difference}")
                found += 1
            for _ in range(3000):
                line = ground.random_command(rng)
                tried += 1
                if ground.is_free(line):
                    free += 1
                    harm = ground.harm(line)
                    if harm:
                        print(f"seed {seed}: {line!r} is free and {harm}", flush=True)
                        found += 1
                        ground.lay()
                if time.monotonic() > end:
                    break
            seed += 1
        print(f"{tried} commands tried, {free} of them free and run, {found} differences")
    return 1 if found else 0


if __name__ == "__main__":
    given = [*sys.argv[1:], *("60", "1")[len(sys.argv) - 1 :]]
    sys.exit(main(float(given[0]), int(given[1])))
