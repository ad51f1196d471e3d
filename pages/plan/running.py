"""The plan of a session at work, changed: what the change amounts to is shown, and approved by its hash."""

from __future__ import annotations

from typing import Any

from maestro.core import queries
from maestro.core.commands import plan_changes
from maestro.core.views import PlanView
from pages.components.buttons import button
from pages.components.calls import read
from pages.components.dialogs import dialog, points
from pages.components.tag import box, text
from pages.frame.view import Frame

#: States in which a plan is changed like this.
CHANGEABLE = frozenset({"executing", "paused", "failed"})


async def change_running(view: Frame, plan: PlanView, data: dict[str, Any], expected: int) -> PlanView | None:
    """Show what the draft changes and, once approved, carry it out; None: not approved. Raises as ``plan_changes.apply``."""
    rt, session_id = view.rt, plan.session_id
    change = await read(plan_changes.preview, rt, session_id, data, expected_version=expected)
    if not change.steps:
        return plan
    with view.content, dialog("Approve this change?") as (panel, body):
        with body:
            points([step.words for step in change.steps])
            text("Work that is in stays. A failed task whose checks you corrected is checked again.", "m-soft")
        with box("m-dialog__foot"):
            button("Keep editing", lambda: panel.submit(None))
            button("Approve", lambda: panel.submit(True), icon="check", kind="primary")
    approved = await panel
    if not panel.is_deleted:
        panel.delete()
    if not approved:
        return None
    await read(plan_changes.apply, rt, session_id, data, expected_hash=change.hash, expected_version=expected)
    return await read(queries.get_plan, rt, session_id)
