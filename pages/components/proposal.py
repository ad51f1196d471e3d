"""After the third answer alike: the rule that would give it by itself, offered once, at the bottom of the page."""

from __future__ import annotations

from nicegui import Client, ui

from maestro.core.commands import approvals
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import ApprovalView
from maestro.policy import NAMES, Policy, Row
from pages.components.action import FAILED, perform
from pages.components.buttons import button
from pages.components.tag import box, tag, text


def propose(rt: Runtime, approval: ApprovalView, client: Client) -> None:
    """Offer what was proposed with an answer; the page goes on as it is meanwhile. Nothing where nothing was."""
    if not approval.proposal:
        return
    act, about = _words(approval.proposal)
    with client.content, ui.dialog().props("seamless position=bottom") as panel:
        panel.props.update({"role": "dialog", "aria-label": "Make this answer a rule?"})
        with box("m-dialog pol-offer"):
            with box("m-stack m-gap-2"):
                tag("div", "You gave this answer three times.", "m-strong")
                text(about, "m-soft m-wrap")
            with box("m-dialog__foot"):
                button("Not now", panel.close)
                take = button(act, kind="primary")

    async def always() -> None:
        if await perform(approvals.always, rt, approval.id, by=take, done="Saved in the settings.") is not FAILED:
            panel.close()

    take.on_click(always)
    panel.on("hide", panel.delete)
    panel.open()


def _words(line: str) -> tuple[str, str]:
    """What the button says, and what the rule covers."""
    table = Policy().plus(line)
    answer = line.partition(" ")[0]
    verb = "Always allow" if answer == "allow" else "Always deny"
    row: Row = table.rules[0].row if table.rules else next(r for r in NAMES if table.answer(r))
    if not table.rules:
        return verb, f"{verb}: {NAMES[row].lower()}, in all sessions. You can change it in the settings."
    return verb, f"{verb} “{table.rules[0].match}” in all sessions?"
