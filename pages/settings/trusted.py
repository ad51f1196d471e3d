"""Settings: of which repositories it was decided whether their programs may run, to look at and change."""

from __future__ import annotations

from pathlib import Path

from nicegui import run, ui

from maestro.core.kernel.runtime import Runtime
from maestro.core.planning import trust
from pages import live
from pages.components.action import FAILED, perform
from pages.components.buttons import button
from pages.components.section import section
from pages.components.tag import box, tag, text
from pages.components.words import short_path
from pages.shared import trust_dialog

_SAID = {"trusted": "trusted", "sandboxed": "only in the sandbox", "no": "nothing runs"}


async def trusted_section(rt: Runtime) -> None:
    """The section, kept up to date; not there while nothing was decided."""
    with box() as place, section("Trust"):
        tag("p", "Whether a repository’s own programs may run, as you decided.", "m-meta m-about")
        listed = box("m-list")

    async def refresh(_events: object = None) -> None:
        found = await run.io_bound(trust.decided_on, rt) or []
        place.set_visibility(bool(found))
        listed.clear()
        with listed:
            for item in found:
                _row(rt, item, place)

    await refresh()
    live.subscribe(None, refresh, types=("trust_changed",))


def _row(rt: Runtime, item: trust.DecidedView, place: ui.element) -> None:
    with box("m-item m-row m-row--wrap"):
        text(short_path(item.repo_path, str(Path.home())), "m-strong m-cut", title=item.repo_path)
        text(_SAID[item.trust], "m-meta")
        with box("m-row m-push"):
            change = button("Change", small=True, label=f"Change trust in {item.repo_path}")

    async def refresh() -> None:
        view = await perform(trust.view, rt, item.repo_path, by=change)
        if view is not FAILED:
            with place:  # not in the row, which is drawn anew with the answer
                await trust_dialog.ask(rt, view)

    change.on_click(refresh)
