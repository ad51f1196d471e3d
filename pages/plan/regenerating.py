"""Asking for another version: words, the open comments, and which tasks may change."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from maestro.core.commands import plans
from pages.components.action import say_failed
from pages.components.buttons import button
from pages.components.dialogs import answer, dialog, points
from pages.components.drafts import forget
from pages.components.fields import field
from pages.components.inline import inline
from pages.components.tag import box
from pages.components.words import plural
from pages.plan.table import Reviewed

_MOST_SHOWN = 6


async def regenerate(bench: Reviewed, selected: list[str]) -> None:
    """Ask what should be different, and ask the planner for it. ``selected``: tasks that were selected before."""
    tasks, comments = bench.draft.tasks, bench.plan.comments
    if bench.draft.dirty:
        say_failed("Save or discard your changes first, then regenerate.")
        return
    with bench.view.content, dialog("Regenerate the plan?", wide=True) as (panel, body):
        with body:
            points(["The assistant sees this plan and your notes. This version stays until the new one is ready."])
            with field("What should be different", optional=True, draft=f"feedback-{bench.session.id}"):
                words = ui.textarea(placeholder="Fewer, larger tasks. Leave the documentation for later.").props(
                    "autogrow autofocus rows=3"
                )
            with field("Only these tasks", optional=True, help="Other tasks stay exactly as they are."):
                options = {task["id"]: f"{task['id']} · {task['title']}" for task in tasks}
                only = ui.select(options, value=[key for key in selected if key in options], multiple=True)
                only.props("use-chips")
            if comments:
                with box("m-stack m-gap-4"):
                    send = ui.checkbox(f"Send your {plural(len(comments), 'comment')}", value=True)
                    for comment in comments[:_MOST_SHOWN]:
                        inline(f"{comment.task or 'The plan'}: {comment.text}", "m-soft m-cut")
        with box("m-dialog__foot"):
            button("Keep this plan", lambda: panel.submit(None))
            button("Regenerate", lambda: panel.submit(True), icon="refresh-cw", kind="primary")
    if not await answer(panel):
        return
    asked: dict[str, Any] = {"tasks": list(only.value or []) or None, "comments": bool(comments and send.value)}
    if await bench.do(plans.regenerate_plan, words.value or None, **asked):
        forget(f"feedback-{bench.session.id}", client=bench.view.content.client)
