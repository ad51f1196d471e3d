"""Asking before what cannot simply be taken back: says what will happen, names the act on the button."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nicegui import ui

from pages.components.buttons import button
from pages.components.inline import inline
from pages.components.tag import Tag, box, tag


async def confirm(
    title: str, *, happens: str | Sequence[str] = (), act: str, keep: str = "Go back", danger: bool = True
) -> bool:
    """Ask, in a dialog; true when the user chose ``act``. ``happens`` are sentences on what will happen.

    ::

        if await confirm("Delete this session?", happens=["Its worktrees and branches are removed."], act="Delete"):
    """
    with dialog(title) as (panel, body):
        with body:
            what = [happens] if isinstance(happens, str) else list(happens)
            points(what)
        with box("m-dialog__foot"):
            button(keep, lambda: panel.submit(False)).props("autofocus")
            button(act, lambda: panel.submit(True), kind="danger-fill" if danger else "primary")
    return bool(await answer(panel))


async def answer(panel: ui.dialog) -> Any:
    """Wait for what the user chose (None: closed without a choice, or the window is gone) and take the dialog away."""
    chosen = await panel
    if not panel.is_deleted:
        panel.delete()
    return chosen


class dialog:  # noqa: N801  reads like the function it is used as
    """An open dialog to fill: ``with dialog("Rename") as (panel, body): …``; then ``await answer(panel)``.

    A button chooses with ``panel.submit(x)``.
    """

    def __init__(self, title: str, *, wide: bool = False) -> None:
        self.panel = ui.dialog()
        self.panel.props.update({"role": "alertdialog", "aria-label": title})
        with self.panel:
            self.box = box("m-dialog" + (" m-dialog--wide" if wide else ""))
        with self.box:
            inline(title, "m-head", name="h2")
            self.body = box("m-stack m-gap-12")

    def __enter__(self) -> tuple[ui.dialog, Tag]:
        self.box.__enter__()
        return self.panel, self.body

    def __exit__(self, *exc: object) -> None:
        self.box.__exit__(*exc)
        if exc[0] is None:
            self.panel.open()


def points(sentences: Sequence[str]) -> None:
    """One sentence as a paragraph, several as a list."""
    if len(sentences) == 1:
        inline(sentences[0], "m-soft", name="p")
    elif sentences:
        with tag("ul", "", "m-points"):
            for sentence in sentences:
                inline(sentence, "", name="li")
