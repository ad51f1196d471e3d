"""How close a session comes to its critical path: a lattice of 13 tasks on 4 workers, against the bare CLI.

The lattice: t1; four rows of three, each task after its neighbours above. One chain of five tasks is the critical path;
the same steps are run with the bare bundled CLI, one after the other, in the same run and against the same scripted model.
The model's answers take as long as real ones (``--think`` seconds each), so that what is compared is the orchestration.

    .venv/bin/python benchmarks/makespan.py
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import claude_agent_sdk

from maestro.demo.server import ScriptedServer
from tests.app_process import AppProcess
from tests.repos import make_repo
from tests.scripted import DUMMY_KEY, bash, clean_env, say, scenario, task_rule, write

GOAL = 1.25
CLI = Path(claude_agent_sdk.__file__).parent / "_bundled" / "claude"
_ROWS = 4


def lattice() -> list[dict[str, Any]]:
    """13 tasks: one, then four rows of three; the longest chain has five."""
    tasks: list[dict[str, Any]] = [_task("t1", [])]
    for row in range(_ROWS):
        for column in range(3):
            first = row * 3 + 2
            above = ["t1"] if row == 0 else sorted({f"t{first - 3 + column}", f"t{first - 3 + (column + 1) % 3}"})
            tasks.append(_task(f"t{first + column}", above))
    return tasks


def _task(key: str, depends_on: list[str]) -> dict[str, Any]:
    check = f"test -s {key}.txt"
    return {"id": key, "title": f"Task {key}", "depends_on": depends_on, "files": [f"{key}.txt"], "checks": [check]}


def script(tasks: list[dict[str, Any]], think: float) -> Any:
    """Three answers a task: write a file, look at it, done."""
    plan = {"summary": "A lattice", "checks": ["ls"], "tasks": tasks}
    rules: list[dict[str, Any]] = [{"match": {"tool_schema_has": "tasks"}, "reply": [{"answer": plan}]}]
    for key in (t["id"] for t in tasks):
        steps = ([write(f"{key}.txt", f"{key}\n")], [bash(f"cat {key}.txt")], [say("Done.")])
        rules.append(task_rule(f"# Task {key}:", *({"content": s, "delay_s": think} for s in steps)))
    return scenario(*rules)


def bare(folder: Path, url: str, keys: list[str]) -> float:
    """Seconds for a chain of tasks with the bare CLI and the same checks."""
    place = folder / "bare"
    place.mkdir()
    began = time.perf_counter()
    for key in keys:
        options = ["--permission-mode", "bypassPermissions", "--output-format", "json"]
        said = subprocess.run(
            [str(CLI), "-p", *options],
            input=f"# Task {key}: Task {key}",
            cwd=place,
            env=clean_env(folder / "home", url, IS_SANDBOX="1"),
            capture_output=True,
            text=True,
            check=False,
        )
        if said.returncode != 0 or json.loads(said.stdout).get("is_error"):
            sys.exit(f"the bare CLI failed: {said.stdout[-1000:]} {said.stderr[-1000:]}")
        subprocess.run(["/bin/sh", "-c", f"test -s {key}.txt"], cwd=place, check=True)
    return time.perf_counter() - began


def session(folder: Path, url: str, workers: int) -> float:
    """Seconds from "approve and start" to COMPLETED of the same tasks as a session of a real app."""
    repo = make_repo(folder / "repo", {"README.md": "Hello\n"})
    app = AppProcess(
        folder / "data", MAESTRO_ASSISTANT="anthropic", ANTHROPIC_API_KEY=DUMMY_KEY, ANTHROPIC_BASE_URL=url
    )
    with app, app.client() as api, app.events() as events:
        config = {"max_workers": workers, "permission_mode": "bypass"}
        new = {"title": "Bench", "description": "x", "repo_path": str(repo), "agent_config": config}
        path = f"/api/sessions/{api.post('/api/sessions', json=new).raise_for_status().json()['id']}"
        api.post(f"{path}/start").raise_for_status()
        events.until("message", role="ai", status="complete")
        api.post(f"{path}/plan").raise_for_status()
        events.until("state_changed", to="plan_review")
        began = time.perf_counter()
        api.post(f"{path}/plan/approve").raise_for_status()
        events.until("state_changed", to="completed", timeout_s=600)
        return time.perf_counter() - began


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--think", type=float, default=3.0, help="seconds the model takes for an answer (default 3)")
    arguments.add_argument("--workers", type=int, default=4)
    arguments.add_argument("--check", action="store_true", help=f"exit with 1 when the ratio is over {GOAL:g}")
    given = arguments.parse_args()
    tasks = lattice()
    chain = ["t1", *(f"t{row * 3 + 2}" for row in range(_ROWS))]
    with tempfile.TemporaryDirectory() as name, ScriptedServer(script(tasks, given.think)) as server:
        alone = bare(Path(name), server.url, chain)
        whole = session(Path(name), server.url, given.workers)
    ratio = whole / alone
    print(f"critical path, {len(chain)} tasks with the bare CLI  {alone:6.1f} s")
    print(f"session of {len(tasks)} tasks on {given.workers} workers       {whole:6.1f} s")
    print(f"ratio {ratio:.2f} (goal: at most {GOAL:g}; the model takes {given.think:g} s for an answer)")
    if given.check and ratio > GOAL:
        sys.exit(1)


if __name__ == "__main__":
    main()
