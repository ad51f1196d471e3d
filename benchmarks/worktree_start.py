"""How soon a task starts in a large repository: from "its dependency is in" to "its worker runs".

Makes a repository of ``--files`` files and runs a chain of tasks on it in a real app, with a plain command as agent. The
seconds come from the journal: the first task counts from the session's start, each other from its dependency's end.
``--no-pool`` runs the same without worktrees kept ready.

    .venv/bin/python benchmarks/worktree_start.py
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from maestro.demo.server import ScriptedServer
from tests.app_process import AppProcess, wait_for
from tests.repos import make_repo
from tests.scripted import DUMMY_KEY, scenario

GOAL_S = 1.0
_A_FOLDER = 100
#: The agent changes a tracked file, leaves a new and an ignored one, and takes its time as agents do.
_AGENT = "echo changed >> d1/f1.txt; date +%N > new-$$.txt; echo x > left.log; sleep {seconds}"


def plan(count: int) -> dict[str, Any]:
    """A chain: each task after the one before."""
    tasks = [
        {"id": f"t{n}", "title": f"Task t{n}", "depends_on": [f"t{n - 1}"] if n > 1 else [], "checks": ["test -s d1/f1.txt"]}
        for n in range(1, count + 1)
    ]  # fmt: skip
    return {"summary": "A chain", "checks": ["ls"], "tasks": tasks}


def session(folder: Path, repo: Path, given: argparse.Namespace) -> Path:
    """Run the chain to its end; the database that tells of it."""
    rules = [{"match": {"tool_schema_has": "tasks"}, "reply": [{"answer": plan(given.tasks)}]}]
    threshold = {"MAESTRO_LARGE_REPOSITORY_FILES": "1000000000"} if given.no_pool else {}
    with ScriptedServer(scenario(*rules)) as server:
        endpoint = {"MAESTRO_ASSISTANT": "anthropic", "ANTHROPIC_API_KEY": DUMMY_KEY, "ANTHROPIC_BASE_URL": server.url}
        app = AppProcess(folder / "data", home=folder / "home", **endpoint, **threshold)
        with app, app.client() as api, app.events() as events:
            new = {
                "title": "Bench", "description": "x", "repo_path": str(repo), "agent_type": "command",
                "agent_config": {"command": ["/bin/sh", "-c", _AGENT.format(seconds=given.work)]},
            }  # fmt: skip
            path = f"/api/sessions/{api.post('/api/sessions', json=new).raise_for_status().json()['id']}"
            api.post(f"{path}/start").raise_for_status()
            events.until("message", role="ai", status="complete")
            api.post(f"{path}/plan").raise_for_status()
            events.until("state_changed", to="plan_review")
            api.post(f"{path}/plan/approve").raise_for_status()
            events.until("state_changed", to="completed", timeout_s=1800)
            left = folder / "data" / "worktrees"
            wait_for(lambda: not any(left.glob("*/*")), 300, "the worktrees to go")
    return folder / "data" / "maestro.db"


def starts(database: Path) -> list[float]:
    """Seconds to the worker's start, task by task."""
    with closing(sqlite3.connect(database)) as db:
        rows = db.execute(
            "select type, timestamp, payload from events where type in "
            "('state_changed', 'task_completed', 'worker_spawned') order by seq"
        ).fetchall()
    since: int | None = None
    found = []
    for kind, at, payload in rows:
        if kind == "task_completed" or json.loads(payload).get("to") == "executing":
            since = at
        elif kind == "worker_spawned" and since is not None:
            found.append((at - since) / 1e6)
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--files", type=int, default=50_000)
    arguments.add_argument("--tasks", type=int, default=5)
    arguments.add_argument("--work", type=float, default=5, help="seconds an agent works (default 5)")
    arguments.add_argument("--no-pool", action="store_true", help="without worktrees kept ready, to compare")
    arguments.add_argument(
        "--check", action="store_true", help=f"exit with 1 when a later start takes over {GOAL_S:g} s"
    )
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folders, began = range(given.files // _A_FOLDER), time.perf_counter()
        files = {f"d{d}/f{n}.txt": f"{d} {n}\n" * 20 for d in folders for n in range(_A_FOLDER)}
        repo = make_repo(Path(name) / "repo", {**files, ".gitignore": "*.log\n"})
        print(f"a repository of {len(files):,} files, made in {time.perf_counter() - began:.0f} s")
        seconds = starts(session(Path(name), repo, given))
    for number, took in enumerate(seconds, 1):
        print(f"t{number}  {took:5.2f} s")
    later = seconds[1:]
    print(f"after the first: most {max(later):.2f} s (goal: {GOAL_S:g} s)")
    if given.check and max(later) > GOAL_S:
        sys.exit(1)


if __name__ == "__main__":
    main()
