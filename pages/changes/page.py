"""The changes page: file tree, diff, evidence, merge bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nicegui import run

from maestro.core import queries
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import DiffView, SessionView, TaskView
from maestro.core.views.after import CommentView
from maestro.db.journal import Event
from maestro.errors import GitError, NotFound
from pages import live
from pages.changes.diff_files import FileDiff, files_of
from pages.changes.diff_view import DiffPane
from pages.changes.merge_bar import MergeBar
from pages.changes.proof import Evidence, proof
from pages.changes.review import Review
from pages.components.buttons import button
from pages.components.icon import icon
from pages.components.placeholders import empty, error_state
from pages.components.tag import box, tag, text
from pages.components.words import plural
from pages.frame.view import Frame
from pages.routing import session_page

_TAIL = 1200
_EVENTS = (
    "state_changed", "task_completed", "check_finished", "checkpoint_created", "rolled_back", "merged", "unmerged",
    "comments_changed", live.DROPPED,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Changes:
    """A diff, cut into files; ``diff`` None where nothing has changed yet, ``problem`` where git could not say."""

    diff: DiffView | None
    files: list[FileDiff]
    problem: str | None = None


def install(rt: Runtime) -> None:
    """Register the page."""

    @session_page(rt, "/session/{session_id}/changes", tab="changes", width="bare")
    async def changes(view: Frame, session: SessionView) -> None:
        evidence = await run.io_bound(_evidence, rt, session.id)
        if evidence is None:
            return
        wanted = view.query.get("task")
        task = next((t for t in evidence.tasks if wanted in (t.key, t.id)), None) if wanted else None
        found = await run.io_bound(read, rt, session.id, task.key if task else None)
        if found is not None:
            await ChangesPage(view, session, evidence, task).build(found)


def read(rt: Runtime, session_id: str, task: str | None) -> Changes:
    """Read the diff of a session, or of one task. Blocks."""
    try:
        diff = queries.get_diff(rt, session_id, task=task)
    except NotFound:
        return Changes(None, [])
    except GitError as error:
        return Changes(None, [], error.detail)
    return Changes(diff, files_of(diff))


class ChangesPage:
    """The page and what keeps it up to date."""

    def __init__(self, view: Frame, session: SessionView, evidence: Evidence, task: TaskView | None) -> None:
        self._view = view
        self._rt = view.rt
        self._id = session.id
        self._task = task
        self._evidence = evidence
        self._head: str | None = None
        self._pane: DiffPane | None = None

    async def build(self, found: Changes) -> None:
        """Make the page of what was read, and go on with what happens."""
        session = self._view.session
        assert session is not None
        self._head = session.session_commit
        with box("chg"):
            self._main = box("chg__main")
            with tag("aside", "", "chg__proof", aria_label="Review and evidence"):
                self._review = Review(self._view, session, self._show_comments)
                tag("h2", "Evidence", "m-head chg__title")
                with box("proof") as self._proof:
                    proof(self._rt, session, self._evidence, self._task)
            self._bar = MergeBar(self._view)
        with self._main:
            self._fill(found)
        await self._review.refresh(session, self._evidence.checks)
        await self._bar.show(session)
        live.subscribe(self._id, self._on_events, types=_EVENTS, every_s=0.5)

    def _fill(self, found: Changes) -> None:
        if found.problem:
            with error_state("The changes cannot be shown", found.problem):
                button("Try again", self._reload, icon="refresh-cw")
            return
        if found.diff is None or not found.files:
            words = (
                "Each finished task adds its commits to the session branch; the diff against your branch is shown here."
            )
            empty("No changes yet", words, symbol="file-diff")
            return
        self._pane = DiffPane(found.files, self._review.waiting, self._review.on_line)
        with self._pane:
            self._top(found.diff)

    def _show_comments(self, comments: Sequence[CommentView]) -> None:
        if self._pane is not None:
            self._pane.show_comments(comments)

    def _top(self, diff: DiffView) -> None:
        with box("chg__top") as self._top_line:
            self._summary(diff)
        with tag("button", "", "chg__moved m-hidden", type="button") as self._moved:
            icon("refresh-cw")
            text("There are newer changes. Show them")
        self._moved.on("click", self._reload)

    def _summary(self, diff: DiffView) -> None:
        text(plural(len(diff.files), "file"), "m-strong m-num")
        text(f"+{diff.insertions:,}", "dv__plus m-num")
        text(f"−{diff.deletions:,}", "dv__minus m-num")
        if self._task:
            with tag("a", "", "m-filter", href=f"/session/{self._id}/changes", aria_pressed="true", title="Show all"):
                text(f"only {self._task.key}")
                icon("x")
        with box("m-row m-meta m-push chg__ends"):
            tag("code", diff.base[:7], title=diff.base)
            text("→")
            tag("code", diff.head[:7], title=diff.head)
        if diff.text_cut:
            tag("div", "This diff is very long: the last files are listed without their contents.", "m-meta chg__cut")

    async def _reload(self) -> None:
        """Show the diff as it is now."""
        task = self._task.key if self._task else None
        found = await run.io_bound(read, self._rt, self._id, task)
        session = await run.io_bound(queries.get_session, self._rt, self._id)
        if found is None or session is None:
            return
        self._head = session.session_commit
        if self._pane is None or found.diff is None or not found.files:
            self._pane = None
            self._main.clear()
            with self._main:
                self._fill(found)
            return
        self._pane.show(found.files)
        self._moved.classes("m-hidden")
        self._top_line.clear()
        with self._top_line:
            self._summary(found.diff)

    async def _on_events(self, _events: list[Event]) -> None:
        try:
            session = await run.io_bound(queries.get_session, self._rt, self._id)
            found = await run.io_bound(_evidence, self._rt, self._id)
        except NotFound:
            return  # deleted; the frame leads away
        if session is None or found is None:
            return
        await self._bar.show(session)
        await self._review.refresh(session, found.checks)
        if found != self._evidence:
            self._evidence = found
            self._proof.clear()
            with self._proof:
                proof(self._rt, session, found, self._task)
        if session.session_commit == self._head or self._task:
            return
        if self._pane is None:
            await self._reload()
        else:
            self._moved.classes(remove="m-hidden")


def _evidence(rt: Runtime, session_id: str) -> Evidence:
    return Evidence(queries.list_tasks(rt, session_id), queries.list_evidence(rt, session_id, tail=_TAIL))
