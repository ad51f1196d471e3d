"""What Maestro adds to one task: a session of one task against bare ``claude -p`` and the same check, in one run.

Both in turn (A B A B …), against the same scripted model. Measured from "approve and start" to COMPLETED: worktree,
worker, baseline, checks before and after joining, checkpoint, and the checks of the whole.

    .venv/bin/python benchmarks/overhead.py
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.makespan import bare, lattice, script, session
from maestro.demo.server import ScriptedServer


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("-n", "--rounds", type=int, default=3)
    arguments.add_argument("--think", type=float, default=0.0, help="seconds the model takes for an answer (default 0)")
    given = arguments.parse_args()
    alone: list[float] = []
    whole: list[float] = []
    for _ in range(given.rounds):
        with tempfile.TemporaryDirectory() as name, ScriptedServer(script(lattice()[:1], given.think)) as server:
            alone.append(bare(Path(name), server.url, ["t1"]))
            whole.append(session(Path(name), server.url, 1))
    for name, times in (("claude -p and its check", alone), ("session of one task", whole)):
        print(f"{name:24} median {statistics.median(times):.2f} s   least {min(times):.2f} s   ({len(times)} rounds)")
    added = statistics.median(whole) - statistics.median(alone)
    ratio = statistics.median(whole) / statistics.median(alone)
    print(f"ratio of the medians {ratio:.2f} (adds {added:.2f} s; the model takes {given.think:g} s for an answer)")


if __name__ == "__main__":
    main()
