"""A task's details: a panel at the right, beside the view and not over a dimmed one."""

from __future__ import annotations

from nicegui import ui

from maestro.core.commands.notes import DEAF
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import TaskView
from pages.components.address import note_in_address
from pages.components.buttons import icon_button, link_button
from pages.components.inline import inline, plain
from pages.components.markdown import phrase, prose
from pages.components.section import facts
from pages.components.state import task_state
from pages.components.tag import Tag, box, tag, text
from pages.components.when import when
from pages.components.words import cost, duration, plural, tokens
from pages.monitor.attempts import Run, by_task, checks_by_task, runs_of
from pages.monitor.conflict import conflict_part, conflicting_files
from pages.monitor.snapshot import Snapshot
from pages.monitor.waiting import task_waits
from pages.shared.evidence import count_words, evidence_list
from pages.shared.messages import MessageField, can_be_told, message_list
from pages.shared.waits import Wait, ran_until, waited_s


class TaskDetails:
    """The panel. ``open`` shows a task, ``show`` keeps it up to date while it is open."""

    def __init__(self, rt: Runtime, session_id: str) -> None:
        self._rt = rt
        self._id = session_id
        self._task_id: str | None = None
        self._said: object = None
        with tag("aside", "", "mon-panel", aria_label="Task", tabindex="-1", data_follows="") as self._panel:
            with box("mon-panel__head"):
                with box("m-stack m-gap-2 m-grow"):
                    self._line = box("m-row m-meta")
                    self._title = tag("h2", "", "m-head m-wrap", dir="auto")
                close = icon_button("x", "Close", self.close)
                close.props.set_optional("data-key", "Escape")
            self._body = box("mon-panel__body")
            with self._body:
                self._numbers = tag("div", "", "m-meta m-num")
            with box("mon-panel__foot") as self._foot:
                self._say = MessageField(rt, session_id, lambda: self._task_id, draft=f"say-{session_id}")
                self._deaf = text(f"It cannot be told anything: {DEAF}", "m-meta")
        self._panel.set_visibility(False)

    @property
    def task_id(self) -> str | None:
        """The task that is shown."""
        return self._task_id

    def open(self, now: Snapshot, task_id: str) -> None:
        """Show a task; again the same one closes the panel."""
        if task_id == self._task_id:
            self.close()
            return
        task = now.task(task_id)
        if task is None:
            return
        self._task_id, self._said = task.id, None
        self.show(now)
        self._panel.set_visibility(True)
        note_in_address("task", task.key)
        ui.run_javascript(
            "document.querySelector('.mon-panel__body')?.scrollTo(0, 0); window.maestroFocus?.enter('.mon-panel')"
        )

    def write(self, now: Snapshot, task_id: str) -> None:
        """Show a task with the cursor in the field for a message to its agent."""
        if task_id != self._task_id:
            self.open(now, task_id)
        ui.run_javascript("setTimeout(() => document.querySelector('.mon-panel .say textarea')?.focus(), 60)")

    def close(self) -> None:
        """Put the panel away."""
        self._task_id = None
        self._panel.set_visibility(False)
        note_in_address("task", "")
        ui.run_javascript("window.maestroFocus?.leave()")

    def show(self, now: Snapshot) -> None:
        """Show the task as it is; nothing is rebuilt when nothing changed."""
        task = now.task(self._task_id)
        if self._task_id is None:
            return
        if task is None:
            self.close()
            return
        workers, checks = by_task(now.workers)[task.id], checks_by_task(now.checks)[task.id]
        runs = runs_of(task, workers, checks)
        sent = [note for note in now.notes if note.task_id == task.id]
        self._talk(task, now.session.status)
        said = (
            now.session.status,
            task.model_copy(update={"tokens": None, "cost_usd": 0.0, "progress": 0.0}),
            [(r.worker.id, r.outcome, r.reason, len(r.checks)) for r in runs],
            [(note.id, note.status) for note in sent],
        )
        if said == self._said:
            self._numbers.set_text(_numbers(task, free=now.session.demo))
            return
        self._said = said
        self._head(task, now.session.status)
        self._body.clear()
        with self._body:
            if sent:
                with _part("Your messages", ""):
                    message_list(sent)
            self._story(task, runs, task_waits(now, task, runs))
            _asked(task)
            if checks:
                with _part("Evidence", f"{plural(len(checks), 'check run')}"):
                    evidence_list(self._rt, self._id, checks)
            self._numbers = tag("div", _numbers(task, free=now.session.demo), "m-meta m-num")

    def _talk(self, task: TaskView, session: str) -> None:
        """The field below: for an agent that works or will, and can be told something."""
        reached = can_be_told(task, session)
        self._foot.set_visibility(reached)
        self._say.place.set_visibility(task.hears)
        self._say.name(f"Message to the agent of {task.key}")
        self._deaf.set_visibility(not task.hears)

    def _head(self, task: TaskView, session: str) -> None:
        self._line.clear()
        with self._line:
            task_state(task.status, session=session)
            text(f"task {task.key}")
        self._title.set_text(plain(task.title))

    def _links(self, task: TaskView, runs: list[Run]) -> None:
        with box("m-row m-row--wrap"):
            if task.result_commit:
                link_button(
                    "Task changes", f"/session/{self._id}/changes?task={task.key}", icon="file-diff", small=True
                )
            if task.status in {"pending", "running", "waiting", "checking", "failed"}:
                words = "Correct the checks" if task.attempt else "Change the task"
                link_button(words, f"/session/{self._id}/plan?change=1&task={task.key}", icon="pencil", small=True)
            if runs:
                link_button("Task log", f"/session/{self._id}/logs?task={task.key}", icon="list", small=True)

    def _story(self, task: TaskView, runs: list[Run], waits: list[Wait]) -> None:
        if task.error_message and task.status in {"failed", "skipped"}:
            tone = "failed" if task.status == "failed" else "pending"
            inline(task.error_message, f"mon-why s-{tone} m-pre", name="div")
        self._links(task, runs)
        if conflicting_files(task):
            with _part("Conflict", ""):
                conflict_part(self._rt, self._id, task)
        with _part("Attempts", ""):
            if not runs:
                inline(task.progress_note or "Not started yet.", "m-soft m-wrap")
            with tag("ol", "", "mon-ladder"):
                for run in reversed(runs):
                    _rung(run, waits)
        if task.hint:
            with _part("Your hint", ""):
                tag("div", task.hint, "m-pre m-soft", dir="auto")


def _rung(run: Run, waits: list[Wait]) -> None:
    """One row a run: how it ended, why, how long, what it used."""
    worker = run.worker
    with tag("li", "", f"mon-rung s-{run.tone}"):
        box("mon-rung__dot" + (" m-alive" if run.live and run.tone == "running" else ""))
        with box("m-stack m-gap-0 m-grow"):
            with box("m-row m-row--wrap"):
                text(f"Attempt {worker.attempt}{', continued' if run.continued else ''}", "m-strong m-num")
                text(run.outcome, "mon-rung__outcome")
                text(worker.name, "m-meta m-push")
            if run.reason:
                inline(run.reason, "m-soft m-wrap mon-rung__why", name="div")
            with box("m-row m-row--wrap m-meta m-num"):
                when(worker.started_at)
                if ended := ran_until(worker):
                    waited = waited_s(waits, worker.started_at, ended)
                    text(f"ran {duration((ended - worker.started_at).total_seconds() - waited)}")
                    if waited >= 1:
                        text(f"waited {duration(waited)}")
                if worker.tokens.total:
                    text(f"{tokens(worker.tokens.total)} tokens")
                for check in run.checks:
                    text(count_words(check), f"mon-proof s-{'done' if check.passed else 'failed'}", title=check.command)


def _asked(task: TaskView) -> None:
    """What the task was to do, as the plan says it."""
    if task.acceptance:
        with _part("Acceptance", ""), tag("ul", "", "m-points"):
            for line in task.acceptance:
                phrase(line, name="li")
    if task.description:
        with _part("Task", ""):
            prose(task.description, "m-soft")
    rows = {
        "Depends on": ", ".join(task.depends_on),
        "Files": ", ".join(task.files),
        "Checks": "\n".join(task.checks),
        "Branch": task.branch,
    }
    if any(rows.values()):
        facts({k: v or None for k, v in rows.items()}).classes("mon-facts")


def _numbers(task: TaskView, *, free: bool) -> str:
    used = task.tokens.total
    return (
        f"{tokens(used)} tokens, {cost(task.cost_usd, used, free=free, incomplete=task.cost_incomplete)} so far"
        if used or task.cost_usd
        else ""
    )


def _part(title: str, hint: str) -> Tag:
    with box("mon-part") as made, box("m-row"):
        tag("h3", title, "mon-part__title")
        if hint:
            text(hint, "m-meta")
    return made
