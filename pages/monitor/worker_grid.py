"""The workers, live: name, task, last action, silence, tokens, a line of their processor use. Drawn by ``worker_grid.js``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from nicegui import run

from maestro.core.kernel.runtime import Runtime
from maestro.core.queries.metrics import Series, Wanted, list_metrics
from maestro.core.views import TaskView, WorkerView
from maestro.db.journal import Event
from maestro.db.types import utcnow
from pages.components.inline import plain
from pages.components.state import LIFE, task_mark, worker_life
from pages.monitor.patched import PatchedElement
from pages.monitor.snapshot import Snapshot
from pages.shared.messages import can_be_told
from pages.shared.waits import cut_by

#: What a sparkline shows: as long back, as many values.
_SPAN = timedelta(minutes=2)
_VALUES = 60

#: What of the log is an action worth showing.
_ACTIONS = {"text", "tool", "progress"}
_OUTCOME = {
    "success": "Finished",
    "failed": "Failed",
    "interrupted": "Interrupted",
    "cancelled": "Stopped",
    "lost": "Lost",
}


class WorkerGrid(PatchedElement, component="worker_grid.js"):
    """A row for each worker. It asks with ``open`` (a task's id) for the details of its task."""

    def __init__(self) -> None:
        super().__init__()
        self._tokens: dict[str, dict[str, int]] = {}

    async def start(self, rt: Runtime, now: Snapshot) -> None:
        """Show the workers as they are, with their last two minutes."""
        found: list[Series] | None = None
        if any(w.status != "ended" for w in now.workers):
            since = utcnow() - _SPAN
            wanted = Wanted(name="cpu_percent", since=since, points=_VALUES)
            found = await run.io_bound(list_metrics, rt, now.session.id, wanted)
        series = {s.worker_id: [round(v, 1) for _at, v in s.points] for s in found or [] if s.worker_id}
        self.show(rows(now), series=series)

    def show_snapshot(self, now: Snapshot) -> None:
        """Show the workers as they are."""
        self.show(rows(now), **self._more)

    def pulse(self, events: list[Event]) -> None:
        """Take up log rows and measurements without reading anything."""
        news: dict[str, dict[str, Any]] = {}
        for event in events:
            worker_id = event.payload.get("worker_id")
            if not worker_id or event.type not in {"log_entry", "metric"}:
                continue
            came = news.setdefault(worker_id, {})
            if event.type == "log_entry":
                came["at"] = int(event.timestamp.timestamp() * 1000)
                words = str(event.payload.get("message") or "").strip()
                if event.payload.get("kind") in _ACTIONS and words:
                    came["last"] = plain(words.splitlines()[0])[:200]
            elif event.payload.get("name") == "cpu_percent":
                came.setdefault("cpu", []).append(event.payload.get("value") or 0)
            else:
                self._count(worker_id, event.payload, came)
        news = {k: v for k, v in news.items() if v}
        if news:
            self.run_method("pulse", news)

    def _count(self, worker_id: str, payload: dict[str, Any], came: dict[str, Any]) -> None:
        name = str(payload.get("name") or "")
        if name in {"tokens_input", "tokens_output"}:
            known = self._tokens.setdefault(worker_id, {})
            known[name] = int(payload.get("value") or 0)
            if len(known) == 2:
                came["tokens"] = sum(known.values())


def rows(now: Snapshot) -> list[dict[str, Any]]:
    """The grid's rows: those at work by name, then the ended ones, newest first."""
    tasks = {t.id: t for t in now.tasks}
    live = [w for w in now.workers if w.status != "ended"]
    ended = [w for w in reversed(now.workers) if w.status == "ended"]
    return [_row(w, tasks.get(w.task_id or ""), now.session.status) for w in [*live, *ended]]


def _row(worker: WorkerView, task: TaskView | None, session: str) -> dict[str, Any]:
    life = worker_life(worker)
    ended = worker.status == "ended"
    seen = worker.last_event_at or worker.started_at
    t = worker.tokens
    return {
        "id": worker.id,
        "name": worker.name,
        "task_id": worker.task_id,
        "task": task.key if task else "",
        "title": plain(task.title) if task else "",
        "tone": task_mark(task.status, session=session).tone if task else "pending",
        "shape": life,
        "life": LIFE.get(life, life),
        "ended": ended,
        "hears": not ended and task is not None and task.hears and can_be_told(task, session),
        "outcome": _ended(worker) if ended else "",
        "last": plain(_last(worker, task)),
        "at": int(seen.timestamp() * 1000),
        "still": int((utcnow().timestamp() - worker.silent_s) * 1000) if worker.silent_s else None,
        "tokens": t.total,
        "tokens_tip": f"{t.input:,} in, {t.output:,} out, {t.cache_read:,} read from cache, {t.cache_write:,} written to it",
    }


def _last(worker: WorkerView, task: TaskView | None) -> str:
    if worker.status == "ended" and worker.outcome_detail:
        return worker.outcome_detail.strip().partition("\n")[0][:200]
    return worker.last_action or (task.progress_note if task else None) or "Starting"


def _ended(worker: WorkerView) -> str:
    """How a run ended. One that the model endpoint stopped has not failed: its attempt continues."""
    return "Stopped" if cut_by(worker) == "endpoint" else _OUTCOME.get(worker.outcome or "", "Ended")
