"""Work that was taken away and is kept: a line each, with the one click that brings it back."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nicegui import ui

from maestro.core.commands import control, recovered
from maestro.core.integration.retention import DeletedView, RecoveredView
from maestro.core.kernel.runtime import Runtime
from pages.components.action import perform
from pages.components.buttons import button
from pages.components.icon import icon
from pages.components.tag import box, tag, text
from pages.components.when import when

_ROLLBACK = re.compile(r"rollback-[0-9a-f]+-to-(\d+)")
_SHOWN = 30


def kept_words(item: RecoveredView) -> str:
    """What it is: ``Removed by rolling back to checkpoint 2``."""
    name = item.label.partition("-")[2]
    rolled = _ROLLBACK.match(item.label)
    if rolled:
        return f"Removed by rolling back to checkpoint {rolled[1]}"
    if item.kind == "worktree":
        return f"Unfinished work of {name}"
    if item.kind == "branch":
        return "All finished work" if name == "main" else f"The branch of {name}"
    return "An undone merge" if item.kind == "unmerge" else item.label


def kept_list(rt: Runtime, session_id: str, items: Sequence[RecoveredView]) -> None:
    """A line each, the newest rollback first."""
    with box("kept"):
        for item in sorted(items, key=lambda i: not i.restorable)[:_SHOWN]:
            _line(rt, session_id, item)
        if len(items) > _SHOWN:
            tag("div", f"and {len(items) - _SHOWN:,} more under refs/maestro/{session_id}/recovered/", "m-meta")


def deleted_row(rt: Runtime, session: DeletedView) -> None:
    """A deleted session: what it was, until when its work is kept, and what that is."""
    with box("m-item", data_deleted=session.id):
        with box("m-row m-row--wrap kept__head"):
            text(session.title, "m-strong m-cut", dir="auto")
            text(session.repo_path.rstrip("/").rpartition("/")[2], "m-meta m-cut", title=session.repo_path)
            with box("m-row m-meta m-push m-gap-4"):
                text("deleted")
                when(session.deleted_at)
                text("· kept until")
                text(
                    f"{session.expires_at:%b} {session.expires_at.day}",
                    title=f"{session.expires_at:%Y-%m-%d %H:%M} UTC",
                )
        if session.recovered:
            kept_list(rt, session.id, session.recovered)
        else:
            tag("div", "The repository is missing, or nothing of this work is left.", "m-meta")


def _line(rt: Runtime, session_id: str, item: RecoveredView) -> None:
    with box("kept__line"):
        icon("history").style("color: var(--text-3)")
        with box("m-row m-row--wrap m-grow m-gap-4"):
            text(kept_words(item))
            text(item.commit[:8], "m-mono m-meta", title=item.ref)
        if item.restorable:
            back = button("Restore", small=True)
            back.on_click(lambda: _restore(rt, session_id, item, back))
        branch = button("Make a branch", kind="ghost", small=True)
        branch.props.set_optional("title", "Creates a branch with this work. Nothing else changes.")
        branch.on_click(lambda: _branch(rt, session_id, item, branch))


async def _restore(rt: Runtime, session_id: str, item: RecoveredView, by: ui.button) -> None:
    await perform(control.restore, rt, session_id, item.ref, by=by, done="Work restored.")


async def _branch(rt: Runtime, session_id: str, item: RecoveredView, by: ui.button) -> None:
    await perform(
        recovered.make_branch, rt, session_id, item.ref, by=by, done=lambda name: f"It is now on the branch {name}."
    )
