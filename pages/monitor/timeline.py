"""The timeline: rows are tasks, bars are runs and checks in state colours, with a now-line. Drawn by ``timeline.js``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from maestro.core.views import CheckRunView, TaskView
from pages.components.inline import plain
from pages.components.state import TASK, task_mark, worker_life
from pages.components.words import duration
from pages.monitor.attempts import Run, by_task, checks_by_task, runs_of, started
from pages.monitor.patched import PatchedElement
from pages.monitor.snapshot import Snapshot
from pages.monitor.waiting import task_waits
from pages.shared.evidence import PHASES, check_tone, count_words
from pages.shared.waits import Wait, held, ran_until, within

#: States in which a session's clock stands still.
_STILL = {"completed", "failed", "cancelled"}


class Timeline(PatchedElement, component="timeline.js"):
    """Rows of tasks. It asks with ``open`` (a task's id) for the details of one."""

    def show_snapshot(self, now: Snapshot) -> None:
        """Show the session as it is."""
        self.show(rows(now), still=now.session.status in _STILL)


def rows(now: Snapshot) -> list[dict[str, Any]]:
    """The timeline's rows: the tasks in plan order, then the checks of the whole."""
    workers, checks = by_task(now.workers), checks_by_task(now.checks)
    status = {t.key: t.status for t in now.tasks}
    session = now.session.status
    made = []
    for t in now.tasks:
        runs = runs_of(t, workers[t.id], checks[t.id])
        made.append(_task(t, runs, task_waits(now, t, runs), status, session=session))
    whole = _whole(now, checks[None], held(now.questions))
    return [*made, whole] if whole else made


def _task(
    task: TaskView, runs: list[Run], waits: list[Wait], status: dict[str, str], *, session: str
) -> dict[str, Any]:
    waiting = any(w.until is None for w in waits)
    bars = [bar for run in runs for bar in _bars(run, open_wait=waiting)]
    bars += [_wait(w) for w in waits if runs and w.cause != "restart"]
    if task.status in {"checking", "integrating"} and session not in {"paused", "failed"} and not waiting:
        bars.append(_live_check(task, runs))
    mark = task_mark(task.status, session=session)
    # What a rollback made pending again has bars of its former runs, but no clock.
    began = None if task.status == "pending" else runs[0].worker.started_at if runs else task.started_at
    return {
        "id": task.id,
        "key": task.key,
        "title": plain(task.title),
        "tone": mark.tone,
        "icon": mark.icon,
        "word": mark.word,
        "note": "" if bars else _note(task, status, session),
        "from": _ms(began),
        "to": _ms(task.completed_at),
        "bars": bars,
        # Left free, so that a long one is folded: nothing ran, but nothing was waited for.
        "idle": [{"from": _ms(w.since), "to": _ms(w.until)} for w in waits if w.cause == "restart"],
    }


def _bars(run: Run, *, open_wait: bool) -> list[dict[str, Any]]:
    """A run and its checks; ``open_wait``: a bar of its own says that an answer is waited for."""
    worker = run.worker
    life = worker_life(worker)
    again = " (continued)" if run.continued else ""
    words = f"{worker.name}, attempt {worker.attempt}{again}: {run.outcome}"
    bar = {
        "kind": "run",
        "from": _ms(worker.started_at),
        "to": _ms(ran_until(worker)),
        "tone": "running" if open_wait and run.tone in {"waiting", "paused"} else run.tone,
        "label": "" if run.continued else str(worker.attempt),
        "tip": plain(f"{words}. {run.reason}".removesuffix(". ")),
        "live": run.live and life not in {"paused", "parked", "lost", "waiting"},
    }
    return [bar, *(_check(c) for c in run.checks)]


def _wait(wait: Wait) -> dict[str, Any]:
    took, title = duration((wait.ended - wait.since).total_seconds()), plain(wait.title)
    now, then = {
        "answer": (f"Waiting for you: {title}", f"Waited {took} for you: {title}"),
        "resume": ("Paused", f"Paused for {took}"),
        "endpoint": (f"Waiting for the model endpoint. {title}", f"Waited {took} for the model endpoint. {title}"),
        "restart": ("", ""),
    }[wait.cause]
    return {
        "kind": "wait",
        "from": _ms(wait.since),
        "to": _ms(wait.until),
        "tone": "waiting" if wait.cause == "answer" else "paused",
        "label": "",
        "tip": (then if wait.until else now).strip(),
        "live": False,
    }


def _check(check: CheckRunView) -> dict[str, Any]:
    phase = PHASES.get(check.phase, check.phase)
    return {
        "kind": "check",
        "from": _ms(started(check)),
        "to": _ms(check.created_at),
        "tone": check_tone(check),
        "label": "",
        "tip": f"{phase}: {check.command}\n{count_words(check)} in {duration(check.duration_s)}",
        "live": False,
    }


def _live_check(task: TaskView, runs: list[Run]) -> dict[str, Any]:
    last = runs[-1] if runs else None
    since = task.started_at
    if last is not None:
        since = last.checks[-1].created_at if last.checks else last.worker.ended_at or last.worker.started_at
    tip = plain(task.progress_note or "") or TASK[task.status].word
    return _going(tip, since)


def _going(tip: str, since: datetime | None) -> dict[str, Any]:
    """A check that goes on."""
    return {"kind": "check", "from": _ms(since), "to": None, "tone": "checking", "label": "", "tip": tip, "live": True}


def _whole(now: Snapshot, checks: list[CheckRunView], on_hold: list[Wait]) -> dict[str, Any] | None:
    """The row of the checks of the whole: the baseline before, the validation after."""
    validating = now.session.status == "validating"
    if not checks and not validating:
        return None
    bars = [_check(c) for c in checks]
    if validating:
        ended = [t.completed_at for t in now.tasks if t.completed_at]
        since = max(
            [*ended, *(c.created_at for c in checks if c.phase == "validation")], default=now.session.updated_at
        )
        waits = within(on_hold, since, None)
        bars += [_wait(w) for w in waits]
        if not any(w.until is None for w in waits):
            since = max([since, *(w.ended for w in waits)])
            bars.append(_going("", since))
    proof = {c.command: c for c in checks if c.phase == "validation"}.values()
    status = "checking" if validating else "pending"
    if proof and now.session.status in _STILL:
        status = "completed" if all(c.passed for c in proof) else "failed"
    mark = task_mark(status)
    return {
        "id": "",
        "key": "",
        "title": "Final checks",
        "tone": mark.tone,
        "icon": "list-checks" if status == "pending" else mark.icon,
        "word": "Final checks, before the first task and after the last",
        "note": "",
        "from": None,
        "to": None,
        "bars": bars,
        "idle": [],
    }


def _note(task: TaskView, status: dict[str, str], session: str) -> str:
    """Why nothing is in the lane yet."""
    if session in _STILL:
        return "not started" if task.status in {"pending", "waiting", "cancelled"} else ""
    if task.status == "waiting" and not task.attempt:
        return "needs your approval"
    if task.status == "running":
        return plain(task.progress_note or "")  # its worktree is being set up
    if task.status != "pending":
        return ""
    missing = [k for k in task.depends_on if status.get(k) not in {"completed", "skipped"}]
    if missing:
        return "after " + ", ".join(missing[:4]) + (" and others" if len(missing) > 4 else "")
    return "next"


def _ms(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1000)
