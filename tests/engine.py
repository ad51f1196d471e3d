"""Maestro's engine in the test's own process: real database, git, workers and CLI; only the model is scripted."""

from __future__ import annotations

import contextlib
import os
import queue
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from maestro.core import queries
from maestro.core.commands import control, plans
from maestro.core.commands.sessions import NewSession, create_session
from maestro.core.execution import warm_workers
from maestro.core.kernel.runtime import Runtime, open_runtime
from maestro.core.kernel.session_states import move
from maestro.core.supervisor import lifecycle
from maestro.core.views import SessionView, TaskView
from maestro.db import models
from maestro.db.journal import Event
from maestro.demo.server import ScriptedServer
from maestro.settings import LoadedSettings
from tests.scripted import DUMMY_KEY


class Engine:
    """A runtime with its supervisor, and the events it has published."""

    def __init__(self, data_dir: Path, base_url: str | None, standbys: int = 0, **settings: Any) -> None:
        """``standbys``: how many worker processes may wait, loaded, for the next task: half a second of processor each."""
        # The sandboxed mode has tests of its own (tests/security): the others run with or without bubblewrap.
        flags = {"data_dir": data_dir, "assistant": "anthropic", "permission_mode": "edits", **settings}
        if base_url:
            flags |= {"anthropic_base_url": base_url, "anthropic_api_key": DUMMY_KEY}
        self.rt: Runtime = open_runtime(LoadedSettings(flags=flags, environment={}, dotenv=None))
        warm_workers.pool(self.rt).most = standbys
        self.events: queue.Queue[Event] = queue.Queue()
        self.seen: list[Event] = []
        self.rt.bus.subscribe(self._hear)
        lifecycle.start(self.rt)

    def _hear(self, batch: list[Event]) -> None:
        for event in batch:
            self.events.put(event)

    def until(self, type_: str, timeout_s: float = 120, **fields: Any) -> Event:
        """The next event of this type with these payload members."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                event = self.events.get(timeout=max(deadline - time.monotonic(), 0.001))
            except queue.Empty:
                raise AssertionError(f"no {type_} {fields} within {timeout_s} s; {self.story()}") from None
            self.seen.append(event)
            if event.type == type_ and all(event.payload.get(k) == v for k, v in fields.items()):
                return event

    def story(self) -> str:
        """What happened so far, for a failed test's message."""
        lines = []
        for event in self.seen[-80:]:
            words = event.payload.get("message") or {
                k: v for k, v in event.payload.items() if k not in {"detail", "plan"}
            }
            if event.type != "metric":
                lines.append(f"{event.type}: {str(words)[:300]}")
        return "\n".join(lines)

    def session(self, repo: Path, plan: dict[str, Any], **config: Any) -> SessionView:
        """A session with an approved plan, not yet executing."""
        new = NewSession(title="Test", description="Build it", repo_path=str(repo), agent_config=config)
        return self.approve(create_session(self.rt, new).id, plan)

    def approve(self, session_id: str, plan: dict[str, Any]) -> SessionView:
        """Give an idle session this plan, approved; it does not execute yet."""
        with self.rt.db.write() as tx:
            row = tx.db.get(models.Session, session_id)
            assert row is not None
            for event in ("start", "idea_ready"):
                move(tx, row, event)
            from maestro.core.planning.generation import add_version
            from maestro.core.planning.plan import parse_plan

            add_version(tx, row, parse_plan(plan), "generated")
            move(tx, row, "plan_ready")
        plans.approve_plan(self.rt, session_id, start=False)
        return queries.get_session(self.rt, session_id)

    def run(self, repo: Path, plan: dict[str, Any], **config: Any) -> SessionView:
        """A session whose execution has begun."""
        view = self.session(repo, plan, **config)
        return control.execute(self.rt, view.id)

    def get(self, session_id: str) -> SessionView:
        """The session as it is now."""
        return queries.get_session(self.rt, session_id)

    def task(self, session_id: str, key: str) -> TaskView:
        """One task as it is now."""
        return next(t for t in queries.list_tasks(self.rt, session_id) if t.key == key)

    def close(self, *, stop_workers: bool = True) -> None:
        """Stop the engine as the app's end does."""
        lifecycle.stop(self.rt, stop_workers=stop_workers)


@contextlib.contextmanager
def engine(tmp_path: Path, script: Any, **settings: Any) -> Iterator[Engine]:
    """An engine with a scripted model; everything it started is gone at the end."""
    home = Path(os.environ["HOME"])
    home.mkdir(parents=True, exist_ok=True)
    with ScriptedServer(script) as server:
        running = Engine(tmp_path / "data", server.url, **settings)
        try:
            yield running
        finally:
            running.close()
