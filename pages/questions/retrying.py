"""Trying a failed task again by another agent, model or effort, in its conversation or in a new one."""

from __future__ import annotations

from nicegui import ui

from maestro.agents import factory
from maestro.core.commands import control
from maestro.core.commands.retries import AnotherAgent
from maestro.core.kernel.runtime import Runtime
from maestro.core.planning.own_agent import EFFORTS
from maestro.core.views import ApprovalView
from maestro.errors import InvalidInput
from pages.components.action import FAILED, perform
from pages.components.buttons import button
from pages.components.dialogs import dialog
from pages.components.fields import field, show_error
from pages.components.tag import box

_SAME = {"": "As before"}


async def retry_otherwise(rt: Runtime, approval: ApprovalView, hint: str | None) -> bool:
    """Ask how, and try again; whether it was done. ``hint``: what was typed into the question."""
    with dialog(f"Try {approval.task_key} again") as (panel, body):
        with body:
            with field("Model", optional=True, help="Empty: as before."):
                model = ui.input().props("autofocus")
            with field("Effort"):
                effort = ui.select(_SAME | {name: name for name in EFFORTS}, value="")
            with field("Agent"):
                agent = ui.select(_SAME | {name: name for name in factory.agent_types()}, value="")
            fresh = ui.checkbox("In a new conversation, with a summary of what was tried")
            with field("Hint", optional=True):
                words = ui.textarea(value=hint or "").props("autogrow rows=2")
        with box("m-dialog__foot"):
            button("Not now", lambda: panel.submit(False))
            again = button("Try again", kind="primary")

    def invalid(error: InvalidInput) -> bool:
        show_error(model, error.fields.get("model"))
        show_error(effort, error.fields.get("effort"))
        show_error(agent, error.fields.get("agent"))
        return bool({"model", "effort", "agent"} & error.fields.keys())

    async def go() -> None:
        another = AnotherAgent(model.value or None, effort.value or None, agent.value or None)
        done = await perform(
            control.retry,
            rt,
            approval.session_id,
            task=approval.task_key,
            hint=words.value or None,
            fresh=bool(fresh.value),
            another=another,
            by=again,
            done="Trying again.",
            invalid=invalid,
        )
        if done is not FAILED:
            panel.submit(True)

    again.on_click(go)
    answered = bool(await panel)
    if not panel.is_deleted:
        panel.delete()
    return answered
