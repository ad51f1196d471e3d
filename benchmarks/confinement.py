"""What confinement costs a check: the same commands run by Maestro as they are, and in the sandbox, in turn.

.venv/bin/python benchmarks/confinement.py [-n ROUNDS]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from maestro.core.workspaces import sheltered
from maestro.core.workspaces.environ import command_environment
from tests.landing import bench, plan_of
from tests.repos import make_repo

_FILES: dict[str, str | bytes] = {
    "shop.py": "def total(prices):\n    return sum(prices)\n",
    "test_shop.py": "from shop import total\n\ndef test_total():\n    assert total([1, 2]) == 3\n",
    ".gitignore": "__pycache__/\n.pytest_cache/\n",
}
_FILES |= {f"data/{n // 100}/{n}.txt": f"{n}\n" for n in range(2_000)}
_PYTHON = shlex.quote(sys.executable)
_COMMANDS = {
    "nothing (true)": "true",
    "python": f"{_PYTHON} -c pass",
    "pytest, one test": f"{_PYTHON} -m pytest -q -p no:cacheprovider",
    "git status, 2,000 files": "git status --porcelain",
    "read 2,000 files": "find data -name '*.txt' | xargs cat > /dev/null",
    "start 200 processes": "for n in $(seq 200); do /bin/true; done",
}


def main() -> None:
    """Run and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=15, help="rounds (one more is not counted)")
    rounds = parser.parse_args().n
    taken: dict[tuple[str, str], list[float]] = {}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="maestro-bench-")))
        places = {}
        for mode in ("edits", "sandboxed"):
            repo = make_repo(folder / mode / "repo", _FILES)
            opened = bench(folder / mode, repo, plan_of({"id": "t1"}, checks=["true"]), permission_mode=mode)
            b = stack.enter_context(opened)
            places[mode] = (b, b.begin(), command_environment(b.rt.settings, b.session.agent_config))
        for number in range(rounds + 1):
            for name, command in _COMMANDS.items():
                for mode, (b, worktree, env) in places.items():
                    began = time.perf_counter()
                    done = sheltered.run(b.rt, b.session, command, worktree, env, 120, lambda: False)
                    seconds = time.perf_counter() - began
                    if not done.passed:
                        raise SystemExit(f"{command} in {mode}: {done.output}")
                    if number:
                        taken.setdefault((name, mode), []).append(seconds)
    sys.stdout.write(f"{'':26} {'as it is':>10} {'confined':>10} {'more':>8}   (medians of {rounds}, ms)\n")
    for name in _COMMANDS:
        free, confined = (1000 * statistics.median(taken[name, mode]) for mode in ("edits", "sandboxed"))
        sys.stdout.write(f"{name:26} {free:10.0f} {confined:10.0f} {confined - free:8.0f}\n")
    sys.stdout.write(f"load before and after: {' '.join(f'{x:.1f}' for x in os.getloadavg())}\n")


if __name__ == "__main__":
    main()
