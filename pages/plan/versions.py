"""Versions of the plan: two side by side by field, any of them brought back; the plan as a Markdown file, out and in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui
from nicegui.events import UploadEventArguments

from maestro.core import queries
from maestro.core.commands import plans
from maestro.core.views import PlanVersionView
from maestro.errors import InvalidInput
from pages.components.action import FAILED, perform, say
from pages.components.buttons import button
from pages.components.calls import read
from pages.components.dialogs import answer, dialog, points
from pages.components.fields import field
from pages.components.placeholders import notice
from pages.components.tag import box
from pages.components.when import ago
from pages.plan.compared import show_changes

if TYPE_CHECKING:
    from pages.plan.bench import Bench

_ORIGINS = {
    "generated": "made by the assistant",
    "edited": "edited",
    "restored": "brought back",
    "imported": "read from a file",
    "corrected": "check corrected",
    "follow_up": "continued after the work",
    "update": "updated from the target",
}
_FILE_BYTES = 2_000_000


async def open_versions(bench: Bench) -> None:
    """Two versions side by side; the user may bring one back."""
    versions = await read(queries.list_plan_versions, bench.view.rt, bench.session.id)
    options = {v.version: _named(v) for v in versions}
    newest = versions[0].version
    with bench.view.content, dialog("Versions of the plan", wide=True) as (panel, body):
        with body:
            with box("p-pair"):
                with field("From"):
                    old = ui.select(options, value=max(newest - 1, min(options)))
                with field("To"):
                    new = ui.select(options, value=newest)
            shown = box("p-versions", tabindex="0", role="region", aria_label="Changes")
        with box("m-dialog__foot"):
            button("Close", lambda: panel.submit(None))
            act = box("m-row")

    async def compare() -> None:
        diff = await read(queries.compare_plans, bench.view.rt, bench.session.id, int(old.value), int(new.value))
        act.clear()
        if bench.editable and old.value != newest:
            with act:
                button(
                    f"Bring back version {old.value}",
                    lambda: panel.submit(old.value),
                    icon="undo-2",
                    kind="primary",
                )
        shown.clear()
        with shown:
            show_changes(diff)

    old.on_value_change(compare)
    new.on_value_change(compare)
    await compare()
    chosen = await answer(panel)
    if chosen is not None:
        await bench.do(plans.restore_version, int(chosen), done=f"Version {chosen} is back, as the newest one.")


def _named(version: PlanVersionView) -> str:
    approved = ", approved" if version.approved_at else ""
    return f"{version.version}: {_ORIGINS.get(version.origin, version.origin)} {ago(version.created_at)}{approved}"


async def export(bench: Bench) -> None:
    """Save the stored plan as a Markdown file."""
    words = await read(queries.plan_as_markdown, bench.view.rt, bench.session.id)
    with bench.view.content:
        ui.download(words.encode(), f"plan-{bench.session.id[:8]}-v{bench.plan.version}.md", "text/markdown")


async def import_file(bench: Bench) -> None:
    """Read a Markdown file as the next version; what is wrong with it is said with its lines."""
    with bench.view.content, dialog("Read the plan from a file", wide=True) as (panel, body):
        with body:
            points(["The file’s plan becomes the next version. “Export as Markdown” shows how such a file looks."])
            with field("Choose a file"):
                file = ui.upload(auto_upload=True, max_files=1, max_file_size=_FILE_BYTES).props(
                    'accept=".md,.markdown,.txt"'
                )
            with field("Or paste it", draft=f"plan-file-{bench.session.id}"):
                pasted = ui.textarea().props("rows=8").classes("p-mono")
            wrong = box("m-stack")
        with box("m-dialog__foot"):
            button("Cancel", lambda: panel.submit(None))
            take = button("Read it", icon="check", kind="primary")

    async def uploaded(event: UploadEventArguments) -> None:
        pasted.set_value((await event.file.read()).decode("utf-8", "replace"))

    def refused(error: InvalidInput) -> bool:
        wrong.clear()
        with wrong:
            notice(error.detail, "failed", symbol="circle-alert")
        return True

    async def read_it() -> None:
        made = await perform(
            plans.import_markdown,
            bench.view.rt,
            bench.session.id,
            pasted.value or "",
            expected_version=bench.plan.version,
            by=take,
            invalid=refused,
        )
        if made is not FAILED:
            panel.submit(made.version)

    file.on_upload(uploaded)
    take.on_click(read_it)
    version = await answer(panel)
    if version is not None:
        with bench.view.content:
            say(f"The file is version {version} now.")
        await bench.refresh()


def versions_menu(bench: Bench) -> None:
    """The button with all of it."""
    with button("Versions", icon="history", kind="ghost"), ui.menu().props('anchor="top left" self="bottom left"'):
        ui.menu_item("Compare versions…", lambda: open_versions(bench))
        ui.menu_item("Export as Markdown", lambda: export(bench))
        if bench.editable:
            ui.menu_item("Import Markdown…", lambda: import_file(bench))
