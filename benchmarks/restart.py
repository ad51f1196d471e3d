"""How long a restart after a crash takes: SIGKILL of the app with living workers and a full data folder, then a start.

The folder holds ``--sessions`` finished sessions and ``--rows`` log rows; three workers go on printing while no app is there.
Measured from starting the process: until ``/api/health`` answers, and until the next log row of each of the three is there.

    .venv/bin/python benchmarks/restart.py -n 10
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psutil

from maestro.db import models
from tests.app_process import AppProcess
from tests.engine import Engine
from tests.faults.commands import run, task, until_working
from tests.repos import make_repo
from tests.scripted import DUMMY_KEY

GOAL_S = 3.0
NOBODY = "http://127.0.0.1:9"  # these agents call no model
TICKING = """
key=$(sed -n 's/^# Task \\(t[0-9]*\\):.*/\\1/p' | head -n 1)
while true; do echo "working on $key"; sleep 0.1; done
"""
_BATCH = 2000


def fill(e: Engine, repo: Path, sessions: int, rows: int) -> None:
    """Finished sessions with their tasks, and log rows spread over them."""
    ids = []
    with e.rt.db.write() as tx:
        for number in range(sessions):
            row = models.Session(
                title=f"Session {number}",
                status="completed",
                repo_path=str(repo),
                base_commit="0" * 40,
                session_branch=f"maestro/old-{number}/main",
                session_commit="0" * 40,
            )
            tx.db.add(row)
            tx.db.flush()
            ids.append(row.id)
            for key in range(5):
                title = f"Task {key}"
                done = models.Task(session_id=row.id, key=f"t{key}", position=key, title=title, status="completed")
                tx.db.add(done)
    words = "A line of a log as agents write them, about as long as most of them are in the end. "
    for first in range(0, rows, _BATCH):
        with e.rt.db.write(durable=False) as tx:
            lines = range(first, min(first + _BATCH, rows))
            tx.logs([{"session_id": ids[n * sessions // rows], "message": f"{n} {words}"} for n in lines])


def restart(app: AppProcess, session_id: str) -> tuple[float, float, float]:
    """Kill the app and start it; seconds to the first answer, to a new log row of each worker, and of processor time."""
    with app.client() as api:
        path = f"/api/sessions/{session_id}/logs"
        last = api.get(path, params={"limit": 1, "before": 2**53}).json()["items"][-1]["id"]
    app.kill()
    time.sleep(1.0)  # the workers go on meanwhile
    began = time.perf_counter()
    app.start()
    with urllib.request.urlopen(f"{app.origin}/api/health", timeout=30):
        serves = time.perf_counter() - began
        used = psutil.Process(app.pid).cpu_times()
    with app.client() as api:
        heard: set[str] = set()
        while len(heard) < 3:
            for row in api.get(path, params={"after": last, "limit": 500}).json()["items"]:
                last = row["id"]
                heard |= {row["worker_id"]} if row["kind"] == "text" else set()
            time.sleep(0.01)
    return serves, time.perf_counter() - began, used.user + used.system


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("-n", "--rounds", type=int, default=10, help="measured restarts (default 10)")
    arguments.add_argument("--sessions", type=int, default=300, help="finished sessions (default 300)")
    arguments.add_argument("--rows", type=int, default=200_000, help="log rows (default 200,000)")
    arguments.add_argument("--check", action="store_true", help=f"exit with 1 when one took over {GOAL_S:g} s to serve")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["HOME"] = str(folder)
        repo = make_repo(folder / "repo", {"README.md": "Hello\n"})
        first = Engine(folder / "data", NOBODY, trust="all")
        fill(first, repo, given.sessions, given.rows)
        tasks = [task(f"t{n}", files=[f"t{n}.txt"]) for n in (1, 2, 3)]
        session = run(first, repo, *tasks, command=TICKING, max_workers=3)
        until_working(first, "t1", "t2", "t3")
        first.close(stop_workers=False)
        app = AppProcess(folder / "data", ANTHROPIC_API_KEY=DUMMY_KEY, ANTHROPIC_BASE_URL=NOBODY)
        with app:
            found = [restart(app, session.id) for _ in range(given.rounds)]
            with app.client() as api:
                workers = api.get(f"/api/sessions/{session.id}/workers").json()["items"]
                assert [w["status"] for w in workers] == ["running"] * 3, "a worker was lost"
    serves, back, used = ([times[n] for times in found] for n in range(3))
    names = ("/api/health answers", "all three workers are heard again", "processor time until it answers")
    for what, times in zip(names, (serves, back, used), strict=True):
        print(f"{what:34} median {statistics.median(times):.2f} s   worst {max(times):.2f} s   ({len(times)} restarts)")
    if given.check and max(serves) > GOAL_S:
        sys.exit(1)


if __name__ == "__main__":
    main()
