"""What going back to a checkpoint would take away: said before it is done, the same wherever it can be done."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import run, ui

from maestro.core import queries
from maestro.core.commands import control
from maestro.core.kernel.runtime import Runtime
from maestro.core.queries.going_back import RollbackPreview
from maestro.core.views import CheckpointView, SessionView
from maestro.errors import MaestroError
from pages.components.action import FAILED, perform
from pages.components.buttons import button
from pages.components.dialogs import answer, dialog, points
from pages.components.inline import plain
from pages.components.tag import Tag, box, tag, text
from pages.components.when import ago
from pages.components.words import plural

_NAMED = 8
_LISTED = 200


def taken_away(status: str, seen: RollbackPreview) -> list[str]:
    """What a rollback would do, in sentences."""
    commits, files = plural(len(seen.commits), "commit"), plural(len(seen.files), "file")
    change = "changes" if len(seen.files) == 1 else "change"
    said = [f"Resets the session branch to “{plain(seen.title)}”: {commits} removed, {files} {change} back."]
    if seen.tasks:
        word = "task becomes" if len(seen.tasks) == 1 else "tasks become"
        said.append(f"{len(seen.tasks)} {word} pending again: {_some(seen.tasks)}.")
    if seen.unfinished:
        said.append(f"Running tasks restart: {_some(seen.unfinished)}.")
    if status == "completed":
        said.append("The session is then paused until you resume it.")
    said.append("Removed work is kept and can be restored. Your own branches are not touched.")
    return said


async def go_back(rt: Runtime, session: SessionView, point: CheckpointView) -> bool:
    """Ask with what it would take away, then roll back; whether it was done."""
    seen = await perform(queries.rollback_preview, rt, session.id, point.id)
    if seen is FAILED:
        return False
    with dialog(f"Roll back to checkpoint {point.number}?", wide=True) as (panel, body):
        with body:
            _show(session.status, seen)
        with box("m-dialog__foot"):
            button("Cancel", lambda: panel.submit(False)).props("autofocus")
            button("Roll back", lambda: panel.submit(True), kind="danger-fill")
    return bool(await answer(panel)) and await _roll_back(rt, session, point)


async def choose(rt: Runtime, session: SessionView) -> bool:
    """Ask which checkpoint, with what going back to it would take away, then roll back; whether it was done."""
    points_found = await run.io_bound(queries.list_checkpoints, rt, session.id)
    earlier = list(reversed(points_found or []))[1:]
    if not earlier:
        ui.notify("There is no earlier checkpoint yet.", position="bottom-right")
        return False
    by_id = {c.id: c for c in earlier}
    with dialog("Roll back to a checkpoint?", wide=True) as (panel, body):
        with body:
            with box("q-choices"):
                chosen = ui.radio({c.id: _words(c) for c in earlier}, value=earlier[0].id)
            shown = box("m-stack m-gap-12 q-taken", aria_live="polite")
        with box("m-dialog__foot"):
            button("Cancel", lambda: panel.submit(None)).props("autofocus")
            act = button("Roll back", lambda: panel.submit(chosen.value), kind="danger-fill")
    chosen.on_value_change(lambda: _preview(rt, session, str(chosen.value), shown, act))
    await _preview(rt, session, earlier[0].id, shown, act)
    wanted = await answer(panel)
    return bool(wanted) and await _roll_back(rt, session, by_id[wanted])


async def _preview(rt: Runtime, session: SessionView, point_id: str, shown: Tag, act: ui.button) -> None:
    act.disable()
    try:
        seen = await run.io_bound(queries.rollback_preview, rt, session.id, point_id)
    except MaestroError as error:
        shown.clear()
        with shown:
            tag("div", error.detail, "m-soft")
        return
    if seen is None or shown.is_deleted:
        return
    shown.clear()
    with shown:
        _show(session.status, seen)
    act.enable()


async def _roll_back(rt: Runtime, session: SessionView, point: CheckpointView) -> bool:
    done = f"Rolled back to checkpoint {point.number}. Removed work can be restored."
    found: object = await perform(control.rollback, rt, session.id, point.id, done=done)
    return found is not FAILED


def _show(status: str, seen: RollbackPreview) -> None:
    points(taken_away(status, seen))
    _fold(plural(len(seen.commits), "commit"), seen.commits, "")
    _fold(plural(len(seen.files), "file"), seen.files, "m-mono")


def _fold(title: str, lines: Sequence[str], classes: str) -> None:
    if not lines:
        return
    with tag("details", "", "q-fold"):
        tag("summary", title, "q-more mi-chevron-right")
        with tag("ul", "", f"q-fold__lines {classes}".strip()):
            for line in lines[:_LISTED]:
                with tag("li", "", "m-wrap"):
                    text(line)
            if len(lines) > _LISTED:
                tag("li", f"and {len(lines) - _LISTED:,} more", "m-meta")


def _words(checkpoint: CheckpointView) -> str:
    return f"{checkpoint.number}. {plain(checkpoint.title)} · {ago(checkpoint.created_at)} · {checkpoint.commit[:8]}"


def _some(keys: list[str]) -> str:
    return ", ".join(keys[:_NAMED]) + (f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else "")
