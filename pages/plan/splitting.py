"""Splitting a task in two: which of its lines go to the second, and whether that waits for the first."""

from __future__ import annotations

from nicegui import background_tasks, ui

from pages.components.buttons import button
from pages.components.dialogs import answer, dialog, points
from pages.components.fields import field
from pages.components.tag import box, tag
from pages.plan import groups
from pages.plan.table import Table

_PARTS = {"acceptance": "Acceptance", "checks": "Checks", "files": "Files"}


def ask_split(bench: Table, key: str) -> None:
    """Ask how to split a task, and do it."""
    background_tasks.create(_ask(bench, key))


async def _ask(bench: Table, key: str) -> None:
    task = bench.draft.task(key)
    if task is None:
        return
    ticks: dict[str, dict[str, ui.checkbox]] = {name: {} for name in _PARTS}
    with bench.view.content, dialog(f"Split {key}", wide=True) as (panel, body):
        with body:
            points(["Both parts keep the description. Select what goes to the second part."])
            with field("Title of the second part"):
                title = ui.input(value=f"{task['title']} (part 2)").props("autofocus")
            for name, label in _PARTS.items():
                if task[name]:
                    with tag("fieldset", "", "p-split"):
                        tag("legend", label, "p-label")
                        for line in task[name]:
                            ticks[name][line] = ui.checkbox(line)
            beside = ui.checkbox("Both parts can run at the same time")
        with box("m-dialog__foot"):
            button("Cancel", lambda: panel.submit(False))
            button("Split", lambda: panel.submit(True), kind="primary")
    if not await answer(panel) or bench.draft.task(key) is None:
        return
    moved = {name: [line for line, tick in lines.items() if tick.value] for name, lines in ticks.items() if lines}
    bench.change(
        f"Split {key}",
        lambda: groups.split(bench.draft.tasks, key, title=title.value or "", moved=moved, beside=bool(beside.value)),
    )
