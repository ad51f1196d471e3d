"""Asking whether a repository's own programs may run, where somebody is about to run them: "Try it"."""

from __future__ import annotations

from maestro.core.commands.trust import decide_on_repository
from maestro.core.kernel.runtime import Runtime
from maestro.core.planning import trust
from pages.components.action import FAILED, perform
from pages.components.buttons import button
from pages.components.dialogs import answer, dialog
from pages.components.inline import inline
from pages.components.tag import box, text
from pages.shared.would_run import would_run


async def may_run(rt: Runtime, path: str) -> bool:
    """Whether the repository's programs may run; asks where nobody has said so, or where a no can be taken back."""
    view = await perform(trust.view, rt, path)
    if view is FAILED:
        return False
    return view.in_force in {"trusted", "sandboxed"} or await ask(rt, view)


async def ask(rt: Runtime, view: trust.TrustView) -> bool:
    """Show what would run, ask, and keep the answer; whether its programs may run now."""
    with dialog(trust.TITLE, wide=True) as (panel, body):
        with body:
            inline(f"`{view.repo_path}`", "m-soft m-wrap", name="div")
            inline(_reason(view), "m-soft", name="div")
            commands = [each.model_dump() for each in view.commands]
            would_run([r.model_dump() for r in view.runs], commands, sandbox=view.sandbox)
        with box("m-dialog__foot m-row--wrap"):
            button("No", lambda: panel.submit("no"))
            text("", "m-grow")
            if view.sandbox:
                button("Only in the sandbox", lambda: panel.submit("sandboxed"))
            button("Trust it", lambda: panel.submit("trusted"), kind="primary")
    chosen: trust.Answer | None = await answer(panel)
    if chosen is None:
        return False
    return await perform(decide_on_repository, rt, view.repo_path, chosen) is not FAILED and chosen != "no"


def _reason(view: trust.TrustView) -> str:
    if view.trust == "no":
        return "You chose to run nothing from this repository. Change that to try it."
    if view.trust == "trusted":
        changed = "has changed" if view.changed else "has not changed"
        return f"You trust this repository. What it would run {changed} since you decided."
    if view.trust == "sandboxed":
        return "You chose to run it only in the sandbox."
    return "Trying it runs the repository’s programs with your permissions. Nothing has run so far."
