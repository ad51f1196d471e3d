"""The evidence column: what Maestro's own checks say about the whole, then about each task."""

from __future__ import annotations

from dataclasses import dataclass

from maestro.core.kernel.runtime import Runtime
from maestro.core.views import CheckRunView, SessionView, TaskView
from pages.components.icon import icon
from pages.components.inline import plain
from pages.components.state import task_mark
from pages.components.tag import Tag, box, tag, text
from pages.components.words import plural
from pages.shared.evidence import evidence_list


@dataclass(frozen=True, slots=True)
class Evidence:
    """All check runs of a session, and the tasks they belong to."""

    tasks: list[TaskView]
    checks: list[CheckRunView]

    def of(self, task_id: str | None) -> list[CheckRunView]:
        """The runs for one task; None: for the whole."""
        return [c for c in self.checks if c.task_id == task_id]


def proof(rt: Runtime, session: SessionView, evidence: Evidence, only: TaskView | None = None) -> None:
    """Fill the column; ``only`` narrows it to one task."""
    if only is None:
        _whole(rt, session, evidence.of(None))
    tasks = [only] if only else evidence.tasks
    for task in tasks:
        runs = evidence.of(task.id)
        if runs or only:
            _task(rt, session, task, runs)
    bare = [t for t in evidence.tasks if t.status == "completed" and not evidence.of(t.id)]
    if bare and only is None:
        names = ", ".join(t.key for t in bare[:12]) + ("…" if len(bare) > 12 else "")
        tag("div", f"No checks of their own: {names}", "m-meta")


def _whole(rt: Runtime, session: SessionView, checks: list[CheckRunView]) -> None:
    proven = [c for c in checks if c.phase == "validation"]
    newest = {c.command: c for c in proven}
    failed = [c for c in newest.values() if not c.passed]
    tone, symbol, words = "pending", "circle-dashed", "Final checks have not run yet"
    if failed:
        tone, symbol, words = (
            "failed",
            "circle-x",
            f"{len(failed)} of {plural(len(newest), 'final check')} failed",
        )
    elif newest:
        tone, symbol, words = "done", "shield-check", f"{plural(len(newest), 'final check')} passed"
    elif session.status in {"completed"}:
        words = "The plan has no final checks, so nothing proves the result"
    with box(f"proof__sum s-{tone}"):
        icon(symbol)
        text(words)
    if checks:
        _runs(rt, session.id, checks)


def _task(rt: Runtime, session: SessionView, task: TaskView, checks: list[CheckRunView]) -> None:
    mark = task_mark(task.status, session=session.status)
    with box("proof__task"):
        with box(f"proof__head s-{mark.tone}"):
            icon(mark.icon, label=mark.word)
            text(task.key, "m-mono m-soft")
            text(plain(task.title), "m-cut", title=task.title, dir="auto")
        if checks:
            _runs(rt, session.id, checks)
        else:
            tag("div", "No check of its own.", "m-meta")


def _runs(rt: Runtime, session_id: str, checks: list[CheckRunView]) -> None:
    """The newest run of each command and phase; earlier ones behind a click."""
    newest = list({(c.command, c.phase): c for c in checks}.values())
    ids = {c.id for c in newest}
    earlier = [c for c in checks if c.id not in ids]
    evidence_list(rt, session_id, sorted(newest, key=lambda c: c.created_at))
    if not earlier:
        return
    place = box()

    def unfold() -> None:
        more.delete()
        with place:
            evidence_list(rt, session_id, earlier)

    with place:
        more: Tag = tag("button", f"{plural(len(earlier), 'earlier run')}", "proof__more", type="button")
        more.on("click", unfold)
