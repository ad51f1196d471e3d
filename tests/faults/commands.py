"""Sessions whose agents are shell scripts: quick, and under the test's control through files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from maestro.core.commands import control
from maestro.core.views import SessionView
from maestro.db import models
from tests.engine import Engine

#: Says that it works, waits for the file ``{go}`` (empty: none), writes its task's file.
SCRIPT = """
key=$(sed -n 's/^# Task \\(t[0-9]*\\):.*/\\1/p' | head -n 1)
printf half > "$key.txt"; echo "working on $key"
while test -n "{go}" && ! test -e "{go}"; do sleep 0.05; done
echo "$key" > "$key.txt"
"""


def task(key: str = "t1", **more: Any) -> dict[str, Any]:
    return {"id": key, "title": f"Task {key}", "checks": [f"grep -qx {key} {key}.txt"], **more}


def chain(count: int) -> list[dict[str, Any]]:
    """Tasks t1, t2, …, each after the one before."""
    return [task(f"t{n}", depends_on=[f"t{n - 1}"] if n > 1 else []) for n in range(1, count + 1)]


def run(
    e: Engine,
    repo: Path,
    *tasks: dict[str, Any],
    go: Path | str = "",
    checks: list[str] | None = None,
    command: str = SCRIPT,
    **config: Any,
) -> SessionView:
    """A session of such tasks whose execution has begun."""
    view = e.session(repo, {"summary": "Test", "checks": checks or [], "tasks": list(tasks)})
    with e.rt.db.write() as tx:
        row = tx.db.get(models.Session, view.id)
        assert row is not None
        row.agent_type = "command"
        row.agent_config = {
            "permission_mode": "bypass",
            "command": ["/bin/sh", "-c", command.replace("{go}", str(go))],
        } | config
        tx.db.add(row)
    return control.execute(e.rt, view.id)


def until_working(e: Engine, *keys: str) -> None:
    """Wait until the agents of these tasks are at work, in whatever order."""
    left = {f"working on {key}" for key in keys}
    while left:
        left.discard(e.until("log_entry").payload["message"])
