"""While there is no plan to show: it is being made, it could not be made, or nobody has asked for one yet."""

from __future__ import annotations

from maestro.core import queries
from maestro.core.commands import plans
from maestro.core.views import LogView, SessionView
from maestro.db.journal import Event
from maestro.errors import NotFound
from pages import live
from pages.components.buttons import button, link_button
from pages.components.calls import did, read
from pages.components.code import code
from pages.components.icon import icon
from pages.components.placeholders import empty, notice
from pages.components.tag import box, tag, text
from pages.components.when import since
from pages.frame.view import Frame

_TOOLS = {"read_file": "file-text", "list_files": "folder", "search_files": "search", "submit_plan": "list-checks"}
_LINES = 8
_NO_PLAN = "No plan: "
_PHASES = {
    "reading": "The assistant makes the plan",
    "drafting": "The assistant writes the tasks",
    "reviewing": "The assistant reviews its draft",
    "rewriting": "The assistant rewrites the draft",
}


class Making:
    """The plan is being made: for how long, what the assistant looks at, and the outline of what will stand here."""

    def __init__(self, view: Frame, session: SessionView) -> None:
        self.view = view
        self.session = session
        self._shown: object = None
        with box("p-making"):
            with box("p-making__head", role="status"):
                text("", "b-busy__dot")
                self._title = tag("h2", _PHASES["reading"], "m-head m-grow")
                since(session.updated_at, "m-soft m-num")
            tag(
                "p",
                "It reads the repository, then lists tasks with files and checks. You can leave this page; it continues.",
                "m-soft",
            )
            self._lines = box("p-making__lines", role="log", aria_label="What the assistant does")
            self._drafted = box("p-rows", role="log", aria_label="Tasks drafted so far")
            with box("p-making__skeleton", aria_hidden="true"):
                for width in (68, 54, 76, 60):
                    box("m-skel").style(f"height: 38px; width: {width}%")
            with self._lines:
                live.subscribe(session.id, self._heard, types=("log_entry", "plan_drafting", live.DROPPED))

    async def load(self) -> None:
        """Show what it did so far."""
        rows = await read(queries.list_logs, self.view.rt, self.session.id, limit=_LINES * 4)
        lines = [r for r in rows if r.source == "assistant" and r.timestamp >= self.session.updated_at]
        self._lines.clear()
        with self._lines:
            for row in lines[-_LINES:]:
                with box("p-making__line"):
                    icon(_TOOLS.get((row.metadata or {}).get("tool", ""), "arrow-right"))
                    text(row.message, "m-cut")
        await self._load_draft()

    async def _load_draft(self) -> None:
        """The phase, and the tasks as they are drafted; a reload finds them again."""
        try:
            progress = await read(queries.plan_progress, self.view.rt, self.session.id)
        except NotFound:  # it is made already, or not yet begun
            return
        if self._title.text != _PHASES.get(progress.phase, ""):
            self._title.set_text(_PHASES.get(progress.phase, _PHASES["reading"]))
        shown = (progress.tasks, progress.findings)
        if shown == self._shown:
            return
        self._shown = shown
        self._drafted.clear()
        with self._drafted:
            for finding in progress.findings:
                with box("p-making__line s-waiting"):
                    icon("circle-alert")
                    text(finding, "m-wrap")
            for task in progress.tasks:
                with box("p-row", data_drafted=task.id):
                    icon("circle-dashed", "p-row__state")
                    text(task.id, "p-row__key m-cut")
                    text(task.title, "p-row__title m-cut", dir="auto")

    async def _heard(self, _events: list[Event]) -> None:
        await self.load()


async def last_failure(view: Frame, session: SessionView) -> LogView | None:
    """Why the latest try to make a plan failed; None when it did not, or nobody tried."""
    rows = await read(queries.list_logs, view.rt, session.id, level="error", kind="error", limit=50)
    failed = [r for r in rows if r.source == "assistant" and r.message.startswith(_NO_PLAN)]
    return failed[-1] if failed else None


def failed(view: Frame, session: SessionView, row: LogView) -> None:
    """The plan could not be made: the reason, the way on, the raw answer."""
    raw = str((row.metadata or {}).get("raw") or "")
    with box("p-failed"):
        with notice("The plan could not be made.", "failed", symbol="circle-alert"):
            text(row.message.removeprefix(_NO_PLAN), "m-wrap")
            with box("m-row m-row--wrap").style("margin-top: 8px"):
                again = button("Plan it again", icon="refresh-cw", kind="primary")

                async def ask() -> None:
                    with view.content:
                        await did(plans.request_plan, view.rt, session.id, by=again)

                again.on_click(ask)
                again.set_enabled(session.status == "brainstorming")
                link_button("Back to the conversation", f"/session/{session.id}/brainstorm", icon="messages-square")
        if raw:
            tag("h3", "What the model answered", "p-label")
            code(raw, block=True)


def none_yet(session: SessionView) -> None:
    """Nobody has asked for a plan."""
    if session.status in {"idle", "brainstorming"}:
        with empty(
            "No plan yet",
            "Discuss the idea first. “Plan it” there turns the idea card into tasks, which you review here.",
            symbol="workflow",
        ):
            link_button(
                "Go to the conversation", f"/session/{session.id}/brainstorm", icon="messages-square", kind="primary"
            )
    else:
        with empty("No plan", "This session ended before a plan was made.", symbol="workflow"):
            link_button("Overview", f"/session/{session.id}")
